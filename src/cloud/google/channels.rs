//! Asking Google to tell of users: `developers.google.com/workspace/admin/directory/v1/guides/push`. It cannot be asked to tell
//! of groups.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{Google, work::List};
use crate::cloud::{
    ConnectorError,
    announcer::{Announcer, Subscription, Wish},
    http::Request,
};

/// Google would give two days; a channel cannot be prolonged, and one that is left over ends sooner.
const LIFE: Duration = Duration::from_hours(24);

/// What happens to users. That somebody becomes an administrator matters to nobody here.
const EVENTS: [&str; 4] = ["add", "delete", "undelete", "update"];

const WHAT: &str = "what changes (channels)";

/// By what a channel is ended.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    id: String,
    resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agreed {
    id: String,
    resource_id: String,
    /// Milliseconds since 1970, as a text.
    expiration: String,
}

impl Google {
    async fn watch(&self, wish: Wish<'_>) -> Result<Subscription, ConnectorError> {
        let customer = &self.question.customer;
        let path =
            format!("admin/directory/v1/users/watch?customer={customer}&event={}", wish.topic);
        let body = json!({
            "id": Uuid::new_v4(),
            "type": "web_hook",
            "address": wish.address,
            "token": wish.secret,
            "params": { "ttl": LIFE.as_secs().to_string() },
        });
        let request = Request::post_json(self.line.at(&path)?, &body, WHAT);
        let request = request.needing(List::Users.scope()).urgent();
        let agreed: Agreed = self.line.ask(&request).await?;
        let until = agreed.expiration.parse().ok().and_then(DateTime::from_timestamp_millis);
        let until = until.ok_or_else(|| malformed("does not say when it ends"))?;
        let handle = Handle { id: agreed.id, resource_id: agreed.resource_id };
        let handle = serde_json::to_string(&handle).map_err(|_| malformed("has no id"))?;
        Ok(Subscription { handle, until })
    }

    async fn stop(&self, handle: &str) -> Result<(), ConnectorError> {
        let handle: Handle = serde_json::from_str(handle)
            .map_err(|_| ConnectorError::Gone("a channel of another version".to_owned()))?;
        let body = json!(handle);
        // This one method has another path than all others.
        let url = self.line.at("admin/directory_v1/channels/stop")?;
        let request = Request::post_json(url, &body, WHAT).needing(List::Users.scope()).urgent();
        self.line.ask_for(&request, |_| Ok(())).await
    }
}

fn malformed(problem: &str) -> ConnectorError {
    ConnectorError::Malformed { what: WHAT.to_owned(), problem: problem.to_owned() }
}

impl Announcer for Google {
    fn topics(&self) -> &'static [&'static str] {
        &EVENTS
    }

    fn subscribe<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> BoxFuture<'a, Result<Subscription, ConnectorError>> {
        Box::pin(self.watch(wish))
    }

    fn renew<'a>(
        &'a self,
        _handle: &'a str,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, ConnectorError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn end<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(self.stop(handle))
    }

    fn try_out<'a>(&'a self, address: &'a Url) -> BoxFuture<'a, Result<String, ConnectorError>> {
        Box::pin(async move {
            let agreed = self.watch(Wish { topic: "update", address, secret: "try" }).await?;
            self.stop(&agreed.handle).await?;
            Ok("Google will tell of users; it cannot tell of groups".to_owned())
        })
    }
}
