//! Makes changes come true. Nothing else writes to the directory.
//!
//! Each step finds what its plan has seen, or nothing of the plan is done: a plan of before cannot
//! overwrite what somebody has changed meanwhile.

pub(super) mod groups;
mod identities;
mod users;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, StoreError,
    changes::{self, Author, Place},
    sessions, within,
};
use crate::directory::{Change, DirectoryId, PersonId, UserId};

/// Makes the changes of one plan, one after the other. Later ones are about what earlier ones made.
pub(super) struct Applying<'a> {
    pub(super) author: Author<'a>,
    pub(super) directory: DirectoryId,
    pub(super) person: Option<PersonId>,
    pub(super) user: Option<UserId>,
    /// The batch that is undone, if that is what the plan is for.
    pub(super) undoes: Option<i64>,
    named: Option<(UserId, Uuid)>,
    batch: Option<i64>,
    ended_sessions: u64,
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The number that the changes have in common; none if there were none.
    pub batch: Option<i64>,
    /// How many sessions have ended by it.
    pub ended_sessions: u64,
}

impl<'a> Applying<'a> {
    /// A plan for a directory, by somebody, about nobody yet.
    pub(super) fn new(author: Author<'a>, directory: DirectoryId) -> Self {
        Self {
            author,
            directory,
            person: None,
            user: None,
            undoes: None,
            named: None,
            batch: None,
            ended_sessions: 0,
        }
    }

    pub(super) fn applied(&self) -> Applied {
        Applied { batch: self.batch, ended_sessions: self.ended_sessions }
    }

    fn now(&self) -> DateTime<Utc> {
        self.author.now
    }

    /// Makes a change, and logs it.
    pub(super) async fn apply(
        &mut self,
        connection: &mut Connection<'_>,
        change: &Change,
    ) -> Result<(), StoreError> {
        let about = self.named(connection).await?;
        let found = self.make(connection, change).await?;
        if !found {
            return Err(StoreError::Conflict { change: change.to_string() });
        }
        let place = Place {
            batch: self.batch,
            undoes: self.undoes,
            directory: self.directory,
            person: self.person,
            user: match self.named(connection).await? {
                None => about,
                named => named,
            },
        };
        let seq = changes::append(connection, self.author, place, change).await?;
        self.batch.get_or_insert(seq);
        if change.ends_sessions()
            && let Some(person) = self.person
        {
            self.ended_sessions += sessions::delete_of(connection, person, self.now()).await?;
        }
        Ok(())
    }

    /// The account that the next step is about, with its name outside.
    async fn named(
        &mut self,
        connection: &mut Connection<'_>,
    ) -> Result<Option<(UserId, Uuid)>, StoreError> {
        const SQL: &str = "SELECT uuid FROM users WHERE id = $1";
        let Some(user) = self.user else {
            return Ok(None);
        };
        if self.named.is_none_or(|(known, _)| known != user) {
            let uuid: Option<Uuid> = within!(connection, |connection| {
                sqlx::query_scalar(SQL).bind(user.0).fetch_optional(connection).await?
            });
            self.named = uuid.map(|uuid| (user, uuid));
        }
        Ok(self.named)
    }

    /// Makes a change; `false` if what is there is not what the plan has seen.
    async fn make(
        &mut self,
        connection: &mut Connection<'_>,
        change: &Change,
    ) -> Result<bool, StoreError> {
        match change {
            Change::CreatePerson => self.create_person(connection).await,
            Change::AddIdentity { identity } => self.add_identity(connection, identity).await,
            Change::RemoveIdentity { identity } => self.remove_identity(connection, identity).await,
            Change::UpdateIdentity { before, after } => {
                self.update_identity(connection, before, after).await
            }
            Change::CreateUser { profile } => {
                self.insert_user(connection, Uuid::now_v7(), profile, None).await
            }
            Change::RestoreUser { uuid, profile, inactive } => {
                self.insert_user(connection, *uuid, profile, *inactive).await
            }
            Change::RemoveUser { uuid, profile, inactive } => {
                self.remove_user(connection, *uuid, profile, *inactive).await
            }
            Change::UpdateUser { before, after } => {
                self.update_user(connection, before, after).await
            }
            Change::ReactivateUser { reason } => {
                self.set_inactive(connection, Some(*reason), None).await
            }
            Change::DeactivateUser { reason } => {
                self.set_inactive(connection, None, Some(*reason)).await
            }
            Change::CreateGroup { group } => self.create_group(connection, group).await,
            Change::RemoveGroup { group } => self.remove_group(connection, group).await,
            Change::DescribeGroup { group, before, after } => {
                self.describe_group(connection, group, before.as_deref(), after.as_deref()).await
            }
            Change::AddNesting { parent, child, source } => {
                self.add_nesting(connection, parent, child, source).await
            }
            Change::RemoveNesting { parent, child, source } => {
                self.remove_nesting(connection, parent, child, source).await
            }
            Change::AddMembership { group, source } => {
                self.add_membership(connection, group, source).await
            }
            Change::RemoveMembership { group, source } => {
                self.remove_membership(connection, group, source).await
            }
            // Only a plan's own applying writes these.
            Change::Chunk { .. } => Ok(false),
        }
    }
}
