//! `/authentication`: whether a password is somebody's.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_user},
    failure::{Failure, Reason},
    given::Given,
    query::Query,
    sent,
};
use crate::{http::Response, passwords::Verdict, store::SeenUser};

/// `POST /authentication?username=`, with the password.
pub(super) async fn authenticate(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let password = sent::password(&node).unwrap_or_default();
    let user = crowd.authenticate(&asking, query.required("username")?, &password).await?;
    let (links, shown) = (Links::of(&asking), Shown::of(&query));
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("user");
        write_user(writer, &links, &user, shown);
        writer.end("user");
    }))
}

impl Crowd {
    /// The user of this name, if the account may be used and this is the password. What is wrong is always 400:
    /// clients take everything else for a fault of the gateway's.
    pub(super) async fn authenticate(
        &self,
        asking: &Asking,
        name: &str,
        password: &str,
    ) -> Result<SeenUser, Failure> {
        let seen = self.find_user(asking, name).await.map_err(as_bad_request)?;
        let verdict = self.passwords.check(&seen.user, password, Some(asking.peer)).await?;
        if verdict != Verdict::Right {
            let application = &asking.application.name;
            tracing::info!(%application, user.name = name, ?verdict, "password refused");
        }
        let refuse =
            |reason, message: String| Failure::new(StatusCode::BAD_REQUEST, reason, message);
        match verdict {
            Verdict::Right => Ok(seen),
            Verdict::Inactive => {
                let message = format!("Account with name <{name}> is inactive");
                Err(refuse(Reason::InactiveAccount, message))
            }
            Verdict::Expired => {
                let message = format!("The password of <{name}> has expired");
                Err(refuse(Reason::ExpiredCredential, message))
            }
            Verdict::Wrong | Verdict::NoPassword | Verdict::LockedUntil(_) => {
                let message = format!("Failed to authenticate <{name}>: the password is not right");
                Err(refuse(Reason::InvalidUserAuthentication, message))
            }
            Verdict::Busy => {
                let message = "Too many passwords are being checked; try again";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Err(Failure::new(status, Reason::OperationFailed, message))
            }
        }
    }
}

/// What is not there, where it is not the resource itself.
pub(super) fn as_bad_request(failure: Failure) -> Failure {
    match failure.status {
        StatusCode::NOT_FOUND => Failure { status: StatusCode::BAD_REQUEST, ..failure },
        _ => failure,
    }
}
