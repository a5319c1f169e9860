//! One group's part of a large plan: another name, or another external id.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{GroupId, NameKey};

/// What a group is called, here and by the plan's source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// What the source knows it by, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Whether the source does not name it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// What becomes of one group that is there. Who is in it is a matter of the accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStep {
    /// The group.
    pub group: GroupId,
    /// Its name outside the gateway.
    pub uuid: Uuid,
    /// What it was.
    pub before: GroupState,
    /// What it is then.
    pub after: GroupState,
}

impl GroupStep {
    /// Whether the group gets another name.
    #[must_use]
    pub fn renames(&self) -> bool {
        NameKey::of(&self.before.name) != NameKey::of(&self.after.name)
    }

    /// The step back.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { before: self.after, after: self.before, ..self }
    }
}

/// As people read it.
impl fmt::Display for GroupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, .. } = self;
        if self.renames() {
            return write!(f, "rename the group {:?} to {:?}", before.name, after.name);
        }
        write!(f, "the group {:?} ", after.name)?;
        match (&before.external_id, &after.external_id) {
            (Some(_), None) => write!(f, "is not the source's any more"),
            (_, Some(_)) if after.gone => write!(f, "is not named by the source any more"),
            (_, id) => write!(f, "is {:?} at the source", id.as_deref().unwrap_or_default()),
        }
    }
}
