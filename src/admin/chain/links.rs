//! The links, and what to do about a broken one.

use super::{LinkOutcome, LinkView};
use crate::{atlassian::ProbeError, proxy::UpstreamError};

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<LinkView>);

impl Links {
    pub(super) fn ok(&mut self, link: &str, found: impl Into<String>) {
        self.add(link, LinkOutcome::Ok, found.into(), None);
    }

    pub(super) fn broken(&mut self, link: &str, found: impl Into<String>, next: impl Into<String>) {
        self.add(link, LinkOutcome::Broken, found.into(), Some(next.into()));
    }

    pub(super) fn skipped(&mut self, link: &str, found: impl Into<String>) {
        self.add(link, LinkOutcome::Skipped, found.into(), None);
    }

    fn add(&mut self, link: &str, outcome: LinkOutcome, found: String, next: Option<String>) {
        self.0.push(LinkView { link: link.to_owned(), outcome, found, next });
    }

    pub(super) fn into_views(self) -> Vec<LinkView> {
        self.0
    }
}

/// What to do about an application that does not answer.
pub(super) fn next_of_upstream(error: &UpstreamError) -> String {
    match error {
        UpstreamError::Connect(..) | UpstreamError::ConnectTimeout(_) => {
            "Start the application, or correct `upstream` in its [[app]] table: the gateway connects to that address \
             itself."
        }
        UpstreamError::Tls(..) => {
            "See `ca`, `server_name` and the gateway's own certificate in [app.upstream_tls]: the cause says what is \
             missing."
        }
        UpstreamError::Closed(_) => "Let people in again: `gatehouse app restore`.",
        UpstreamError::NoAnswer => "Look into the application's own log: it takes connections and says nothing.",
        _ => "See that `upstream` names the application's HTTP connector, with http or https as it speaks it.",
    }
    .to_owned()
}

/// What to do about a Crowd server that an application would not be content with.
pub(super) fn next_of_probe(error: &ProbeError) -> String {
    match error {
        ProbeError::Unreachable(_) => {
            "See [server] internal_listen, and the certificate if it speaks TLS; --crowd-url says which address the \
             application uses."
        }
        ProbeError::NotCrowd(_) => {
            "Something else listens there, or a proxy stands between. The address is that of [server] internal_listen, \
             with /crowd at its end."
        }
        ProbeError::NotAuthenticated => {
            "The password belongs to none of the hashes in `credentials`, or the application has another name: make a \
             new one with `gatehouse app credential`."
        }
        ProbeError::NotFromHere(_) => {
            "Add the address to `networks` in its [[app.crowd]] table; the application's own address must be there too."
        }
        ProbeError::Refused(..) => "Look into the gateway's log.",
    }
    .to_owned()
}
