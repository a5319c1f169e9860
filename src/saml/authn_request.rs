//! Asking an identity provider who somebody is.

use std::{fmt, io::Write as _};

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, SecondsFormat, Utc};
use flate2::{Compression, write::DeflateEncoder};
use url::Url;

use super::{
    IdentityProvider, ServiceProvider,
    xml::{self, ASSERTION, PROTOCOL},
};

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// What a request is called, and what the response has to answer to. 128 random bits, as SAML core
/// 1.3.4 recommends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness.
    #[must_use]
    #[expect(clippy::expect_used, reason = "without randomness nothing is safe")]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).expect("the operating system has no randomness");
        // An xs:ID must not begin with a digit.
        Self(format!("_{:032x}", u128::from_be_bytes(bytes)))
    }

    /// The id as the XML has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ServiceProvider {
    /// Where to send a browser so that the identity provider says who it is (SAML bindings 3.4).
    ///
    /// `relay_state` comes back with the response: an opaque handle of at most 80 bytes.
    #[must_use]
    pub fn authn_request_url(
        &self,
        idp: &IdentityProvider,
        id: &RequestId,
        relay_state: &str,
        now: DateTime<Utc>,
    ) -> Url {
        let request = self.authn_request(idp, id, now);
        let mut url = idp.sso_redirect().clone();
        // What the location has of its own in its query stays.
        url.query_pairs_mut()
            .append_pair("SAMLRequest", &BASE64.encode(deflate(request.as_bytes())))
            .append_pair("RelayState", relay_state);
        url
    }

    fn authn_request(&self, idp: &IdentityProvider, id: &RequestId, now: DateTime<Utc>) -> String {
        let destination = xml::escape(idp.sso_redirect().as_str());
        let acs_url = xml::escape(self.acs_url().as_str());
        let issuer = xml::escape(self.entity_id());
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="{id}" Version="2.0" IssueInstant="{now}" Destination="{destination}" AssertionConsumerServiceURL="{acs_url}" ProtocolBinding="{POST}"><saml:Issuer>{issuer}</saml:Issuer></samlp:AuthnRequest>"#
        )
    }
}

/// DEFLATE (RFC 1951) without a header, as SAML bindings 3.4.4.1 has it.
fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}
