//! What others have changed since a plan looked at the directory. The rest is as the plan has seen it, and
//! need not be compared again.

use std::collections::HashSet;

use super::StoredPlan;
use crate::{
    directory::{Change, NameKey, UserId},
    store::{Connection, StoreError, within},
};

/// What others have changed since.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// How far the log has been read.
    cursor: i64,
    /// Accounts.
    users: HashSet<UserId>,
    /// Names that accounts have got.
    names: HashSet<NameKey>,
    /// Whether groups have gone.
    lost_groups: bool,
    /// Whether another large plan went by: whom it has changed is not in the log, so everybody is looked at.
    by_plan: bool,
}

impl Touched {
    /// Nothing yet: the log is read from where the plan began.
    pub(super) fn since(seq: i64) -> Self {
        Self { cursor: seq, ..Self::default() }
    }

    /// Reads what has been logged meanwhile, to the head, which nobody else can move now.
    pub(super) async fn look(
        &mut self,
        connection: &mut Connection<'_>,
        plan: &StoredPlan,
        head: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            SELECT user_id, change FROM changes
            WHERE seq > $1 AND directory_id = $2 AND kind <> 'chunk'";
        if head == self.cursor {
            return Ok(());
        }
        let rows: Vec<(Option<i64>, String)> = within!(connection, |connection| {
            sqlx::query_as(SQL)
                .bind(self.cursor)
                .bind(plan.plan.directory.0)
                .fetch_all(connection)
                .await?
        });
        self.by_plan |= is_passed_by(connection, plan, self.cursor).await?;
        for (user, change) in rows {
            let unreadable = |_| StoreError::Unreadable { what: "a change", value: change.clone() };
            self.note(user.map(UserId), &serde_json::from_str(&change).map_err(unreadable)?);
        }
        self.cursor = head;
        Ok(())
    }

    /// What is logged up to there is our own, or has been read.
    pub(super) fn know(&mut self, head: i64) {
        self.cursor = head;
    }

    /// Whether an account may be otherwise than the plan has seen it.
    pub(super) fn has_user(&self, user: UserId) -> bool {
        self.by_plan || self.users.contains(&user)
    }

    /// Whether somebody may have got a name.
    pub(super) fn has_name(&self, name: &NameKey) -> bool {
        self.by_plan || self.names.contains(name)
    }

    /// Whether groups may have gone.
    pub(super) fn has_lost_groups(&self) -> bool {
        self.by_plan || self.lost_groups
    }

    fn note(&mut self, user: Option<UserId>, change: &Change) {
        self.users.extend(user);
        match change {
            Change::CreateUser { profile }
            | Change::RestoreUser { profile, .. }
            | Change::RemoveUser { profile, .. }
            | Change::UpdateUser { after: profile, .. } => {
                self.names.insert(NameKey::of(&profile.username));
            }
            Change::RemoveGroup { .. } => self.lost_groups = true,
            _ => {}
        }
    }
}

/// Whether another large plan was applied to the directory since: neither this one nor what it undoes.
async fn is_passed_by(
    connection: &mut Connection<'_>,
    plan: &StoredPlan,
    since: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM changes
        WHERE seq > $1 AND directory_id = $2 AND kind = 'chunk' AND batch <> $3 AND batch <> $4";
    let others: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(since)
            .bind(plan.plan.directory.0)
            .bind(plan.batch.unwrap_or_default())
            .bind(plan.plan.undoes.unwrap_or_default())
            .fetch_one(connection)
            .await?
    });
    Ok(others > 0)
}
