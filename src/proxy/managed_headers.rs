//! Headers that only the gateway may set.

use http::{HeaderName, header};

use super::{names::Names, request_head::is_hop_by_hop};
use crate::{
    config::{AppKind, IdentityHeadersConfig},
    http::fold,
};

/// A name that no header with an identity can have.
#[derive(Debug, thiserror::Error)]
pub enum HeaderNameError {
    /// It is none.
    #[error("{0:?} is no name of a header")]
    Malformed(String),
    /// It says something else already.
    #[error("{0:?} is a header with a meaning of its own")]
    Reserved(String),
    /// Whoever reads it cannot know which it is.
    #[error("{0:?} would tell two things of a user")]
    Twice(String),
}

/// Headers that say what a request is.
const RESERVED: [HeaderName; 12] = [
    header::HOST,
    header::COOKIE,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    // The gateway says them of every request.
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
];

/// The name of a header that tells an identity; none if it is empty.
pub(super) fn identity_header(name: &str) -> Result<Option<HeaderName>, HeaderNameError> {
    if name.is_empty() {
        return Ok(None);
    }
    let parsed: Result<HeaderName, _> = name.parse();
    let parsed = parsed.map_err(|_| HeaderNameError::Malformed(name.to_owned()))?;
    if RESERVED.contains(&parsed) || is_hop_by_hop(parsed.as_str()) {
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
pub struct ManagedHeaders {
    folded: Names,
    /// Those that tell identities: any application, and usually.
    identities: Vec<HeaderName>,
    /// How those of them would be spelled plainly that are not.
    plainly: Names,
}

impl ManagedHeaders {
    /// Those that are always managed, and those that any application is told identities with.
    #[must_use]
    pub fn new<'a>(identities: impl Iterator<Item = &'a IdentityHeadersConfig>) -> Self {
        let usual = IdentityHeadersConfig::default();
        let parse = |name: &str| name.parse::<HeaderName>().ok();
        let usual = usual.names().chain([usual.assertion(AppKind::Generic)]).filter_map(parse);
        let configured = identities.flat_map(IdentityHeadersConfig::names).filter_map(parse);
        let mut told = Vec::new();
        for name in usual.chain(configured) {
            if !told.contains(&name) {
                told.push(name);
            }
        }
        let configured = told.iter().map(|name| fold(name.as_str()).into_owned());
        let folded = FIXED.iter().map(|name| (*name).to_owned()).chain(configured).collect();
        let odd = told.iter().map(|name| (name, fold(name.as_str())));
        let odd = odd.filter(|(name, folded)| folded != name.as_str());
        let plainly = odd.map(|(_, folded)| folded.into_owned()).collect();
        Self { folded, identities: told, plainly }
    }

    /// The headers that tell identities: those that any application is told them with, and the usual ones.
    pub(super) fn identities(&self) -> impl Iterator<Item = &HeaderName> {
        self.identities.iter()
    }

    /// Whether servers that do not tell `-` from `_` take a header for a managed one of another spelling.
    pub(super) fn is_look_alike(&self, name: &HeaderName) -> bool {
        let folded = fold(name.as_str());
        let is_one =
            if folded == name.as_str() { self.plainly.has(&folded) } else { self.has(name) };
        is_one && !self.identities.contains(name)
    }

    /// Whether a client must not say it.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        let folded = fold(name.as_str());
        // Most names begin with another letter than all families.
        let may_be_of_one = folded.starts_with(['x', 's']);
        may_be_of_one && FAMILIES.iter().any(|family| folded.starts_with(family))
            || self.folded.has(&folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_takes_no_header_that_means_something_else() {
        assert_eq!(identity_header("").unwrap(), None);
        assert_eq!(identity_header("Remote-User").unwrap().unwrap(), "remote-user");
        for name in [
            "a b",
            "X-Über",
            "Host",
            "cookie",
            "Transfer-Encoding",
            "traceparent",
            "X-Forwarded-For",
        ] {
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
        for family in FAMILIES {
            assert!(managed.has(&format!("{family}anything").parse().unwrap()), "{family}");
        }
        for name in ["accept", "x-atlassian-token", "user-agent", "x-my-users"] {
            assert!(!managed.has(&name.parse().unwrap()), "{name}");
        }
        let is_look_alike = |name: &str| managed.is_look_alike(&name.parse().unwrap());
        for name in ["x_forwarded_user", "x.real.ip", "x-my-user", "x_my_proof"] {
            assert!(is_look_alike(name), "{name}");
        }
        for name in ["x-forwarded-user", "x-my_user", "x-my-proof", "x-real-ip", "x_other"] {
            assert!(!is_look_alike(name), "{name}");
        }
    }
}
