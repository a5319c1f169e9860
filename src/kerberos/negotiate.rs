//! What an `Authorization: Negotiate` header holds, before GSS-API sees it (RFC 4559, 4178, 4121).

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{PrincipalError, der};

/// A ticket with a thousand groups of Active Directory is 17 KB; Windows allows 48 KB.
const MAX_HEADER: usize = 72 * 1024;

const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// Microsoft's misprint of it, which Windows offers first.
const MS_KRB5: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
const NTLMSSP: &[u8] = b"NTLMSSP\0";

/// A Kerberos ticket as a browser sends it. Nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct Token {
    bytes: Vec<u8>,
    ticket: TicketHeader,
    replay_key: [u8; 32],
}

/// What a ticket says in clear: enough to tell why it will not be accepted (RFC 4120 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketHeader {
    /// The service that it is for, such as `HTTP/login.example.com`.
    pub service: String,
    /// The realm that made it.
    pub realm: String,
    /// The number of the key that it is encrypted with, if it says so.
    pub kvno: Option<i64>,
    /// The encryption type of that key (RFC 3961; 18 is AES-256).
    pub enctype: i64,
}

/// Why a browser's token logs nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiateError {
    /// There is nothing in it.
    #[error("the token is empty")]
    Empty,
    /// Larger than any ticket.
    #[error("the token is larger than {MAX_HEADER} bytes")]
    TooLarge,
    /// Not base64, so not from a browser.
    #[error("the token is not base64")]
    NotBase64,
    /// The browser has no ticket, and would ask for a password.
    #[error(
        "the browser sent NTLM: it has no ticket. Is the machine in the domain, the site in the intranet zone, the service principal name registered?"
    )]
    Ntlm,
    /// SPNEGO without a ticket in it.
    #[error("the browser offers no Kerberos ticket")]
    NoTicket,
    /// Neither SPNEGO nor Kerberos.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// GSS-API refused it; the reason is for the log.
    #[error("the ticket is refused: {0}")]
    Refused(String),
    /// SPNEGO wants another round trip, which HTTP has no state for.
    #[error("the browser wants more than one round trip")]
    ManySteps,
    /// It was used before.
    #[error("the ticket's authenticator was used before")]
    Replayed,
    /// The ticket names no user.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    /// Too many logins at once.
    #[error("too many tickets are waiting to be checked")]
    Busy,
    /// The threads that check tickets have ended.
    #[error("no thread is left that checks tickets: restart the gateway")]
    Stopped,
}

impl NegotiateError {
    /// The word for it in logs, metrics and on the error page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "token-empty",
            Self::TooLarge => "token-too-large",
            Self::NotBase64 => "token-not-base64",
            Self::Ntlm => "ntlm",
            Self::NoTicket => "no-ticket",
            Self::Malformed(_) => "token-malformed",
            Self::Refused(_) => "ticket-refused",
            Self::ManySteps => "many-steps",
            Self::Replayed => "ticket-replayed",
            Self::Principal(_) => "principal-unusable",
            Self::Busy => "kerberos-busy",
            Self::Stopped => "kerberos-stopped",
        }
    }
}

impl Token {
    /// Reads the value of an `Authorization` header; `None` if it is of another scheme.
    pub fn from_header(value: &[u8]) -> Result<Option<Self>, NegotiateError> {
        let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"Negotiate") {
            return Ok(None);
        }
        if value.len() > MAX_HEADER {
            return Err(NegotiateError::TooLarge);
        }
        let packed = value[scheme.len()..].trim_ascii();
        if packed.is_empty() {
            return Err(NegotiateError::Empty);
        }
        let bytes = BASE64.decode(packed).map_err(|_| NegotiateError::NotBase64)?;
        Self::classify(bytes).map(Some)
    }

    fn classify(bytes: Vec<u8>) -> Result<Self, NegotiateError> {
        let ap_req = ap_req(&bytes)?;
        let (ticket, authenticator) =
            read_ap_req(ap_req).ok_or(NegotiateError::Malformed("it holds no AP-REQ"))?;
        // The authenticator and not the token: what is around it can be written in many ways.
        let digest = digest::digest(&digest::SHA256, authenticator);
        let mut replay_key = [0; 32];
        replay_key.copy_from_slice(digest.as_ref());
        Ok(Self { bytes, ticket, replay_key })
    }

    /// What the ticket says in clear.
    #[must_use]
    pub fn ticket(&self) -> &TicketHeader {
        &self.ticket
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn replay_key(&self) -> [u8; 32] {
        self.replay_key
    }
}

/// The Kerberos message in a token, bare or wrapped in SPNEGO.
fn ap_req(token: &[u8]) -> Result<&[u8], NegotiateError> {
    const NO_DER: NegotiateError = NegotiateError::Malformed("it is not DER");

    if token.starts_with(NTLMSSP) {
        return Err(NegotiateError::Ntlm);
    }
    if token.first() == Some(&0xa1) {
        return Err(NegotiateError::Malformed("it continues a negotiation that nobody began"));
    }
    // RFC 2743 section 3.1: [APPLICATION 0] { mechanism, token }
    let content = der::only(token, 0x60).ok_or(NO_DER)?;
    let (mechanism, inner) = der::split(content).ok_or(NO_DER)?;
    if mechanism.tag != 0x06 {
        return Err(NO_DER);
    }
    match mechanism.content {
        KRB5 | MS_KRB5 => Ok(inner),
        SPNEGO => spnego_ticket(inner),
        _ => Err(NegotiateError::Malformed("it is neither SPNEGO nor Kerberos")),
    }
}

