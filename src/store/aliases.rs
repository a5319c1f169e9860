//! Usernames that subjects of issuers keep, whatever their issuers say.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, Store, StoreError, changes,
    time::{micros, time},
    within,
};
use crate::{
    directory::{DirectoryId, Issuer, NameKey, PersonId},
    provisioning::{AliasPlan, AliasRow, BrokenRows, Claims, Policy, plan_aliases},
};

/// Rows of one statement: six values each, of which both databases take over 30,000.
const CHUNK: usize = 1000;

/// A username that a subject keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasListing {
    /// Whose word is overridden.
    pub issuer: String,
    /// About whom.
    pub subject: String,
    /// The username.
    pub username: String,
    /// Why, as it was said when it was made.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Aliases that subjects of an issuer are to have.
#[derive(Clone, Debug)]
pub struct AliasEdit {
    /// Whose word they override.
    pub issuer: Issuer,
    /// Who gets which.
    pub rows: Vec<AliasRow>,
    /// The directory that logins make accounts in.
    pub directory: DirectoryId,
    /// Why.
    pub reason: String,
}

/// What became of aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasOutcome {
    /// What was written, or would have been.
    pub plan: AliasPlan,
    /// Those among them whose username is that of an account whose person is not known by the subject.
    /// Unless it is the same person, their logins are refused.
    pub held: Vec<AliasRow>,
}

/// Why aliases were not written.
#[derive(Debug, thiserror::Error)]
pub enum AliasError {
    /// Rows that cannot be applied.
    #[error("{0}")]
    Rows(BrokenRows),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AliasError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Gives subjects their usernames: all of them, or, if one row cannot be applied, none. Those of other
    /// subjects stay.
    pub async fn apply_aliases(
        &self,
        edit: AliasEdit,
        dry_run: bool,
        now: DateTime<Utc>,
    ) -> Result<AliasOutcome, AliasError> {
        if dry_run {
            return self
                .read(move |connection| Box::pin(async move { plan(connection, &edit).await }))
                .await;
        }
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                // Held to the commit: no login plans with half of it, and no second edit with none.
                changes::hold_head(connection).await?;
                let outcome = plan(connection, &edit).await?;
                let changed = outcome.plan.changed.iter().map(|(row, _)| row);
                let changed: Vec<_> = changed.cloned().collect();
                // Two subjects may swap their names: both go before either comes.
                for row in &changed {
                    delete(connection, &edit.issuer.0, &row.subject).await?;
                }
                let rows = [changed, outcome.plan.added.clone()].concat();
                for rows in rows.chunks(CHUNK) {
                    insert(connection, &edit, rows, now).await?;
                }
                Ok(outcome)
            })
        })
        .await
    }

    /// The aliases of an issuer or of all, by name.
    pub async fn list_aliases(
        &self,
        issuer: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AliasListing>, StoreError> {
        const SQL: &str = "
            SELECT issuer, subject, username, reason, created_at FROM aliases
            WHERE $1 = '' OR issuer = $1 ORDER BY issuer, username_key LIMIT $2";
        let rows: Vec<(String, String, String, String, i64)> = super::read!(self, |pool| {
            let issuer = issuer.unwrap_or_default();
            sqlx::query_as(SQL).bind(issuer).bind(limit).fetch_all(pool).await?
        });
        let listing = |(issuer, subject, username, reason, at)| AliasListing {
            issuer,
            subject,
            username,
            reason,
            created_at: time(at),
        };
        Ok(rows.into_iter().map(listing).collect())
    }

    /// Takes a subject's alias; `false` if it has none.
    pub async fn delete_alias(&self, issuer: &str, subject: &str) -> Result<bool, StoreError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { delete(&mut transaction.connection(), &issuer, &subject).await })
        })
        .await
    }
}

