//! Identity providers, as their metadata describes them.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use openssl::x509::X509;
use roxmltree::{Document, Node};
use samael::crypto::CertificateDer;
use url::{Host, Url};

use super::{
    MetadataError, time,
    xml::{self, DSIG, METADATA},
};
use crate::secrets::certificate_expiry;

/// Federations publish thousands of identity providers in one file.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// An identity provider whose signatures can be checked. Only metadata makes one.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    entity_id: String,
    certificates: Vec<CertificateDer>,
    sso_redirect: Url,
}

impl IdentityProvider {
    /// The identity provider of that entity ID in an `EntityDescriptor`, or among those of an
    /// `EntitiesDescriptor` (SAML metadata 2.3).
    pub fn from_metadata(
        metadata: &[u8],
        entity_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, MetadataError> {
        if metadata.len() > MAX_BYTES {
            return Err(MetadataError::TooLarge(MAX_BYTES));
        }
        let malformed = |error: &dyn std::fmt::Display| MetadataError::Malformed(error.to_string());
        let text = std::str::from_utf8(metadata).map_err(|error| malformed(&error))?;
        let document = Document::parse(text).map_err(|error| malformed(&error))?;

        let entity = find_entity(&document, entity_id)?;
        check_valid_until(entity, now)?;
        let role = xml::child(entity, METADATA, "IDPSSODescriptor")
            .ok_or_else(|| MetadataError::NotFound(entity_id.to_owned()))?;
        check_valid_until(role, now)?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            certificates: read_certificates(role, entity_id)?,
            sso_redirect: read_redirect(role, entity_id)?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where people are sent to log in, by HTTP-Redirect.
    #[must_use]
    pub fn sso_redirect(&self) -> &Url {
        &self.sso_redirect
    }

    /// Until when the last of its certificates says that it is good; nothing if none can be read.
    #[must_use]
    pub fn certificates_expire_at(&self) -> Option<DateTime<Utc>> {
        let expiries = self.certificates.iter().map(|der| certificate_expiry(der.der_data()));
        expiries.flatten().max()
    }

    pub(super) fn certificates(&self) -> &[CertificateDer] {
        &self.certificates
    }
}

fn find_entity<'a, 'input>(
    document: &'a Document<'input>,
    entity_id: &str,
) -> Result<Node<'a, 'input>, MetadataError> {
    let mut entities = document.descendants().filter(|node| {
        xml::is(*node, METADATA, "EntityDescriptor")
            && !entity_id.is_empty()
            && node.attribute("entityID") == Some(entity_id)
    });
    let entity = entities.next().ok_or_else(|| MetadataError::NotFound(entity_id.to_owned()))?;
    match entities.next() {
        None => Ok(entity),
        Some(_) => Err(MetadataError::Ambiguous(entity_id.to_owned())),
    }
}

/// Refuses metadata that has expired, or that is part of some that has.
fn check_valid_until(node: Node<'_, '_>, now: DateTime<Utc>) -> Result<(), MetadataError> {
    for text in node.ancestors().filter_map(|node| node.attribute("validUntil")) {
        let until = time::parse(text).ok_or_else(|| MetadataError::Time(text.to_owned()))?;
        if until <= now {
            return Err(MetadataError::Expired(until));
        }
    }
    Ok(())
}

/// The certificates for signing; a key without a use is for every use (SAML metadata 2.4.1.1).
fn read_certificates(
    role: Node<'_, '_>,
    entity_id: &str,
) -> Result<Vec<CertificateDer>, MetadataError> {
    let bad = || MetadataError::BadCertificate(entity_id.to_owned());
    let mut certificates = Vec::new();
    let keys = xml::children(role, METADATA, "KeyDescriptor")
        .filter(|key| matches!(key.attribute("use"), None | Some("signing")));
    for node in keys.flat_map(|key| key.descendants().filter(is_certificate)) {
        let packed: String = xml::text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let der = BASE64.decode(packed).map_err(|_| bad())?;
        X509::from_der(&der).and_then(|certificate| certificate.public_key()).map_err(|_| bad())?;
        certificates.push(CertificateDer::from(der));
    }
    if certificates.is_empty() {
        return Err(MetadataError::NoCertificate(entity_id.to_owned()));
    }
    Ok(certificates)
}

fn is_certificate(node: &Node<'_, '_>) -> bool {
    xml::is(*node, DSIG, "X509Certificate")
}

fn read_redirect(role: Node<'_, '_>, entity_id: &str) -> Result<Url, MetadataError> {
    xml::children(role, METADATA, "SingleSignOnService")
        .filter(|service| service.attribute("Binding") == Some(REDIRECT))
        .filter_map(|service| service.attribute("Location")?.parse::<Url>().ok())
        .find(is_safe)
        .ok_or_else(|| MetadataError::NoRedirectLocation(entity_id.to_owned()))
}

/// `https`, or `http` on this machine.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
