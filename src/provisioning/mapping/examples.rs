//! Examples of the configuration: words, and what has to become of them.

use std::collections::BTreeSet;

use super::{Mapping, Statement};
use crate::{
    config::{Claim, ExampleConfig},
    provisioning::GroupClaim,
};

impl Mapping {
    /// Whether an example comes out as it says.
    pub(super) fn try_example(&self, example: &ExampleConfig) -> Result<(), String> {
        let mut attributes = example.given.clone();
        let name_id = attributes.remove("name_id").and_then(|values| values.into_iter().next());
        let name_id = name_id.unwrap_or_else(|| "example".to_owned());
        let claims = match self.claims(&Statement { name_id, name_id_format: None, attributes }) {
            Err(_) if example.username.is_empty() => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(claims) => claims,
        };
        let profile = &claims.profile;
        let expect = |claim: &str, wanted: Option<&String>, found: Option<&String>| match wanted {
            Some(wanted) if found != Some(wanted) => {
                let found = found.map_or("nothing".to_owned(), |found| format!("{found:?}"));
                Err(format!("{claim} is {found}, and not {wanted:?}"))
            }
            _ => Ok(()),
        };
        expect("username", Some(&example.username), Some(&profile.username))?;
        expect("email", example.email.as_ref(), profile.email.as_ref())?;
        expect("display_name", example.display_name.as_ref(), profile.display_name.as_ref())?;
        for (name, wanted) in &example.attributes {
            let claim = Claim::Attribute(name.clone()).to_string();
            expect(&claim, Some(wanted), profile.attributes.get(name))?;
        }
        if let Some(wanted) = &example.groups {
            let wanted: BTreeSet<_> = wanted.iter().collect();
            let found = match &claims.groups {
                GroupClaim::Present(groups) => groups.iter().collect(),
                _ => BTreeSet::new(),
            };
            if found != wanted {
                return Err(format!("groups are {found:?}, and not {wanted:?}"));
            }
        }
        Ok(())
    }
}
