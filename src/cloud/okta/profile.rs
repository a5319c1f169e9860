//! Which attributes of profiles are taken.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cloud::{Attributes, attributes};

/// What a person cannot do without.
const ALWAYS: [&str; 5] = ["login", "email", "firstName", "lastName", "displayName"];

/// Which attributes of people's profiles are taken: all, or a few beside the usual ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Option<BTreeSet<String>>);

impl Taken {
    /// These, beside the usual ones.
    pub(super) fn new(names: Option<&[String]>) -> Self {
        let usual = || ALWAYS.iter().map(|name| (*name).to_owned());
        Self(names.map(|names| names.iter().cloned().chain(usual()).collect()))
    }

    /// What to ask for, so that Okta sends nothing else.
    pub(super) fn fields(&self) -> Option<String> {
        let names: Vec<_> = self.0.as_ref()?.iter().map(String::as_str).collect();
        Some(format!("id,status,created,statusChanged,profile:({})", names.join(",")))
    }

    /// Takes a profile. Some lists cannot be asked for less.
    pub(super) fn take(&self, profile: &Map<String, Value>) -> Attributes {
        let mut taken = Attributes::new();
        for (name, value) in profile {
            if self.0.as_ref().is_none_or(|names| names.contains(name)) {
                attributes::add(name, value, &mut taken);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_wanted_is_asked_for_and_taken() {
        let profile = json!({ "login": "a@x.org", "department": "Sales", "mobilePhone": "+47 1" });
        let profile = profile.as_object().unwrap();
        let few = Taken::new(Some(&["department".to_owned()]));
        assert_eq!(
            few.fields().unwrap(),
            "id,status,created,statusChanged,profile:(department,displayName,email,firstName,lastName,login)"
        );
        let taken: Vec<_> = few.take(profile).into_keys().collect();
        assert_eq!(taken, ["department", "login"]);
        assert_eq!(Taken::default().fields(), None);
        assert_eq!(Taken::default().take(profile).len(), 3);
    }
}
