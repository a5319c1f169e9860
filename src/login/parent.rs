//! A login's session: the one that the browser had before, and the one that begins.

use http::HeaderMap;

use super::{
    Login,
    complete::{Entering, Written},
    flow::Flow,
};
use crate::{
    http::{Arrival, Error, find_cookie},
    session::Login as NewLogin,
    store::{SessionId, StoredSession},
};

/// The session that a browser had, when somebody has proven in it who they are.
pub(super) enum Before {
    None,
    /// It ends now.
    Here(SessionId),
    /// The same person has got it meanwhile in another tab, or by the first of two clicks. If the browser has
    /// its cookie it goes on with that. An identity provider's answer does not tell: it is another site's
    /// form, with which browsers do not send that cookie.
    InAnotherTab(SessionId),
}

impl Login {
    /// The session of the browser's cookie on the login host.
    pub(super) async fn find_parent(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
    ) -> Result<Option<StoredSession>, Error> {
        match find_cookie(headers, arrival.site.cookies().login) {
            Some(cookie) => self.sessions.find_parent(cookie).await.map_err(Error::unavailable),
            None => Ok(None),
        }
    }

    /// The session that the browser of a login had.
    pub(super) async fn find_session_before(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        flow: &Flow,
        entering: &Entering,
    ) -> Result<Before, Error> {
        let parent = self.find_parent(arrival, headers).await?.map(|parent| parent.id);
        if let Some(session) = parent.or(flow.replaces.map(SessionId)) {
            return Ok(Before::Here(session));
        }
        let Some(Written { browser_hash, .. }) = &entering.written else {
            return Ok(Before::None);
        };
        let found = self.store.find_session_of_browser(browser_hash.clone(), self.clock.now());
        Ok(match found.await.map_err(Error::unavailable)? {
            Some(session) if session.person == entering.person => Before::InAnotherTab(session.id),
            Some(session) => Before::Here(session.id),
            None => Before::None,
        })
    }

    /// Begins a session, and gives the value of its cookie.
    pub(super) async fn begin_session(
        &self,
        entering: Entering,
        replaces: Option<SessionId>,
    ) -> Result<(SessionId, String), Error> {
        let (value, format) =
            entering.name_id.map_or((None, None), |id| (Some(id.value), id.format));
        let begun = self.sessions.begin(NewLogin {
            person: entering.person,
            issuer: entering.issuer,
            method: entering.method.as_str(),
            name_id: value,
            name_id_format: format,
            session_index: entering.session_index,
            not_on_or_after: entering.not_on_or_after,
            replaces,
        });
        let (session, cookie) = begun.await.map_err(Error::unavailable)?;
        if let Some(Written { handle_hash, .. }) = entering.written {
            let connected = self.store.connect_login_state(handle_hash, session.id).await;
            connected.map_err(Error::unavailable)?;
        }
        Ok((session.id, cookie))
    }
}
