//! Chunks as they are stored: JSON, deflated.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    directory::{ChunkSize, GroupId, GroupStep, StepKind, UserId, UserStep},
    store::StoreError,
};

/// A chunk unpacks to no more than this, whatever is in the database.
const MAX_UNPACKED: u64 = 256 << 20;

/// A part of a large plan, applied in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chunk {
    /// Groups that are made.
    Groups(Vec<NewGroup>),
    /// Groups that get other names or external ids.
    GroupChanges(Vec<GroupStep>),
    /// Accounts that are made or updated, with the groups that they join.
    Users(Vec<UserStep>),
    /// The memberships that began in [`Chunk::Users`] once more, in the order of the groups.
    Members(Vec<GroupJoins>),
    /// Accounts that end, and memberships.
    Endings(Vec<UserStep>),
    /// Groups that go, if they are empty.
    GroupEndings(Vec<NewGroup>),
}

/// A group that is made, or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// The number that was taken for it.
    pub id: GroupId,
    /// Its name outside the gateway.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
}

/// Who joins a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupJoins {
    /// The group.
    pub group: GroupId,
    /// The accounts, in order.
    pub users: Vec<UserId>,
}

impl Chunk {
    /// What it changes, in numbers. Members are counted with their accounts.
    #[must_use]
    pub fn size(&self) -> ChunkSize {
        let mut size = ChunkSize::default();
        match self {
            Self::Groups(groups) | Self::GroupEndings(groups) => size.groups = groups.len() as u64,
            Self::GroupChanges(steps) => {
                size.groups_renamed = steps.iter().filter(|step| step.renames()).count() as u64;
            }
            Self::Members(_) => {}
            Self::Users(steps) | Self::Endings(steps) => {
                for step in steps {
                    match step.kind() {
                        StepKind::Keep => {}
                        StepKind::Create => size.created += 1,
                        StepKind::Update => size.updated += 1,
                        StepKind::Deactivate => size.deactivated += 1,
                        StepKind::Remove => size.removed += 1,
                    }
                    size.joined += step.joins.len() as u64;
                    size.left += step.leaves.len() as u64;
                }
            }
        }
        size
    }

    /// Whether groups get other names.
    #[must_use]
    pub fn renames_groups(&self) -> bool {
        matches!(self, Self::GroupChanges(steps) if steps.iter().any(GroupStep::renames))
    }

    /// As it is stored.
    pub fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let text = serde_json::to_vec(self).map_err(|error| unreadable(&error))?;
        // In one piece: the compressor clears its buffer for each write.
        let mut deflated =
            ZlibEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
        let written = deflated.write_all(&text).and_then(|()| deflated.finish());
        written.map_err(|error| unreadable(&error))
    }

    /// As it was before it was stored.
    pub fn unpack(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut text = Vec::new();
        let inflated = ZlibDecoder::new(bytes).take(MAX_UNPACKED).read_to_end(&mut text);
        inflated.map_err(|error| unreadable(&error))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: "a chunk of a plan", value: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_unpacked_as_it_was_packed() {
        let group = NewGroup { id: GroupId(7), uuid: Uuid::nil(), name: "jira-users".to_owned() };
        let joins = GroupJoins { group: GroupId(7), users: (1..1000).map(UserId).collect() };
        for chunk in [Chunk::Groups(vec![group]), Chunk::Members(vec![joins])] {
            assert_eq!(Chunk::unpack(&chunk.pack().unwrap()).unwrap(), chunk);
        }
        assert!(Chunk::unpack(b"{}").is_err());
    }
}
