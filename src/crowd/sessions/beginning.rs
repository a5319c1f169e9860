//! Sessions that applications begin.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;

use super::{
    answer::{Wanted, answer},
    inactive, no_session,
};
use crate::{
    crowd::{
        Crowd,
        asking::Asking,
        factors::Factors,
        failure::{Failure, Reason},
        given::Given,
        query::Query,
    },
    http::Response,
    session::ApplicationsLogin,
    store::SeenUser,
};

/// `POST /session`: an application signs somebody in itself, with their password, or if it may without.
pub(in crate::crowd) async fn begin_session(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
    Given(context): Given,
) -> Result<Response, Failure> {
    let with_password = query.says("validate-password") != Some(false);
    if !with_password && !asking.application.sessions_without_password {
        let message = "The application may not begin sessions without a password";
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            Reason::ApplicationPermissionDenied,
            message,
        ));
    }
    let username = context.field("username").unwrap_or_default();
    let password = with_password.then(|| context.field("password").unwrap_or_default());
    let (seen, since) = crowd.find_proven(&asking, username, password).await?;
    // A session is a person's: it is not to be begun with the name of one account and shown with another's.
    let directories = &asking.application.directories;
    let shown = crowd.store.find_seen_user_of(directories, seen.user.person).await?;
    if shown.is_none_or(|shown| shown.user.id != seen.user.id) {
        return Err(no_session());
    }
    let login = ApplicationsLogin {
        person: seen.user.person,
        application: &asking.application.name,
        with_password,
        address: Factors::within(&context).address(&crowd.trusted),
        duration: query.number("duration")?.map(seconds),
    };
    let token = crowd.sessions.begin_for_application(&login).await?;
    // The change of a password ends only the sessions that are there: this one may have begun beside it.
    if with_password && crowd.passwords.changed_at(&seen.user).await? != since {
        crowd.passwords.end_sessions(&seen.user).await?;
        return Err(not_proven());
    }
    tracing::info!(
        application = &*asking.application.name,
        user.name = username,
        with_password,
        "an application signed somebody in"
    );
    let (live, holder) = crowd.find_session(&asking, token.as_str()).await?;
    let wanted = Wanted::of(&query);
    Ok(answer(&asking, token.as_str(), &live, &holder, wanted, StatusCode::CREATED))
}

/// Whoever asks for less than a second wants a session that is none.
fn seconds(asked: i64) -> Duration {
    Duration::from_secs(u64::try_from(asked).unwrap_or_default().max(1))
}

impl Crowd {
    /// The user that an application signs in, whose password is right, and since when it is theirs; or, without
    /// one, whom it vouches for.
    async fn find_proven(
        &self,
        asking: &Asking,
        username: &str,
        password: Option<&str>,
    ) -> Result<(SeenUser, Option<DateTime<Utc>>), Failure> {
        let mut since = None;
        let mut found = self.find_user(asking, username).await;
        if let (Ok(seen), Some(password)) = (&found, password) {
            since = self.passwords.changed_at(&seen.user).await?;
            found = self.authenticate(asking, username, password).await;
        }
        // Clients do not expect to hear here that there is nobody of that name.
        let is_nobody = |failure: &Failure| failure.reason == Reason::UserNotFound;
        let seen = found.map_err(|error| if is_nobody(&error) { not_proven() } else { error })?;
        if seen.user.inactive.is_some() {
            return Err(inactive(&seen));
        }
        Ok((seen, since))
    }
}

fn not_proven() -> Failure {
    let message = "Name and password do not belong together";
    Failure::new(StatusCode::BAD_REQUEST, Reason::InvalidUserAuthentication, message)
}
