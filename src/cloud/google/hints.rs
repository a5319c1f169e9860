//! What notifications say: `developers.google.com/workspace/admin/directory/v1/guides/push`. Channels tell of users only.

use http::HeaderMap;
use serde::Deserialize;

use crate::cloud::hints::{Hint, HintError, Word};

/// What has happened; `sync` says that a channel begins.
const STATE: &str = "x-goog-resource-state";

#[derive(Deserialize)]
struct Message {
    id: String,
}

pub(in crate::cloud) fn words(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Word>, HintError> {
    let state = headers.get(STATE).ok_or(HintError("does not say what has happened"))?;
    if state == "sync" {
        return Ok(Vec::new());
    }
    let hint = match serde_json::from_slice::<Message>(body) {
        Ok(message) => Hint::User(message.id),
        // To somebody.
        Err(_) => Hint::Others,
    };
    Ok(vec![Word { proof: None, hint }])
}
