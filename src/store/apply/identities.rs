//! People, and how issuers know them.

use uuid::Uuid;

use super::Applying;
use crate::{
    directory::{Identity, MatchKey, PersonId},
    store::{
        Connection, StoreError,
        ids::{self, Ids},
        time::micros,
        within,
    },
};

impl Applying<'_> {
    pub(super) async fn create_person(
        &mut self,
        connection: &mut Connection<'_>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO persons (id, uuid, created_at) VALUES ($1, $2, $3)";
        let id = ids::take(connection, Ids::Persons, 1).await?;
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(id)
                .bind(Uuid::now_v7())
                .bind(micros(self.now()))
                .execute(connection)
                .await
                .map(drop)?;
        });
        self.person = Some(PersonId(id));
        Ok(true)
    }

    pub(super) async fn add_identity(
        &self,
        connection: &mut Connection<'_>,
        identity: &Identity,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO identities (person_id, issuer, subject_kind, subject, match_key, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (issuer, subject_kind, subject) DO NOTHING";
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.person.map(|person| person.0))
                .bind(&identity.issuer.0)
                .bind(identity.subject.kind.as_str())
                .bind(&identity.subject.value)
                .bind(identity.match_key.as_ref().map(MatchKey::as_str).map(str::to_owned))
                .bind(micros(self.now()))
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    pub(super) async fn remove_identity(
        &self,
        connection: &mut Connection<'_>,
        identity: &Identity,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM identities
            WHERE person_id = $1 AND issuer = $2 AND subject_kind = $3 AND subject = $4";
        let deleted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.person.map(|person| person.0))
                .bind(&identity.issuer.0)
                .bind(identity.subject.kind.as_str())
                .bind(&identity.subject.value)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }

    pub(super) async fn update_identity(
        &self,
        connection: &mut Connection<'_>,
        before: &Identity,
        after: &Identity,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE identities SET match_key = $4
            WHERE issuer = $1 AND subject_kind = $2 AND subject = $3
              AND COALESCE(match_key, '') = $5";
        let key =
            |identity: &Identity| identity.match_key.as_ref().map(|key| key.as_str().to_owned());
        let updated = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(&after.issuer.0)
                .bind(after.subject.kind.as_str())
                .bind(&after.subject.value)
                .bind(key(after))
                .bind(key(before).unwrap_or_default())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(updated == 1)
    }
}
