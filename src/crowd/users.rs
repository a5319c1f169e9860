//! `/user`: one user.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_user},
    failure::Failure,
    query::Query,
};
use crate::{directory::NameKey, http::Response, store::SeenUser};

/// `GET /user?username=` or `?key=`, with `expand=attributes`.
pub(super) async fn show_user(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let user = match query.find("key") {
        Some(key) => crowd.find_user_by_key(&asking, key).await?,
        None => crowd.find_user(&asking, query.required("username")?).await?,
    };
    let (links, shown) = (Links::of(&asking), Shown::of(&query));
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("user");
        write_user(writer, &links, &user, shown);
        writer.end("user");
    }))
}

impl Crowd {
    /// The user that the application knows by this name, in whichever case.
    pub(super) async fn find_user(&self, asking: &Asking, name: &str) -> Result<SeenUser, Failure> {
        let directories = &asking.application.directories;
        let found = self.store.find_seen_user(directories, &NameKey::of(name)).await?;
        found.ok_or_else(|| Failure::no_user(name))
    }

    /// The user that the application knows by this key.
    async fn find_user_by_key(&self, asking: &Asking, key: &str) -> Result<SeenUser, Failure> {
        let directories = &asking.application.directories;
        let found = self.store.find_seen_user_by_key(directories, key).await?;
        found.ok_or_else(|| Failure::no_user(key))
    }
}
