//! `/group/child-group/direct` and `/group/parent-group/direct`: groups in groups, from either side.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{
    applying::about_nobody,
    permission::{Writing, forbidden},
    texts::invalid,
};
use crate::{
    crowd::{
        Crowd, Failure, Reason, authentication::as_bad_request, given::Given, query::Query, sent,
    },
    directory::{Change, NameKey},
    http::Response,
    store::GroupListing,
};

/// `POST /group/child-group/direct?groupname=`, with the child.
pub(super) async fn add_child(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let parents = crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    let children = crowd.find_changeable_groups(&writing, &sent::name(&node)?).await;
    crowd.nest(&writing, &parents, &children.map_err(as_bad_request)?).await
}

/// `POST /group/parent-group/direct?groupname=`, with the parent.
pub(super) async fn add_parent(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let children = crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    let parents = crowd.find_changeable_groups(&writing, &sent::name(&node)?).await;
    crowd.nest(&writing, &parents.map_err(as_bad_request)?, &children).await
}

/// `DELETE /group/child-group/direct?groupname=&child-groupname=`
pub(super) async fn remove_child(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let parents = crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    let child = query.required("child-groupname")?;
    let children = crowd.find_changeable_groups(&writing, child).await?;
    crowd.unnest(&writing, &parents, &children).await
}

/// `DELETE /group/parent-group/direct?groupname=&parent-groupname=`
pub(super) async fn remove_parent(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let children = crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    let parent = query.required("parent-groupname")?;
    let parents = crowd.find_changeable_groups(&writing, parent).await?;
    crowd.unnest(&writing, &parents, &children).await
}

/// Two groups of these names in one directory: the parent and the child.
fn pair<'g>(
    parents: &'g [GroupListing],
    children: &'g [GroupListing],
) -> Result<(&'g GroupListing, &'g GroupListing), Failure> {
    let child_of =
        |parent: &GroupListing| children.iter().find(|child| child.directory == parent.directory);
    let found = parents.iter().find_map(|parent| Some((parent, child_of(parent)?)));
    found.ok_or_else(|| {
        invalid(Reason::InvalidMembership, "The groups are in different directories")
    })
}

impl Crowd {
    /// By whose word one group is directly in another.
    async fn sources_of_nesting(
        &self,
        parent: &GroupListing,
        child: &GroupListing,
    ) -> Result<Vec<String>, Failure> {
        let nestings = self.store.list_nestings(parent.id).await?.into_iter();
        let key = NameKey::of(&child.name);
        let is_it = |inner: &String| NameKey::of(inner) == key;
        Ok(nestings.filter(|n| is_it(&n.child)).map(|nesting| nesting.source).collect())
    }

    async fn nest(
        &self,
        writing: &Writing,
        parents: &[GroupListing],
        children: &[GroupListing],
    ) -> Result<Response, Failure> {
        let (parent, child) = pair(parents, children)?;
        let key = NameKey::of(&parent.name);
        let around = self.store.list_groups_around(parent.directory, &key).await?;
        if around.iter().any(|name| NameKey::of(name) == NameKey::of(&child.name)) {
            let message = format!("Group <{}> would contain itself", child.name);
            return Err(invalid(Reason::InvalidMembership, message));
        }
        if !self.sources_of_nesting(parent, child).await?.is_empty() {
            let message = format!("Group <{}> is in group <{}> already", child.name, parent.name);
            let status = StatusCode::CONFLICT;
            return Err(Failure::new(status, Reason::MembershipAlreadyExists, message));
        }
        let directory = parent.directory;
        let (parent, child) = (parent.name.clone(), child.name.clone());
        let nest = Change::AddNesting { parent, child, source: writing.source() };
        self.change(writing, directory, about_nobody(vec![nest]), "a nesting begins").await?;
        Ok(StatusCode::CREATED.into_response())
    }

    async fn unnest(
        &self,
        writing: &Writing,
        parents: &[GroupListing],
        children: &[GroupListing],
    ) -> Result<Response, Failure> {
        let (parent, child) = pair(parents, children)?;
        let (source, sources) = (writing.source(), self.sources_of_nesting(parent, child).await?);
        if sources.is_empty() {
            let message = format!("Group <{}> is not in group <{}>", child.name, parent.name);
            let status = StatusCode::NOT_FOUND;
            return Err(Failure::new(status, Reason::MembershipNotFound, message));
        }
        if let Some(other) = sources.iter().find(|other| **other != source) {
            let message =
                format!("Group <{}> is in group <{}> by {other}", child.name, parent.name);
            return Err(forbidden(message));
        }
        let directory = parent.directory;
        let (parent, child) = (parent.name.clone(), child.name.clone());
        let unnest = Change::RemoveNesting { parent, child, source };
        self.change(writing, directory, about_nobody(vec![unnest]), "a nesting ends").await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}
