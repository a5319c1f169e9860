//! What a cloud says of users, groups and who is in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values by the cloud's own names, such as `mail`. `None` says that there is no value any more.
pub type Attributes = BTreeMap<String, Option<Vec<String>>>;

/// The attribute that has a user's roles in the application.
pub const APP_ROLES: &str = "app.roles";

/// One thing that a cloud says. Saying it twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A user is there.
    User(User),
    /// A user is not there any more; what the user was in, they are in no more, whether or not that is said too. Somebody
    /// who comes back is in what they were in before, which may not be said again: so it is better not to count a member
    /// who is not there than to forget them.
    UserGone(String),
    /// A group is there.
    Group(Group),
    /// A group is not there any more.
    GroupGone(String),
    /// Who is in a group, or has left it.
    Members(Members),
}

/// A user, as the cloud knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What never changes, and is never anybody else's.
    pub id: String,
    /// Whether they may work.
    pub standing: Standing,
    /// Whether they belong to another organisation.
    pub guest: Option<bool>,
    /// What else is said of them.
    pub attributes: Attributes,
    /// Whether that is all: what is not among the attributes has no value then; else it is as before.
    pub whole: bool,
}

/// Whether the cloud lets a user work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They may.
    Enabled,
    /// They may not.
    Disabled,
    /// They never could so far, such as users whom Okta has only staged: as if they were not there.
    NotYet,
    /// Nothing was said: as before.
    Unsaid,
}

/// A group, as the cloud knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What never changes.
    pub id: String,
    /// What it is called, if that is said.
    pub name: Option<String>,
    /// What sort of group it is, if that is said.
    pub kind: Option<GroupKind>,
    /// What else is said of it.
    pub attributes: Attributes,
    /// As [`User::whole`].
    pub whole: bool,
}

/// The sorts of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Entra ID: for access.
    Security,
    /// Entra ID: a Microsoft 365 group.
    Microsoft365,
    /// Entra ID: for mail only.
    Distribution,
    /// Okta: made there.
    Okta,
    /// Okta: from an application, such as Active Directory.
    App,
    /// Okta: `Everyone`.
    BuiltIn,
    /// Google.
    Google,
    /// No group: an application, whose members are the users and groups that are assigned to it. Groups in those groups are
    /// not.
    Application,
    /// No group: a role of the application, with its value as name.
    AppRole,
}

/// Who is in a group, or has left it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The group's id.
    pub group: String,
    /// Whether what was known of its members is to be forgotten first: they are said anew from here on.
    pub afresh: bool,
    /// Who is in it.
    pub joined: Vec<Member>,
    /// The ids of who is not any more.
    pub left: Vec<String>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// A user, by id.
    User(String),
    /// A group, by id.
    Group(String),
    /// Everybody in the organisation (Google's `CUSTOMER`).
    Everybody,
}

impl Member {
    /// The id of who it is, if it is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::User(id) | Self::Group(id) => Some(id),
            Self::Everybody => None,
        }
    }
}
