//! `/user/password` and what else is about passwords.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{permission::Writing, texts::invalid};
use crate::{
    crowd::{Crowd, Failure, Reason, given::Given, query::Query, sent},
    http::Response,
    passwords::SetPasswordError,
    store::SeenUser,
};

/// `PUT /user/password?username=`
pub(super) async fn set_password(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let seen = crowd.find_changeable_user(&writing, query.required("username")?).await?;
    let password = sent::password(&node).unwrap_or_default();
    crowd.set_password(&writing, &seen, &password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /user/password?username=`: whether there was one or not.
pub(super) async fn remove_password(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let seen = crowd.find_changeable_user(&writing, query.required("username")?).await?;
    let (application, name) = (&writing.0.application.name, &seen.user.profile.username);
    if crowd.passwords.remove(&seen.user).await?.is_some() {
        tracing::info!(%application, user.name = name, "an application removed a password");
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /user/mail/password?username=`: a link for a new password. Nobody would get it.
pub(super) async fn mail_password(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    crowd.find_changeable_user(&writing, query.required("username")?).await?;
    Err(no_mail())
}

/// `POST /user/mail/usernames?email=`: the names of an address. Nobody would get them.
pub(super) async fn mail_usernames(_: Writing, query: Query) -> Result<Response, Failure> {
    if !query.required("email")?.contains('@') {
        return Err(invalid(Reason::InvalidEmail, "email is no email address"));
    }
    Err(no_mail())
}

fn no_mail() -> Failure {
    let message = "The gateway sends no mail: its administrator sets passwords";
    Failure::new(StatusCode::NOT_IMPLEMENTED, Reason::UnsupportedOperation, message)
}

/// `POST /user/expire-all-passwords?confirm=true`: nobody gets in before their password is set anew, apart from
/// accounts for emergencies.
pub(super) async fn expire_all_passwords(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    if query.says("confirm") != Some(true) {
        return Err(Failure::illegal("Say confirm=true if all passwords are meant"));
    }
    let directories = crowd.directories_of_passwords(&writing).await?;
    let passwords = crowd.passwords.expire_all(&directories).await?;
    let application = &writing.0.application.name;
    tracing::warn!(%application, passwords, "an application has had all passwords expire");
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Crowd {
    /// Gives a user a password.
    pub(super) async fn set_password(
        &self,
        writing: &Writing,
        seen: &SeenUser,
        password: &str,
    ) -> Result<(), Failure> {
        let (application, name) = (&writing.0.application.name, &seen.user.profile.username);
        match self.passwords.set(&seen.user, password, false).await {
            Ok(ended_sessions) => {
                tracing::info!(%application, user.name = name, ended_sessions, "an application set a password");
                Ok(())
            }
            Err(error @ SetPasswordError::Problem(_)) => {
                Err(invalid(Reason::InvalidCredential, error))
            }
            Err(error @ SetPasswordError::Busy) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Err(Failure::new(status, Reason::OperationFailed, error.to_string()))
            }
            Err(error) => Err(Failure::internal(error)),
        }
    }
}