/// What an edit changes, by what is there.
async fn plan(
    connection: &mut Connection<'_>,
    edit: &AliasEdit,
) -> Result<AliasOutcome, AliasError> {
    const CURRENT: &str = "SELECT subject, username FROM aliases WHERE issuer = $1";
    const ACCOUNTS: &str = "
        SELECT u.username_key, i.subject FROM users u
        LEFT JOIN identities i ON i.person_id = u.person_id AND i.issuer = $2
        WHERE u.directory_id = $1";
    let issuer = &edit.issuer.0;
    let current: Vec<(String, String)> = within!(connection, |connection| {
        sqlx::query_as(CURRENT).bind(issuer).fetch_all(connection).await?
    });
    let plan = plan_aliases(&current, edit.rows.clone()).map_err(AliasError::Rows)?;
    let accounts: Vec<(String, Option<String>)> = within!(connection, |connection| {
        let accounts = sqlx::query_as(ACCOUNTS).bind(edit.directory.0).bind(issuer);
        accounts.fetch_all(connection).await?
    });
    let mut holders: HashMap<String, Vec<String>> = HashMap::with_capacity(accounts.len());
    for (key, subject) in accounts {
        holders.entry(key).or_default().extend(subject);
    }
    let is_held = |row: &&AliasRow| {
        let holder = holders.get(NameKey::of(&row.username).as_str());
        holder.is_some_and(|subjects| !subjects.contains(&row.subject))
    };
    let written = plan.added.iter().chain(plan.changed.iter().map(|(row, _)| row));
    let held = written.filter(is_held).cloned().collect();
    Ok(AliasOutcome { plan, held })
}

async fn insert(
    connection: &mut Connection<'_>,
    edit: &AliasEdit,
    rows: &[AliasRow],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str =
        "INSERT INTO aliases (issuer, subject, username, username_key, reason, created_at) ";
    within!(connection, |connection| {
        let mut query = sqlx::QueryBuilder::new(SQL);
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(&edit.issuer.0)
                .push_bind(&row.subject)
                .push_bind(&row.username)
                .push_bind(NameKey::of(&row.username).as_str().to_owned())
                .push_bind(&edit.reason)
                .push_bind(micros(now));
        });
        query.build().execute(connection).await.map(drop)?;
    });
    Ok(())
}

async fn delete(
    connection: &mut Connection<'_>,
    issuer: &str,
    subject: &str,
) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM aliases WHERE issuer = $1 AND subject = $2";
    let deleted = within!(connection, |connection| {
        let deleted = sqlx::query(SQL).bind(issuer).bind(subject).execute(connection).await?;
        deleted.rows_affected()
    });
    Ok(deleted > 0)
}

/// What a login says, with the username that its subject keeps, if it keeps one.
pub(super) async fn aliased(
    connection: &mut Connection<'_>,
    claims: &Claims,
) -> Result<Claims, StoreError> {
    const SQL: &str = "SELECT username FROM aliases WHERE issuer = $1 AND subject = $2";
    let identity = &claims.identity;
    let alias: Option<String> = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(&identity.issuer.0)
            .bind(&identity.subject.value)
            .fetch_optional(connection)
            .await?
    });
    let mut claims = claims.clone();
    claims.profile.username = alias.unwrap_or(claims.profile.username);
    Ok(claims)
}

/// Whether a name is kept for somebody else than these people: whoever came first would have the work
/// that applications find by it.
///
/// Another issuer of the same domain speaks for the same people, and may say the name first.
pub(super) async fn is_reserved(
    connection: &mut Connection<'_>,
    name: &NameKey,
    claims: &Claims,
    policy: &Policy,
    people: &[PersonId],
) -> Result<bool, StoreError> {
    const ALIASES: &str = "SELECT issuer, subject FROM aliases WHERE username_key = $1";
    const PEOPLE: &str = "SELECT person_id FROM identities WHERE issuer = $1 AND subject = $2";
    let (issuer, subject) = (&claims.identity.issuer, &claims.identity.subject.value);
    let aliases: Vec<(String, String)> = within!(connection, |connection| {
        sqlx::query_as(ALIASES).bind(name.as_str()).fetch_all(connection).await?
    });
    if aliases.iter().any(|(by, whose)| *by == issuer.0 && whose == subject) {
        return Ok(false);
    }
    for (by, whose) in aliases {
        if by != issuer.0 && policy.share_a_domain(issuer, &Issuer(by.clone())) {
            continue;
        }
        let owners: Vec<i64> = within!(connection, |connection| {
            sqlx::query_scalar(PEOPLE).bind(&by).bind(&whose).fetch_all(connection).await?
        });
        if !owners.iter().any(|owner| people.contains(&PersonId(*owner))) {
            return Ok(true);
        }
    }
    Ok(false)
}
