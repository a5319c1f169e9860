//! What is read of Okta, a page at a time, and how that is written down.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::cloud::{ConnectorError, Task, trail::Trail};

/// What Okta has changed may become visible so much later. Reading it twice changes nothing.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// So often a page may lead to itself, as one does now and then that comes empty.
const MOST_AGAIN: u8 = 3;

/// What may stand in a path and in a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A list of Okta's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    /// Who has changed since then, or everybody. Unlike without a filter, also who was deactivated.
    Users {
        /// A time of Okta's own clock.
        since: Option<DateTime<Utc>>,
    },
    /// Every group, and then who is in each.
    Groups {
        /// As below.
        people: bool,
    },
    /// Who is in a group. Okta gives whole users.
    Members {
        /// The group's id.
        group: String,
        /// Whether what is said of the users counts: not where another list says it of all of them, for that would be
        /// said again for each of their groups.
        people: bool,
    },
    /// Which groups somebody is in who was activated since the last round. It is not known whether groups list people
    /// who are deactivated, nor whether activating them counts as a change of the groups.
    GroupsOf {
        /// The user's id.
        user: String,
    },
    /// Who is assigned to the application.
    Assigned {
        /// The application's id.
        application: String,
        /// When the last round was; see [`List::GroupsOf`].
        since: Option<DateTime<Utc>>,
    },
    /// The groups that are assigned to the application, and then who is in each.
    AssignedGroups {
        /// The application's id.
        application: String,
    },
}

/// A page of a list that is left to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    /// The list.
    pub list: List,
    /// Path and query of the page.
    pub page: String,
    /// Whether nothing of the list was read before.
    pub first: bool,
    /// How often the page has led to itself.
    again: u8,
    trail: Trail,
    /// When the list was begun, by Okta's own clock.
    pub begun: Option<DateTime<Utc>>,
}

impl Work {
    /// The first page of a list. Of profiles, `fields` are asked for, or all.
    pub(super) fn new(list: List, fields: Option<&str>) -> Self {
        let page = list.address(fields);
        Self { list, page, first: true, again: 0, trail: Trail::default(), begun: None }
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
            List::Members { group, .. } => Some(group.clone()),
            _ => None,
        };
        Task { work: serde_json::to_string(self).unwrap_or_default(), group, fingerprint }
    }

    /// The page that this one leads to, which has things with these ids.
    pub(super) fn follow<'a>(
        &self,
        page: String,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<Self, ConnectorError> {
        let mut trail = self.trail;
        let again = if page == self.page { self.again + 1 } else { 0 };
        if again > MOST_AGAIN || (again == 0 && trail.is_circle(&page, ids)) {
            return Err(ConnectorError::Loop(self.list.what().to_owned()));
        }
        Ok(Self { page, first: false, again, trail, ..self.clone() })
    }
}

impl List {
    /// What reading it is called.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Users { .. } => "users",
            Self::Groups { .. } => "groups",
            Self::Members { .. } => "members of groups",
            Self::GroupsOf { .. } => "groups of users",
            Self::Assigned { .. } => "users of the application",
            Self::AssignedGroups { .. } => "groups of the application",
        }
    }

    /// Whether it is always said which page one is, and so where the list goes on.
    pub(super) fn has_pages(&self) -> bool {
        !matches!(self, Self::GroupsOf { .. })
    }

    /// The scope that it needs.
    pub(super) fn scope(&self) -> &'static str {
        match self {
            Self::Users { .. } => "okta.users.read",
            Self::Groups { .. } | Self::Members { .. } => "okta.groups.read",
            Self::GroupsOf { .. } => "okta.users.read and okta.groups.read",
            Self::Assigned { .. } | Self::AssignedGroups { .. } => "okta.apps.read",
        }
    }

    fn address(&self, fields: Option<&str>) -> String {
        match self {
            Self::Users { since } => {
                let fields = fields.map(|fields| format!("&fields={}", quote(fields)));
                format!(
                    "/api/v1/users?filter={}&limit=200{}",
                    changed_since(*since),
                    fields.unwrap_or_default()
                )
            }
            Self::Groups { .. } => "/api/v1/groups?limit=200".to_owned(),
            Self::Members { group, .. } => {
                format!("/api/v1/groups/{}/users?limit=200", quote(group))
            }
            Self::GroupsOf { user } => format!("/api/v1/users/{}/groups", quote(user)),
            Self::Assigned { application, .. } => {
                format!("/api/v1/apps/{}/users?expand=user&limit=200", quote(application))
            }
            Self::AssignedGroups { application } => {
                format!("/api/v1/apps/{}/groups?expand=group&limit=200", quote(application))
            }
        }
    }
}

/// A filter asks what is there, while a search asks an index, which may be minutes behind; and it finds who was deactivated,
/// which a list without one does not.
fn changed_since(since: Option<DateTime<Utc>>) -> String {
    let since = since.map_or(DateTime::UNIX_EPOCH, with_overlap);
    quote(&format!("lastUpdated gt \"{}\"", since.to_rfc3339_opts(SecondsFormat::Millis, true)))
}

/// From when on changes are read, so that none is missed.
pub(super) fn with_overlap(since: DateTime<Utc>) -> DateTime<Utc> {
    since - OVERLAP
}

/// A text as part of a path or a query.
pub(super) fn quote(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_task_is_the_same_work_again_and_names_its_group() {
        let list = List::Members { group: "00g1".to_owned(), people: true };
        let work = Work::new(list, None);
        let task = work.task(Some("2026-11-26T10:00:00.000Z".to_owned()));
        assert_eq!(Work::of(&task).unwrap(), work);
        assert_eq!(task.group.as_deref(), Some("00g1"));
        assert_eq!(work.page, "/api/v1/groups/00g1/users?limit=200");
        let task = Task { work: "{\"list\":\"all\"}".to_owned(), group: None, fingerprint: None };
        assert!(matches!(Work::of(&task), Err(ConnectorError::Restart(_))));
    }

    #[test]
    fn changes_are_read_from_five_minutes_before_and_with_a_filter() {
        let since = Some(at("2026-11-26T10:00:00Z"));
        assert_eq!(
            Work::new(List::Users { since }, Some("id,profile:(login)")).page,
            "/api/v1/users?filter=lastUpdated%20gt%20%222026-11-26T09%3A55%3A00.000Z%22&limit=200\
             &fields=id%2Cprofile%3A%28login%29",
        );
        let everybody = Work::new(List::Users { since: None }, None).page;
        assert!(everybody.contains("%221970-01-01T00%3A00%3A00.000Z%22"), "{everybody}");
    }

    #[test]
    fn a_page_that_leads_to_itself_is_a_loop() {
        let first = Work::new(List::Groups { people: false }, None);
        let ids = || ["00g1"].into_iter();
        let page = || "/api/v1/groups?after=x&limit=200".to_owned();
        let second = first.follow(page(), ids()).unwrap();
        assert_eq!((second.list.clone(), second.first), (first.list, false));
        let mut again = second;
        for _ in 0..MOST_AGAIN {
            again = again.follow(page(), ids()).unwrap();
        }
        let looped = Err(ConnectorError::Loop("groups".to_owned()));
        assert_eq!(again.follow(page(), ids()), looped);
    }

    #[test]
    fn an_id_stays_a_part_of_the_path() {
        let page = Work::new(List::GroupsOf { user: "../x?y".to_owned() }, None).page;
        assert_eq!(page, "/api/v1/users/..%2Fx%3Fy/groups");
    }
}
