//! What else is said of a user, as the store writes it.

use std::collections::BTreeMap;

use super::StoreError;

/// Nothing if nothing is said: most rows have none.
pub(super) fn attributes_text(attributes: &BTreeMap<String, String>) -> Option<String> {
    let text = || serde_json::to_string(attributes).ok();
    (!attributes.is_empty()).then(text).flatten()
}

pub(super) fn read_attributes(text: Option<&str>) -> Result<BTreeMap<String, String>, StoreError> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    let unreadable =
        |_| StoreError::Unreadable { what: "a user's attributes", value: text.to_owned() };
    serde_json::from_str(text).map_err(unreadable)
}
