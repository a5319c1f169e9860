//! An application's own sessions go with the gateway's: nobody gets one that somebody else has begun.

use http::{HeaderMap, HeaderValue, header};

use crate::{
    http::AppCookies,
    policy::has_credentials,
    session::{LiveSession, Owner, Sessions},
};

/// What is done about an application's own cookies, on the way there and back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// They are the session's, or nobody has one.
    Leave,
    /// They are the session's from now on.
    Mark(HeaderValue),
    /// They are somebody else's: the application does not get them, the browser loses them, and what comes
    /// instead is the session's.
    Replace(HeaderValue),
    /// They were a session's that has ended, or whose person has no active account any more: the application does not get them, and the browser loses them.
    Forget,
    /// They are a session's, which nobody looks at here. The application does not get them, and begins
    /// nothing instead.
    KeepBack,
}

impl Binding {
    /// Of a request; `looked` says whether somebody has looked for its session. The session is one whose person has an
    /// active account at the application.
    pub(super) async fn of(
        sessions: &Sessions,
        cookies: &AppCookies,
        headers: &HeaderMap,
        looked: bool,
        session: Option<&LiveSession>,
    ) -> Self {
        if cookies.is_empty() {
            return Self::Leave;
        }
        let marker = cookies.find_marker(headers);
        if let Some(live) = session {
            let mark = || cookies.mark(sessions.marker(live));
            return match sessions.owner(marker, live).await {
                Owner::ThisSession => Self::Leave,
                Owner::SomebodyElse if cookies.are_in(headers) => Self::Replace(mark()),
                Owner::SamePerson | Owner::SomebodyElse => Self::Mark(mark()),
            };
        }
        match marker {
            None => Self::Leave,
            Some(_) if looked => Self::Forget,
            // Whoever brings credentials of their own is who those say.
            Some(_) if has_credentials(headers) => Self::Leave,
            Some(_) => Self::KeepBack,
        }
    }

    /// Whether the application does not get its cookies.
    pub(super) fn withholds(&self) -> bool {
        !matches!(self, Self::Leave | Self::Mark(_))
    }

    /// What the browser is told with the answer.
    pub(super) fn finish(self, cookies: &AppCookies, headers: &mut HeaderMap) {
        match self {
            Self::Leave => {}
            Self::Mark(marker) => drop(headers.append(header::SET_COOKIE, marker)),
            Self::Replace(marker) => {
                cookies.remove(headers);
                headers.append(header::SET_COOKIE, marker);
            }
            Self::Forget => cookies.forget(headers),
            Self::KeepBack => cookies.keep_from_being_set(headers),
        }
    }
}
