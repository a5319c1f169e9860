//! Confluence. Synchrony has tokens of its own, but an editor is somebody who is logged in: when the
//! session ends, so does the editing.

use super::{
    administered,
    common::{ADMINISTRATION, API, everybody},
    open, pages, with_credentials,
};
use crate::config::RuleConfig;

const ADMINISTRATION_OF_CONFLUENCE: &[&str] = &[
    "/json/setup*/*",
    "/server-info.action",
    "/authenticate.action",
    "/doauthenticate.action",
    "/spaces/editspace*",
];

/// The only pages that scripts ask for.
const FEEDS: &[&str] = &["/createrssfeed.action", "/spaces/createrssfeed.action"];

/// Attachments and `WebDAV`.
const API_OF_CONFLUENCE: &[&str] = &["/download/attachments/*", "/plugins/servlet/confluence/*"];

pub(super) fn rules() -> Vec<RuleConfig> {
    let mut rules = vec![
        administered(&[ADMINISTRATION, ADMINISTRATION_OF_CONFLUENCE]),
        with_credentials("feeds", &[FEEDS]),
        pages(&["/**/*.action"]),
        with_credentials("REST, attachments and WebDAV", &[API, API_OF_CONFLUENCE]),
        open(
            "health of Synchrony",
            &["GET", "HEAD"],
            &["/synchrony/heartbeat", "/synchrony-proxy/heartbeat"],
        ),
    ];
    rules.extend(everybody());
    rules
}
