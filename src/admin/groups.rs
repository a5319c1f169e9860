//! Groups and their members.

use axum::{
    Json,
    extract::{Path, State},
};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{
    Admin, AdminError, EditView, Options,
    directories::{find_directory, find_writable_directory},
    edits::{apply, apply_steps},
    users::find_user,
};
use crate::{
    directory::{Change, NameKey},
    provisioning::{plan_group_removal, plan_joining, plan_leaving, plan_nesting, plan_unnesting},
    store::{GroupListing, Nesting, Step},
};

/// A group as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// How many users are in it directly.
    pub members: i64,
    /// Who they are, if one group was asked for.
    pub listed: Vec<MemberView>,
    /// The groups directly inside it and around it, if one group was asked for.
    pub nestings: Vec<NestingView>,
}

/// A group inside another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestingView {
    /// The group that gets members.
    pub parent: String,
    /// The group whose members they are.
    pub child: String,
    /// Who says so.
    pub source: String,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// The account's name.
    pub username: String,
    /// Who says so.
    pub source: String,
}

impl From<GroupListing> for GroupView {
    fn from(group: GroupListing) -> Self {
        let GroupListing { name, directory_name: directory, members, .. } = group;
        Self { name, directory, members, listed: Vec::new(), nestings: Vec::new() }
    }
}

/// `GET /groups?limit=…`
pub(super) async fn list_groups(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<GroupView>>, AdminError> {
    let groups = admin.store.list_groups(None, Options::of(&uri)?.limit).await?;
    Ok(Json(groups.into_iter().map(GroupView::from).collect()))
}

/// `GET /groups/{name}`: with its members.
pub(super) async fn show_groups(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Vec<GroupView>>, AdminError> {
    let mut views = Vec::new();
    for group in find_groups(&admin, &name, &Options::of(&uri)?).await? {
        let members = admin.store.list_members(group.id).await?;
        let member =
            |m: crate::store::Member| MemberView { username: m.username, source: m.source };
        let listed = members.into_iter().map(member).collect();
        let nestings = admin.store.list_nestings(group.id).await?;
        let nestings = nestings.into_iter().map(NestingView::from).collect();
        views.push(GroupView { listed, nestings, ..group.into() });
    }
    Ok(Json(views))
}

/// The groups of that name; at least one.
async fn find_groups(
    admin: &Admin,
    name: &str,
    options: &Options,
) -> Result<Vec<GroupListing>, AdminError> {
    let mut groups = admin.store.list_groups(Some(&NameKey::of(name)), options.limit).await?;
    if let Some(directory) = &options.directory {
        let directory = find_directory(admin, directory).await?.id;
        groups.retain(|group| group.directory == directory);
    }
    if groups.is_empty() {
        return Err(AdminError::NotFound(format!("group {name:?}")));
    }
    Ok(groups)
}

/// The one group of that name.
async fn find_group(
    admin: &Admin,
    name: &str,
    options: &Options,
) -> Result<GroupListing, AdminError> {
    let mut groups = find_groups(admin, name, options).await?;
    if groups.len() > 1 {
        let problem =
            format!("several directories have a group {name:?}: say which with --directory");
        return Err(AdminError::BadRequest(problem));
    }
    Ok(groups.remove(0))
}

/// `PUT /groups/{name}`
pub(super) async fn create_group(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    if name.trim() != name || name.is_empty() || name.contains(char::is_control) {
        return Err(AdminError::BadRequest(format!("{name:?} cannot be the name of a group")));
    }
    let directory = match &options.directory {
        Some(directory) => find_writable_directory(&admin, directory).await?.id,
        None => admin.targets.default,
    };
    let step = Step { person: None, user: None, change: Change::CreateGroup { group: name } };
    let mut view = EditView { dry_run: options.dry_run, ..EditView::default() };
    apply_steps(&admin, &options, directory, vec![step], &mut view).await?;
    Ok(Json(view))
}

/// `DELETE /groups/{name}`: its members leave it first, so that undoing brings all of it back.
pub(super) async fn remove_group(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let group = find_group(&admin, &name, &options).await?;
    let members = admin.store.list_members(group.id).await?;
    let leave = members.into_iter().map(|member| Step {
        person: Some(member.person),
        user: Some(member.user),
        change: Change::RemoveMembership { group: group.name.clone(), source: member.source },
    });
    let nestings = admin.store.list_nestings(group.id).await?.into_iter().map(|nesting| {
        let Nesting { parent, child, source } = nesting;
        let change = Change::RemoveNesting { parent, child, source };
        Step { person: None, user: None, change }
    });
    let removal = plan_group_removal(&group.name, group.description.as_deref());
    let removal = removal.into_iter().map(|change| Step { person: None, user: None, change });
    let steps = leave.chain(nestings).chain(removal).collect();
    let mut view = EditView { dry_run: options.dry_run, ..EditView::default() };
    apply_steps(&admin, &options, group.directory, steps, &mut view).await?;
    Ok(Json(view))
}

impl From<Nesting> for NestingView {
    fn from(Nesting { parent, child, source }: Nesting) -> Self {
        Self { parent, child, source }
    }
}

/// `PUT /groups/{name}/groups/{child}`: the child's members are the group's too.
pub(super) async fn nest_group(
    State(admin): State<Admin>,
    Path((parent, child)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    change_nesting(&admin, &uri, &parent, &child, plan_nesting).await
}

/// `DELETE /groups/{name}/groups/{child}`
pub(super) async fn unnest_group(
    State(admin): State<Admin>,
    Path((parent, child)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    change_nesting(&admin, &uri, &parent, &child, plan_unnesting).await
}

async fn change_nesting(
    admin: &Admin,
    uri: &Uri,
    parent: &str,
    child: &str,
    plan: impl Fn(&str, &str) -> Change,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(uri)?;
    let parent = find_group(admin, parent, &options).await?;
    let child = find_group(admin, child, &options).await?;
    let step = Step { person: None, user: None, change: plan(&parent.name, &child.name) };
    let mut view = EditView { dry_run: options.dry_run, ..EditView::default() };
    apply_steps(admin, &options, parent.directory, vec![step], &mut view).await?;
    Ok(Json(view))
}

/// `PUT /groups/{name}/members/{user}`
pub(super) async fn add_member(
    State(admin): State<Admin>,
    Path((group, user)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let details = find_user(&admin, &user, &options).await?;
    let group = find_group(&admin, &group, &options).await?;
    apply(&admin, &options, vec![(details, vec![plan_joining(&group.name)])]).await
}

/// `DELETE /groups/{name}/members/{user}`
pub(super) async fn remove_member(
    State(admin): State<Admin>,
    Path((group, user)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let details = find_user(&admin, &user, &options).await?;
    let group = find_group(&admin, &group, &options).await?;
    apply(&admin, &options, vec![(details, vec![plan_leaving(&group.name)])]).await
}
