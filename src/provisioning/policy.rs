//! What a login may change.

use crate::{
    config::{Claim, LinkExisting, WithoutGroupClaim},
    directory::{DirectoryId, Issuer, MatchKey},
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
    pub required: Vec<Claim>,
    /// How many accounts may be used at a time.
    pub max_active_users: Option<u32>,
    /// When a newcomer's account may be one that is there already.
    pub link_existing: LinkExisting,
    /// Groups that everybody is in by the word of an issuer.
    pub default_groups: Vec<(Issuer, Vec<String>)>,
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

    /// Whether an account that nobody has claimed is its who has that name by an issuer's word; `email` is what the
    /// account shows.
    #[must_use]
    pub fn may_link_unclaimed(
        &self,
        issuer: &Issuer,
        email: Option<&str>,
        match_key: Option<&MatchKey>,
    ) -> bool {
        let domains = self.domains_of(issuer);
        let address = email.and_then(|email| MatchKey::in_domains(email, domains));
        match self.link_existing {
            LinkExisting::Never => false,
            LinkExisting::Email => address.is_some() && address.as_ref() == match_key,
            LinkExisting::Username => !domains.is_empty() && (email.is_none() || address.is_some()),
        }
    }

    /// The domains that an issuer is bound to.
    #[must_use]
    pub fn domains_of(&self, issuer: &Issuer) -> &[String] {
        find(&self.domains, issuer)
    }

    /// The groups that everybody is in by the word of an issuer.
    #[must_use]
    pub fn default_groups_of(&self, issuer: &Issuer) -> &[String] {
        find(&self.default_groups, issuer)
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

fn find<'a>(of: &'a [(Issuer, Vec<String>)], issuer: &Issuer) -> &'a [String] {
    of.iter().find(|(other, _)| other == issuer).map_or(&[], |(_, texts)| texts)
}

/// Which directory whose logins make accounts in.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Where those of issuers go that say nothing else.
    pub default: DirectoryId,
    /// Where those of others go.
    pub by_issuer: Vec<(Issuer, DirectoryId)>,
}

impl Targets {
    /// Where a login by an issuer makes its account.
    #[must_use]
    pub fn of(&self, issuer: &Issuer) -> DirectoryId {
        let own = self.by_issuer.iter().find(|(other, _)| other == issuer);
        own.map_or(self.default, |(_, directory)| *directory)
    }

    /// Every directory that logins make accounts in, each once.
    #[must_use]
    pub fn all(&self) -> Vec<DirectoryId> {
        let mut all = vec![self.default];
        for (_, directory) in &self.by_issuer {
            if !all.contains(directory) {
                all.push(*directory);
            }
        }
        all
    }
}
