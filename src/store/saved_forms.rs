//! Forms that came without a session, until somebody has signed in.

use chrono::{DateTime, Utc};

use super::{Connection, Priority, Store, StoreError, read, time::micros, within};
use crate::secrets::Hash;

/// A form to keep.
#[derive(Clone, Debug)]
pub struct NewForm {
    /// SHA-256 of the token that it is asked for by.
    pub token_hash: Hash,
    /// The only browser that may have it back: SHA-256 of its cookie. None, if it came from another site,
    /// with which browsers send no cookie.
    pub browser_hash: Option<Hash>,
    /// The network that it came from, as a hash.
    pub client_hash: Hash,
    /// What was sent, sealed.
    pub sealed: Vec<u8>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// How much may be kept, so that strangers cannot fill the disk.
#[derive(Clone, Copy, Debug)]
pub struct FormLimits {
    /// Bytes in all.
    pub bytes: i64,
    /// Bytes from one network.
    pub bytes_of_client: i64,
    /// Forms of one browser.
    pub forms_of_browser: i64,
}

/// A form that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredForm {
    /// The browser that may have it back.
    pub browser_hash: Option<Vec<u8>>,
    /// What was sent, sealed.
    pub sealed: Vec<u8>,
}

type Row = (Option<Vec<u8>>, Vec<u8>);

fn stored((browser_hash, sealed): Row) -> StoredForm {
    StoredForm { browser_hash, sealed }
}

impl Store {
    /// Keeps a form, if there is room for it. Those that come at the same time on several replicas may
    /// together exceed a limit by what they hold.
    pub async fn insert_form(
        &self,
        form: NewForm,
        limits: FormLimits,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let fits = has_room(connection, &form, limits, now).await?;
                if fits {
                    insert(connection, form).await?;
                }
                Ok(fits)
            })
        })
        .await
    }

    /// A form, without taking it.
    pub async fn find_form(
        &self,
        token_hash: &Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredForm>, StoreError> {
        const SQL: &str = "
            SELECT browser_hash, sealed FROM saved_forms WHERE token_hash = $1 AND expires_at > $2";
        let row: Option<Row> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(token_hash.to_vec())
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(stored))
    }

    /// Takes a form: of two who ask for it, one gets it.
    pub async fn take_form(
        &self,
        token_hash: Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredForm>, StoreError> {
        const SQL: &str = "
            DELETE FROM saved_forms WHERE token_hash = $1 AND expires_at > $2
            RETURNING browser_hash, sealed";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let row: Option<Row> = within!(&mut transaction.connection(), |connection| {
                    sqlx::query_as(SQL)
                        .bind(token_hash.to_vec())
                        .bind(micros(now))
                        .fetch_optional(connection)
                        .await?
                });
                Ok(row.map(stored))
            })
        })
        .await
    }
}

/// Whether a form fits into what is left of every limit.
async fn has_room(
    connection: &mut Connection<'_>,
    form: &NewForm,
    limits: FormLimits,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT),
               CAST(COALESCE(SUM(CASE WHEN client_hash = $2 THEN bytes ELSE 0 END), 0) AS BIGINT),
               CAST(COALESCE(SUM(CASE WHEN browser_hash = $3 THEN 1 ELSE 0 END), 0) AS BIGINT)
        FROM saved_forms WHERE expires_at > $1";
    let (all, of_client, of_browser): (i64, i64, i64) = within!(connection, |connection| {
        sqlx::query_as(SQL)
            .bind(micros(now))
            .bind(form.client_hash.to_vec())
            .bind(form.browser_hash.map(|hash| hash.to_vec()))
            .fetch_one(connection)
            .await?
    });
    let bytes = size(form);
    Ok(all + bytes <= limits.bytes
        && of_client + bytes <= limits.bytes_of_client
        && of_browser < limits.forms_of_browser)
}

async fn insert(connection: &mut Connection<'_>, form: NewForm) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO saved_forms (token_hash, browser_hash, client_hash, bytes, expires_at, sealed)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let bytes = size(&form);
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(form.token_hash.to_vec())
            .bind(form.browser_hash.map(|hash| hash.to_vec()))
            .bind(form.client_hash.to_vec())
            .bind(bytes)
            .bind(micros(form.expires_at))
            .bind(form.sealed)
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

/// What a form takes, its row included: empty ones are not free.
fn size(form: &NewForm) -> i64 {
    const ROW: i64 = 512;
    i64::try_from(form.sealed.len()).map_or(i64::MAX / 4, |bytes| bytes + ROW)
}
