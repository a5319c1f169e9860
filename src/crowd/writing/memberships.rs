//! `/user/group/direct` and `/group/user/direct`: who is in which group, from either side.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{
    applying::{about, about_nobody},
    permission::{Writing, forbidden},
};
use crate::{
    crowd::{
        Crowd, Failure, Reason, authentication::as_bad_request, given::Given, query::Query, sent,
    },
    directory::{Change, NameKey, User},
    http::Response,
    store::SeenGroup,
};

/// `POST /user/group/direct?username=`, with the group.
pub(super) async fn join_group(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let user = crowd.find_changeable_user(&writing, query.required("username")?).await?.user;
    let group = crowd.find_group(&writing.0, &sent::name(&node)?).await.map_err(as_bad_request)?;
    crowd.add_membership(&writing, &user, &group).await
}

/// `DELETE /user/group/direct?username=&groupname=`
pub(super) async fn leave_group(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let user = crowd.find_changeable_user(&writing, query.required("username")?).await?.user;
    let group = crowd.find_group(&writing.0, query.required("groupname")?).await?;
    crowd.remove_membership(&writing, &user, &group).await
}

/// `POST /group/user/direct?groupname=`, with the user.
pub(super) async fn add_member(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let group = crowd.find_group(&writing.0, query.required("groupname")?).await?;
    let user = crowd.find_changeable_user(&writing, &sent::name(&node)?).await;
    crowd.add_membership(&writing, &user.map_err(as_bad_request)?.user, &group).await
}

/// `DELETE /group/user/direct?groupname=&username=`
pub(super) async fn remove_member(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let group = crowd.find_group(&writing.0, query.required("groupname")?).await?;
    let user = crowd.find_changeable_user(&writing, query.required("username")?).await?.user;
    crowd.remove_membership(&writing, &user, &group).await
}

impl Crowd {
    /// Group and source of an account's direct memberships.
    pub(super) async fn memberships_of(
        &self,
        user: &User,
    ) -> Result<Vec<(String, String)>, Failure> {
        Ok(self.store.list_memberships(user.id).await?)
    }

    /// By whose word an account is directly in a group.
    async fn sources_of(&self, user: &User, group: &SeenGroup) -> Result<Vec<String>, Failure> {
        let key = NameKey::of(&group.name);
        let memberships = self.memberships_of(user).await?.into_iter();
        let here = memberships.filter(|(group, _)| NameKey::of(group) == key);
        Ok(here.map(|(_, source)| source).collect())
    }

    /// Puts an account into the group of that name in its directory, which is made if only others have one.
    async fn add_membership(
        &self,
        writing: &Writing,
        user: &User,
        group: &SeenGroup,
    ) -> Result<Response, Failure> {
        if !self.sources_of(user, group).await?.is_empty() {
            let name = &user.profile.username;
            let message = format!("User <{name}> is in group <{}> already", group.name);
            let status = StatusCode::CONFLICT;
            return Err(Failure::new(status, Reason::MembershipAlreadyExists, message));
        }
        self.require_unprotected_group(writing, &group.name).await?;
        let key = NameKey::of(&group.name);
        let here = self.store.list_groups_around(user.directory, &key).await?;
        let name = group.name.clone();
        let make = here.is_empty().then(|| Change::CreateGroup { group: name.clone() });
        let mut steps = about_nobody(make.into_iter().collect());
        let join = Change::AddMembership { group: name, source: writing.source() };
        steps.extend(about(user, vec![join]));
        self.change(writing, user.directory, steps, "a membership begins").await?;
        Ok(StatusCode::CREATED.into_response())
    }

    /// Takes an account out of a group that the application has put it into.
    async fn remove_membership(
        &self,
        writing: &Writing,
        user: &User,
        group: &SeenGroup,
    ) -> Result<Response, Failure> {
        let (name, source) = (&user.profile.username, writing.source());
        let sources = self.sources_of(user, group).await?;
        if sources.is_empty() {
            let message = format!("User <{name}> is not in group <{}>", group.name);
            let status = StatusCode::NOT_FOUND;
            return Err(Failure::new(status, Reason::MembershipNotFound, message));
        }
        if let Some(other) = sources.iter().find(|other| **other != source) {
            let message = format!("User <{name}> is in group <{}> by {other}", group.name);
            return Err(forbidden(message));
        }
        self.require_unprotected_group(writing, &group.name).await?;
        let leave = Change::RemoveMembership { group: group.name.clone(), source };
        let steps = about(user, vec![leave]);
        self.change(writing, user.directory, steps, "a membership ends").await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}
