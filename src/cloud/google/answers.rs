//! What Google says of users, groups and members, as its Directory API writes it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cloud::{
    Attributes, ConnectorError, Group, GroupKind, Member, Standing, User, attributes, http::Answer,
};

/// A page of one of the lists; a list of nothing is left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListAnswer {
    kind: String,
    pub users: Vec<UserAnswer>,
    pub groups: Vec<GroupAnswer>,
    pub members: Vec<MemberAnswer>,
    pub next_page_token: Option<String>,
}

/// A user: `developers.google.com/workspace/admin/directory/reference/rest/v1/users`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserAnswer {
    id: String,
    suspended: Option<bool>,
    archived: Option<bool>,
    is_guest_user: Option<bool>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A group: `…/rest/v1/groups`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupAnswer {
    pub id: String,
    name: Option<String>,
    email: Option<String>,
    description: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    /// A number, written as a text.
    direct_members_count: Option<Value>,
    etag: Option<String>,
}

/// A member: `…/rest/v1/members`.
#[derive(Debug, Deserialize)]
pub(super) struct MemberAnswer {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl ListAnswer {
    /// A page of a list of a kind. Anything else in JSON would be a list with nothing on it, which ends here.
    pub(super) fn of(answer: &Answer, kind: &str) -> Result<Self, String> {
        let page: Self = answer.json()?;
        if page.kind == kind { Ok(page) } else { Err(format!("is not {kind}")) }
    }
}

/// The users of a page.
pub(super) fn users(answers: &[UserAnswer]) -> Result<Vec<User>, ConnectorError> {
    let all: Vec<_> = answers.iter().map(UserAnswer::read).collect();
    let count = all.iter().filter(|user| user.is_none()).count();
    let blank = ConnectorError::Blank {
        what: "users",
        count,
        permission: "the privilege to read users, as an administrator",
    };
    if count > 0 { Err(blank) } else { Ok(all.into_iter().flatten().collect()) }
}

impl UserAnswer {
    /// The user that is meant; none if it was kept back what is known of them.
    fn read(&self) -> Option<User> {
        let suspended = self.suspended?;
        self.rest.get("primaryEmail").and_then(Value::as_str)?;
        let standing = if suspended || self.archived == Some(true) {
            Standing::Disabled
        } else {
            Standing::Enabled
        };
        let mut said = Attributes::new();
        for (name, value) in &self.rest {
            add(name, value, &mut said);
        }
        Some(User {
            id: self.id.clone(),
            standing,
            guest: Some(self.is_guest_user.unwrap_or(false)),
            attributes: said,
            whole: true,
        })
    }
}

fn add(name: &str, value: &Value, into: &mut Attributes) {
    match (name, value) {
        ("name", Value::Object(names)) => {
            for (name, value) in names {
                attributes::add(name, value, into);
            }
        }
        ("organizations", Value::Array(items)) => {
            // Somebody may have several: the first is theirs if none is said to be.
            let primary = items.iter().find(|item| item["primary"] == Value::Bool(true));
            if let Some(organization) = primary.or(items.first()) {
                attributes::add(name, organization, into);
            }
        }
        ("externalIds" | "relations", Value::Array(items)) => {
            for item in items {
                add_typed(name, item, into);
            }
        }
        _ => attributes::add(name, value, into),
    }
}

/// What has a type is called after it as well: `externalIds.organization`. People make up types of their own.
fn add_typed(name: &str, item: &Value, into: &mut Attributes) {
    let Some(value) = attributes::of_item(item) else { return };
    let kind = match item["type"].as_str() {
        Some("custom") | None => item["customType"].as_str(),
        kind => kind,
    };
    if let Some(kind) = kind {
        attributes::extend(&format!("{name}.{kind}"), vec![value.clone()], into);
    }
    attributes::extend(name, vec![value], into);
}

/// The groups of a page.
pub(super) fn groups(answers: &[GroupAnswer]) -> Result<Vec<Group>, ConnectorError> {
    let count = answers.iter().filter(|answer| answer.name.is_none()).count();
    if count > 0 {
        let permission = "the privilege to read groups, as an administrator";
        return Err(ConnectorError::Blank { what: "groups", count, permission });
    }
    Ok(answers.iter().map(GroupAnswer::read).collect())
}

impl GroupAnswer {
    fn read(&self) -> Group {
        let mut said = Attributes::new();
        attributes::extend("name", self.name.clone(), &mut said);
        attributes::extend("email", self.email.clone(), &mut said);
        let description = self.description.clone().filter(|text| !text.is_empty());
        attributes::extend("description", description, &mut said);
        attributes::extend("aliases", self.aliases.clone().unwrap_or_default(), &mut said);
        Group {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: Some(GroupKind::Google),
            attributes: said,
            whole: true,
        }
    }

    /// What changes when the number of members does, and perhaps when only they do: Google does not say that the tag
    /// changes with them, so that somebody who takes another's place may not be noticed by it.
    pub(super) fn fingerprint(&self) -> Option<String> {
        let count = self.direct_members_count.as_ref().and_then(attributes::text)?;
        Some(format!("{count} {}", self.etag.as_deref()?))
    }
}

/// The members of a page that the directory knows, and how many others there are.
pub(super) fn members(answers: Vec<MemberAnswer>, nested: bool) -> (Vec<Member>, usize) {
    let (mut known, mut others) = (Vec::new(), 0);
    for answer in answers {
        match (answer.kind.as_deref(), answer.id) {
            (Some("USER"), Some(id)) => known.push(Member::User(id)),
            (Some("GROUP"), Some(id)) => known.extend(nested.then_some(Member::Group(id))),
            (Some("CUSTOMER"), _) => known.push(Member::Everybody),
            _ => others += 1,
        }
    }
    (known, others)
}

#[cfg(test)]
mod tests;
