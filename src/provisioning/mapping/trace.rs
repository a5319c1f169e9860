//! Where each part of a profile comes from, for people who want to know why.

use super::{Mapping, MappingError, Statement, checked_username, part};
use crate::{config::Claim, provisioning::source::Source};

/// A part of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// What it is, such as `email`.
    pub claim: String,
    /// What it says.
    pub value: String,
    /// The source that says it, as the configuration has it.
    pub source: String,
}

impl Mapping {
    /// What a statement gives, and which source has said each part of it.
    pub fn trace(&self, statement: &Statement) -> Result<Vec<Traced>, MappingError> {
        let parts = [
            (Claim::Username, &self.username),
            (Claim::Email, &self.email),
            (Claim::DisplayName, &self.display_name),
            (Claim::FirstName, &self.first_name),
            (Claim::LastName, &self.last_name),
        ];
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|(name, sources)| (Claim::Attribute(name.clone()), sources));
        let mut traced = Vec::new();
        for (claim, sources) in parts.into_iter().chain(attributes) {
            traced.extend(self.trace_one(&claim, sources, statement)?);
        }
        Ok(traced)
    }

    /// Every username that the statement gives, the first choice first, each with its source.
    pub fn trace_usernames(&self, statement: &Statement) -> Result<Vec<Traced>, MappingError> {
        let mut all: Vec<Traced> = Vec::new();
        for source in &self.username {
            let one = self.trace_one(&Claim::Username, std::slice::from_ref(source), statement)?;
            all.extend(one.filter(|one| all.iter().all(|other| other.value != one.value)));
        }
        Ok(all)
    }

    fn trace_one(
        &self,
        claim: &Claim,
        sources: &[Source],
        statement: &Statement,
    ) -> Result<Option<Traced>, MappingError> {
        let Some((value, source)) = self.read_by(claim, sources, statement)? else {
            return Ok(None);
        };
        let value = match claim {
            Claim::Username => checked_username(part(&value, self.username_part))?,
            _ => value,
        };
        Ok(Some(Traced { claim: claim.to_string(), value, source: source.to_string() }))
    }
}
