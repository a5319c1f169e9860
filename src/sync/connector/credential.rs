//! When what a connector proves itself with expires.

use chrono::{DateTime, TimeDelta, Utc};

use super::Connector;
use crate::{
    clock::Clock,
    cloud::Expiry,
    store::{ConnectorId, SeenCredential, Store, StoreError},
};

/// Who says when a credential ends is asked again after this long,
const ASK_AGAIN: TimeDelta = TimeDelta::hours(20);

/// and each time if it ends soon: somebody may have made a new one.
const SOON: TimeDelta = TimeDelta::days(60);

impl Connector {
    /// Asks when the credential expires, if it is time to, and remembers the answer.
    pub(super) async fn look_at_credential(
        &self,
        store: &Store,
        clock: &Clock,
        id: ConnectorId,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        let seen = store.find_credential(id).await?;
        if seen.is_some_and(|seen| !is_to_be_asked(&seen, now)) {
            return Ok(());
        }
        let expires = match self.source.expiry().await {
            Ok(expires) => expires.map(|Expiry { what, at }| (what, at)),
            Err(error) => {
                // What was known stays, and the next run asks again.
                tracing::debug!(connector = self.name, %error, "nobody says when the credential expires");
                return Ok(());
            }
        };
        store.note_credential(id, SeenCredential { expires, seen_at: now }).await
    }

    /// What is known of when the credential expires: what the cloud or a file says comes before what the configuration does.
    pub async fn known_expiry(
        &self,
        store: &Store,
        id: ConnectorId,
    ) -> Result<Option<Expiry>, StoreError> {
        let seen = store.find_credential(id).await?.and_then(|seen| seen.expires);
        Ok(seen.map(|(what, at)| Expiry { what, at }).or_else(|| self.configured_expiry()))
    }

    fn configured_expiry(&self) -> Option<Expiry> {
        self.credential_expires.map(|at| Expiry { what: "the credential".to_owned(), at })
    }
}

fn is_to_be_asked(seen: &SeenCredential, now: DateTime<Utc>) -> bool {
    let ends_soon = seen.expires.as_ref().is_some_and(|(_, at)| *at - now < SOON);
    ends_soon || now - seen.seen_at >= ASK_AGAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_is_looked_at_in_each_run_and_everything_once_a_day() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let asked = |days: Option<i64>, hours: i64| {
            let expires = days.map(|days| (String::new(), now + TimeDelta::days(days)));
            is_to_be_asked(&SeenCredential { expires, seen_at: now - TimeDelta::hours(hours) }, now)
        };
        assert!(asked(Some(59), 0) && asked(Some(-3), 0));
        assert!(!asked(Some(61), 19) && asked(Some(61), 20));
        assert!(!asked(None, 19) && asked(None, 20));
    }
}
