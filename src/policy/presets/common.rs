//! What all of Atlassian's applications have.

use super::open;
use crate::config::RuleConfig;

/// Set-up, plug-ins, user directories, application links, and what REST calls administration.
pub(super) const ADMINISTRATION: &[&str] = &[
    "/admin/*",
    "/setup*/*",
    "/bootstrap*/*",
    "/rest/admin/*",
    "/rest/*/admin/*",
    "/rest/*/*/admin/*",
    "/rest/plugins/*",
    "/rest/troubleshooting/*",
    "/rest/*/*/websudo",
    "/plugins/servlet/upm/*",
    "/plugins/servlet/embedded-crowd/*",
    "/plugins/servlet/applinks/list*/*",
    "/plugins/servlet/applinks/edit*/*",
    "/plugins/servlet/oauth/consumers/*",
    "/plugins/servlet/oauth/add-consumer*/*",
    "/plugins/servlet/stp/*",
    "/plugins/servlet/troubleshooting/*",
];

/// REST, feeds and gadgets: what scripts, other applications and mobile apps ask.
pub(super) const API: &[&str] = &[
    "/rest/*",
    "/rpc/*",
    "/plugins/servlet/oauth/*",
    "/plugins/servlet/oauth2/*",
    "/plugins/servlet/applinks/*",
    "/plugins/servlet/streams",
    "/plugins/servlet/gadgets/*",
];

/// What everybody may see. Of two readings of `/s/…/_/…` one is inside: it has to be static too.
pub(super) fn everybody() -> [RuleConfig; 4] {
    [
        open("health", &["GET", "HEAD"], &["/status"]),
        open(
            "static resources",
            &["GET", "HEAD"],
            &[
                "/s/**/_/*",
                "/download/resources/*",
                "/download/*batch/*",
                "/images/*",
                "/styles/*",
                "/static-assets/*",
                "/favicon.ico",
            ],
        ),
        open(
            "how applications greet each other",
            &["GET", "HEAD"],
            &[
                "/rest/applinks/*/manifest",
                "/rest/capabilities",
                "/plugins/servlet/capabilities/*",
                "/plugins/servlet/oauth/consumer-info",
            ],
        ),
        open(
            "exchange of tokens, whose requests are signed or carry a secret",
            &["POST"],
            &[
                "/plugins/servlet/oauth/request-token",
                "/plugins/servlet/oauth/access-token",
                "/rest/oauth2/*/token",
            ],
        ),
    ]
}
