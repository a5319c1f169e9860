//! Headers that only the gateway may set.

use std::collections::BTreeSet;

use http::HeaderName;

use crate::{config::IdentityHeadersConfig, http::fold};

/// A name that no header can have.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no name of a header")]
pub struct HeaderNameError(pub(super) String);

/// Headers that speak for whom or for what address a request is, in one product or another. Each
/// decides something somewhere, so none of a client's is passed on.
const FIXED: [&str; 31] = [
    "forwarded",
    "x-real-ip",
    "client-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
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
pub struct ManagedHeaders(BTreeSet<String>);

impl ManagedHeaders {
    /// Those that are always managed, and those that any application is told identities with.
    #[must_use]
    pub fn new<'a>(identities: impl Iterator<Item = &'a IdentityHeadersConfig>) -> Self {
        let configured = identities
            .flat_map(|headers| [&headers.user, &headers.email, &headers.name, &headers.groups]);
        let configured = configured.map(|name| fold(name).into_owned());
        Self(FIXED.iter().map(|name| (*name).to_owned()).chain(configured).collect())
    }

    /// Whether a client must not say it.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        let folded = fold(name.as_str());
        FAMILIES.iter().any(|family| folded.starts_with(family)) || self.0.contains(folded.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_managed_name_is_managed() {
        let mine = IdentityHeadersConfig {
            user: "X-My_User".to_owned(),
            ..IdentityHeadersConfig::default()
        };
        let managed = ManagedHeaders::new([&mine].into_iter());
        for name in [
            "x-my-user",
            "x_my_user",
            "x.my~user",
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
