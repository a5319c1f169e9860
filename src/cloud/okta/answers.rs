//! What Okta says of users and groups, as its management API writes it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::profile::Taken;
use crate::cloud::{Attributes, ConnectorError, Group, GroupKind, Standing, User, attributes};

/// A user: `developer.okta.com/docs/api/openapi/okta-management`, User.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserAnswer {
    pub id: String,
    status: Option<String>,
    created: Option<DateTime<Utc>>,
    status_changed: Option<DateTime<Utc>>,
    profile: Option<Map<String, Value>>,
}

/// A group: as above, Group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupAnswer {
    pub id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Other than `lastUpdated`, this is also when somebody joined or left.
    pub last_membership_updated: Option<String>,
    profile: Option<Map<String, Value>>,
    source: Option<Value>,
}

/// Somebody's assignment to an application: as above, Application Users.
#[derive(Debug, Deserialize)]
pub(super) struct AssignmentAnswer {
    scope: Option<String>,
    credentials: Option<CredentialsAnswer>,
    #[serde(rename = "_embedded")]
    embedded: Embedded,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsAnswer {
    user_name: Option<String>,
}

/// A group's assignment to an application: as above, Application Groups.
#[derive(Debug, Deserialize)]
pub(super) struct GroupAssignmentAnswer {
    #[serde(rename = "_embedded")]
    embedded: EmbeddedGroup,
}

#[derive(Debug, Deserialize)]
struct Embedded {
    user: UserAnswer,
}

#[derive(Debug, Deserialize)]
struct EmbeddedGroup {
    group: GroupAnswer,
}

/// Whether Okta lets a user of this status in. Who has locked themselves out, or has to change their password, is no less a
/// user for it.
fn standing(status: &str) -> Standing {
    match status {
        "ACTIVE" | "PASSWORD_EXPIRED" | "LOCKED_OUT" | "RECOVERY" | "PROVISIONED" => {
            Standing::Enabled
        }
        "SUSPENDED" | "DEPROVISIONED" => Standing::Disabled,
        "STAGED" => Standing::NotYet,
        _ => Standing::Unsaid,
    }
}

impl UserAnswer {
    /// The user that is meant; none if it was kept back what is known of them.
    fn read(&self, taken: &Taken) -> Option<User> {
        let status = self.status.as_ref()?;
        let mut said = taken.take(self.profile.as_ref()?);
        // What an organisation has added to profiles may have any name, also this one.
        said.insert("status".to_owned(), Some(vec![status.clone()]));
        Some(User {
            id: self.id.clone(),
            standing: standing(status),
            guest: None,
            attributes: said,
            whole: true,
        })
    }

    /// Whether they may work, and could not before this time although they were there already.
    pub(super) fn came_back_since(&self, time: DateTime<Utc>) -> bool {
        let is_enabled = self.status.as_deref().map(standing) == Some(Standing::Enabled);
        let is_old = self.created.is_none_or(|created| created < time);
        is_enabled && is_old && self.status_changed.is_none_or(|changed| changed >= time)
    }
}

impl AssignmentAnswer {
    /// Who is assigned.
    pub(super) fn user(&self) -> &UserAnswer {
        &self.embedded.user
    }
}

impl GroupAssignmentAnswer {
    /// What is assigned.
    pub(super) fn group(self) -> GroupAnswer {
        self.embedded.group
    }
}

/// The users of a page.
pub(super) fn users(answers: &[UserAnswer], taken: &Taken) -> Result<Vec<User>, ConnectorError> {
    unless_blank("users", "okta.users.read", answers.iter().map(|answer| answer.read(taken)))
}

/// The users of a page of assignments, each with what the application calls them.
pub(super) fn assigned(
    answers: &[AssignmentAnswer],
    taken: &Taken,
) -> Result<Vec<User>, ConnectorError> {
    let users = answers.iter().map(|answer| {
        let mut user = answer.embedded.user.read(taken)?;
        let name = answer.credentials.as_ref().and_then(|it| it.user_name.clone());
        attributes::extend("app.userName", name, &mut user.attributes);
        attributes::extend("app.scope", answer.scope.clone(), &mut user.attributes);
        Some(user)
    });
    unless_blank("users", "okta.users.read", users)
}

/// The groups of a page.
pub(super) fn groups<'a>(
    answers: impl IntoIterator<Item = &'a GroupAnswer>,
) -> Result<Vec<Group>, ConnectorError> {
    unless_blank("groups", "okta.groups.read", answers.into_iter().map(GroupAnswer::read))
}

impl GroupAnswer {
    fn read(&self) -> Option<Group> {
        let profile = self.profile.as_ref()?;
        let name = profile.get("name").and_then(Value::as_str)?.to_owned();
        let mut said = Attributes::new();
        for (key, value) in profile {
            attributes::add(key, value, &mut said);
        }
        said.extend(self.kind.clone().map(|kind| ("type".to_owned(), Some(vec![kind]))));
        if let Some(source) = &self.source {
            attributes::add("source", source, &mut said);
        }
        let kind = match self.kind.as_deref() {
            Some("OKTA_GROUP") => Some(GroupKind::Okta),
            Some("APP_GROUP") => Some(GroupKind::App),
            Some("BUILT_IN") => Some(GroupKind::BuiltIn),
            _ => None,
        };
        Some(Group { id: self.id.clone(), name: Some(name), kind, attributes: said, whole: true })
    }
}

/// All of them, unless what some say has been kept back.
fn unless_blank<T>(
    what: &'static str,
    permission: &'static str,
    read: impl Iterator<Item = Option<T>>,
) -> Result<Vec<T>, ConnectorError> {
    let all: Vec<_> = read.collect();
    match all.iter().filter(|one| one.is_none()).count() {
        0 => Ok(all.into_iter().flatten().collect()),
        count => Err(ConnectorError::Blank { what, count, permission }),
    }
}

#[cfg(test)]
mod tests;
