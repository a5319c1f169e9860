//! What administrators change of accounts: each a plan, which can be looked at before and taken back
//! afterwards.

use axum::{
    Json,
    extract::{Path, State},
};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{
    ACTOR, Admin, AdminError, Options,
    directories::find_directory,
    users::{find_user, find_users},
};
use crate::{
    directory::{Change, Identity, Issuer, NameKey, Subject, SubjectKind},
    provisioning::{plan_deactivation, plan_reactivation, plan_removal},
    store::{Edit, Step, UserDetails},
};

/// What an operation changed, or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditView {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The batches, by which the changes can be undone.
    pub batches: Vec<i64>,
    /// The steps, as people read them.
    pub changes: Vec<String>,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

/// An issuer's word for a person.
#[derive(Debug, Deserialize)]
pub(super) struct IdentityBody {
    issuer: String,
    kind: String,
    subject: String,
}

/// Applies plans, one for each account.
pub(super) async fn apply(
    admin: &Admin,
    options: &Options,
    edits: Vec<(UserDetails, Vec<Change>)>,
) -> Result<Json<EditView>, AdminError> {
    let mut view = EditView { dry_run: options.dry_run, ..EditView::default() };
    for (details, changes) in edits {
        let user = &details.user;
        let step = |change| Step { person: Some(user.person), user: Some(user.id), change };
        let steps = changes.into_iter().map(step).collect();
        apply_steps(admin, options, user.directory, steps, &mut view).await?;
    }
    Ok(Json(view))
}

/// Applies one plan, and adds what became of it to a view.
pub(super) async fn apply_steps(
    admin: &Admin,
    options: &Options,
    directory: crate::directory::DirectoryId,
    steps: Vec<Step>,
    view: &mut EditView,
) -> Result<(), AdminError> {
    view.changes.extend(steps.iter().map(|step| step.change.to_string()));
    let reason = options.because.clone();
    let edit = Edit { directory, steps, actor: ACTOR.to_owned(), reason };
    let applied = admin.store.apply_edit(edit, options.dry_run, admin.clock.now()).await?;
    view.batches.extend(applied.batch.filter(|_| !options.dry_run));
    view.ended_sessions += applied.ended_sessions;
    Ok(())
}

/// `PUT /users/{name}/block`: no login brings the account back, and its sessions end.
pub(super) async fn deactivate_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let users = find_users(&admin, &name, &options).await?;
    let plan = |details: UserDetails| {
        let changes = plan_deactivation(&details.user);
        (details, changes)
    };
    let view = apply(&admin, &options, users.into_iter().map(plan).collect()).await?;
    tracing::info!(
        user.name = name,
        dry_run = options.dry_run,
        "an administrator deactivated a user"
    );
    Ok(view)
}

/// `DELETE /users/{name}/block`
pub(super) async fn reactivate_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let users = find_users(&admin, &name, &options).await?;
    let plan = |details: UserDetails| {
        let changes = plan_reactivation(&details.user);
        (details, changes)
    };
    let view = apply(&admin, &options, users.into_iter().map(plan).collect()).await?;
    tracing::info!(
        user.name = name,
        dry_run = options.dry_run,
        "an administrator reactivated a user"
    );
    Ok(view)
}

/// `DELETE /users/{name}`: the account goes, and nobody else gets its name. The person stays known.
pub(super) async fn remove_user(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let details = find_user(&admin, &name, &options).await?;
    let changes = plan_removal(&details.user, &details.memberships);
    let view = apply(&admin, &options, vec![(details, changes)]).await?;
    tracing::info!(user.name = name, dry_run = options.dry_run, "an administrator removed a user");
    Ok(view)
}

fn identity(body: IdentityBody) -> Result<Identity, AdminError> {
    let kind = SubjectKind::from_word(&body.kind).ok_or_else(|| {
        let kinds = "attribute, nameid_persistent, nameid or principal";
        AdminError::BadRequest(format!("{:?} is no kind of subject: say {kinds}", body.kind))
    })?;
    let subject = Subject { kind, value: body.subject };
    Ok(Identity { issuer: Issuer(body.issuer), subject, match_key: None })
}

/// `POST /users/{name}/identities`: the next login by that identity is this person's.
pub(super) async fn link_user(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
    Json(body): Json<IdentityBody>,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let details = find_user(&admin, &name, &options).await?;
    let change = Change::AddIdentity { identity: identity(body)? };
    apply(&admin, &options, vec![(details, vec![change])]).await
}

/// `DELETE /users/{name}/identities`
pub(super) async fn unlink_user(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
    Json(body): Json<IdentityBody>,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let details = find_user(&admin, &name, &options).await?;
    let change = Change::RemoveIdentity { identity: identity(body)? };
    apply(&admin, &options, vec![(details, vec![change])]).await
}

/// `DELETE /names/{name}`: a removed account's name is free for anybody.
pub(super) async fn release_name(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let directory = match &options.directory {
        Some(directory) => find_directory(&admin, directory).await?.id,
        None => admin.targets.default,
    };
    if !admin.store.release_name(directory, &NameKey::of(&name)).await? {
        return Err(AdminError::NotFound(format!("name of a removed user {name:?}")));
    }
    tracing::info!(user.name = name, "an administrator released a name");
    Ok(Json(EditView {
        changes: vec![format!("release the name {name:?}")],
        ..EditView::default()
    }))
}
