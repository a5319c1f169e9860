//! What tasks are made of.

use serde::{Deserialize, Serialize};

use super::select;
use crate::cloud::{ConnectorError, Task, Watermark, trail::Trail};

/// A request that is left to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Work {
    Delta(DeltaWork),
    Members(MembersWork),
    /// Which roles an application has.
    Application,
    Assigned(AssignedWork),
}

/// A page of a delta query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeltaWork {
    pub stream: Stream,
    /// Whether everything is said, or what has changed.
    pub whole: bool,
    /// The link to follow; none for the first page of all.
    pub link: Option<String>,
    pub trail: Trail,
}

/// A page of a group's members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MembersWork {
    pub group: String,
    pub link: Option<String>,
    pub trail: Trail,
}

/// A page of who is assigned to an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AssignedWork {
    /// Its object id.
    pub application: String,
    pub link: Option<String>,
    pub trail: Trail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stream {
    Users,
    Groups,
}

impl Stream {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }

    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Users => "User.Read.All",
            Self::Groups => "GroupMember.Read.All",
        }
    }

    pub(super) fn selection(self) -> String {
        match self {
            Self::Users => select::users(),
            Self::Groups => select::groups_with_members(),
        }
    }

    /// A delta link as it is kept: with the selection that it belongs to.
    pub(super) fn mark(self, link: &str) -> String {
        format!("{} {link}", select::mark(&self.selection()))
    }

    /// The delta link that was kept, if its selection is still what is wanted.
    fn link(self, since: &Watermark) -> Option<String> {
        let (mark, link) = since.0.get(self.name())?.split_once(' ')?;
        (mark == select::mark(&self.selection())).then(|| link.to_owned())
    }
}

impl Work {
    /// The first page of a stream: of what has changed, if it is known since when.
    pub(super) fn begin(stream: Stream, since: Option<&Watermark>) -> Self {
        let link = since.and_then(|since| stream.link(since));
        Self::Delta(DeltaWork { stream, whole: link.is_none(), link, trail: Trail::default() })
    }

    pub(super) fn members(group: &str) -> Self {
        Self::Members(MembersWork { group: group.to_owned(), link: None, trail: Trail::default() })
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Delta(DeltaWork { whole: true, .. }))
    }

    /// Reads a task, which another version may have left.
    pub(super) fn read(task: &Task) -> Result<Self, ConnectorError> {
        let work = serde_json::from_str(&task.work);
        work.map_err(|_| ConnectorError::Restart("a task that another version has left".to_owned()))
    }

    pub(super) fn task(&self) -> Task {
        let group = match self {
            Self::Delta(_) | Self::Application | Self::Assigned(_) => None,
            Self::Members(members) => Some(members.group.clone()),
        };
        let work = serde_json::to_string(self).unwrap_or_default();
        Task { work, group, fingerprint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_only_followed_with_the_selection_that_it_began_with() {
        let link = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a";
        let since = |mark: String| Watermark([("users".to_owned(), mark)].into());
        let known = Work::begin(Stream::Users, Some(&since(Stream::Users.mark(link))));
        assert!(!known.is_whole());
        assert_eq!(Work::read(&known.task()).unwrap(), known);
        let groups = Work::begin(Stream::Groups, Some(&since(Stream::Users.mark(link))));
        assert!(groups.is_whole(), "nothing is known of groups");
        for other in [format!("00000000 {link}"), link.to_owned(), String::new()] {
            assert!(Work::begin(Stream::Users, Some(&since(other))).is_whole());
        }
    }

    #[test]
    fn a_task_of_another_version_begins_anew() {
        let task = Task { work: "{}".to_owned(), group: None, fingerprint: None };
        assert!(matches!(Work::read(&task), Err(ConnectorError::Restart(_))));
    }
}
