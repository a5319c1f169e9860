//! Groups that an application gives to everybody who comes for the first time.

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, Store, StoreError,
    apply::{Applying, groups::find_group},
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
        let (user, app, groups) = (user.clone(), app.to_owned(), groups.to_vec());
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                changes::hold_head(connection).await?;
                if !begin_visits(connection, &user, &app, now).await? {
                    return Ok(false);
                }
                let reason = format!("first visit to {app}");
                let author = Author { actor: &app, reason: &reason, now };
                let mut applying = Applying::new(author, user.directory);
                (applying.person, applying.user) = (Some(user.person), Some(user.id));
                let source = Source::Default(app.clone()).to_string();
                for group in groups {
                    let key = NameKey::of(&group);
                    if is_given(connection, &user, &key, &source).await? {
                        continue;
                    }
                    if find_group(connection, user.directory, &key).await?.is_none() {
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

/// Whether nobody has written the visit down before.
async fn begin_visits(
    connection: &mut Connection<'_>,
    user: &User,
    app: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO first_visits (user_uuid, app, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let inserted = within!(connection, |connection| {
        let visit = sqlx::query(SQL).bind(user.uuid).bind(app).bind(micros(now));
        visit.execute(connection).await?.rows_affected()
    });
    Ok(inserted > 0)
}

/// Whether the source has put the user into the group already.
async fn is_given(
    connection: &mut Connection<'_>,
    user: &User,
    group: &NameKey,
    source: &str,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM memberships m
        JOIN groups g ON g.id = m.group_id JOIN sources s ON s.id = m.source_id
        WHERE m.user_id = $1 AND g.name_key = $2 AND s.name = $3";
    let count: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(user.id.0)
            .bind(group.as_str())
            .bind(source)
            .fetch_one(connection)
            .await?
    });
    Ok(count > 0)
}
