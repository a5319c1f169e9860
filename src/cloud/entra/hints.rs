//! What change notifications say: `learn.microsoft.com/graph/api/resources/changenotification`, and
//! `graph/change-notifications-lifecycle-events` for what they say of themselves.

use serde::Deserialize;

use crate::{
    cloud::hints::{Hint, HintError, Word},
    secrets::sha256,
};

/// Graph puts fewer into one message.
const MOST: usize = 5_000;

#[derive(Deserialize)]
struct Message {
    value: Vec<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    client_state: Option<String>,
    resource: Option<String>,
    resource_data: Option<Resource>,
    lifecycle_event: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    id: Option<String>,
}

pub(in crate::cloud) fn words(body: &[u8]) -> Result<Vec<Word>, HintError> {
    let message: Message =
        serde_json::from_slice(body).map_err(|_| HintError("is no list of notifications"))?;
    let said = message.value.into_iter().take(MOST);
    Ok(said.filter_map(word).collect())
}

fn word(notice: Notice) -> Option<Word> {
    let hint = notice.hint()?;
    Some(Word { proof: notice.client_state.map(|state| sha256(state.as_bytes())), hint })
}

impl Notice {
    fn hint(&self) -> Option<Hint> {
        if let Some(event) = &self.lifecycle_event {
            return match event.as_str() {
                "missed" => Some(Hint::Missed),
                "subscriptionRemoved" => Some(Hint::Over),
                "reauthorizationRequired" => Some(Hint::Renew),
                _ => None,
            };
        }
        let data = self.resource_data.as_ref();
        let kind = data.and_then(|data| data.kind.as_deref()).or(self.resource.as_deref())?;
        // `#Microsoft.Graph.User`, or `Users/` and an id.
        match kind.rsplit('.').next()?.split('/').next()?.to_ascii_lowercase().as_str() {
            "user" | "users" => Some(Hint::User(data?.id.clone()?)),
            "group" | "groups" => Some(Hint::Others),
            _ => None,
        }
    }
}
