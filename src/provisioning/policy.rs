//! What a login may change.

use crate::{
    config::{RequiredAttribute, WithoutGroupClaim},
    directory::Issuer,
};

use super::ManagedGroups;

/// What a login may change in the directory it provisions to.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Policy {
    /// Whether people who have no account get one.
    pub create_users: bool,
    /// Whether only people get an account who would be in a managed group.
    pub create_only_with_groups: bool,
    /// What a login has to say of a newcomer.
    pub required: Vec<RequiredAttribute>,
    /// Whether what a user shows follows what logins say.
    pub update_users: bool,
    /// Whether a login brings back an account that is inactive for want of use.
    pub reactivate_users: bool,
    /// Whether groups that a login names are made.
    pub create_groups: bool,
    /// How many groups one login may make.
    pub max_new_groups: usize,
    /// What becomes of memberships when the group claim is missing, or too large to be sent.
    pub without_group_claim: WithoutGroupClaim,
    /// The groups that a login adds people to and removes them from.
    pub managed_groups: ManagedGroups,
    /// Every issuer that is bound to a domain, with its domains: who may speak for the same people.
    pub domains: Vec<(Issuer, Vec<String>)>,
}

impl Policy {
    /// The other issuers that are bound to the domain of `address`, and so speak for the same people.
    #[must_use]
    pub fn issuers_of(&self, address: &str) -> Vec<&Issuer> {
        let domain = address.split_once('@').map_or("", |(_, domain)| domain);
        let bound = |domains: &[String]| domains.iter().any(|d| d.eq_ignore_ascii_case(domain));
        self.domains
            .iter()
            .filter(|(_, domains)| bound(domains))
            .map(|(issuer, _)| issuer)
            .collect()
    }

    /// Whether two issuers are bound to a domain that is the same, and so speak for the same people.
    #[must_use]
    pub fn share_a_domain(&self, one: &Issuer, other: &Issuer) -> bool {
        let domains = |of: &Issuer| {
            let bound = self.domains.iter().filter(move |(issuer, _)| issuer == of);
            bound.flat_map(|(_, domains)| domains).collect::<Vec<_>>()
        };
        let others = domains(other);
        domains(one).iter().any(|domain| others.iter().any(|o| o.eq_ignore_ascii_case(domain)))
    }
}
