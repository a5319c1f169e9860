use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::{
    config::{LinkExisting, WithoutGroupClaim},
    directory::{
        DirectoryId, Group, GroupId, Issuer, MatchKey, Source, Subject, SubjectKind, User, UserId,
    },
    provisioning::ManagedGroups,
};

const ALICE: PersonId = PersonId(1);
const BOB: PersonId = PersonId(2);

fn policy() -> Policy {
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
        managed_groups: ManagedGroups::new(&["jira-*".to_owned()], &[]),
        domains: Vec::new(),
    }
}

fn issuer() -> Issuer {
    Issuer("saml:corp".to_owned())
}

fn identity() -> Identity {
    Identity {
        issuer: issuer(),
        subject: Subject { kind: SubjectKind::Nameid, value: "a1".to_owned() },
        match_key: MatchKey::in_domains("alice@example.com", &["example.com".to_owned()]),
    }
}

fn profile() -> Profile {
    let email = Some("alice@example.com".to_owned());
    Profile { username: "alice".to_owned(), email, ..Profile::default() }
}

fn claims(groups: GroupClaim) -> Claims {
    Claims { identity: identity(), profile: profile(), groups }
}

fn present(groups: &[&str]) -> GroupClaim {
    GroupClaim::Present(groups.iter().map(ToString::to_string).collect())
}

fn person(id: PersonId) -> KnownPerson {
    let user = User {
        id: UserId(id.0),
        uuid: Uuid::nil(),
        person: id,
        directory: DirectoryId(1),
        profile: profile(),
        inactive: None,
    };
    KnownPerson { id, user: Some(KnownUser { user, memberships: BTreeSet::new() }) }
}

fn alice() -> KnownPerson {
    person(ALICE)
}

fn knowing(person: KnownPerson) -> Known {
    Known {
        username_held_by: Some(person.id),
        by_identity: Some((person, identity())),
        ..Known::default()
    }
}

fn with_user(change: impl FnOnce(&mut KnownUser)) -> Known {
    let mut alice = alice();
    change(alice.user.as_mut().unwrap());
    knowing(alice)
}

fn changes(claims: &Claims, known: &Known, policy: &Policy) -> Vec<Change> {
    plan(claims, known, policy).unwrap().changes
}

fn add(group: &str) -> Change {
    Change::AddMembership { group: group.to_owned(), source: "jit:saml:corp".to_owned() }
}

fn remove(group: &str) -> Change {
    Change::RemoveMembership { group: group.to_owned(), source: "jit:saml:corp".to_owned() }
}

#[test]
fn a_newcomer_gets_an_account_and_the_managed_groups_that_were_named() {
    let known = Known {
        groups: vec![Group { id: GroupId(1), name: "Jira-Users".to_owned() }],
        ..Known::default()
    };
    assert_eq!(
        changes(&claims(present(&["jira-users", "jira-devs", "wiki-users"])), &known, &policy()),
        [
            Change::CreatePerson,
            Change::AddIdentity { identity: identity() },
            Change::CreateUser { profile: profile() },
            Change::CreateGroup { group: "jira-devs".to_owned() },
            add("jira-devs"),
            add("Jira-Users"),
        ]
    );
}

#[test]
fn a_login_that_says_nothing_new_changes_nothing() {
    assert_eq!(changes(&claims(GroupClaim::Empty), &knowing(alice()), &policy()), []);
}

#[test]
fn nobody_gets_an_account_if_the_policy_says_so() {
    let policy = Policy { create_users: false, ..policy() };
    let refusal = plan(&claims(GroupClaim::Empty), &Known::default(), &policy).unwrap_err();
    assert_eq!(refusal.code(), "no-account");
}

#[test]
fn two_issuers_of_one_domain_make_one_person() {
    let known =
        Known { by_match_key: vec![alice()], username_held_by: Some(ALICE), ..Known::default() };
    let plan = plan(&claims(GroupClaim::NotAsked), &known, &policy()).unwrap();
    assert_eq!(plan.person, Some(ALICE));
    assert_eq!(plan.changes, [Change::AddIdentity { identity: identity() }]);
}

#[test]
fn a_match_with_two_people_is_refused() {
    let known = Known { by_match_key: vec![alice(), person(BOB)], ..Known::default() };
    let refusal = plan(&claims(GroupClaim::NotAsked), &known, &policy()).unwrap_err();
    assert_eq!(refusal.code(), "ambiguous-match");
}

#[test]
fn a_username_that_somebody_else_has_is_refused() {
    let known = Known { username_held_by: Some(BOB), ..Known::default() };
    let refusal = plan(&claims(GroupClaim::NotAsked), &known, &policy()).unwrap_err();
    assert_eq!(refusal.code(), "username-taken");
}

