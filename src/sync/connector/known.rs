//! What the mirror knows of a user or a group, as it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    cloud::{Attributes, Group, GroupKind, Standing, User},
    store::StoreError,
};

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownUser {
    #[serde(rename = "s")]
    pub(super) standing: Standing,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<bool>,
    #[serde(rename = "a")]
    pub(super) attributes: BTreeMap<String, Vec<String>>,
}

/// What is known of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownGroup {
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<GroupKind>,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, Vec<String>>,
}

impl Default for KnownUser {
    fn default() -> Self {
        Self { standing: Standing::Unsaid, guest: None, attributes: BTreeMap::new() }
    }
}

impl KnownUser {
    /// What is known once more has been said.
    pub(super) fn hear(&mut self, said: User) {
        if said.standing != Standing::Unsaid {
            self.standing = said.standing;
        }
        self.guest = said.guest.or(self.guest.filter(|_| !said.whole));
        hear_attributes(&mut self.attributes, said.attributes, said.whole);
    }
}

impl KnownGroup {
    /// Whether it is no group, but what stands for an application or one of its roles among groups.
    pub(super) fn stands_for_application(&self) -> bool {
        matches!(self.kind, Some(GroupKind::Application | GroupKind::AppRole))
    }

    /// What is known once more has been said.
    pub(super) fn hear(&mut self, said: Group) {
        self.name = said.name.or(self.name.take());
        self.kind = said.kind.or(self.kind);
        hear_attributes(&mut self.attributes, said.attributes, said.whole);
    }
}

fn hear_attributes(known: &mut BTreeMap<String, Vec<String>>, said: Attributes, whole: bool) {
    if whole {
        known.clear();
    }
    for (name, values) in said {
        match values.filter(|values| !values.is_empty()) {
            Some(values) => drop(known.insert(name, values)),
            None => drop(known.remove(&name)),
        }
    }
}

/// As it is stored.
pub(super) fn pack<T: Serialize>(known: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(known).map_err(|error| unreadable(&error))
}

/// As it was before it was stored.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(packed).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: "what is known of a cloud", value: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(standing: Standing, attributes: &[(&str, Option<&str>)], whole: bool) -> User {
        let value = |value: Option<&str>| value.map(|value| vec![value.to_owned()]);
        let attributes =
            attributes.iter().map(|(name, text)| ((*name).to_owned(), value(*text))).collect();
        User { id: "1".to_owned(), standing, guest: None, attributes, whole }
    }

    #[test]
    fn what_is_not_said_stays_unless_all_is_said() {
        let mut known = KnownUser::default();
        known.hear(said(Standing::Disabled, &[("mail", Some("a")), ("city", Some("b"))], true));
        known.hear(said(Standing::Unsaid, &[("mail", None), ("name", Some("c"))], false));
        assert_eq!(known.standing, Standing::Disabled);
        assert_eq!(known.attributes.keys().collect::<Vec<_>>(), ["city", "name"]);
        known.hear(said(Standing::Enabled, &[("mail", Some("d"))], true));
        assert_eq!(known.attributes.keys().collect::<Vec<_>>(), ["mail"]);
        assert_eq!(unpack::<KnownUser>(&pack(&known).unwrap()).unwrap(), known);
    }
}
