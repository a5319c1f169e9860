//! `/user`: one user, and what belongs to them.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_attributes_document, write_user},
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

/// `GET /user/attribute?username=`.
pub(super) async fn list_attributes(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let user = crowd.find_user(&asking, query.required("username")?).await?;
    let profile = &user.user.profile;
    let (links, place) = (Links::of(&asking), "/user/attribute?username=");
    Ok(asking.answer(StatusCode::OK, |writer| {
        write_attributes_document(writer, &links, place, &profile.username, &profile.attributes);
    }))
}

/// `GET /user/avatar?username=`: nobody has one.
pub(super) async fn show_avatar(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<StatusCode, Failure> {
    crowd.find_user(&asking, query.required("username")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Crowd {
    /// The user that the application knows by this name, in whichever case.
    pub(super) async fn find_user(&self, asking: &Asking, name: &str) -> Result<SeenUser, Failure> {
        let directories = &asking.application.directories;
        let found = self.store.find_seen_user(directories, &NameKey::of(name)).await?;
        let found = found.ok_or_else(|| Failure::no_user(name))?;
        self.copies.asked_for(&asking.application, &found);
        Ok(found)
    }

    /// The user that the application knows by this key.
    async fn find_user_by_key(&self, asking: &Asking, key: &str) -> Result<SeenUser, Failure> {
        let directories = &asking.application.directories;
        let found = self.store.find_seen_user_by_key(directories, key).await?;
        found.ok_or_else(|| Failure::no_user(key))
    }
}
