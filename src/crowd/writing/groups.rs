//! `/group`: new, described and removed groups.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{
    applying::about_nobody,
    attributes::require_no_attributes,
    permission::{Writing, forbidden},
    texts::{check_name, description, invalid},
};
use crate::{
    crowd::{
        Crowd, Failure, Reason,
        entities::{Links, Shown, write_group},
        given::Given,
        node::Node,
        query::Query,
        sent::SentGroup,
    },
    directory::{Change, NameKey},
    http::Response,
    provisioning::plan_group_removal,
    store::{GroupListing, Nesting, Step},
};

/// `POST /group`: a group in the first directory that the application may change.
pub(super) async fn create_group(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    Given(node): Given,
) -> Result<Response, Failure> {
    let sent = read(&node)?;
    let directory = crowd.directory_of_newcomers(&writing).await?;
    check_name(&sent.name, Reason::InvalidGroup)?;
    let directories = &writing.0.application.directories;
    if crowd.store.find_seen_group(directories, &NameKey::of(&sent.name)).await?.is_some() {
        let message = format!("Group <{}> exists already", sent.name);
        return Err(invalid(Reason::InvalidGroup, message));
    }
    crowd.require_unprotected_group(&writing, &sent.name).await?;
    let group = sent.name.clone();
    let mut changes = vec![Change::CreateGroup { group: group.clone() }];
    let after = description(sent.description.as_deref())?;
    if after.is_some() {
        changes.push(Change::DescribeGroup { group, before: None, after });
    }
    crowd.change(&writing, directory, about_nobody(changes), "POST /group").await?;
    crowd.answer_group(&writing, StatusCode::CREATED, &sent.name).await
}

/// `PUT /group?groupname=`: its description.
pub(super) async fn update_group(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let name = query.required("groupname")?;
    let groups = crowd.find_changeable_groups(&writing, name).await?;
    let sent = read(&node.named(name))?;
    if NameKey::of(&sent.name) != NameKey::of(name) {
        return Err(invalid(Reason::InvalidGroup, "The name is another one: groups keep theirs"));
    }
    let after = description(sent.description.as_deref())?;
    if let Some(first) = groups.first().filter(|group| group.description != after) {
        let (group, before) = (first.name.clone(), first.description.clone());
        let steps = about_nobody(vec![Change::DescribeGroup { group, before, after }]);
        crowd.change(&writing, first.directory, steps, "PUT /group").await?;
    }
    crowd.answer_group(&writing, StatusCode::OK, name).await
}

/// `DELETE /group?groupname=`: with the memberships that the application gave. One with others stays.
pub(super) async fn remove_group(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let groups = crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    let mut plans = Vec::with_capacity(groups.len());
    for group in &groups {
        plans.push((group.directory, crowd.plan_group_removal(&writing, group).await?));
    }
    for (directory, steps) in plans {
        crowd.change(&writing, directory, steps, "DELETE /group").await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the gateway's groups can be.
fn read(node: &Node) -> Result<SentGroup, Failure> {
    let sent = SentGroup::read(node);
    let sent = sent.map_err(|failure| Failure { reason: Reason::InvalidGroup, ..failure })?;
    if sent.active == Some(false) {
        return Err(invalid(Reason::InvalidGroup, "The gateway's groups are always active"));
    }
    if node.field("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("GROUP")) {
        return Err(invalid(Reason::InvalidGroup, "The gateway has groups of the type GROUP only"));
    }
    require_no_attributes(&sent.attributes)?;
    Ok(sent)
}

impl Crowd {
    /// A group goes, after what the application has put into it.
    async fn plan_group_removal(
        &self,
        writing: &Writing,
        group: &GroupListing,
    ) -> Result<Vec<Step>, Failure> {
        let source = writing.source();
        let others =
            |by: &str| forbidden(format!("Group <{}> is in use by the word of {by}", group.name));
        let mut steps = Vec::new();
        for member in self.store.list_members(group.id).await? {
            if member.source != source {
                return Err(others(&member.source));
            }
            if self.is_protected_person(writing, member.person).await? {
                return Err(forbidden(format!("User <{}> is protected", member.username)));
            }
            let (person, user) = (Some(member.person), Some(member.user));
            let (group, source) = (group.name.clone(), member.source);
            steps.push(Step { person, user, change: Change::RemoveMembership { group, source } });
        }
        let mut changes = Vec::new();
        for Nesting { parent, child, source: by } in self.store.list_nestings(group.id).await? {
            if by != source {
                return Err(others(&by));
            }
            changes.push(Change::RemoveNesting { parent, child, source: by });
        }
        changes.extend(plan_group_removal(&group.name, group.description.as_deref()));
        steps.extend(about_nobody(changes));
        Ok(steps)
    }

    async fn answer_group(
        &self,
        writing: &Writing,
        status: StatusCode,
        name: &str,
    ) -> Result<Response, Failure> {
        let (group, links) = (self.find_group(&writing.0, name).await?, Links::of(&writing.0));
        Ok(writing.0.answer(status, |writer| {
            writer.begin_document("group");
            write_group(writer, &links, &group, Shown { attributes: true });
            writer.end("group");
        }))
    }
}
