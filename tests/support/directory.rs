//! People, and what is said of them.

use chrono::{DateTime, Utc};
use gatehouse::{
    config::{LinkExisting, WithoutGroupClaim},
    directory::{Change, Identity, Issuer, MatchKey, Profile, Subject, SubjectKind, User},
    provisioning::{Claims, GroupClaim, ManagedGroups, Policy},
    store::{Applied, Edit, Step, Store, StoreError},
};

pub fn now() -> DateTime<Utc> {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

pub fn domains() -> Vec<String> {
    vec!["example.com".to_owned()]
}

pub fn policy() -> Policy {
    let issuers = ["saml:corp", "kerberos:EXAMPLE.COM"];
    Policy {
        create_users: true,
        create_only_with_groups: false,
        required: Vec::new(),
        link_existing: LinkExisting::Never,
        default_groups: Vec::new(),
        max_active_users: None,
        max_new_groups: 20,
        without_group_claim: WithoutGroupClaim::Keep,
        update_users: true,
        reactivate_users: true,
        create_groups: true,
        managed_groups: ManagedGroups::new(&["*".to_owned()], &[]),
        domains: issuers.map(|issuer| (Issuer(issuer.to_owned()), domains())).to_vec(),
    }
}

pub fn claims(issuer: &str, username: &str, groups: GroupClaim) -> Claims {
    let address = format!("{username}@example.com");
    Claims {
        identity: Identity {
            issuer: Issuer(issuer.to_owned()),
            subject: Subject { kind: SubjectKind::Nameid, value: address.clone() },
            match_key: MatchKey::in_domains(&address, &domains()),
        },
        profile: Profile {
            username: username.to_owned(),
            email: Some(address),
            ..Profile::default()
        },
        groups,
    }
}

pub fn groups(names: &[&str]) -> GroupClaim {
    GroupClaim::Present(names.iter().map(ToString::to_string).collect())
}

/// An administrator's plan about an account.
pub async fn edit(store: &Store, user: &User, changes: Vec<Change>) -> Result<Applied, StoreError> {
    let step = |change| Step { person: Some(user.person), user: Some(user.id), change };
    let steps = changes.into_iter().map(step).collect();
    let (actor, reason) = ("admin".to_owned(), "test".to_owned());
    let edit = Edit { directory: user.directory, steps, actor, reason };
    store.apply_edit(edit, false, now()).await
}
