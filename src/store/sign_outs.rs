//! When people have signed out.

use chrono::{DateTime, Utc};

use super::{
    Connection, Store, StoreError, read,
    time::{micros, time},
    within,
};
use crate::directory::PersonId;

/// Writes down that a person has signed out, or been signed out.
pub(super) async fn write(
    connection: &mut Connection<'_>,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO sign_outs (person_id, at) VALUES ($1, $2)
        ON CONFLICT (person_id) DO UPDATE SET at = $2";
    within!(connection, |connection| {
        sqlx::query(SQL).bind(person.0).bind(micros(now)).execute(connection).await.map(drop)?;
    });
    Ok(())
}

impl Store {
    /// When a person has signed out for the last time, if that is not too long ago to be remembered.
    pub async fn find_sign_out(
        &self,
        person: PersonId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        const SQL: &str = "SELECT at FROM sign_outs WHERE person_id = $1";
        let at: Option<i64> =
            read!(self, |pool| sqlx::query_scalar(SQL).bind(person.0).fetch_optional(pool).await?);
        Ok(at.map(time))
    }
}
