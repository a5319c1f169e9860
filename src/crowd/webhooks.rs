//! `/webhook`: where an application wants to be told that it is worth asking `/event`.

mod delivery;

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use url::Url;

pub use self::delivery::deliver_webhooks;
use super::{
    Crowd,
    asking::Asking,
    failure::{Failure, Reason},
    given::Given,
    writer::Writer,
};
use crate::{http::Response, store::NewWebhook};

/// So many may an application have: one for each of its nodes, and some that it has forgotten.
const MOST_WEBHOOKS: i64 = 20;

const MOST_URL_BYTES: usize = 2000;

/// What tokens are sealed for.
const PURPOSE: &str = "crowd webhook";

/// `POST /webhook`: an address, and what the application wants to hear there to know who calls. One that is known
/// gets the number that it has.
pub(super) async fn create_webhook(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Given(node): Given,
) -> Result<Response, Failure> {
    let endpoint = node.field("endpointUrl").unwrap_or_default();
    let endpoint = endpoint_of(endpoint).ok_or_else(|| {
        Failure::illegal("endpointUrl must be an http or https URL without a user or a password")
    })?;
    let token = node.field("token").filter(|token| !token.is_empty());
    if token.is_some_and(|token| http::HeaderValue::from_str(token).is_err()) {
        return Err(Failure::illegal("token must be text that can be sent in a header"));
    }
    let new = NewWebhook {
        application: asking.application.name.to_string(),
        endpoint: endpoint.to_string(),
        sealed: token.map(|token| crowd.sealer.seal(PURPOSE, token.as_bytes())),
    };
    let id = crowd.store.upsert_webhook(new, MOST_WEBHOOKS, crowd.clock.now()).await?;
    let id = id.ok_or_else(|| {
        Failure::illegal(format_args!("there are {MOST_WEBHOOKS} already: delete one first"))
    })?;
    tracing::info!(application = %asking.application.name, webhook = id, %endpoint, "webhook kept");
    Ok(asking.answer(StatusCode::CREATED, |writer| write_webhook(writer, id, endpoint.as_str())))
}

/// `GET /webhook/{id}`, without the token.
pub(super) async fn show_webhook(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let number = number(&id)?;
    let found = crowd.store.find_webhook(&asking.application.name, number).await?;
    let found = found.ok_or_else(|| no_webhook(&id))?;
    Ok(asking.answer(StatusCode::OK, |writer| {
        write_webhook(writer, found.id, &found.webhook.endpoint);
    }))
}

/// `DELETE /webhook/{id}`.
pub(super) async fn delete_webhook(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let deleted = crowd.store.delete_webhook(&asking.application.name, number(&id)?).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(no_webhook(&id)) }
}

fn endpoint_of(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| url.as_str().len() <= MOST_URL_BYTES)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

fn number(id: &str) -> Result<i64, Failure> {
    id.parse().map_err(|_| no_webhook(id))
}

fn no_webhook(id: &str) -> Failure {
    let message = format!("Webhook <{id}> does not exist");
    Failure::new(StatusCode::NOT_FOUND, Reason::WebhookNotFound, message)
}

fn write_webhook(writer: &mut Writer, id: i64, endpoint: &str) {
    writer.begin_document("webhook");
    writer.number("id", id);
    writer.text("endpointUrl", endpoint);
    writer.end("webhook");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_url() {
        assert!(endpoint_of("https://jira.example.com/x?y").is_some());
        let long = format!("http://a/{}", "x".repeat(MOST_URL_BYTES));
        for refused in
            ["", "/x", "ftp://a/", "file:///etc/passwd", "http://u:p@a/", "http://u@a/", &long]
        {
            assert!(endpoint_of(refused).is_none(), "{refused}");
        }
    }
}
