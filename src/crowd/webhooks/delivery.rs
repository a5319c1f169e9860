//! Tells applications that something has changed. One ping stands for all that has happened since the last: what
//! it was, the application asks itself.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

use super::PURPOSE;
use crate::{
    atlassian::{self, PingError},
    crowd::{Application, Crowd},
    store::{StoreError, Webhook},
};

/// What happens within so long is one ping.
const BURST: Duration = Duration::from_secs(1);

/// Whoever has taken a webhook on has so long for it; then another gateway may.
const TAKEN_FOR: TimeDelta = TimeDelta::seconds(60);

/// After so many failures in a row, half a day, nobody is there any more.
const MOST_FAILURES: i64 = 20;

const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Follows the log for as long as the gateway runs.
pub fn deliver_webhooks(crowd: &Arc<Crowd>) {
    let (crowd, stopping) = (crowd.clone(), crowd.background.stopping());
    crowd.clone().background.spawn(async move {
        let _ = stopping.run_until_cancelled(follow(&crowd)).await;
    });
}

async fn follow(crowd: &Arc<Crowd>) {
    loop {
        let mut listener = match crowd.store.listen_for_changes().await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "webhooks wait for the database");
                tokio::time::sleep(BURST * 5).await;
                continue;
            }
        };
        while let Ok(()) = deliver_due(crowd).await.inspect_err(|error| {
            tracing::warn!(%error, "webhooks wait for the database");
        }) {
            listener.hear().await;
            tokio::time::sleep(BURST).await;
        }
        tokio::time::sleep(BURST * 5).await;
    }
}

/// Begins to tell everybody who has to be told.
async fn deliver_due(crowd: &Arc<Crowd>) -> Result<(), StoreError> {
    let now = crowd.clock.now();
    let (due, head) = crowd.store.list_due_webhooks(now).await?;
    for webhook in due {
        let Some(application) = crowd.applications.find(&webhook.webhook.application) else {
            // It is not configured any more.
            crowd.store.delete_webhook(&webhook.webhook.application, webhook.id).await?;
            continue;
        };
        if !concerns(crowd, application, &webhook).await? {
            crowd.store.note_webhook_told(webhook.id, head).await?;
        } else if crowd.store.take_webhook(&webhook, now + TAKEN_FOR).await? {
            let (crowd, application) = (crowd.clone(), application.clone());
            // Nobody waits for one that does not answer.
            crowd.clone().background.spawn(async move {
                if let Err(error) = deliver(&crowd, &application, &webhook, head).await {
                    tracing::warn!(%error, "what became of a webhook could not be written down");
                }
            });
        }
    }
    Ok(())
}

async fn concerns(
    crowd: &Crowd,
    application: &Application,
    webhook: &Webhook,
) -> Result<bool, StoreError> {
    let changed = crowd.store.list_changed_directories(webhook.told_seq).await?;
    let sees = |id| application.directories.contains(&id);
    Ok(changed.into_iter().any(|directory| directory.is_none_or(sees)))
}

async fn deliver(
    crowd: &Crowd,
    application: &Application,
    webhook: &Webhook,
    head: i64,
) -> Result<(), StoreError> {
    let (id, endpoint) = (webhook.id, &webhook.webhook.endpoint);
    match ping(crowd, application, webhook).await {
        Ok(()) => {
            crowd.metrics.count_webhook(&application.name, "told");
            crowd.store.note_webhook_told(id, head).await
        }
        Err(error) if webhook.failures + 1 >= MOST_FAILURES => {
            crowd.metrics.count_webhook(&application.name, "given_up");
            tracing::warn!(%error, application = %application.name, endpoint, "a webhook is given up");
            crowd.store.delete_webhook(&webhook.webhook.application, id).await.map(drop)
        }
        Err(error) => {
            crowd.metrics.count_webhook(&application.name, "failed");
            tracing::warn!(%error, application = %application.name, endpoint, "a webhook failed");
            crowd.store.note_webhook_failed(id, crowd.clock.now() + pause(webhook.failures)).await
        }
    }
}

async fn ping(
    crowd: &Crowd,
    application: &Application,
    webhook: &Webhook,
) -> Result<(), PingError> {
    let sealed = webhook.webhook.sealed.as_ref();
    // A master key that is gone has taken the token along: the application registers anew, or cannot be told.
    let token = sealed.map(|sealed| crowd.sealer.open(PURPOSE, sealed)).transpose();
    let token = token.map_err(|_| PingError::Token)?;
    let token = token.map(String::from_utf8).transpose().map_err(|_| PingError::Token)?;
    let may_be_there = |address| application.may_ask_from(address);
    atlassian::ping(&webhook.webhook.endpoint, token.as_deref(), may_be_there).await
}

/// Twice as long after each failure.
fn pause(failures: i64) -> TimeDelta {
    let doubled = u32::try_from(failures).ok().and_then(|failures| 2_i64.checked_pow(failures + 1));
    doubled.and_then(TimeDelta::try_seconds).map_or(LONGEST_PAUSE, |p| p.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!(pause(0), TimeDelta::seconds(2));
        assert_eq!(pause(3), TimeDelta::seconds(16));
        assert_eq!(pause(19), LONGEST_PAUSE);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
    }
}
