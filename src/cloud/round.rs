//! A round of reading, and the work that it consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Item, Member};

/// A request that is left to be made. What it is made of is the source's own business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is to be asked, as the source understands it. It never holds a credential.
    pub work: String,
    /// The group whose members it reads, if it reads nothing else: what cannot be read then is that group's members only.
    pub group: Option<String>,
    /// The fingerprint of the group, if the cloud gives one. A group that was read completely with the same fingerprint
    /// need not be read again, unless the round is to read everything.
    pub fingerprint: Option<String>,
}

/// Where the next round that reads changes only begins: a text for each stream, such as `users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark(pub BTreeMap<String, String>);

/// How much a stream of a round says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Everything: who is not named when the round is complete is not there any more.
    Everything,
    /// What has changed: who is not named is as before.
    Changes,
}

/// A round that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The first tasks.
    pub tasks: Vec<Task>,
    /// What is said of users.
    pub users: Extent,
    /// What is said of groups.
    pub groups: Extent,
    /// What is said of who is in them. [`Extent::Everything`]: who is in a group is said anew, in any order and in any
    /// number of pieces, and nobody else is in it. [`Extent::Changes`]: as before, where [`super::Members::afresh`] does not
    /// say otherwise.
    pub members: Extent,
}

/// The answer to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was said, in the order in which it was said: of two words on one thing the later one counts.
    pub items: Vec<Item>,
    /// What is left to be asked.
    pub next: Vec<Task>,
    /// What the next round begins with, said by the last page of a stream. It counts once the round is complete.
    pub marks: BTreeMap<String, String>,
}

impl Page {
    /// The ids of what is said on it.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().flat_map(|item| match item {
            Item::User(user) => vec![user.id.as_str()],
            Item::Group(group) => vec![group.id.as_str()],
            Item::UserGone(id) | Item::GroupGone(id) => vec![id.as_str()],
            Item::Members(members) if members.joined.is_empty() => Vec::new(),
            Item::Members(members) => {
                let joined = members.joined.iter().filter_map(Member::id);
                std::iter::once(members.group.as_str()).chain(joined).collect()
            }
        })
    }
}
