//! What a user shows.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::NameKey;

/// What a user shows: everything that a login may say of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name to log in under.
    pub username: String,
    /// The email address.
    pub email: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// What else is said, such as a department.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Profile {
    /// What it is once somebody has said something: what was not said stays as it is, and a name that only
    /// differs in case keeps the spelling that the applications know.
    #[must_use]
    pub fn updated(&self, said: &Self) -> Self {
        let same_name = NameKey::of(&self.username) == NameKey::of(&said.username);
        let username = if same_name { &self.username } else { &said.username };
        let keep = |said: &Option<String>, before: &Option<String>| {
            said.as_ref().or(before.as_ref()).cloned()
        };
        let mut attributes = self.attributes.clone();
        attributes.extend(said.attributes.clone());
        Self {
            username: username.clone(),
            email: keep(&said.email, &self.email),
            display_name: keep(&said.display_name, &self.display_name),
            first_name: keep(&said.first_name, &self.first_name),
            last_name: keep(&said.last_name, &self.last_name),
            attributes,
        }
    }

    /// Everything that is said, by name, in the order in which it is shown.
    pub fn fields(&self) -> impl Iterator<Item = (String, &str)> {
        let attribute = |(name, value)| (format!("attributes.{name}"), value);
        [
            ("username", Some(&self.username)),
            ("email", self.email.as_ref()),
            ("display_name", self.display_name.as_ref()),
            ("first_name", self.first_name.as_ref()),
            ("last_name", self.last_name.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .chain(self.attributes.iter().map(attribute))
        .map(|(name, value)| (name, value.as_str()))
    }

    /// What is said under a name, as [`Profile::fields`] gives it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// What is different in another one.
    pub(super) fn write_update(&self, after: &Self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (self.fields().collect(), after.fields().collect());
        let mut separator = "change ";
        let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (before, after) = (before.get(name), after.get(name));
            if before != after {
                let text = |value: Option<&&str>| {
                    value.map_or("nothing".to_owned(), |value| format!("{value:?}"))
                };
                write!(f, "{separator}{name} from {} to {}", text(before), text(after))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Change;

    fn profile(username: &str, attributes: &[(&str, &str)]) -> Profile {
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let (username, attributes) = (username.to_owned(), attributes.collect());
        Profile { username, attributes, ..Profile::default() }
    }

    #[test]
    fn an_update_says_what_is_different() {
        let before = profile("a", &[("room", "1"), ("floor", "2")]);
        let email = Some("a@example.com".to_owned());
        let after = Profile { email, ..profile("b", &[("room", "7"), ("floor", "2")]) };
        assert_eq!(
            Change::UpdateUser { before, after }.to_string(),
            r#"change attributes.room from "1" to "7", email from nothing to "a@example.com", username from "a" to "b""#
        );
    }

    #[test]
    fn what_is_not_said_stays() {
        let before =
            Profile { email: Some("a@b".into()), ..profile("Ada", &[("room", "1"), ("x", "y")]) };
        let after = before.updated(&profile("ADA", &[("room", "2"), ("new", "3")]));
        let attributes = profile("Ada", &[("room", "2"), ("x", "y"), ("new", "3")]).attributes;
        assert_eq!(after, Profile { attributes, ..before });
    }
}
