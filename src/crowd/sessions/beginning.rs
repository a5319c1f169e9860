//! Sessions that applications begin.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
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
    directory::NameKey,
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
    let factors = Factors::within(&context);
    let address = factors.address(&crowd.trusted);
    let password = context.field("password").filter(|_| with_password);
    let seen = crowd.find_proven(&asking, username, password, with_password, &address).await?;
    if seen.user.inactive.is_some() {
        return Err(inactive(&seen));
    }
    let login = ApplicationsLogin {
        person: seen.user.person,
        application: &asking.application.name,
        with_password,
        address,
        duration: query.number("duration")?.map(seconds),
    };
    let token = crowd.sessions.begin_for_application(&login).await?;
    tracing::info!(
        application = &*asking.application.name,
        user.name = username,
        with_password,
        "an application signed somebody in"
    );
    let (live, holder) = crowd.find_session(&asking, token.as_str()).await?;
    if holder.seen.user.person != seen.user.person {
        return Err(no_session());
    }
    let wanted = Wanted::of(&query);
    Ok(answer(&asking, token.as_str(), &live, &holder, wanted, StatusCode::CREATED))
}

/// Whoever asks for less than a second wants a session that is none.
fn seconds(asked: i64) -> Duration {
    Duration::from_secs(u64::try_from(asked).unwrap_or_default().max(1))
}

impl Crowd {
    /// The user that an application signs in.
    async fn find_proven(
        &self,
        asking: &Asking,
        username: &str,
        password: Option<&str>,
        with_password: bool,
        address: &str,
    ) -> Result<SeenUser, Failure> {
        let directories = &asking.application.directories;
        let seen = self.store.find_seen_user(directories, &NameKey::of(username)).await?;
        if with_password {
            return Err(not_proven());
        }
        seen.ok_or_else(not_proven)
    }
}

fn not_proven() -> Failure {
    let message = "Name and password do not belong together";
    Failure::new(StatusCode::BAD_REQUEST, Reason::InvalidUserAuthentication, message)
}