/// The Kerberos message in a `NegTokenInit` (RFC 4178 section 4.2.1). It has to be for the mechanism
/// that the browser prefers, for only that one's token is sent along.
fn spnego_ticket(inner: &[u8]) -> Result<&[u8], NegotiateError> {
    const BAD: NegotiateError = NegotiateError::Malformed("its NegTokenInit cannot be read");

    let sequence = der::only(inner, 0xa0).and_then(|init| der::only(init, 0x30)).ok_or(BAD)?;
    let mechanisms =
        der::field(sequence, 0xa0).and_then(|list| der::only(list, 0x30)).ok_or(BAD)?;
    let mechanisms = der::elements(mechanisms).ok_or(BAD)?;
    let is_krb5 = |oid: &[u8]| oid == KRB5 || oid == MS_KRB5;
    let token = der::field(sequence, 0xa2).map(|field| der::only(field, 0x04).ok_or(BAD));
    let token = token.transpose()?;
    if token.is_some_and(|token| token.starts_with(NTLMSSP)) {
        return Err(NegotiateError::Ntlm);
    }
    if !mechanisms.first().is_some_and(|first| is_krb5(first.content)) {
        let anywhere = mechanisms.iter().any(|mechanism| is_krb5(mechanism.content));
        return Err(if anywhere { NegotiateError::NoTicket } else { NegotiateError::Ntlm });
    }
    let token = token.ok_or(NegotiateError::NoTicket)?;
    let content = der::only(token, 0x60).ok_or(BAD)?;
    let (mechanism, ap_req) = der::split(content).ok_or(BAD)?;
    if mechanism.tag == 0x06 && is_krb5(mechanism.content) { Ok(ap_req) } else { Err(BAD) }
}

/// The ticket's clear part and the authenticator's ciphertext (RFC 4120 sections 5.3 and 5.5.1).
fn read_ap_req(message: &[u8]) -> Option<(TicketHeader, &[u8])> {
    // RFC 4121 section 4.1: 01 00 says that an AP-REQ follows.
    let ap_req = message.strip_prefix(&[1, 0])?;
    let ap_req = der::only(der::only(ap_req, 0x6e)?, 0x30)?;
    let ticket = der::only(der::only(der::field(ap_req, 0xa3)?, 0x61)?, 0x30)?;
    let encrypted = der::only(der::field(ticket, 0xa3)?, 0x30)?;
    let header = TicketHeader {
        service: service_name(der::field(ticket, 0xa2)?)?,
        realm: text(der::only(der::field(ticket, 0xa1)?, 0x1b)?),
        kvno: der::field(encrypted, 0xa1).and_then(der::integer),
        enctype: der::integer(der::field(encrypted, 0xa0)?)?,
    };
    let authenticator = der::only(der::field(ap_req, 0xa4)?, 0x30)?;
    Some((header, der::only(der::field(authenticator, 0xa2)?, 0x04)?))
}

fn service_name(name: &[u8]) -> Option<String> {
    let parts = der::only(der::field(der::only(name, 0x30)?, 0xa1)?, 0x30)?;
    let parts: Vec<_> = der::elements(parts)?.iter().map(|part| text(part.content)).collect();
    Some(parts.join("/"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length], content].concat()
    }

    fn spnego(mechanisms: &[&[u8]], token: Option<&[u8]>) -> Vec<u8> {
        let list: Vec<u8> = mechanisms.iter().flat_map(|oid| wrap(0x06, oid)).collect();
        let mut fields = wrap(0xa0, &wrap(0x30, &list));
        fields.extend(token.map(|token| wrap(0xa2, &wrap(0x04, token))).unwrap_or_default());
        let init = wrap(0xa0, &wrap(0x30, &fields));
        wrap(0x60, &[wrap(0x06, SPNEGO), init].concat())
    }

    fn refused(token: &[u8]) -> &'static str {
        let header = format!("Negotiate {}", BASE64.encode(token));
        Token::from_header(header.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn ntlm_never_reaches_the_library_however_it_is_wrapped() {
        const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
        let message = b"NTLMSSP\0\x01\0\0\0";
        assert_eq!(refused(message), "ntlm");
        assert_eq!(refused(&spnego(&[NTLM], Some(message))), "ntlm");
        assert_eq!(refused(&spnego(&[NTLM], None)), "ntlm");
        assert_eq!(refused(&spnego(&[KRB5, NTLM], Some(message))), "ntlm");
        assert_eq!(refused(&spnego(&[NTLM, KRB5], None)), "no-ticket");
        assert_eq!(refused(&spnego(&[KRB5], None)), "no-ticket");
        assert_eq!(refused(&wrap(0x60, &wrap(0x06, NTLM))), "token-malformed");
    }

    #[test]
    fn headers_that_hold_no_token() {
        let code = |header: &str| Token::from_header(header.as_bytes()).unwrap_err().code();
        assert_eq!(code("Negotiate"), "token-empty");
        assert_eq!(code("negotiate   "), "token-empty");
        assert_eq!(code("Negotiate !"), "token-not-base64");
        assert_eq!(code(&format!("Negotiate {}", "A".repeat(MAX_HEADER))), "token-too-large");
        assert_eq!(refused(&wrap(0xa1, &[])), "token-malformed");
        for other in ["", "Basic YTpi", "Bearer x", "Negotiation x"] {
            assert!(Token::from_header(other.as_bytes()).unwrap().is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Token::classify(bytes.clone());
            let _ = Token::classify(wrap(0x60, &[&wrap(0x06, KRB5), &bytes[..bytes.len().min(100)]].concat()));
            let _ = Token::from_header(&bytes);
        }
    }
}
