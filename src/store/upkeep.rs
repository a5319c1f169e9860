//! Whose accounts and memberships have outlived their reason.

use chrono::{DateTime, Utc};

use super::{
    ConnectorId, Step, Store, StoreError,
    accounts::{UserRow, select_users},
    read,
    time::micros,
};
use crate::directory::{
    Change, DirectoryId, InactiveReason, Issuer, NameKey, PersonId, User, UserId,
};

/// Person, user, group and source of a membership.
type Row = (i64, i64, String, String);

fn leave((person, user, group, source): Row) -> Step {
    Step {
        person: Some(PersonId(person)),
        user: Some(UserId(user)),
        change: Change::RemoveMembership { group, source },
    }
}

impl Store {
    /// Deactivations of accounts whose people have not logged in since `since` and have no session that
    /// was used since. People who have never logged in are not meant, nor members of `exempt` groups, nor
    /// accounts for breaking glass.
    pub async fn plan_idle(
        &self,
        directory: DirectoryId,
        since: DateTime<Utc>,
        exempt: &[NameKey],
    ) -> Result<Vec<Step>, StoreError> {
        const SQL: &str = select_users!(
            "WHERE u.directory_id = $1 AND u.inactive_reason IS NULL
              AND (SELECT MAX(used.at) FROM (
                    SELECT i.person_id, l.at FROM last_logins l
                    JOIN identities i ON i.id = l.identity_id
                    UNION ALL
                    SELECT a.person_id, p.used_at AS at FROM passwords p
                    JOIN users a ON a.id = p.user_id
                   ) used WHERE used.person_id = u.person_id) < $2
              AND NOT EXISTS (SELECT 1 FROM passwords b
                              WHERE b.user_id = u.id AND b.break_glass = 1)
              AND NOT EXISTS (SELECT 1 FROM sessions s
                              WHERE s.person_id = u.person_id AND s.seen_at >= $2)
            ORDER BY u.id"
        );
        let rows: Vec<UserRow> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(directory.0).bind(micros(since)).fetch_all(pool).await?
        });
        let mut steps = Vec::new();
        for row in rows {
            let user = User::try_from(row)?;
            let groups = self.list_groups_of(user.id).await?;
            if groups.iter().any(|group| exempt.contains(&NameKey::of(group))) {
                continue;
            }
            let change = Change::DeactivateUser { reason: InactiveReason::Idle };
            steps.push(Step { person: Some(user.person), user: Some(user.id), change });
        }
        Ok(steps)
    }

    /// Ends of memberships whose issuers have spoken for the person once, and not since `since`.
    pub async fn plan_silence(
        &self,
        directory: DirectoryId,
        since: DateTime<Utc>,
    ) -> Result<Vec<Step>, StoreError> {
        // A source is `jit:` and the issuer.
        const SQL: &str = "
            SELECT u.person_id, u.id, g.name, s.name FROM memberships m
            JOIN users u ON u.id = m.user_id
            JOIN groups g ON g.id = m.group_id
            JOIN sources s ON s.id = m.source_id
            WHERE u.directory_id = $1 AND s.name LIKE 'jit:%'
              AND (SELECT MAX(l.at) FROM last_logins l JOIN identities i ON i.id = l.identity_id
                   WHERE i.person_id = u.person_id AND i.issuer = SUBSTR(s.name, 5)) < $2
            ORDER BY u.id, g.id, s.id";
        let rows: Vec<Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(directory.0).bind(micros(since)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(leave).collect())
    }

    /// Ends of memberships that were given by issuers other than these.
    pub async fn plan_retirement(
        &self,
        directory: DirectoryId,
        issuers: &[String],
    ) -> Result<Vec<Step>, StoreError> {
        const SQL: &str = "
            SELECT u.person_id, u.id, g.name, s.name FROM memberships m
            JOIN users u ON u.id = m.user_id
            JOIN groups g ON g.id = m.group_id
            JOIN sources s ON s.id = m.source_id
            WHERE u.directory_id = $1 AND s.name LIKE 'jit:%' ORDER BY u.id, g.id, s.id";
        let rows: Vec<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(directory.0).fetch_all(pool).await?);
        let retired = |row: &Row| !issuers.iter().any(|issuer| row.3["jit:".len()..] == **issuer);
        Ok(rows.into_iter().filter(retired).map(leave).collect())
    }

    /// Accounts that have been absent at the source of a directory for some reason since `before`, those for breaking
    /// glass apart, with the group and source of every membership. Whatever somebody has changed of them since counts as
    /// a sign of life, and so does that a connector knows whose they are by the subject of an issuer.
    pub async fn list_absent(
        &self,
        directory: DirectoryId,
        absence: InactiveReason,
        before: DateTime<Utc>,
        known_to: Option<(ConnectorId, &Issuer)>,
    ) -> Result<Vec<(User, Vec<(String, String)>)>, StoreError> {
        const SQL: &str = select_users!(
            "WHERE u.directory_id = $1 AND u.inactive_reason = $3 AND u.updated_at < $2
              AND NOT EXISTS (SELECT 1 FROM passwords b
                              WHERE b.user_id = u.id AND b.break_glass = 1)
              AND NOT EXISTS (SELECT 1 FROM identities i
                              JOIN connector_users c ON c.external_id = i.subject
                              WHERE i.person_id = u.person_id AND i.issuer = $5
                                AND i.subject_kind = 'attribute'
                                AND c.connector_id = $4 AND c.known IS NOT NULL)
            ORDER BY u.id"
        );
        let (connector, issuer) = known_to.map_or((0, ""), |(id, issuer)| (id.0, &issuer.0));
        let rows: Vec<UserRow> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(directory.0)
                .bind(micros(before))
                .bind(absence.as_str())
                .bind(connector)
                .bind(issuer)
                .fetch_all(pool)
                .await?
        });
        let mut absent = Vec::new();
        for row in rows {
            let user = User::try_from(row)?;
            let memberships = self.list_memberships(user.id).await?;
            absent.push((user, memberships));
        }
        Ok(absent)
    }

    /// How many users and memberships a directory has.
    pub async fn count_directory(&self, directory: DirectoryId) -> Result<(i64, i64), StoreError> {
        const SQL: &str = "
            SELECT (SELECT COUNT(*) FROM users WHERE directory_id = $1),
                   (SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id
                    WHERE u.directory_id = $1)";
        Ok(read!(self, |pool| sqlx::query_as(SQL).bind(directory.0).fetch_one(pool).await?))
    }
}
