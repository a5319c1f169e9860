//! What a client sends after `Authorization: Negotiate`.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{
    NegotiateError, TicketHeader,
    ap_req::{self, KERBEROS},
    der::{self, DerError, Reader},
    spnego::{self, KerberosName, NTLM, NegTokenInit, SPNEGO},
};

/// The longest header value that is looked at: Windows' tokens end at 65,535 bytes (the highest
/// `MaxTokenSize`), which base64 makes 87,390.
pub const MAX_HEADER_BYTES: usize = 88 * 1024;

/// What every NTLM message begins with (MS-NLMP 2.2.1).
const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

/// A token that has the shape of a Kerberos login, read by our own code to the last byte.
///
/// Nothing of it is proven yet; that is what [`super::Acceptor::accept`] is for.
pub struct Token {
    ap_req: Vec<u8>,
    wrapped_as: Option<KerberosName>,
    ticket: TicketHeader,
    replay_key: [u8; 32],
}

impl Token {
    /// Reads the value of an `Authorization` header; `None` if its scheme is not `Negotiate`.
    pub fn from_header(authorization: &[u8]) -> Result<Option<Self>, NegotiateError> {
        let value = authorization.trim_ascii();
        let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        let (scheme, token) = value.split_at(end);
        if !scheme.eq_ignore_ascii_case(b"negotiate") {
            return Ok(None);
        }
        if authorization.len() > MAX_HEADER_BYTES {
            return Err(NegotiateError::TooLarge(authorization.len()));
        }
        let token = BASE64.decode(token.trim_ascii()).map_err(|_| NegotiateError::NotBase64)?;
        Self::classify(&token).map(Some)
    }

    fn classify(token: &[u8]) -> Result<Self, NegotiateError> {
        match token {
            [] => return Err(NegotiateError::Empty),
            // `[1]` is NegTokenResp; we never asked for a second step (RFC 4178, 4.2.2).
            [0xa1, ..] => return Err(NegotiateError::ContinuationToken),
            ntlm if ntlm.starts_with(NTLM_SIGNATURE) => return Err(ntlm_error(false, ntlm)),
            _ => {}
        }
        let mut outer = Reader::new(token);
        let mut framed = outer.inside(der::application(0))?;
        outer.end()?;
        match framed.content(der::OBJECT_IDENTIFIER)? {
            KERBEROS => Self::read(token, None),
            SPNEGO => {
                let (name, token) = kerberos_token(&spnego::read(framed)?)?;
                Self::read(token, Some(name))
            }
            _ => Err(DerError("the token is neither Kerberos nor SPNEGO").into()),
        }
    }

    fn read(token: &[u8], wrapped_as: Option<KerberosName>) -> Result<Self, NegotiateError> {
        let request = ap_req::read(token)?;
        if !request.ticket.spn.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("HTTP/")) {
            return Err(NegotiateError::NotForHttp(request.ticket));
        }
        let mut replay_key = [0; 32];
        let hash = digest::digest(&digest::SHA256, request.authenticator);
        replay_key.copy_from_slice(hash.as_ref());
        Ok(Self { ap_req: token.to_vec(), wrapped_as, ticket: request.ticket, replay_key })
    }

    /// What the ticket says in clear: for diagnostics only.
    #[must_use]
    pub const fn ticket(&self) -> &TicketHeader {
        &self.ticket
    }

    /// SHA-256 of the authenticator's whole ciphertext.
    ///
    /// The token itself can be wrapped in many ways around one authenticator. The ciphertext cannot
    /// be varied: it is a permutation of what its checksum covers. MIT remembers only its last
    /// octets, the checksum; the whole holds that and is the same length for every enctype.
    #[must_use]
    pub const fn replay_key(&self) -> [u8; 32] {
        self.replay_key
    }

    /// The bare Kerberos token, all that the library is given.
    pub(super) fn context_token(&self) -> &[u8] {
        &self.ap_req
    }

    /// The library's answer in the wrapping that the client used, in base64.
    pub(super) fn reply(&self, answer: Option<&[u8]>) -> Option<String> {
        match self.wrapped_as {
            Some(name) => Some(BASE64.encode(spnego::accept_completed(name, answer))),
            None => answer.map(|answer| BASE64.encode(answer)),
        }
    }
}

/// Without the token itself: for minutes it is as good as a password, and this could reach a log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// The token inside SPNEGO, if it is Kerberos's.
fn kerberos_token<'a>(init: &NegTokenInit<'a>) -> Result<(KerberosName, &'a [u8]), NegotiateError> {
    if let Some(ntlm) = init.mech_token.filter(|token| token.starts_with(NTLM_SIGNATURE)) {
        return Err(ntlm_error(true, ntlm));
    }
    let offered = || init.mechanisms.iter().map(|oid| der::dotted(oid)).collect();
    if !init.mechanisms.iter().any(|oid| KerberosName::of(oid).is_some()) {
        return Err(if init.mechanisms.contains(&NTLM) {
            NegotiateError::Ntlm { wrapped: true, message_type: None }
        } else {
            NegotiateError::NoKerberosOffered(offered())
        });
    }
    let first = init.mechanisms.first().and_then(|oid| KerberosName::of(oid));
    first.zip(init.mech_token).ok_or_else(|| NegotiateError::ManySteps(offered()))
}

fn ntlm_error(wrapped: bool, message: &[u8]) -> NegotiateError {
    let message_type = message.get(NTLM_SIGNATURE.len()..).and_then(<[u8]>::first_chunk::<4>);
    NegotiateError::Ntlm { wrapped, message_type: message_type.map(|le| u32::from_le_bytes(*le)) }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use self::tests::sample;
