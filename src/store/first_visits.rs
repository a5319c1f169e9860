//! Groups that an application gives to everybody who comes for the first time.

use chrono::{DateTime, Utc};

use super::{
    Priority, Store, StoreError,
    apply::Applying,
    changes::{self, Author},
    time::micros,
    within,
};
use crate::directory::{Change, NameKey, Source, User};

impl Store {
    /// Gives a user the application's default groups, if it is their first visit; says whether it was.
    /// Of two requests at once, one gives them.
    pub async fn give_default_groups(
        &self,
        user: &User,
        app: &str,
        groups: &[String],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const VISIT: &str = "
            INSERT INTO first_visits (user_uuid, app, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        const MEMBER: &str = "
            SELECT COUNT(*) FROM memberships m
            JOIN groups g ON g.id = m.group_id JOIN sources s ON s.id = m.source_id
            WHERE m.user_id = $1 AND g.name_key = $2 AND s.name = $3";
        const GROUP: &str = "SELECT COUNT(*) FROM groups WHERE directory_id = $1 AND name_key = $2";
        let (user, app, groups) = (user.clone(), app.to_owned(), groups.to_vec());
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                changes::hold_head(connection).await?;
                let inserted = within!(connection, |connection| {
                    sqlx::query(VISIT)
                        .bind(user.uuid)
                        .bind(&app)
                        .bind(micros(now))
                        .execute(connection)
                        .await?
                        .rows_affected()
                });
                if inserted == 0 {
                    return Ok(false);
                }
                let reason = format!("first visit to {app}");
                let author = Author { actor: &app, reason: &reason, now };
                let mut applying = Applying::new(author, user.directory);
                (applying.person, applying.user) = (Some(user.person), Some(user.id));
                let source = Source::Default(app.clone()).to_string();
                for group in groups {
                    let member: i64 = within!(connection, |connection| {
                        sqlx::query_scalar(MEMBER)
                            .bind(user.id.0)
                            .bind(NameKey::of(&group).as_str())
                            .bind(&source)
                            .fetch_one(connection)
                            .await?
                    });
                    if member > 0 {
                        continue;
                    }
                    let found: i64 = within!(connection, |connection| {
                        sqlx::query_scalar(GROUP)
                            .bind(user.directory.0)
                            .bind(NameKey::of(&group).as_str())
                            .fetch_one(connection)
                            .await?
                    });
                    if found == 0 {
                        let change = Change::CreateGroup { group: group.clone() };
                        applying.apply(connection, &change).await?;
                    }
                    let change = Change::AddMembership { group, source: source.clone() };
                    applying.apply(connection, &change).await?;
                }
                Ok(true)
            })
        })
        .await
    }
}
