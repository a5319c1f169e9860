//! What every cloud can be asked.

use std::fmt::{Debug, Display};

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use serde::{Deserialize, Serialize};

use super::{Announcer, ConnectorError, Group, Meter, Page, Round, Task, User, Watermark};

/// A cloud that can be read. Implementations wait and try again by themselves where that helps.
pub trait Source: Debug + Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// What it has asked so far; it can be read while a round goes on.
    fn meter(&self) -> &Meter;

    /// Begins a round: of changes since a watermark, or of everything without one.
    fn begin(&self, since: Option<&Watermark>) -> Round;

    /// Does a part of a round. If the members of a group are not there, it is [`ConnectorError::Gone`]; whoever asks has to
    /// find out whether the group is.
    fn fetch<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>>;

    /// The task that reads all members of a group anew.
    fn members(&self, group: &str) -> Task;

    /// A user, if the cloud has them.
    fn find_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, ConnectorError>>;

    /// The ids of the groups that a user is in; nested ones included, where the cloud can say so.
    fn user_groups<'a>(&'a self, id: &'a str)
    -> BoxFuture<'a, Result<Vec<String>, ConnectorError>>;

    /// What stands for the application that people have to be assigned to, and for its roles, if a user is assigned: ids of
    /// groups of the sorts [`super::GroupKind::Application`] and [`super::GroupKind::AppRole`]. Clouds that have none say
    /// nothing.
    fn assignments<'a>(
        &'a self,
        _id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Groups by their ids. Those that are not there are not in the answer.
    fn find_groups<'a>(
        &'a self,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Group>, ConnectorError>>;

    /// Tries everything that a run needs, and says what is missing.
    fn probe(&self) -> BoxFuture<'_, Probe>;

    /// Whom to ask to be told by itself what happens; of clouds whose administrators have to do so, nobody.
    fn announcer(&self) -> Option<&dyn Announcer> {
        None
    }

    /// When what the gateway proves itself with expires, if a file or the cloud says so. That it is not said is no error;
    /// an error is that nobody could be asked just now.
    fn expiry(&self) -> BoxFuture<'_, Result<Option<Expiry>, ConnectorError>> {
        Box::pin(ready(Ok(None)))
    }
}

/// When a credential expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// What it is, such as `the client secret`.
    pub what: String,
    /// When it is not taken any more.
    pub at: DateTime<Utc>,
}

impl Expiry {
    /// As people read it: the day, and how many days are left.
    #[must_use]
    pub fn told(&self, now: DateTime<Utc>) -> String {
        let (day, left) = (self.at.format("%Y-%m-%d"), self.at - now);
        match left.num_days() {
            _ if left <= chrono::TimeDelta::zero() => format!("expired on {day}"),
            0 => format!("expires on {day}, in less than a day"),
            1 => format!("expires on {day}, in a day"),
            days => format!("expires on {day}, in {days} days"),
        }
    }
}

/// What a cloud can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it can say what has changed, and not only what is.
    pub changes: bool,
    /// Whether it says who has been deleted among the changes; else only a round of everything finds out.
    pub deletions: bool,
    /// Whether its groups contain groups.
    pub nested_groups: bool,
    /// After so many hours at most it has forgotten what a watermark means.
    pub watermark_hours: u32,
}

/// What trying it showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Step by step, until one failed that the others need.
    pub findings: Vec<Finding>,
    /// A few users.
    pub users: Vec<User>,
    /// A few groups.
    pub groups: Vec<Group>,
}

impl Probe {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.problem.is_none())
    }

    /// Writes down when the credential expires; that nobody says so is nothing that is missing.
    pub fn note_expiry(&mut self, expiry: Option<&Expiry>, now: DateTime<Utc>) {
        let said = expiry.map(|expiry| format!("{} {}", expiry.what, expiry.told(now)));
        let unsaid = "nobody says when the credential expires".to_owned();
        self.note("look at the credential", Ok::<_, ConnectorError>(said.unwrap_or(unsaid)));
    }

    /// Writes down what a step showed.
    pub fn note(&mut self, step: &str, found: Result<String, impl Display>) {
        let (problem, detail) = match found {
            Ok(detail) => (None, Some(detail)),
            Err(problem) => (Some(problem.to_string()), None),
        };
        self.findings.push(Finding { step: step.to_owned(), problem, detail });
    }

    /// Writes down what a step showed, and gives it back.
    pub(super) fn note_value<T>(
        &mut self,
        step: &str,
        found: Result<T, ConnectorError>,
        detail: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        self.note(step, found.as_ref().map(detail));
        found.ok()
    }
}

/// What one step of a probe showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was tried, such as `read users`.
    pub step: String,
    /// What is wrong and what to do about it, if anything is.
    pub problem: Option<String>,
    /// What was seen, such as a number.
    pub detail: Option<String>,
}
