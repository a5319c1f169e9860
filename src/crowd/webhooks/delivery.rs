//! Tells applications that something has changed. One ping stands for all that has happened since the last: what
//! it was, the application asks itself.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::PURPOSE;
use crate::{
    atlassian::{self, PingError},
    crowd::{Application, Crowd},
    directory::DirectoryId,
    lifecycle::growing_pause,
    store::{DirectoryNews, StoreError, Webhook},
};

/// What happens within so long is one ping.
const BURST: Duration = Duration::from_secs(1);

/// For so long it can wait to be told of the first half of a large plan: whoever is called after each chunk would read
/// the plan from its beginning each time.
const HALF_A_PLAN: TimeDelta = TimeDelta::seconds(60);

/// Whoever has taken a webhook on has so long for it; then another gateway may.
const TAKEN_FOR: TimeDelta = TimeDelta::seconds(60);

/// After so many failures in a row, nobody is there any more,
const MOST_FAILURES: i64 = 20;

/// unless they began less than so long ago: applications are taken away for a night, and come back.
const FAILING_AT_LEAST: TimeDelta = TimeDelta::days(1);

const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);

const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Follows the log for as long as the gateway runs.
pub fn deliver_webhooks(crowd: &Arc<Crowd>) {
    let followed = crowd.clone();
    crowd.background.follow("deliver webhooks", move || {
        let crowd = followed.clone();
        async move { follow(&crowd).await }
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
        let news = crowd.store.list_directory_news(webhook.told_seq).await?;
        let turn = turn(&application.directories, news, now);
        if turn == Turn::Never {
            crowd.store.note_webhook_told(webhook.id, head).await?;
        } else if turn == Turn::Now && crowd.store.take_webhook(&webhook, now + TAKEN_FOR).await? {
            let (crowd, application) = (crowd.clone(), application.clone());
            // Nobody waits for one that does not answer.
            crowd.clone().background.spawn("deliver a webhook", async move {
                if let Err(error) = deliver(&crowd, &application, &webhook, head).await {
                    tracing::warn!(%error, "what became of a webhook could not be written down");
                }
            });
        }
    }
    Ok(())
}

/// When an application is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is none of its business.
    Never,
    /// More is to come.
    Later,
    Now,
}

fn turn(directories: &[DirectoryId], news: Vec<DirectoryNews>, now: DateTime<Utc>) -> Turn {
    let sees = |id| directories.contains(&id);
    let mut news = news.into_iter().filter(|news| news.directory.is_none_or(sees)).peekable();
    if news.peek().is_none() {
        return Turn::Never;
    }
    let can_wait = |news: DirectoryNews| news.is_under_way && now - news.since < HALF_A_PLAN;
    if news.all(can_wait) { Turn::Later } else { Turn::Now }
}

/// Whether nobody is there any more, if a webhook fails once more.
fn is_given_up(webhook: &Webhook, now: DateTime<Utc>) -> bool {
    let for_long = webhook.failing_since.is_some_and(|since| now - since >= FAILING_AT_LEAST);
    webhook.failures + 1 >= MOST_FAILURES && for_long
}

async fn deliver(
    crowd: &Crowd,
    application: &Application,
    webhook: &Webhook,
    head: i64,
) -> Result<(), StoreError> {
    let (id, endpoint, now) = (webhook.id, &webhook.webhook.endpoint, crowd.clock.now());
    match ping(crowd, application, webhook).await {
        Ok(()) => {
            crowd.metrics.count_webhook(&application.name, "told");
            crowd.store.note_webhook_told(id, head).await
        }
        Err(error) if is_given_up(webhook, now) => {
            crowd.metrics.count_webhook(&application.name, "given_up");
            let failures = webhook.failures + 1;
            tracing::warn!(%error, application = %application.name, webhook = id, endpoint, failures, "a \
                webhook is given up: from now on the application hears of changes only when it asks, \
                until it registers a webhook once more");
            crowd.store.delete_webhook(&webhook.webhook.application, id).await.map(drop)
        }
        Err(error) => {
            crowd.metrics.count_webhook(&application.name, "failed");
            tracing::warn!(%error, application = %application.name, endpoint, "a webhook failed");
            let pause = growing_pause(FIRST_PAUSE, webhook.failures, LONGEST_PAUSE);
            crowd.store.note_webhook_failed(id, now, pause).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_plan_can_wait_for_a_minute_and_nothing_else_can() {
        let start = DateTime::UNIX_EPOCH;
        let news = |directory: i64, is_under_way| DirectoryNews {
            directory: Some(DirectoryId(directory)),
            since: start,
            is_under_way,
        };
        let after = |seconds, news| {
            turn(&[DirectoryId(1), DirectoryId(2)], news, start + TimeDelta::seconds(seconds))
        };
        assert_eq!(after(0, vec![]), Turn::Never);
        assert_eq!(after(0, vec![news(3, false)]), Turn::Never);
        assert_eq!(after(0, vec![news(1, false)]), Turn::Now);
        assert_eq!(after(59, vec![news(1, true), news(3, false)]), Turn::Later);
        assert_eq!(after(60, vec![news(1, true)]), Turn::Now);
        assert_eq!(after(1, vec![news(1, true), news(2, false)]), Turn::Now);
        let of_long_ago = DirectoryNews { directory: None, ..news(1, false) };
        assert_eq!(after(0, vec![of_long_ago]), Turn::Now);
    }
}