#[test]
fn a_removed_persons_username_is_refused() {
    let known = Known { username_is_retired: true, ..Known::default() };
    let refusal = plan(&claims(GroupClaim::NotAsked), &known, &policy()).unwrap_err();
    assert_eq!(refusal.code(), "username-retired");
}

#[test]
fn only_some_reasons_for_being_inactive_end_with_a_login() {
    for (reason, comes_back) in [
        (InactiveReason::AdminBlock, false),
        (InactiveReason::DisabledAtSource, false),
        (InactiveReason::OutOfScope, false),
        (InactiveReason::MissingAtSource, true),
        (InactiveReason::Idle, true),
    ] {
        let known = with_user(|user| user.user.inactive = Some(reason));
        let outcome = plan(&claims(GroupClaim::NotAsked), &known, &policy());
        match outcome {
            Ok(plan) => assert_eq!(plan.changes, [Change::ReactivateUser { reason }]),
            Err(refusal) => assert_eq!(refusal.code(), "account-inactive"),
        }
        let ok = plan(&claims(GroupClaim::NotAsked), &known, &policy()).is_ok();
        assert_eq!(ok, comes_back, "{reason:?}");
    }
}

#[test]
fn reactivation_can_be_switched_off() {
    let known = with_user(|user| user.user.inactive = Some(InactiveReason::Idle));
    let policy = Policy { reactivate_users: false, ..policy() };
    assert!(plan(&claims(GroupClaim::NotAsked), &known, &policy).is_err());
}

#[test]
fn the_four_states_of_the_group_claim() {
    let known = with_user(|user| {
        let jit = |group: &str| (group.to_owned(), Source::Jit(issuer()));
        user.memberships.extend([jit("jira-users"), jit("jira-devs")]);
        user.memberships.insert(("jira-gifts".to_owned(), Source::Manual));
    });
    let known =
        Known { groups: vec![Group { id: GroupId(1), name: "jira-users".to_owned() }], ..known };
    let outcome = |claim| {
        let plan = plan(&claims(claim), &known, &policy()).unwrap();
        (plan.changes, plan.warnings)
    };
    assert_eq!(outcome(present(&["jira-users"])), (vec![remove("jira-devs")], vec![]));
    assert_eq!(
        outcome(GroupClaim::Empty),
        (vec![remove("jira-devs"), remove("jira-users")], vec![])
    );
    assert_eq!(outcome(GroupClaim::Absent), (vec![], vec![Warning::GroupsAbsent]));
    assert_eq!(outcome(GroupClaim::Overage), (vec![], vec![Warning::GroupsOverage]));
    assert_eq!(outcome(GroupClaim::NotAsked), (vec![], vec![]));
}

#[test]
fn unknown_groups_are_reported_if_they_may_not_be_made() {
    let policy = Policy { create_groups: false, ..policy() };
    let plan = plan(&claims(present(&["jira-new"])), &knowing(alice()), &policy).unwrap();
    assert_eq!(plan.changes, []);
    assert_eq!(plan.warnings, [Warning::UnknownGroups(vec!["jira-new".to_owned()])]);
}

#[test]
fn what_was_not_said_stays_and_spelling_is_kept() {
    let known = with_user(|user| {
        user.user.profile.username = "Alice".to_owned();
        user.user.profile.display_name = Some("Alice A.".to_owned());
    });
    assert_eq!(changes(&claims(GroupClaim::NotAsked), &known, &policy()), []);
}

#[test]
fn a_rename_never_takes_somebody_elses_name() {
    let mut known = with_user(|user| user.user.profile.username = "alice.old".to_owned());
    known.username_held_by = None;
    let renamed = changes(&claims(GroupClaim::NotAsked), &known, &policy());
    assert!(
        matches!(&renamed[..], [Change::UpdateUser { after, .. }] if after.username == "alice")
    );

    known.username_held_by = Some(BOB);
    let refused = plan(&claims(GroupClaim::NotAsked), &known, &policy()).unwrap();
    assert_eq!(refused.changes, []);
    assert_eq!(refused.warnings, [Warning::RenameRefused("alice".to_owned())]);
}

#[test]
fn what_was_disabled_at_the_source_comes_back_only_by_the_word_of_the_source() {
    let mut known = with_user(|user| user.user.inactive = Some(InactiveReason::DisabledAtSource));
    let said = claims(GroupClaim::NotAsked);
    for (word, comes_back) in [(None, false), (Some(false), false), (Some(true), true)] {
        known.is_enabled_at_source = word;
        assert_eq!(plan(&said, &known, &policy()).is_ok(), comes_back, "{word:?}");
    }
    let mut blocked = with_user(|user| user.user.inactive = Some(InactiveReason::AdminBlock));
    blocked.is_enabled_at_source = Some(true);
    assert!(plan(&said, &blocked, &policy()).is_err());
}
