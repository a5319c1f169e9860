//! What a list of people said last, as bytes that the store does not look into, and what has been written
//! since by others.
//!
//! A list is kept with the plan that it was read for, and is true once that plan has been applied. It only
//! saves work: without one, all of a directory is read.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use super::{AccountKey, Connection, PlanId, Priority, Store, StoreError, read, within};
use crate::{
    directory::{Change, Identity, NameKey, SubjectKind},
    provisioning::Unlisted,
};

/// With more changes than this, reading the whole directory is as quick.
const MOST_TOUCHED: usize = 20_000;

/// Pages that are written in one go: a login does not wait long for a megabyte.
const PAGES_AT_ONCE: usize = 32;

/// What the last list said, as far as it can be relied on.
#[derive(Clone, Debug)]
pub struct LastList {
    /// The plan that it was read for.
    pub id: PlanId,
    /// What became of who was not in it, in the word for it.
    pub unlisted: String,
    /// The keys of accounts that others have written to since, or have had.
    pub touched: BTreeSet<String>,
}

/// A list of before, and how far the log has been read for it.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    plan_id: i64,
    seen_seq: i64,
    unlisted: String,
}

impl Store {
    /// What the last list said that was brought into the same directory by the same source, for a plan that
    /// has just been begun, with accounts told apart by `by`.
    pub async fn find_last_list(
        &self,
        plan: PlanId,
        by: &AccountKey,
    ) -> Result<Option<LastList>, StoreError> {
        const SQL: &str = "
            SELECT l.plan_id, l.seen_seq, l.unlisted FROM plans n
            JOIN last_lists l ON l.directory_id = n.directory_id AND l.source = n.source
            LEFT JOIN plans p ON p.id = l.plan_id
            WHERE n.id = $1 AND (l.state = 'settled' OR (l.state = 'complete' AND p.state = 'applied'))
            ORDER BY l.plan_id DESC LIMIT 1";
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(plan.0).fetch_optional(pool).await?);
        let Some(row) = row else {
            return Ok(None);
        };
        let (list, seen_seq, by) = (row.plan_id, row.seen_seq, by.clone());
        let touched = self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { touched(connection, plan, (list, seen_seq), &by).await })
        });
        let list = |touched| LastList { id: PlanId(row.plan_id), unlisted: row.unlisted, touched };
        Ok(touched.await?.map(list))
    }

    /// Some pages of a list, in order; fewer at its end.
    pub async fn read_last_list(
        &self,
        list: PlanId,
        first: i64,
        count: i64,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        const SQL: &str = "
            SELECT page FROM last_list_pages WHERE plan_id = $1 AND number >= $2
            ORDER BY number LIMIT $3";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(list.0).bind(first).bind(count).fetch_all(pool).await?
        }))
    }

    /// Keeps what a list says, page by page, of a plan that is not sealed yet.
    pub async fn begin_list(
        &self,
        plan: PlanId,
        unlisted: Unlisted,
        mut pages: mpsc::Receiver<Vec<u8>>,
    ) -> Result<(), StoreError> {
        const BEGIN: &str = "
            INSERT INTO last_lists (plan_id, directory_id, source, seen_seq, unlisted, state)
            SELECT id, directory_id, source, seen_seq, $2, 'writing' FROM plans WHERE id = $1";
        self.run_for(plan, BEGIN, unlisted.as_str()).await?;
        let (mut number, mut some) = (0, Vec::new());
        while pages.recv_many(&mut some, PAGES_AT_ONCE).await > 0 {
            let count = i64::try_from(some.len()).unwrap_or_default();
            self.add_pages(plan, number, std::mem::take(&mut some)).await?;
            number += count;
        }
        Ok(())
    }

    /// All that a list says is kept. It is true once the plan is applied, or already, if that is `settled`.
    pub async fn end_list(&self, plan: PlanId, settled: bool) -> Result<(), StoreError> {
        const END: &str = "UPDATE last_lists SET state = $2 WHERE plan_id = $1";
        self.run_for(plan, END, if settled { "settled" } else { "complete" }).await
    }

    /// A list that says what the last one said is as good as that one, up to what the plan has seen.
    pub async fn renew_last_list(&self, list: PlanId, plan: PlanId) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE last_lists SET state = 'settled',
                seen_seq = (SELECT seen_seq FROM plans WHERE id = $2)
            WHERE plan_id = $1";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let run = sqlx::query(SQL).bind(list.0).bind(plan.0);
                    run.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Forgets lists of the same directory and source that will not be asked for any more, a part at a time.
    pub async fn forget_older_lists(&self, list: PlanId) -> Result<(), StoreError> {
        const OLD: &str = "
            SELECT o.plan_id FROM last_lists l
            JOIN last_lists o ON o.directory_id = l.directory_id AND o.source = l.source
            LEFT JOIN plans p ON p.id = l.plan_id
            LEFT JOIN plans q ON q.id = o.plan_id
            WHERE l.plan_id = $1 AND o.plan_id < $1
              AND (l.state = 'settled' OR p.state = 'applied'
                   OR (o.state <> 'settled' AND COALESCE(q.state, 'discarded')
                       NOT IN ('applied', 'sealed', 'held')))";
        const PAGES: &str = "
            DELETE FROM last_list_pages WHERE plan_id = $1 AND number IN
                (SELECT number FROM last_list_pages WHERE plan_id = $1 ORDER BY number LIMIT 100)";
        const LIST: &str = "DELETE FROM last_lists WHERE plan_id = $1";
        let old: Vec<i64> =
            read!(self, |pool| sqlx::query_scalar(OLD).bind(list.0).fetch_all(pool).await?);
        for old in old {
            self.delete_all(PAGES, old).await?;
            self.delete_all(LIST, old).await?;
        }
        Ok(())
    }

    async fn run_for(
        &self,
        plan: PlanId,
        statement: &'static str,
        word: &'static str,
    ) -> Result<(), StoreError> {
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let found = within!(&mut transaction.connection(), |connection| {
                    let run = sqlx::query(statement).bind(plan.0).bind(word);
                    run.execute(connection).await?.rows_affected()
                });
                if found == 1 { Ok(()) } else { Err(StoreError::NoPlan(plan.0)) }
            })
        })
        .await
    }

    async fn add_pages(
        &self,
        plan: PlanId,
        first: i64,
        pages: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO last_list_pages (plan_id, number, page) VALUES ($1, $2, $3)";
        self.write(Priority::Resumable, move |transaction| {
            Box::pin(async move {
                for (number, page) in (first..).zip(pages) {
                    within!(&mut transaction.connection(), |connection| {
                        let run = sqlx::query(SQL).bind(plan.0).bind(number).bind(page);
                        run.execute(connection).await.map(drop)?;
                    });
                }
                Ok(())
            })
        })
        .await
    }
}

