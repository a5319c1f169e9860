//! Forgets what nobody will ask for again.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Priority, Store, StoreError, time::micros, within};

/// Endings matter to a replica only as long as it could have the session in memory.
const KEEP_ENDINGS: TimeDelta = TimeDelta::days(2);

/// An application that has not been told of an account for so long does not keep a copy.
const KEEP_KNOWN: TimeDelta = TimeDelta::days(30);

/// Wrong passwords of so long ago count no more.
pub(super) const KEEP_FAILURES: TimeDelta = TimeDelta::days(1);

/// Longer than what a browser remembers from before a sign-out is listened to.
const KEEP_SIGN_OUTS: TimeDelta = TimeDelta::days(40);

/// So long it can be seen that something was an alarm.
const KEEP_ALARMS: TimeDelta = TimeDelta::days(90);

/// Each statement forgets by one time: sessions by their end and by their last use.
const STATEMENTS: [&str; 11] = [
    "DELETE FROM sessions WHERE expires_at <= $1",
    "DELETE FROM handover_codes WHERE expires_at <= $1",
    "DELETE FROM login_states WHERE expires_at <= $1",
    "DELETE FROM replays WHERE expires_at <= $1",
    "DELETE FROM saved_forms WHERE expires_at <= $1",
    "DELETE FROM sessions WHERE seen_at <= $1",
    "DELETE FROM session_endings WHERE at <= $1",
    "DELETE FROM crowd_known WHERE at <= $1",
    "DELETE FROM password_failures WHERE last_at <= $1",
    "DELETE FROM sign_outs WHERE at <= $1",
    "DELETE FROM alarms WHERE ended_at <= $1",
];

impl Store {
    /// Forgets what has expired, and sessions that nobody has used since `idle_since`.
    pub async fn delete_expired(
        &self,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let (endings, failures) = (now - KEEP_ENDINGS, now - KEEP_FAILURES);
        let (known, sign_outs) = (now - KEEP_KNOWN, now - KEEP_SIGN_OUTS);
        let alarms = now - KEEP_ALARMS;
        let times =
            [now, now, now, now, now, idle_since, endings, known, failures, sign_outs, alarms];
        let times = times.map(micros);
        let mut deleted = 0;
        for (statement, time) in STATEMENTS.into_iter().zip(times) {
            // One write each: a login in between does not wait for all of them.
            let rows = self.write::<_, StoreError, _>(Priority::Bulk, move |transaction| {
                Box::pin(async move {
                    Ok(within!(&mut transaction.connection(), |connection| {
                        sqlx::query(statement).bind(time).execute(connection).await?.rows_affected()
                    }))
                })
            });
            deleted += rows.await?;
        }
        Ok(deleted)
    }
}
