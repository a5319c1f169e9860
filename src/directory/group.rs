//! A named set of users.

use serde::{Deserialize, Serialize};

use super::NameKey;

/// A group. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub i64);

/// A named set of users of one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The number that other rows point to.
    pub id: GroupId,
    /// As it was first written.
    pub name: String,
}

impl Group {
    /// What the name is compared by.
    #[must_use]
    pub fn key(&self) -> NameKey {
        NameKey::of(&self.name)
    }
}
