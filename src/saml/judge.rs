//! From the bytes that a browser brought to an assertion that can be believed.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chrono::{DateTime, TimeDelta, Utc};
use roxmltree::{Document, Node, ParsingOptions};

use super::{
    Assertion, IdentityProvider, ResponseError, ServiceProvider,
    assertion::{read_attributes, read_name_id, read_time},
    checks::Context,
    gate, verify,
    xml::{self, ASSERTION, PROTOCOL},
};

/// Some identity providers leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a response has to match, besides its identity provider and the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The id of the request that the browser was sent with. Without one, the response must not
    /// claim to answer any.
    pub request_id: Option<&'a str>,
    /// How far the identity provider's clock may be off.
    pub clock_skew: TimeDelta,
    /// Whether signatures with SHA-1 are believed.
    pub allow_sha1: bool,
}

/// The XML in the form field `SAMLResponse` (SAML bindings 3.5.4).
pub fn decode_post(field: &str) -> Result<Vec<u8>, ResponseError> {
    if field.len() > gate::MAX_BYTES * 3 / 2 {
        return Err(ResponseError::TooLarge(gate::MAX_BYTES));
    }
    let packed: String = field.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(packed).map_err(|_| ResponseError::Encoding)
}

/// Whether a response logs somebody in, and whom.
///
/// Opens no file and no connection, and takes a time in proportion to the size of the response. It
/// blocks for some hundred microseconds, so it belongs where blocking does no harm. The caller has to
/// remember the assertion's id until [`Assertion::replay_until`] and refuse it a second time.
pub fn judge(
    response: &[u8],
    idp: &IdentityProvider,
    sp: &ServiceProvider,
    expected: &Expectations<'_>,
    now: DateTime<Utc>,
) -> Result<Assertion, ResponseError> {
    let text = gate::decode(response)?;
    let gated = gate::pass(text, expected.allow_sha1)?;
    let signed = verify::signed_bytes(text, idp.certificates(), expected.allow_sha1)?;
    let options = ParsingOptions { nodes_limit: u32::MAX, ..ParsingOptions::default() };
    let signed = Document::parse_with_options(&signed, options)
        .map_err(|_| ResponseError::SignedSomethingElse)?;

    let sent = gated.document.root_element();
    let assertion = signed_assertion(&signed, sent, gated.response_is_signed)?;
    let context = Context {
        issuer: idp.entity_id(),
        audience: sp.entity_id(),
        acs: sp.acs_url().as_str(),
        request_id: expected.request_id,
        skew: expected.clock_skew,
        now,
    };
    // What is not signed of the response can only refuse, never say who it is.
    let response = if gated.response_is_signed { signed.root_element() } else { sent };
    context.check_response(response, gated.response_is_signed)?;
    let replay_until = context.check_assertion(assertion)?;
    read(assertion, idp, replay_until)
}

/// The assertion among the bytes that were signed, which must be the one that was sent.
fn signed_assertion<'a, 'input>(
    signed: &'a Document<'input>,
    sent: Node<'_, '_>,
    response_is_signed: bool,
) -> Result<Node<'a, 'input>, ResponseError> {
    let root = signed.root_element();
    let sent_assertion = xml::child(sent, ASSERTION, "Assertion");
    let assertion = if response_is_signed {
        let same =
            xml::is(root, PROTOCOL, "Response") && root.attribute("ID") == sent.attribute("ID");
        Some(root).filter(|_| same).and_then(|root| xml::child(root, ASSERTION, "Assertion"))
    } else {
        Some(root).filter(|root| xml::is(*root, ASSERTION, "Assertion"))
    };
    let id = sent_assertion.and_then(|sent| sent.attribute("ID")).filter(|id| !id.is_empty());
    assertion
        .filter(|assertion| id.is_some() && assertion.attribute("ID") == id)
        .ok_or(ResponseError::SignedSomethingElse)
}

fn read(
    assertion: Node<'_, '_>,
    idp: &IdentityProvider,
    replay_until: DateTime<Utc>,
) -> Result<Assertion, ResponseError> {
    let statement = xml::child(assertion, ASSERTION, "AuthnStatement");
    let end = statement.map(|statement| read_time(statement, "SessionNotOnOrAfter")).transpose()?;
    Ok(Assertion {
        id: assertion.attribute("ID").unwrap_or_default().to_owned(),
        issuer: idp.entity_id().to_owned(),
        name_id: read_name_id(assertion)?,
        session_index: statement
            .and_then(|statement| statement.attribute("SessionIndex"))
            .map(str::to_owned),
        session_not_on_or_after: end.flatten(),
        attributes: read_attributes(assertion),
        replay_until,
    })
}
