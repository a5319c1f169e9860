//! What is read of Google, a page at a time, and how that is written down.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::cloud::{ConnectorError, Task, trail::Trail};

/// So often a page may lead to itself, as one does now and then that comes empty.
const MOST_AGAIN: u8 = 3;

/// What may stand in a path and in a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A list of Google's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    /// Everybody.
    Users,
    /// Every group, and then who is in each.
    Groups,
    /// Who is in a group, by its id.
    Members(String),
    /// The groups that somebody, or a group, is in.
    GroupsOf(String),
}

/// A page of a list that is left to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    /// The list.
    pub list: List,
    /// What names the page; none for the first.
    pub token: Option<String>,
    /// How often the page has led to itself.
    again: u8,
    trail: Trail,
}

/// What is asked with each list.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The customer whose directory it is.
    pub customer: String,
    /// The custom schemas that are wanted.
    pub schemas: Vec<String>,
}

impl Work {
    /// The first page of a list.
    pub(super) fn new(list: List) -> Self {
        Self { list, token: None, again: 0, trail: Trail::default() }
    }

    /// Reads a task again.
    pub(super) fn of(task: &Task) -> Result<Self, ConnectorError> {
        // Another version of the gateway may have written it.
        serde_json::from_str(&task.work).map_err(|_| {
            ConnectorError::Restart("a task that this version does not know".to_owned())
        })
    }

    /// Writes it down, for a group with this fingerprint.
    pub(super) fn task(&self, fingerprint: Option<String>) -> Task {
        let group = match &self.list {
            List::Members(group) => Some(group.clone()),
            _ => None,
        };
        Task { work: serde_json::to_string(self).unwrap_or_default(), group, fingerprint }
    }

    /// Whether nothing of the list was read yet.
    pub(super) fn is_first(&self) -> bool {
        self.token.is_none()
    }

    /// The page that this one leads to, which has things with these ids.
    pub(super) fn follow<'a>(
        &self,
        token: String,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<Self, ConnectorError> {
        let mut trail = self.trail;
        let again = if self.token.as_ref() == Some(&token) { self.again + 1 } else { 0 };
        if again > MOST_AGAIN || (again == 0 && trail.is_circle(&token, ids)) {
            return Err(ConnectorError::Loop(self.list.what().to_owned()));
        }
        Ok(Self { list: self.list.clone(), token: Some(token), again, trail })
    }

    /// Path and query of the page. All parameters have to be the same for each page of a list.
    pub(super) fn address(&self, question: &Question) -> String {
        let mut address = self.list.address(question);
        if let Some(token) = &self.token {
            address.push_str("&pageToken=");
            address.push_str(&quote(token));
        }
        address
    }
}

impl List {
    /// What reading it is called.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Members(_) => "members of groups",
            Self::GroupsOf(_) => "groups of users",
        }
    }

    /// What its pages say that they are.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Users => "admin#directory#users",
            Self::Groups | Self::GroupsOf(_) => "admin#directory#groups",
            Self::Members(_) => "admin#directory#members",
        }
    }

    /// The scope that it needs.
    pub(super) fn scope(&self) -> &'static str {
        match self {
            Self::Users => "https://www.googleapis.com/auth/admin.directory.user.readonly",
            Self::Groups | Self::GroupsOf(_) => {
                "https://www.googleapis.com/auth/admin.directory.group.readonly"
            }
            Self::Members(_) => {
                "https://www.googleapis.com/auth/admin.directory.group.member.readonly"
            }
        }
    }

    fn address(&self, question: &Question) -> String {
        match self {
            Self::Users => question.users(500),
            Self::Groups => question.groups(200),
            Self::Members(group) => format!(
                "/admin/directory/v1/groups/{}/members?maxResults=200&fields={}",
                quote(group),
                quote("kind,nextPageToken,members(id,type)"),
            ),
            Self::GroupsOf(member) => format!(
                "/admin/directory/v1/groups?userKey={}&maxResults=200&fields={}",
                quote(member),
                quote("kind,nextPageToken,groups(id)"),
            ),
        }
    }
}

