//! Asking Graph for change notifications of users and groups: `learn.microsoft.com/graph/api/resources/subscription`.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{Entra, members::checked};
use crate::cloud::{
    ConnectorError,
    announcer::{Announcer, Subscription, Wish},
    http::Request,
};

/// Graph would give 29 days; what is left over when a gateway ends for good is rid of sooner.
const LIFE: TimeDelta = TimeDelta::days(3);

/// What Graph calls that a subscription for the same is there already.
const CONFLICT: u16 = 409;

const WHAT: &str = "what changes (subscriptions)";

/// What reading users and groups needs is enough.
const NEEDS: &str = "User.Read.All and GroupMember.Read.All";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agreed {
    id: String,
    expiration_date_time: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Listed {
    value: Vec<Existing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Existing {
    id: String,
    resource: String,
    notification_url: Option<String>,
}

impl Entra {
    fn in_a_while(&self) -> String {
        let connection = &self.graph.connection;
        let now = connection.clock.now() + connection.skew().unwrap_or_default();
        (now + LIFE).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    async fn agree(&self, wish: Wish<'_>) -> Result<Subscription, ConnectorError> {
        let body = json!({
            // What Graph calls updated is also who is made, and who is put into the recycle bin.
            "changeType": "updated,deleted",
            "resource": wish.topic,
            "notificationUrl": wish.address,
            "lifecycleNotificationUrl": wish.address,
            "expirationDateTime": self.in_a_while(),
            "clientState": wish.secret,
            "latestSupportedTlsVersion": "v1_2",
        });
        let request = Request::post_json(self.graph.at("subscriptions")?, &body, WHAT);
        let agreed: Agreed = self.graph.ask(&about_subscriptions(request)).await?;
        Ok(Subscription { handle: agreed.id, until: agreed.expiration_date_time })
    }

    /// Ends a subscription that nobody here knows of any more: a gateway was killed before it could write it down.
    async fn end_left(&self, wish: Wish<'_>) -> Result<bool, ConnectorError> {
        let request = Request::get(self.graph.at("subscriptions")?, WHAT);
        let listed: Listed = self.graph.ask(&about_subscriptions(request)).await?;
        let is_left = |it: &&Existing| {
            it.resource.trim_start_matches('/').eq_ignore_ascii_case(wish.topic)
                && it.notification_url.as_deref() == Some(wish.address.as_str())
        };
        let Some(left) = listed.value.iter().find(is_left) else { return Ok(false) };
        match self.end_one(&left.id).await {
            Ok(()) | Err(ConnectorError::Gone(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn end_one(&self, handle: &str) -> Result<(), ConnectorError> {
        let url = self.graph.at(&format!("subscriptions/{}", checked(handle)?))?;
        let request = Request { method: Method::DELETE, ..Request::get(url, WHAT) };
        self.graph.ask_for(&about_subscriptions(request), |_| Ok(())).await
    }
}

fn about_subscriptions(request: Request) -> Request {
    Entra::of_somebody(request.needing(NEEDS))
}

impl Announcer for Entra {
    fn topics(&self) -> &'static [&'static str] {
        &["users", "groups"]
    }

    fn subscribe<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> BoxFuture<'a, Result<Subscription, ConnectorError>> {
        Box::pin(async move {
            match self.agree(wish).await {
                Err(ConnectorError::Failed { status: CONFLICT, .. })
                    if self.end_left(wish).await? =>
                {
                    self.agree(wish).await
                }
                agreed => agreed,
            }
        })
    }

    fn renew<'a>(
        &'a self,
        handle: &'a str,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, ConnectorError>> {
        Box::pin(async move {
            let url = self.graph.at(&format!("subscriptions/{}", checked(handle)?))?;
            let body = json!({ "expirationDateTime": self.in_a_while() });
            let request = Request { method: Method::PATCH, ..Request::post_json(url, &body, WHAT) };
            let agreed: Agreed = self.graph.ask(&about_subscriptions(request)).await?;
            Ok(Some(agreed.expiration_date_time))
        })
    }

    fn end<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(self.end_one(handle))
    }

    fn try_out<'a>(&'a self, address: &'a Url) -> BoxFuture<'a, Result<String, ConnectorError>> {
        Box::pin(async move {
            for topic in self.topics() {
                let wish = Wish { topic, address, secret: "try" };
                match self.agree(wish).await {
                    Ok(agreed) => self.end_one(&agreed.handle).await?,
                    // The gateway has asked before.
                    Err(ConnectorError::Failed { status: CONFLICT, .. }) => {}
                    // What may not be asked for is refused before the address is tried.
                    Err(ConnectorError::Failed { status: 400, reason, .. }) => {
                        return Ok(format!(
                            "permitted; without effect until the gateway is there: {reason}"
                        ));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok("Graph will tell of users and groups, and can reach the gateway".to_owned())
        })
    }
}
