//! What holds for every login, whatever is known and said.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    config::{LinkExisting, WithoutGroupClaim},
    directory::{
        DirectoryId, Group, GroupId, Issuer, MatchKey, Source, Subject, SubjectKind, User, UserId,
    },
    provisioning::ManagedGroups,
};

const GROUPS: [&str; 6] = ["jira-a", "jira-b", "JIRA-C", "wiki-a", "jira-administrators", "other"];

const ALICE: PersonId = PersonId(1);

fn issuer() -> Issuer {
    Issuer("saml:corp".to_owned())
}

fn domains() -> Vec<String> {
    vec!["example.com".to_owned()]
}

fn group_claim() -> impl Strategy<Value = GroupClaim> {
    let names = prop::collection::btree_set(prop::sample::select(&GROUPS[..]), 1..5);
    let present = names.prop_map(|names| {
        GroupClaim::Present(names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
    });
    prop_oneof![
        5 => present,
        1 => Just(GroupClaim::Empty),
        1 => Just(GroupClaim::Absent),
        1 => Just(GroupClaim::NotAsked),
        1 => Just(GroupClaim::Overage),
    ]
}

fn profile() -> impl Strategy<Value = Profile> {
    let text = || prop::option::of("[a-c]{1,2}");
    let attributes = prop::collection::btree_map("[ab]", "[cd]", 0..3);
    ("(alice|ALICE|alice2|bob)", text(), text(), text(), text(), attributes).prop_map(
        |(username, email, display_name, first_name, last_name, attributes)| Profile {
            username,
            email,
            display_name,
            first_name,
            last_name,
            attributes,
        },
    )
}

fn claims() -> impl Strategy<Value = Claims> {
    let match_key = prop::option::of(Just("alice@example.com"));
    (profile(), group_claim(), match_key).prop_map(|(profile, groups, match_key)| {
        let subject = Subject { kind: SubjectKind::Nameid, value: "1".to_owned() };
        let match_key = match_key.and_then(|key| MatchKey::in_domains(key, &domains()));
        Claims { identity: Identity { issuer: issuer(), subject, match_key }, profile, groups }
    })
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Manual),
        Just(Source::Jit(issuer())),
        Just(Source::Jit(Issuer("kerberos:R".to_owned()))),
        Just(Source::Default("jira".to_owned())),
    ]
}

/// What a directory of one person holds: their account and its memberships.
#[derive(Clone, Debug, PartialEq)]
struct Directory {
    person: Option<PersonId>,
    identity: Option<Identity>,
    profile: Option<Profile>,
    inactive: Option<InactiveReason>,
    groups: BTreeSet<String>,
    memberships: BTreeSet<(String, Source)>,
}

fn directory() -> impl Strategy<Value = Directory> {
    let memberships =
        prop::collection::btree_set((prop::sample::select(&GROUPS[..]), source()), 0..6);
    let known = (claims(), memberships, prop::option::of(Just(InactiveReason::Idle)));
    prop::option::of(known).prop_map(|known| match known {
        None => Directory {
            person: None,
            identity: None,
            profile: None,
            inactive: None,
            groups: BTreeSet::from(["jira-a".to_owned(), "wiki-a".to_owned()]),
            memberships: BTreeSet::new(),
        },
        Some((claims, memberships, inactive)) => {
            let memberships: BTreeSet<_> =
                memberships.into_iter().map(|(group, source)| (group.to_owned(), source)).collect();
            Directory {
                person: Some(ALICE),
                identity: Some(claims.identity),
                profile: Some(claims.profile),
                inactive,
                groups: memberships.iter().map(|(group, _)| group.clone()).collect(),
                memberships,
            }
        }
    })
}

impl Directory {
    /// As the store reads it for a login.
    fn known(&self, claims: &Claims) -> Known {
        let user = self.profile.clone().map(|profile| KnownUser {
            user: User {
                id: UserId(1),
                uuid: Uuid::nil(),
                person: ALICE,
                directory: DirectoryId(1),
                profile,
                inactive: self.inactive,
            },
            memberships: self.memberships.clone(),
        });
        let person = self.person.map(|id| KnownPerson { id, user });
        let has_name = self.profile.as_ref().is_some_and(|profile| {
            NameKey::of(&profile.username) == NameKey::of(&claims.profile.username)
        });
        // Somebody else is called Bob.
        let bob = (claims.profile.username == "bob").then_some(PersonId(2));
        let group = |name: &String| Group { id: GroupId(1), name: name.clone() };
        Known {
            by_identity: person.zip(self.identity.clone()),
            by_match_key: Vec::new(),
            unclaimed: None,
            username_is_taken_elsewhere: false,
            directory_is_disabled: false,
            seats_left: None,
            is_enabled_at_source: None,
            username_held_by: if has_name { Some(ALICE) } else { bob },
            username_is_retired: false,
            username_is_reserved: false,
            groups: self.groups.iter().map(group).collect(),
        }
    }

