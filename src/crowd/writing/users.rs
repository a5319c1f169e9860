//! `/user`: new, changed and removed accounts.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{
    applying::{about, about_nobody},
    permission::{Writing, forbidden},
    texts::{check_name, invalid, merge_attributes, profile},
};
use crate::{
    crowd::{
        Crowd, Failure, Reason,
        entities::{Links, Shown, write_user},
        given::Given,
        node::Node,
        query::Query,
        sent::SentUser,
    },
    directory::{Change, DirectoryId, InactiveReason, NameKey, PersonId, Profile},
    http::Response,
    provisioning::{plan_account, plan_removal, plan_update},
    store::SeenUser,
};

/// `POST /user`: an account in the first directory that the application may change.
pub(super) async fn create_user(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    Given(node): Given,
) -> Result<Response, Failure> {
    let sent = read(&node)?;
    let directory = crowd.directory_of_newcomers(&writing).await?;
    let profile = profile(&sent)?;
    crowd.require_new_name(&writing, directory, &profile.username, None).await?;
    let password = sent.password.filter(|password| !password.is_empty());
    if let Some(password) = &password {
        let checked = crowd.passwords.check_new(password, &profile.username);
        checked.map_err(|problem| invalid(Reason::InvalidCredential, problem))?;
    }
    let steps = about_nobody(plan_account(&profile, sent.active.unwrap_or(true)));
    crowd.change(&writing, directory, steps, "POST /user").await.map_err(taken_meanwhile)?;
    let made = crowd.find_user(&writing.0, &profile.username).await?;
    if let Some(password) = password {
        crowd.set_password(&writing, &made, &password).await?;
    }
    Ok(answer(&writing, StatusCode::CREATED, &made))
}

/// `PUT /user?username=`: what is not sent is not said any more, whether the account may be used apart.
pub(super) async fn update_user(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let name = query.required("username")?;
    let seen = crowd.find_changeable_user(&writing, name).await?;
    let (user, sent) = (&seen.user, read(&node.named(name))?);
    if NameKey::of(&sent.name) != NameKey::of(&user.profile.username) {
        let message = "The name is another one: a user is renamed by /user/rename";
        return Err(invalid(Reason::InvalidUser, message));
    }
    if sent.active == Some(true) && user.inactive == Some(InactiveReason::AdminBlock) {
        return Err(forbidden("An administrator of the gateway has blocked the account"));
    }
    let mut attributes = user.profile.attributes.clone();
    merge_attributes(&mut attributes, &sent.attributes)?;
    let username = user.profile.username.clone();
    let after = Profile { username, attributes, ..profile(&sent)? };
    let steps = about(user, plan_update(user, after, sent.active));
    crowd.change(&writing, user.directory, steps, "PUT /user").await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /user/rename?username=`: the account keeps everything else.
pub(super) async fn rename_user(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let seen = crowd.find_changeable_user(&writing, query.required("username")?).await?;
    let user = &seen.user;
    let new = new_name(&node).unwrap_or_default();
    check_name(new, Reason::InvalidUser)?;
    if NameKey::of(new) != NameKey::of(&user.profile.username) {
        crowd.require_new_name(&writing, user.directory, new, Some(user.person)).await?;
    }
    let after = Profile { username: new.to_owned(), ..user.profile.clone() };
    let steps = about(user, plan_update(user, after, None));
    let reason = "POST /user/rename";
    crowd.change(&writing, user.directory, steps, reason).await.map_err(taken_meanwhile)?;
    let renamed = crowd.find_user(&writing.0, new).await?;
    Ok(answer(&writing, StatusCode::OK, &renamed))
}

/// `DELETE /user?username=`: the account goes with its memberships, and nobody else gets its name.
pub(super) async fn remove_user(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let seen = crowd.find_changeable_user(&writing, query.required("username")?).await?;
    let memberships = crowd.memberships_of(&seen.user).await?;
    let steps: Vec<Change> = plan_removal(&seen.user, &memberships);
    let steps = about(&seen.user, steps);
    crowd.change(&writing, seen.user.directory, steps, "DELETE /user").await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read(node: &Node) -> Result<SentUser, Failure> {
    let encrypted = node.child("encrypted-password").and_then(|hash| hash.field("value"));
    if encrypted.is_some_and(|hash| !hash.is_empty()) {
        let message = "The gateway takes no password that is encrypted already";
        return Err(invalid(Reason::InvalidCredential, message));
    }
    SentUser::read(node).map_err(|failure| Failure { reason: Reason::InvalidUser, ..failure })
}

/// In an object of its own, or as the text of the element.
fn new_name(node: &Node) -> Option<&str> {
    let bare = node.text.as_deref().filter(|_| node.name == "new-name");
    node.field("new-name").or(node.field("name")).or(bare)
}

fn answer(writing: &Writing, status: StatusCode, seen: &SeenUser) -> Response {
    let links = Links::of(&writing.0);
    writing.0.answer(status, |writer| {
        writer.begin_document("user");
        write_user(writer, &links, seen, Shown { attributes: true });
        writer.end("user");
    })
}

/// Somebody else was quicker.
fn taken_meanwhile(failure: Failure) -> Failure {
    match failure.status {
        StatusCode::CONFLICT => invalid(Reason::InvalidUser, failure.message),
        _ => failure,
    }
}

impl Crowd {
    /// Refuses a name that somebody has, had, or is to have.
    async fn require_new_name(
        &self,
        writing: &Writing,
        directory: DirectoryId,
        name: &str,
        person: Option<PersonId>,
    ) -> Result<(), Failure> {
        let key = NameKey::of(name);
        let directories = &writing.0.application.directories;
        if self.store.find_seen_user(directories, &key).await?.is_some() {
            let message = format!("User <{name}> exists already");
            return Err(invalid(Reason::InvalidUser, message));
        }
        if self.store.is_kept_name(directory, &key, person).await? {
            let message = format!(
                "The name <{name}> is kept for somebody else: an administrator can release it"
            );
            return Err(invalid(Reason::InvalidUser, message));
        }
        Ok(())
    }
}
