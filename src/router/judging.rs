//! What becomes of a request: the one place where that is decided, whoever passes it on afterwards.

use std::sync::Arc;

use http::request::Parts;

use super::{Destination, Router, passing::Whose, record::Record};
use crate::{
    http::{Arrival, Error, Response, is_for_a_page, is_navigation},
    login::{Awaited, Settled},
    policy::{Asker, Decided, Verdict},
    session::{LiveSession, Visitor},
};

/// What becomes of a request, and whose it is.
pub(super) struct Judged<'a> {
    /// What the rules say.
    pub(super) decided: Decided<'a>,
    /// What becomes of it.
    pub(super) verdict: Verdict,
    /// Whether another origin's page asks in somebody's name: nobody passes that on.
    pub(super) is_cross_site: bool,
    /// Whether somebody has looked for a session.
    looked: bool,
    pub(super) session: Option<Arc<LiveSession>>,
    visitor: Option<Arc<Visitor>>,
}

impl Judged<'_> {
    /// Whose it is, as far as that was looked for.
    pub(super) fn whose(&self) -> Whose<'_> {
        let visitor = self.visitor.as_deref();
        Whose { looked: self.looked, session: self.session.as_ref(), visitor }
    }
}

impl Router {
    /// Decides what becomes of a request.
    pub(super) async fn judge<'a>(
        &self,
        asked: &Parts,
        arrival: &Arrival,
        to: &Destination<'a>,
        record: &mut Record,
    ) -> Result<Judged<'a>, Error> {
        let (app, headers) = (to.app, &asked.headers);
        let is_awaited = asked.extensions.get::<Awaited>().is_some();
        let decided = to.decide(asked, arrival.client, is_awaited);
        record.rule = decided.rule;
        let looked = decided.needs_session() && !is_awaited;
        let session = if looked { self.find_session(headers, arrival).await? } else { None };
        let visitor = match &session {
            Some(live) => self.find_account(app, live).await?,
            None => None,
        };
        record.visitor.clone_from(&visitor);
        let who = session.as_ref().map_or(Asker::Nobody, |live| Asker::User {
            signed_in_with: live.issuer.way_to_sign_in(),
            groups: visitor.as_ref().map(|visitor| visitor.account.groups.as_slice()),
        });
        let verdict = decided.judge(who);
        let settled = asked.extensions.get::<Settled>().is_some();
        let admitted = settled || app.origins.admit(&asked.method, headers);
        let is_cross_site = session.is_some() && !admitted;
        Ok(Judged { decided, verdict, is_cross_site, looked, session, visitor })
    }

    /// What somebody sees whom the application does not know yet, if they have to wait for that.
    pub(super) async fn ask_to_wait(
        &self,
        asked: &Parts,
        arrival: &Arrival,
        to: &Destination<'_>,
        judged: &Judged<'_>,
    ) -> Option<Response> {
        let (first, visitor) = (to.app.account_first.as_ref()?, judged.visitor.as_deref()?);
        let is_page = is_navigation(&asked.method, &asked.headers);
        // A form cannot be sent again by itself: it waits as long as it takes.
        let is_form = !is_page && is_for_a_page(&asked.headers);
        if Box::pin(first.admit(visitor, is_form)).await {
            return None;
        }
        // With the host before it: of two slashes, the second would begin another one.
        let again = format!("{}{}", arrival.site.origin(), to.target);
        Some(first.ask_to_wait(&again, is_page))
    }
}
