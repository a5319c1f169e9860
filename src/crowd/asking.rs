//! Who asks.

use std::{net::IpAddr, sync::Arc};

use axum::extract::FromRequestParts;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

use super::{
    application::{Application, Applications, Refusal},
    failure::Failure,
    format::Format,
    writer::Writer,
};
use crate::http::Response;

/// Longer credentials are nobody's.
const MOST_CREDENTIAL_BYTES: usize = 512;

/// An application that has proved who it is, from an address that it may ask from. Whoever has one need not
/// ask again: only [`super::CrowdServer`] makes them.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Who asks.
    pub application: Arc<Application>,
    /// From where: the other end of the connection, or whom a trusted proxy names.
    pub peer: IpAddr,
    /// How it wants to be answered.
    pub reply: Format,
    /// The address that resources have for it, without the resource: what links begin with.
    pub(super) base: Base,
}

/// What a request knows of its own address.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) secure: bool,
    pub(super) host: Option<HeaderValue>,
    pub(super) prefix: &'static str,
}

impl Base {
    /// `http://host:port/crowd/rest/usermanagement/1`, all of it of characters that need no escape.
    pub(super) fn url(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let host = host.filter(|host| host.chars().all(is_plain)).unwrap_or("localhost");
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{host}{}", self.prefix)
    }
}

impl Asking {
    /// Answers with one entity.
    pub(super) fn answer(&self, status: StatusCode, write: impl FnOnce(&mut Writer)) -> Response {
        let mut writer = Writer::new(self.reply);
        write(&mut writer);
        writer.into_response(status)
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let asking = parts.extensions.remove();
        asking.ok_or_else(|| Failure::internal("a resource was reached by nobody"))
    }
}

/// The application whose credentials a request brings (RFC 7617).
pub(super) fn authenticate<'a>(
    applications: &'a Applications,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<&'a Arc<Application>, Refusal> {
    let mut decoded = [0; MOST_CREDENTIAL_BYTES];
    let credentials = headers.get(header::AUTHORIZATION).and_then(|sent| basic(sent, &mut decoded));
    let (name, password) = credentials.ok_or(Refusal::NotAuthenticated)?;
    applications.admit(name, password, address)
}

/// Name and password; the name ends at the first colon.
fn basic<'d>(sent: &HeaderValue, decoded: &'d mut [u8]) -> Option<(&'d str, &'d [u8])> {
    let (scheme, encoded) = sent.as_bytes().split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let length = STANDARD.decode_slice(encoded.trim_ascii(), decoded).ok()?;
    let decoded = &decoded[..length];
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((str::from_utf8(&decoded[..colon]).ok()?, &decoded[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_credentials_and_nothing_else() {
        let read = |text: &str| {
            let mut decoded = [0; MOST_CREDENTIAL_BYTES];
            let read = basic(&HeaderValue::from_str(text).unwrap(), &mut decoded);
            read.map(|(name, password)| (name.to_owned(), password.to_vec()))
        };
        let expected = |password: &[u8]| Some(("jira".to_owned(), password.to_vec()));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read(&basic("jira:a:b")), expected(b"a:b"));
        assert_eq!(read(&basic("jira:")), expected(b""));
        assert_eq!(read(&basic("jira:p").replace("Basic ", "bASIC  ")), expected(b"p"));
        let long = basic(&format!("jira:{}", "x".repeat(600)));
        for refused in ["", "Basic", "Basic ", "Basic !!", "Bearer amlyYTpw", &basic("jira"), &long]
        {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn links_are_made_of_plain_characters() {
        let url = |host: Option<&'static str>| {
            let host = host.map(HeaderValue::from_static);
            Base { secure: true, host, prefix: "/rest/usermanagement/1" }.url()
        };
        assert_eq!(url(Some("[::1]:9090")), "https://[::1]:9090/rest/usermanagement/1");
        assert_eq!(url(Some("a\"><b")), "https://localhost/rest/usermanagement/1");
        assert_eq!(url(None), "https://localhost/rest/usermanagement/1");
    }
}