const GROUP_FIELDS: &str = "id,email,name,description,aliases,directMembersCount,etag";

impl Question {
    /// Path and query of so many users.
    pub(super) fn users(&self, count: u32) -> String {
        format!(
            "/admin/directory/v1/users?customer={}&maxResults={count}{}&fields={}",
            quote(&self.customer),
            self.projection(),
            quote(&format!("kind,nextPageToken,users({})", self.user_fields())),
        )
    }

    /// Path and query of so many groups.
    pub(super) fn groups(&self, count: u32) -> String {
        format!(
            "/admin/directory/v1/groups?customer={}&maxResults={count}&fields={}",
            quote(&self.customer),
            quote(&format!("kind,nextPageToken,groups({GROUP_FIELDS})")),
        )
    }

    /// Path and query of one user.
    pub(super) fn user(&self, id: &str) -> String {
        let projection = self.projection().replacen('&', "?", 1);
        format!(
            "/admin/directory/v1/users/{}{projection}&fields={}",
            quote(id),
            quote(&self.user_fields())
        )
    }

    /// Path and query of one group.
    pub(super) fn group(id: &str) -> String {
        format!("/admin/directory/v1/groups/{}?fields={}", quote(id), quote(GROUP_FIELDS))
    }

    fn projection(&self) -> String {
        if self.schemas.is_empty() {
            return "&projection=basic".to_owned();
        }
        format!("&projection=custom&customFieldMask={}", quote(&self.schemas.join(",")))
    }

    fn user_fields(&self) -> String {
        let schemas = if self.schemas.is_empty() { "" } else { ",customSchemas" };
        format!(
            "id,primaryEmail,name,suspended,archived,isGuestUser,orgUnitPath,aliases,emails,externalIds,organizations,relations{schemas}"
        )
    }
}

/// A text as part of a path or a query.
pub(super) fn quote(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(schemas: &[&str]) -> Question {
        let schemas = schemas.iter().map(|schema| (*schema).to_owned()).collect();
        Question { customer: "my_customer".to_owned(), schemas }
    }

    #[test]
    fn a_task_is_the_same_work_again_and_names_its_group() {
        let work = Work::new(List::Members("01g".to_owned()))
            .follow("a/b".to_owned(), ["1"].into_iter())
            .unwrap();
        let task = work.task(Some("\"etag\" 3".to_owned()));
        assert_eq!(Work::of(&task).unwrap(), work);
        assert_eq!(task.group.as_deref(), Some("01g"));
        let address = work.address(&question(&[]));
        assert_eq!(
            address,
            "/admin/directory/v1/groups/01g/members?maxResults=200\
             &fields=kind%2CnextPageToken%2Cmembers%28id%2Ctype%29&pageToken=a%2Fb"
        );
    }

    #[test]
    fn custom_schemas_are_asked_for_only_if_they_are_wanted() {
        let users = Work::new(List::Users);
        let plain = users.address(&question(&[]));
        assert!(
            plain.contains("&projection=basic&") && !plain.contains("customSchemas"),
            "{plain}"
        );
        let custom = users.address(&question(&["Employee", "Badge"]));
        assert!(
            custom.contains("&projection=custom&customFieldMask=Employee%2CBadge&"),
            "{custom}"
        );
        assert!(custom.contains("customSchemas"), "{custom}");
        assert!(
            question(&[])
                .user("1")
                .starts_with("/admin/directory/v1/users/1?projection=basic&fields=")
        );
    }

    #[test]
    fn a_page_that_leads_to_itself_is_a_loop() {
        let ids = || ["1"].into_iter();
        let second = Work::new(List::Groups).follow("x".to_owned(), ids()).unwrap();
        let mut again = second;
        for _ in 0..MOST_AGAIN {
            again = again.follow("x".to_owned(), ids()).unwrap();
        }
        let looped = Err(ConnectorError::Loop("groups".to_owned()));
        assert_eq!(again.follow("x".to_owned(), ids()), looped);
    }
}
