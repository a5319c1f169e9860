//! Since when an account has been news to whoever keeps a copy of its directory.

use super::{Connection, Store, StoreError, plans::Chunk, within};
use crate::directory::{Change, NameKey, User, UserStep};

/// A change of the log.
type Row = (i64, String);

impl Store {
    /// The last change behind `after` that has made an account one that nobody can know from before: it was made,
    /// brought back, reactivated, or got another name.
    pub async fn find_news(&self, user: &User, after: i64) -> Result<Option<i64>, StoreError> {
        let user = user.clone();
        self.read::<_, StoreError, _>(|connection| {
            Box::pin(async move {
                let own = own_changes(connection, &user, after).await?;
                let news = own.iter().filter(|(_, change)| is_news(change));
                let small = news.map(|(seq, _)| *seq).max();
                let touched = own.last().map(|(seq, _)| *seq);
                let large = news_of_plans(connection, &user, after, touched).await?;
                Ok(small.max(large))
            })
        })
        .await
    }
}

/// What single changes say of an account, in order.
async fn own_changes(
    connection: &mut Connection<'_>,
    user: &User,
    after: i64,
) -> Result<Vec<(i64, Change)>, StoreError> {
    const SQL: &str = "
        SELECT seq, change FROM changes WHERE person_id = $1 AND seq > $2
          AND COALESCE(directory_id, $3) = $3
          AND kind IN ('create_user', 'restore_user', 'reactivate_user', 'update_user')
        ORDER BY seq";
    let rows: Vec<Row> = within!(connection, |connection| {
        sqlx::query_as(SQL)
            .bind(user.person.0)
            .bind(after)
            .bind(user.directory.0)
            .fetch_all(connection)
            .await?
    });
    let read = |(seq, text): Row| {
        let change = serde_json::from_str(&text)
            .map_err(|_| StoreError::Unreadable { what: "a change", value: text })?;
        Ok((seq, change))
    };
    rows.into_iter().map(read).collect()
}

fn is_news(change: &Change) -> bool {
    match change {
        Change::UpdateUser { before, after } => {
            NameKey::of(&before.username) != NameKey::of(&after.username)
        }
        Change::CreateUser { .. } | Change::RestoreUser { .. } | Change::ReactivateUser { .. } => {
            true
        }
        _ => false,
    }
}

/// What large plans have done to an account. Their changes do not name it: the times tell which they were.
async fn news_of_plans(
    connection: &mut Connection<'_>,
    user: &User,
    after: i64,
    touched: Option<i64>,
) -> Result<Option<i64>, StoreError> {
    const TIMES: &str = "SELECT created_at, updated_at FROM users WHERE id = $1";
    const CHUNKS: &str = "
        SELECT c.seq, c.at, c.change FROM plans p JOIN changes c ON c.batch = p.batch
        WHERE p.directory_id = $1 AND p.batch > $2 AND c.at IN ($3, $4)";
    const EARLIER: &str = "SELECT MAX(batch) FROM plans WHERE directory_id = $1 AND batch > $2";
    let times: Option<(i64, i64)> = within!(connection, |connection| {
        sqlx::query_as(TIMES).bind(user.id.0).fetch_optional(connection).await?
    });
    let Some((created_at, updated_at)) = times else {
        return Ok(None);
    };
    let (chunks, earlier): (Vec<(i64, i64, String)>, Option<i64>) =
        within!(connection, |connection| {
            let chunks = sqlx::query_as(CHUNKS).bind(user.directory.0).bind(after);
            let chunks = chunks.bind(created_at).bind(updated_at);
            let chunks = chunks.fetch_all(&mut *connection).await?;
            let earlier = sqlx::query_scalar(EARLIER).bind(user.directory.0).bind(after);
            (chunks, earlier.fetch_one(&mut *connection).await?)
        });
    // Whom somebody else has changed since a plan: what the plan did is not worth finding out.
    let mut news = earlier.filter(|batch| touched.is_some_and(|touched| touched > *batch));
    for (seq, at, change) in chunks {
        if at == created_at || is_news_in_chunk(connection, user, &change).await? {
            news = news.max(Some(seq));
        }
    }
    Ok(news)
}

async fn is_news_in_chunk(
    connection: &mut Connection<'_>,
    user: &User,
    change: &str,
) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT steps FROM plan_chunks WHERE plan_id = $1 AND number = $2";
    let Ok(Change::Chunk { plan, number, .. }) = serde_json::from_str(change) else {
        return Ok(false);
    };
    let steps: Option<Vec<u8>> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(plan).bind(number).fetch_optional(connection).await?
    });
    Ok(match steps.map(|steps| Chunk::unpack(&steps)).transpose()? {
        Some(Chunk::Users(steps)) => {
            steps.iter().any(|step| step.user == user.id && is_news_in_step(step))
        }
        _ => false,
    })
}

fn is_news_in_step(step: &UserStep) -> bool {
    let (Some(before), Some(after)) = (&step.before, &step.after) else {
        return step.after.is_some();
    };
    let name = |username: &str| NameKey::of(username);
    (before.inactive.is_some() && after.inactive.is_none())
        || name(&before.profile.username) != name(&after.profile.username)
}