/// Whom others have written to between what a list has seen and what a plan has; nothing if that cannot be
/// told account by account.
async fn touched(
    connection: &mut Connection<'_>,
    plan: PlanId,
    (list, seen_seq): (i64, i64),
    by: &AccountKey,
) -> Result<Option<BTreeSet<String>>, StoreError> {
    // Asked afterwards: what is forgotten in between is noticed.
    const OLDEST: &str =
        "SELECT COALESCE((SELECT MIN(c.seq) FROM changes c), h.seq + 1) FROM change_head h";
    let (statement, issuer) = changes_by(by);
    let most = i64::try_from(MOST_TOUCHED).unwrap_or(i64::MAX);
    let rows: Vec<(Option<String>, String)> = within!(connection, |connection| {
        let run = sqlx::query_as(statement).bind(plan.0).bind(seen_seq).bind(most).bind(issuer);
        run.fetch_all(connection).await?
    });
    let oldest: i64 = within!(connection, |connection| {
        sqlx::query_scalar(OLDEST).fetch_one(connection).await?
    });
    if rows.len() >= MOST_TOUCHED || oldest > seen_seq + 1 {
        return Ok(None);
    }
    let mut touched = BTreeSet::new();
    for (name, change) in rows {
        let unreadable = |_| StoreError::Unreadable { what: "a change", value: change.clone() };
        touched.extend(name);
        match serde_json::from_str(&change).map_err(unreadable)? {
            // What was planned for the list itself.
            Change::Chunk { plan, .. } if plan == list => {}
            Change::Chunk { .. } | Change::RemoveGroup { .. } => return Ok(None),
            change => touched.extend(keys(&change, by)),
        }
    }
    Ok(Some(touched))
}

/// The statement that finds changes with the keys of accounts, and whose subjects those are.
fn changes_by(by: &AccountKey) -> (&'static str, &str) {
    const BY_NAME: &str = "
        SELECT u.username_key, c.change FROM changes c
        LEFT JOIN users u ON u.id = c.user_id
        WHERE c.seq > $2
          AND c.seq <= (SELECT seen_seq FROM plans WHERE id = $1)
          AND c.directory_id = (SELECT directory_id FROM plans WHERE id = $1) AND $4 = ''
        ORDER BY c.seq LIMIT $3";
    // Whom an issuer knows is no single directory's business.
    const BY_SUBJECT: &str = "
        SELECT i.subject, c.change FROM changes c
        LEFT JOIN identities i
          ON i.person_id = c.person_id AND i.issuer = $4 AND i.subject_kind = 'attribute'
        WHERE c.seq > $2
          AND c.seq <= (SELECT seen_seq FROM plans WHERE id = $1)
          AND (c.directory_id = (SELECT directory_id FROM plans WHERE id = $1)
               OR c.kind IN ('add_identity', 'remove_identity', 'update_identity'))
        ORDER BY c.seq LIMIT $3";
    match by {
        AccountKey::Name => (BY_NAME, ""),
        AccountKey::Subject(issuer) => (BY_SUBJECT, &issuer.0),
    }
}

/// The keys that an account had or has got.
fn keys(change: &Change, by: &AccountKey) -> Vec<String> {
    let AccountKey::Subject(issuer) = by else {
        return names(change);
    };
    let is_meant = |identity: &&Identity| {
        identity.issuer == *issuer && identity.subject.kind == SubjectKind::Attribute
    };
    let identity = match change {
        Change::AddIdentity { identity } | Change::RemoveIdentity { identity } => Some(identity),
        _ => None,
    };
    identity.filter(is_meant).into_iter().map(|identity| identity.subject.value.clone()).collect()
}

/// The names that an account had or has got.
fn names(change: &Change) -> Vec<String> {
    let profiles = match change {
        Change::CreateUser { profile }
        | Change::RestoreUser { profile, .. }
        | Change::RemoveUser { profile, .. } => vec![profile],
        Change::UpdateUser { before, after } => vec![before, after],
        _ => Vec::new(),
    };
    let key = |name: &String| NameKey::of(name).as_str().to_owned();
    profiles.into_iter().map(|profile| key(&profile.username)).collect()
}
