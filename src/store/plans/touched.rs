//! What others have changed since a plan looked at the directory. The rest is as the plan has seen it, and
//! need not be compared again.

use std::collections::HashSet;

use super::StoredPlan;
use crate::{
    directory::{Change, NameKey, UserId},
    store::{Connection, Store, StoreError, read, within},
};

/// So many changes of the log are read at a time.
const PAGE: i64 = 10_000;

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

    /// Reads ahead what has been logged up to now, while others write: of a plan that is undone long afterwards, much
    /// has been.
    pub(super) async fn read_ahead(
        mut self,
        store: &Store,
        plan: &StoredPlan,
    ) -> Result<Self, StoreError> {
        const HEAD: &str = "SELECT seq FROM change_head";
        let head: i64 = read!(store, |pool| sqlx::query_scalar(HEAD).fetch_one(pool).await?);
        while self.cursor < head {
            let (to, plan) = (head.min(self.cursor + PAGE), plan.clone());
            let page = store.read::<_, StoreError, _>(move |connection| {
                Box::pin(async move {
                    self.read_page(connection, &plan, to).await?;
                    Ok(self)
                })
            });
            self = page.await?;
        }
        Ok(self)
    }

    /// Reads what has been logged meanwhile, to the head, which nobody else can move now.
    pub(super) async fn look(
        &mut self,
        connection: &mut Connection<'_>,
        plan: &StoredPlan,
        head: i64,
    ) -> Result<(), StoreError> {
        while self.cursor < head {
            self.read_page(connection, plan, head.min(self.cursor + PAGE)).await?;
        }
        Ok(())
    }

    /// Reads the next part of the log, up to a change.
    async fn read_page(
        &mut self,
        connection: &mut Connection<'_>,
        plan: &StoredPlan,
        to: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            SELECT user_id, change FROM changes
            WHERE seq > $1 AND seq <= $2 AND directory_id = $3 AND kind <> 'chunk'";
        let rows: Vec<(Option<i64>, String)> = within!(connection, |connection| {
            sqlx::query_as(SQL)
                .bind(self.cursor)
                .bind(to)
                .bind(plan.plan.directory.0)
                .fetch_all(connection)
                .await?
        });
        self.by_plan = self.by_plan || is_passed_by(connection, plan, (self.cursor, to)).await?;
        for (user, change) in rows {
            let unreadable = |_| StoreError::Unreadable { what: "a change", value: change.clone() };
            self.note(user.map(UserId), &serde_json::from_str(&change).map_err(unreadable)?);
        }
        self.cursor = to;
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

/// Whether another large plan was applied to the directory in a part of the log: neither this one nor what it undoes.
async fn is_passed_by(
    connection: &mut Connection<'_>,
    plan: &StoredPlan,
    (after, to): (i64, i64),
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM changes
        WHERE seq > $1 AND seq <= $2 AND directory_id = $3 AND kind = 'chunk'
          AND batch <> $4 AND batch <> $5";
    let others: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(after)
            .bind(to)
            .bind(plan.plan.directory.0)
            .bind(plan.batch.unwrap_or_default())
            .bind(plan.plan.undoes.unwrap_or_default())
            .fetch_one(connection)
            .await?
    });
    Ok(others > 0)
}