    /// As the store makes a change; every step finds what it expects.
    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::CreatePerson => assert!(self.person.replace(ALICE).is_none()),
            Change::AddIdentity { identity } => assert!(self.identity.replace(identity).is_none()),
            Change::UpdateIdentity { before, after } => {
                assert_eq!(self.identity.replace(after), Some(before));
            }
            Change::CreateUser { profile } => assert!(self.profile.replace(profile).is_none()),
            Change::UpdateUser { before, after } => {
                assert_eq!(self.profile.replace(after), Some(before));
            }
            Change::ReactivateUser { reason } => assert_eq!(self.inactive.take(), Some(reason)),
            Change::CreateGroup { group } => assert!(self.groups.insert(group)),
            Change::AddMembership { group, source } => {
                assert!(self.groups.contains(&group));
                assert!(self.memberships.insert((group, source.parse().unwrap())));
            }
            Change::RemoveMembership { group, source } => {
                assert!(self.memberships.remove(&(group, source.parse().unwrap())));
            }
            other => panic!("a login does not {other}"),
        }
    }

    /// The memberships that others than the issuer gave.
    fn of_others(&self) -> BTreeSet<(String, Source)> {
        let others = |(_, source): &&(String, Source)| *source != Source::Jit(issuer());
        self.memberships.iter().filter(others).cloned().collect()
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<[bool; 3]>(), 0_usize..4).prop_map(|([create_groups, update_users, revoke], max)| {
        Policy {
            create_users: true,
            create_only_with_groups: false,
            required: Vec::new(),
            link_existing: LinkExisting::Never,
            default_groups: Vec::new(),
            max_active_users: None,
            max_new_groups: max,
            without_group_claim: if revoke {
                WithoutGroupClaim::Revoke
            } else {
                WithoutGroupClaim::Keep
            },
            update_users,
            reactivate_users: true,
            create_groups,
            managed_groups: ManagedGroups::new(
                &["jira-*".to_owned()],
                &["jira-administrators".to_owned()],
            ),
            domains: vec![(issuer(), domains())],
        }
    })
}

proptest! {
    #[test]
    fn every_login_reaches_its_end_and_touches_nothing_of_others(
        before in directory(), claims in claims(), policy in policy(),
    ) {
        let Ok(first) = plan(&claims, &before.known(&claims), &policy) else {
            // A newcomer who is called like somebody else.
            prop_assert!(before.person.is_none() && claims.profile.username == "bob");
            return Ok(());
        };
        let mut after = before.clone();
        first.changes.iter().for_each(|change| after.apply(change));
        prop_assert_eq!(after.of_others(), before.of_others());
        prop_assert!(after.inactive.is_none());
        let is_administrator = |change: &Change| {
            matches!(change, Change::AddMembership { group, .. } if group == "jira-administrators")
        };
        let made_administrator = first.changes.iter().any(is_administrator);
        prop_assert!(!made_administrator);

        // Each further login makes no more than the groups that had to wait.
        for _ in 0..GROUPS.len() {
            let next = plan(&claims, &after.known(&claims), &policy).unwrap();
            let waiting = first.warnings.iter().any(|w| matches!(w, Warning::ManyNewGroups(..)));
            prop_assert!(next.changes.is_empty() || waiting, "{:?}", next.changes);
            next.changes.iter().for_each(|change| after.apply(change));
        }
        let last = plan(&claims, &after.known(&claims), &policy).unwrap();
        prop_assert!(last.changes.is_empty() || policy.max_new_groups == 0, "{:?}", last.changes);
    }

    #[test]
    fn taking_the_steps_back_restores_what_was(
        before in directory(), claims in claims(), policy in policy(),
    ) {
        let Ok(made) = plan(&claims, &before.known(&claims), &policy) else { return Ok(()) };
        for change in &made.changes {
            if let Some(back) = change.inverse(Some(Uuid::nil())) {
                prop_assert_ne!(&back, change);
                let again = back.inverse(Some(Uuid::nil())).unwrap();
                let created = matches!(change, Change::CreateUser { .. });
                prop_assert!(created || again == *change, "{change}");
            }
        }
    }
}
