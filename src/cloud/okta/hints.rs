//! What event hooks say: `developer.okta.com/docs/concepts/event-hooks`, with events as in the System Log.

use serde::Deserialize;

use crate::cloud::hints::{Hint, HintError, Word};

/// Okta puts fewer into one message.
const MOST: usize = 5_000;

#[derive(Deserialize)]
struct Message {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    target: Option<Vec<Target>>,
}

#[derive(Deserialize)]
struct Target {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(in crate::cloud) fn words(body: &[u8]) -> Result<Vec<Word>, HintError> {
    let message: Message =
        serde_json::from_slice(body).map_err(|_| HintError("is no list of events"))?;
    let events = message.data.events.into_iter().take(MOST);
    let hints = events.flat_map(|event| hints(&event.target.unwrap_or_default()));
    Ok(hints.map(|hint| Word { proof: None, hint }).collect())
}

/// Whom an event is about. Who has joined or left a group is enough: the group is not looked at then.
fn hints(targets: &[Target]) -> Vec<Hint> {
    let of = |kind: &'static str| {
        targets.iter().filter(move |target| target.kind.as_deref() == Some(kind))
    };
    let users: Vec<_> = of("User").filter_map(|target| target.id.clone().map(Hint::User)).collect();
    if users.is_empty() && of("UserGroup").next().is_some() {
        return vec![Hint::Others];
    }
    users
}
