//! Groups as filters name them.

use regex::Regex;

use crate::{
    config::whole_pattern,
    directory::NameKey,
    sync::connector::{
        ConnectorConfigError,
        known::KnownGroup,
        organisation::{MirroredGroup, Organisation},
    },
};

/// Groups that a filter names.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    ids: Vec<String>,
    names: Vec<NameKey>,
    beginnings: Vec<String>,
    patterns: Vec<Regex>,
    /// As they were written.
    said: Vec<String>,
}

impl Named {
    /// `key` is where they are named in the configuration.
    pub(super) fn new(key: &'static str, names: &[String]) -> Result<Self, ConnectorConfigError> {
        let mut all = Self { said: names.to_vec(), ..Self::default() };
        for name in names {
            if let Some(id) = name.strip_prefix("id:") {
                all.ids.push(id.to_owned());
            } else if let Some(pattern) = name.strip_prefix("re:") {
                let pattern = whole_pattern(pattern);
                all.patterns
                    .push(pattern.map_err(|error| ConnectorConfigError::pattern(key, &error))?);
            } else if let Some(beginning) = name.strip_suffix('*') {
                all.beginnings.push(NameKey::of(beginning).as_str().to_owned());
            } else {
                all.names.push(NameKey::of(name));
            }
        }
        Ok(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// As they were written.
    pub(super) fn said(&self) -> &[String] {
        &self.said
    }

    /// Whether a group is named. What only stands for an application is no group.
    pub(super) fn contains(&self, id: &str, known: &KnownGroup) -> bool {
        if known.stands_for_application() {
            return false;
        }
        if self.ids.iter().any(|named| named == id) {
            return true;
        }
        let Some(name) = &known.name else {
            return false;
        };
        let key = NameKey::of(name);
        let begins = |beginning: &String| key.as_str().starts_with(beginning.as_str());
        self.names.contains(&key)
            || self.beginnings.iter().any(begins)
            || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }

    pub(super) fn places(&self, organisation: &Organisation) -> Vec<usize> {
        let is_named = |group: &MirroredGroup| {
            group.known.as_ref().is_some_and(|known| self.contains(&group.external_id, known))
        };
        organisation.places_where(is_named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::GroupKind;

    #[test]
    fn groups_are_named_by_name_beginning_pattern_or_id() {
        let said = ["Jira-Users", "wiki-*", "id:7", "re:team-[0-9]+"].map(str::to_owned);
        let named = Named::new("x", &said).unwrap();
        for (id, name, is_named) in [
            ("1", "jira-users", true),
            ("1", "WIKI-admins", true),
            ("1", "wiki", false),
            ("1", "Team-12", true),
            ("1", "my-team-12", false),
            ("7", "anything", true),
            ("1", "id:7", false),
        ] {
            let known = KnownGroup { name: Some(name.to_owned()), ..KnownGroup::default() };
            assert_eq!(named.contains(id, &known), is_named, "{id} {name}");
            let known = KnownGroup { kind: Some(GroupKind::Application), ..known };
            assert!(!named.contains(id, &known), "{id} {name} is an application");
        }
        assert!(Named::new("x", &["re:(".to_owned()]).is_err());
    }
}
