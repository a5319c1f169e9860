//! Browsers that are signed in, and are asked to sign in again all the same.

use http::StatusCode;

use super::{Login, flow::Flow};
use crate::{http::Error, telemetry::LoopLabels};

impl Login {
    /// Refuses to send a browser on to a page that it was sent to again and again: it would be sent back here
    /// until it gives up, and show a page of its own that explains nothing.
    pub(super) fn check_round(&self, flow: &Flow) -> Result<(), Error> {
        let Some(app) = flow.app() else {
            return Ok(());
        };
        if self.count_round(flow.browser(), app, flow.target()) {
            return Ok(());
        }
        self.metrics.login_loops.get_or_create(&LoopLabels { app: app.to_owned() }).inc();
        let (sentence, cause) = explanation(flow.had_session(), app);
        Err(Error::new(StatusCode::BAD_REQUEST, "login-loop", sentence)
            .caused_by(cause)
            .with_trace(flow.trace)
            .with_way_on(self.destination(flow), "Try once more"))
    }

    /// What somebody is told whose browser has kept nothing of what it was given a moment ago.
    pub(super) fn no_cookies(&self, flow: &Flow) -> Error {
        let sentence = "Your browser does not keep this site's cookies, or has been closed meanwhile. \
                        Without them nobody stays signed in: allow them, and sign in again.";
        Error::new(StatusCode::BAD_REQUEST, "cookies-not-kept", sentence)
            .with_trace(flow.trace)
            .with_way_on(self.destination(flow), "Sign in again")
    }
}

/// What can be said from whether the browser brought the cookie of a session.
fn explanation(had_session: bool, app: &str) -> (String, String) {
    if had_session {
        let sentence = format!(
            "You have been signed in to {app} several times within a minute, and each time the session was \
             not known a moment later. Your administrator can put that right."
        );
        let cause = "the browser brings the cookie of a session that is unknown: do all replicas have one \
                     database and one master key, or does something end the sessions?";
        return (sentence, cause.to_owned());
    }
    let sentence = format!(
        "You have been signed in to {app} several times within a minute, and each time your browser came back \
         without the session's cookie. Allow the site's cookies, or delete old ones, and try again."
    );
    let cause = "the browser does not bring the session's cookie: is it blocked, does a proxy in front drop \
                 it, or does the application send people to sign in who are?";
    (sentence, cause.to_owned())
}
