//! Accounts.

use uuid::Uuid;

use super::Applying;
use crate::{
    directory::{InactiveReason, NameKey, Profile, UserId},
    store::{
        Connection, StoreError,
        accounts::{UserRow, select_users},
        attributes::attributes_text,
        ids::{self, Ids},
        time::micros,
        tombstones, within,
    },
};

impl Applying<'_> {
    /// A new account, or one that is back. Its name is nobody's any more.
    pub(super) async fn insert_user(
        &mut self,
        connection: &mut Connection<'_>,
        uuid: Uuid,
        profile: &Profile,
        inactive: Option<InactiveReason>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO users (id, uuid, directory_id, person_id, username, username_key, email,
                display_name, first_name, last_name, attributes, inactive_reason, created_at,
                updated_at)
            VALUES ($12, $1, $2, $3, $4, $5, $6, $7, $8, $9, $13, $10, $11, $11)
            ON CONFLICT DO NOTHING";
        let key = NameKey::of(&profile.username);
        let id = ids::take(connection, Ids::Users, 1).await?;
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(uuid)
                .bind(self.directory.0)
                .bind(self.person.map(|person| person.0))
                .bind(&profile.username)
                .bind(key.as_str())
                .bind(&profile.email)
                .bind(&profile.display_name)
                .bind(&profile.first_name)
                .bind(&profile.last_name)
                .bind(inactive.map(InactiveReason::as_str))
                .bind(micros(self.now()))
                .bind(id)
                .bind(attributes_text(&profile.attributes))
                .execute(connection)
                .await?
                .rows_affected()
        });
        tombstones::delete(connection, self.directory, &key).await?;
        if inserted == 1 {
            self.user = Some(UserId(id));
        }
        Ok(inserted == 1)
    }

    /// An account without memberships goes, and leaves its name behind, unless its making is undone. One that was
    /// inactive does not go if it may be used again, or is inactive for another reason: somebody has come back.
    pub(super) async fn remove_user(
        &mut self,
        connection: &mut Connection<'_>,
        uuid: Uuid,
        profile: &Profile,
        inactive: Option<InactiveReason>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM users WHERE id = $1 AND uuid = $2
              AND ($3 = '' OR COALESCE(inactive_reason, '') = $3)
              AND NOT EXISTS (SELECT 1 FROM memberships WHERE user_id = $1)";
        let user = self.user.map(|user| user.0);
        let deleted = within!(connection, |connection| {
            let run = sqlx::query(SQL).bind(user).bind(uuid);
            let run = run.bind(inactive.map_or("", InactiveReason::as_str));
            run.execute(connection).await?.rows_affected()
        });
        if deleted == 1 && self.undoes.is_none() {
            let key = NameKey::of(&profile.username);
            tombstones::insert(connection, self.directory, &key, uuid, self.person, self.now())
                .await?;
        }
        Ok(deleted == 1)
    }

    pub(super) async fn update_user(
        &self,
        connection: &mut Connection<'_>,
        before: &Profile,
        after: &Profile,
    ) -> Result<bool, StoreError> {
        const FOUND: &str = select_users!("WHERE u.id = $1");
        const TAKEN: &str =
            "SELECT COUNT(*) FROM users WHERE directory_id = $1 AND username_key = $2 AND id <> $3";
        const SQL: &str = "
            UPDATE users SET username = $2, username_key = $3, email = $4, display_name = $5,
                first_name = $6, last_name = $7, updated_at = $8, attributes = $9
            WHERE id = $1";
        let id = self.user.map(|user| user.0);
        let key = NameKey::of(&after.username);
        let found: Option<UserRow> = within!(connection, |connection| {
            sqlx::query_as(FOUND).bind(id).fetch_optional(connection).await?
        });
        let found = found.map(crate::directory::User::try_from).transpose()?;
        let taken: i64 = within!(connection, |connection| {
            sqlx::query_scalar(TAKEN)
                .bind(self.directory.0)
                .bind(key.as_str())
                .bind(id)
                .fetch_one(connection)
                .await?
        });
        if taken > 0 || found.is_none_or(|user| user.profile != *before) {
            return Ok(false);
        }
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(id)
                .bind(&after.username)
                .bind(key.as_str())
                .bind(&after.email)
                .bind(&after.display_name)
                .bind(&after.first_name)
                .bind(&after.last_name)
                .bind(micros(self.now()))
                .bind(attributes_text(&after.attributes))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(true)
    }

    pub(super) async fn set_inactive(
        &self,
        connection: &mut Connection<'_>,
        before: Option<InactiveReason>,
        after: Option<InactiveReason>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE users SET inactive_reason = $2, updated_at = $3
            WHERE id = $1 AND COALESCE(inactive_reason, '') = $4";
        let updated = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(after.map(InactiveReason::as_str))
                .bind(micros(self.now()))
                .bind(before.map_or("", InactiveReason::as_str))
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(updated == 1)
    }
}
