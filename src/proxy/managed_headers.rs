//! Headers that only the gateway may set.

use http::{HeaderName, header};

use super::{names::Names, request_head::is_hop_by_hop};
use crate::{config::IdentityHeadersConfig, http::fold};

/// A name that no header with an identity can have.
#[derive(Debug, thiserror::Error)]
pub enum HeaderNameError {
    /// It is none.
    #[error("{0:?} is no name of a header")]
    Malformed(String),
    /// It says something else already.
    #[error("{0:?} is a header with a meaning of its own")]
    Reserved(String),
}

/// Headers that say what a request is.
const RESERVED: [HeaderName; 8] = [
    header::HOST,
    header::COOKIE,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The name of a header that tells an identity; none if it is empty.
pub(super) fn identity_header(name: &str) -> Result<Option<HeaderName>, HeaderNameError> {
    if name.is_empty() {
        return Ok(None);
    }
    let parsed: Result<HeaderName, _> = name.parse();
    let parsed = parsed.map_err(|_| HeaderNameError::Malformed(name.to_owned()))?;
    if RESERVED.contains(&parsed) || is_hop_by_hop(&parsed) {
        return Err(HeaderNameError::Reserved(name.to_owned()));
    }
    Ok(Some(parsed))
}

/// Headers that speak for whom or for what address a request is, in one product or another. Each
/// decides something somewhere, so none of a client's is passed on.
const FIXED: [&str; 45] = [
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "client-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "x-proxyuser-ip",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-appengine-user-ip",
    "x-remote-ip",
    "x-remote-addr",
    "remote-addr",
    "x-host",
    "front-end-https",
    "x-scheme",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-remote-user",
    "x-remote-email",
    "x-remote-groups",
    "x-webauth-user",
    "x-user",
    "x-email",
    "x-groups",
    // httpoxy: CGI makes HTTP_PROXY of it.
    "proxy",
    // A rule for GET must not let a DELETE through.
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Whole families of them, of other gateways' too.
const FAMILIES: [&str; 7] = [
    "x-forwarded-",
    "x-gatehouse-",
    "x-auth-request-",
    "x-authenticated-",
    "x-ssl-client-",
    "ssl-client-",
    "x-envoy-",
];

/// Headers that only the gateway may set, under every spelling that folds to them.
#[derive(Debug)]
pub struct ManagedHeaders(Names);

impl ManagedHeaders {
    /// Those that are always managed, and those that any application is told identities with.
    #[must_use]
    pub fn new<'a>(identities: impl Iterator<Item = &'a IdentityHeadersConfig>) -> Self {
        let configured = identities.flat_map(IdentityHeadersConfig::names);
        let configured = configured.map(|name| fold(name).into_owned());
        Self(FIXED.iter().map(|name| (*name).to_owned()).chain(configured).collect())
    }

    /// Whether a client must not say it.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        let folded = fold(name.as_str());
        FAMILIES.iter().any(|family| folded.starts_with(family)) || self.0.has(&folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_takes_no_header_that_means_something_else() {
        assert_eq!(identity_header("").unwrap(), None);
        assert_eq!(identity_header("Remote-User").unwrap().unwrap(), "remote-user");
        for name in ["a b", "X-Über", "Host", "cookie", "Transfer-Encoding", "traceparent"] {
            assert!(identity_header(name).is_err(), "{name}");
        }
    }

    #[test]
    fn every_spelling_of_a_managed_name_is_managed() {
        let mine = IdentityHeadersConfig {
            user: "X-My_User".to_owned(),
            assertion: Some("X-My-Proof".to_owned()),
            ..IdentityHeadersConfig::default()
        };
        let managed = ManagedHeaders::new([&mine].into_iter());
        for name in [
            "x-my-user",
            "x_my_user",
            "x.my~user",
            "x_my.proof",
            "x-forwarded-user",
            "x_forwarded_for",
            "x-forwarded-anything",
            "remote_user",
            "x-gatehouse-assertion",
            "proxy",
            "x!real!ip",
            "x-authenticated-user",
            "x_ssl_client_s_dn",
            "x-envoy-external-address",
        ] {
            assert!(managed.has(&name.parse().unwrap()), "{name}");
        }
        for name in ["accept", "x-atlassian-token", "user-agent", "x-my-users"] {
            assert!(!managed.has(&name.parse().unwrap()), "{name}");
        }
    }
}
