//! `/session`: who is signed in, for applications that know people by Crowd's cookie.

mod answer;
mod beginning;

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use self::answer::{Wanted, answer};
pub(super) use self::beginning::begin_session;
use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_user},
    factors::Factors,
    failure::{Failure, Reason},
    given::Unread,
    query::Query,
};
use crate::{
    config::SignOutConfig,
    directory::NameKey,
    http::{Body, Response},
    session::{Holder, LiveToken, Reach},
    store::SeenUser,
};

/// `POST /session/{token}`: whether a token is somebody's, and whose. Applications ask with every request, so
/// this is answered from memory.
pub(super) async fn validate_session(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(token): Path<String>,
    query: Query,
    sent: Unread,
) -> Result<Response, Failure> {
    let (live, holder) = crowd.find_session(&asking, &token).await?;
    // Who is sent the gateway's own tokens is asked by the gateway, wherever people sit.
    if !live.address.is_empty() && !live.was_right(&sent.0) {
        let factors = sent.read()?.map(|list| Factors::read(&list)).unwrap_or_default();
        if factors.address(&crowd.trusted) != live.address {
            return Err(no_session());
        }
        live.note_right(&sent.0);
    }
    crowd.sessions.count_use(&live);
    Ok(answer(&asking, &token, &live, &holder, Wanted::of(&query), StatusCode::OK))
}

/// `GET /session/{token}`: whose it is, whoever asks from wherever.
pub(super) async fn show_session(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(token): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    let (live, holder) = crowd.find_session(&asking, &token).await?;
    crowd.sessions.count_use(&live);
    Ok(answer(&asking, &token, &live, &holder, Wanted::of(&query), StatusCode::OK))
}

/// `DELETE /session/{token}`: somebody signs out of the application.
pub(super) async fn end_session(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let application = &asking.application;
    let live = crowd.sessions.find_token(&token, &application.name).await?;
    let everywhere = application.sign_out == SignOutConfig::Everywhere;
    let ends = |live: &Arc<LiveToken>| live.is_applications_own || everywhere;
    if let Some(live) = live.filter(ends) {
        crowd.sessions.end(live.session).await?;
        tracing::info!(
            application = &*application.name,
            session = live.session.0,
            "an application signed somebody out"
        );
    }
    Ok(nothing())
}

/// `DELETE /session?username=`, with `exclude=` and a token: somebody is signed out everywhere, but for where
/// they are just now.
pub(super) async fn end_sessions_of(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let name = query.required("username")?;
    let application = &asking.application;
    let found = crowd.store.find_seen_user(&application.directories, &NameKey::of(name)).await?;
    let Some(found) = found else {
        return Ok(nothing());
    };
    let kept = match query.find("exclude") {
        Some(token) => crowd.sessions.find_token(token, &application.name).await?,
        None => None,
    };
    let reach = match application.sign_out {
        SignOutConfig::Everywhere => Reach::All,
        SignOutConfig::App => Reach::Own,
    };
    let kept = kept.map(|live| live.session);
    let person = found.user.person;
    let ended = crowd.sessions.end_for_application(person, &application.name, reach, kept).await?;
    tracing::info!(
        application = &*application.name,
        user.name = name,
        ended,
        "an application ended sessions"
    );
    Ok(nothing())
}

/// `POST /authentication/notify?username=`: an application has let somebody in by Crowd's cookie, and wants
/// to know them as they are now. Whoever has just come for the first time gets there by this.
pub(super) async fn notify_authenticated(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let name = query.required("username")?;
    let directories = &asking.application.directories;
    let seen = crowd.store.find_seen_user(directories, &NameKey::of(name)).await?;
    // A status of 404 would say that the gateway does not know this resource.
    let unknown = || Failure { status: StatusCode::BAD_REQUEST, ..Failure::no_user(name) };
    let seen = seen.ok_or_else(unknown)?;
    if seen.user.inactive.is_some() {
        return Err(inactive(&seen));
    }
    crowd.copies.asked_for(&asking.application, &seen);
    let (links, shown) = (Links::of(&asking), Shown::of(&query));
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("user");
        write_user(writer, &links, &seen, shown);
        writer.end("user");
    }))
}

impl Crowd {
    /// What a token stands for, if the application may know it and whoever it is may be there.
    async fn find_session(
        &self,
        asking: &Asking,
        token: &str,
    ) -> Result<(Arc<LiveToken>, Arc<Holder>), Failure> {
        let application = &asking.application;
        let live = self.sessions.find_token(token, &application.name).await?;
        let live = live.ok_or_else(no_session)?;
        let holder = self.sessions.find_holder(&live, &application.directories).await?;
        let holder = holder.filter(|holder| holder.seen.user.inactive.is_none());
        let holder = holder.ok_or_else(no_session)?;
        self.copies.asked_for(application, &holder.seen);
        Ok((live, holder))
    }
}

fn no_session() -> Failure {
    let message = "The token is none of this application's, or its session has ended";
    Failure::new(StatusCode::NOT_FOUND, Reason::InvalidSsoToken, message)
}

fn inactive(seen: &SeenUser) -> Failure {
    let message = format!("Account <{}> is inactive", seen.user.profile.username);
    Failure::new(StatusCode::BAD_REQUEST, Reason::InactiveAccount, message)
}

fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
