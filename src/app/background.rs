//! What runs besides requests.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::time::timeout;

use super::parts::{Foundation, session_times};
use crate::{
    clock::Clock,
    config::Config,
    keyring::Keyring,
    lifecycle::Background,
    store::{Store, StoreError},
    sync,
};

/// An ending reaches every replica within a second.
const LOOK_FOR_ENDINGS: Duration = Duration::from_millis(500);

/// How long that may take.
const LONGEST_LOOK: Duration = Duration::from_secs(15);

/// How often is written who was seen.
const WRITE_SEEN: Duration = Duration::from_mins(1);

/// How often is looked for plans that another gateway has left.
const LOOK_FOR_PLANS: Duration = Duration::from_secs(30);

/// A key that was retired is worth nothing within seconds, on every replica.
const LOOK_FOR_KEYS: Duration = Duration::from_secs(5);

/// How often what has expired is deleted.
const PURGE: Duration = Duration::from_mins(10);

/// Begins all of it.
pub(super) async fn begin(config: &Config, foundation: &Foundation) -> Result<(), StoreError> {
    let Foundation { store, clock, metrics, background, .. } = foundation;
    go_on_with_plans(store, clock, background).await?;
    follow_keys(foundation.keyring.clone(), background);
    foundation.certificates.follow(clock, metrics, background);
    follow_sessions(foundation);
    forget(foundation, retention(config));
    Ok(())
}

/// How long what nobody needs any more is kept.
struct Retention {
    /// Sessions that nobody uses.
    sessions: TimeDelta,
    /// Changes; for ever, if nothing is said.
    changes: Option<TimeDelta>,
}

fn retention(config: &Config) -> Retention {
    Retention {
        sessions: session_times(config).idle,
        changes: config.store.keep_changes_days.map(|days| TimeDelta::days(days.into())),
    }
}

fn follow_keys(keyring: Arc<Keyring>, background: &Background) {
    background.every("look for signing keys", LOOK_FOR_KEYS, move || {
        let keyring = keyring.clone();
        async move {
            report("look for signing keys", keyring.follow().await);
        }
    });
}

/// Takes up plans that were left when a gateway ended: now, and later those of other gateways.
async fn go_on_with_plans(
    store: &Store,
    clock: &Clock,
    background: &Background,
) -> Result<(), StoreError> {
    // Nobody can have begun one yet that this gateway would take for left.
    let alone = matches!(store, Store::Sqlite { .. });
    let left = sync::left_plans(store, clock, alone).await?;
    let (first_store, first_clock) = (store.clone(), clock.clone());
    background.spawn("apply plans", async move {
        report("apply plans", sync::go_on(&first_store, &first_clock, left).await);
    });
    let (store, clock) = (store.clone(), clock.clone());
    background.every("look for plans", LOOK_FOR_PLANS, move || {
        let (store, clock) = (store.clone(), clock.clone());
        async move {
            let left = sync::left_plans(&store, &clock, false).await;
            if let Some(left) = report("look for plans", left) {
                report("apply plans", sync::go_on(&store, &clock, left).await);
            }
        }
    });
    Ok(())
}

/// Sessions that end elsewhere, and those that are seen here.
fn follow_sessions(parts: &Foundation) {
    let forgetting = parts.sessions.clone();
    parts.background.every("look for ended sessions", LOOK_FOR_ENDINGS, move || {
        let sessions = forgetting.clone();
        async move {
            // Of a network that is gone nobody tells a query that waits: the next look is made on another connection.
            let looked = timeout(LONGEST_LOOK, sessions.forget_ended()).await;
            let looked = looked.unwrap_or(Err(StoreError::Timeout(LONGEST_LOOK.as_secs())));
            let has_looked = report("look for ended sessions", looked).is_some();
            if !has_looked && sessions.forget_unchecked() {
                tracing::error!("the store has been away for session.outage_timeout_seconds: nobody is served without it");
            }
        }
    });
    let writing = parts.sessions.clone();
    parts.background.every("write down who was seen", WRITE_SEEN, move || {
        let sessions = writing.clone();
        async move {
            report("write down who was seen", sessions.write_seen().await);
        }
    });
}

/// Deletes what nobody needs any more.
fn forget(parts: &Foundation, Retention { sessions: idle, changes: keep }: Retention) {
    let (store, clock) = (parts.store.clone(), parts.clock.clone());
    parts.background.every("delete what has expired", PURGE, move || {
        let (store, now) = (store.clone(), clock.now());
        async move {
            report("delete what has expired", store.delete_expired(now, now - idle).await);
            if let Some(keep) = keep {
                report("delete old changes", store.delete_changes_before(now - keep).await);
            }
        }
    });
}

/// What fails now is tried again the next time.
pub(super) fn report<T, E: std::fmt::Display>(work: &str, result: Result<T, E>) -> Option<T> {
    let failed = |error: &E| tracing::error!(%error, work, "background work failed");
    result.inspect_err(failed).ok()
}
