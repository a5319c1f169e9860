//! The organisation that the clouds have.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta};

use crate::support::clouds::{
    ids::{Ids, Sort},
    tenant::{GroupKind, Kind, Member, Plan, Status, Tenant, Vendor},
};

fn tenant(vendor: Vendor, users: u32) -> Tenant {
    let plan = Plan { users, ..Plan::default() };
    Tenant::new(vendor, plan, DateTime::UNIX_EPOCH + TimeDelta::days(20_000))
}

#[test]
fn the_same_plan_makes_the_same_organisation_and_another_seed_another() {
    let (one, other) = (tenant(Vendor::Graph, 100), tenant(Vendor::Graph, 100));
    assert!(one.all_users(0).eq(other.all_users(0)));
    assert_eq!(one.groups, other.groups);
    let plan = Plan { seed: 2, users: 100, ..Plan::default() };
    let third = Tenant::new(Vendor::Graph, plan, one.since + TimeDelta::days(1));
    assert!(!one.all_users(0).eq(third.all_users(0)));
}

#[test]
fn identifiers_lead_back_to_what_they_are_of_and_others_lead_nowhere() {
    let (ids, others) = (Ids { seed: 7 }, Ids { seed: 8 });
    for no in (0..2_000).chain([999_999, u32::MAX]) {
        for sort in [Sort::User, Sort::Group, Sort::App] {
            assert_eq!(ids.of_guid(sort, &ids.guid(sort, no)), Some(no));
            assert_eq!(ids.of_okta(sort, &ids.okta(sort, no)), Some(no));
            assert_eq!(others.of_guid(sort, &ids.guid(sort, no)), None);
        }
        for sort in [Sort::User, Sort::Group] {
            assert_eq!(ids.of_google(sort, &ids.google(sort, no)), Some(no));
        }
        assert_eq!(ids.of_guid(Sort::Group, &ids.guid(Sort::User, no)), None);
        assert_eq!(ids.okta(Sort::User, no).len(), 20);
        assert_eq!(ids.google(Sort::User, no).len(), 21);
    }
    assert_eq!(ids.of_guid(Sort::User, "not an identifier"), None);
}

#[test]
fn fifty_people_have_everything_that_connectors_stumble_over() {
    let users: Vec<_> = tenant(Vendor::Graph, 50).all_users(0).collect();
    let is = |found: bool, what: &str| assert!(found, "nobody has {what}");
    is(users.iter().any(|user| user.kind == Kind::Guest { accepted: false }), "an open invitation");
    is(users.iter().any(|user| user.kind == Kind::Untyped), "no type");
    is(users.iter().any(|user| user.mail.is_none()), "no address");
    is(users.iter().any(|user| user.given.is_none()), "no given name");
    is(users.iter().any(|user| user.aliases.len() > 1), "aliases");
    is(users.iter().any(|user| user.display.chars().count() == 256), "a long name");
    is(users.iter().any(|user| user.display.trim() != user.display), "blanks around the name");
    is(users.iter().any(|user| user.login.contains('\'')), "a quote in the login");
    is(users.iter().any(|user| user.manager.is_none() && user.no > 0), "no manager");
    let mails: BTreeSet<_> = users
        .iter()
        .filter_map(|user| user.mail.as_ref())
        .map(|mail| mail.to_lowercase())
        .collect();
    is(mails.len() < users.iter().filter(|user| user.mail.is_some()).count(), "another's address");
    let sams: Vec<_> =
        users.iter().filter_map(|user| Some(&user.on_premises.as_ref()?.sam)).collect();
    is(sams.iter().collect::<BTreeSet<_>>().len() < sams.len(), "another domain's account name");
    let statuses: Vec<_> = tenant(Vendor::Okta, 50).all_users(0).map(|user| user.status).collect();
    for status in [
        Status::Staged,
        Status::Provisioned,
        Status::LockedOut,
        Status::PasswordExpired,
        Status::Recovery,
        Status::Suspended,
        Status::Deprovisioned,
    ] {
        assert!(statuses.contains(&status), "nobody is {status:?}");
    }
    let logins: BTreeSet<_> = users.iter().map(|user| user.login.to_lowercase()).collect();
    assert_eq!(logins.len(), users.len(), "a login is somebody's own");
}

#[test]
fn groups_are_in_one_another_and_a_circle_ends() {
    let tenant = tenant(Vendor::Graph, 100);
    let group = |no: u32| tenant.group(no).unwrap();
    assert!(group(6).has(Member::Group(7)) && group(7).has(Member::Group(6)));
    let through = tenant.members_through(group(6));
    assert!(group(7).users.iter().all(|no| through.contains(&Member::User(*no))));
    let inner = group(5).users[0];
    let of_inner = tenant.groups_of(Member::User(inner), true);
    assert!([3, 4, 5].iter().all(|no| of_inner.contains(no)), "{of_inner:?}");
    assert_eq!(group(0).users.len(), 100);
    assert_eq!(group(1).users.len(), 0);
    let kinds: Vec<_> = tenant.groups.iter().map(|group| group.kind).collect();
    for kind in [
        GroupKind::Security,
        GroupKind::MailSecurity,
        GroupKind::Microsoft365,
        GroupKind::DynamicSecurity,
        GroupKind::Distribution,
    ] {
        assert!(kinds.contains(&kind), "no group is {kind:?}");
    }
}

#[test]
fn a_million_people_are_made_when_they_are_asked_for() {
    let tenant = tenant(Vendor::Graph, 1_000_000);
    let last = tenant.user(999_999).unwrap();
    assert!(last.login.contains(".999999@"), "{}", last.login);
    assert!(tenant.user(1_000_000).is_none());
    assert_eq!(tenant.group(0).unwrap().users.len(), 1_000_000);
}
