//! Okta, as long as nothing goes wrong.

use std::{cell::Cell, collections::BTreeSet};

use chrono::TimeDelta;
use gatehouse::cloud::{Extent, Item, Member, Standing, Task};
use serde_json::json;

use super::{
    organisation::{Organisation, assert_same},
    reading::Reading,
    truth,
};
use crate::support::clouds::{
    ids::Sort,
    tenant::{Plan, Vendor},
};

async fn start() -> Organisation {
    Organisation::start(Vendor::Okta).await
}

/// Who changed is asked by time: each change has its own.
fn later(organisation: &Organisation) {
    organisation.clouds.time.advance(1);
}

#[tokio::test]
async fn a_round_of_everything_reads_the_whole_organisation() {
    let organisation = start().await;
    organisation.apply(json!({ "do": "purge_user", "no": 7 }));
    organisation.apply(json!({ "do": "delete_group", "no": 6 }));
    let (source, mut reading) = (organisation.source(), Reading::default());
    let round = source.begin(None);
    assert_eq!([round.users, round.groups, round.members], [Extent::Everything; 3]);
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    for standing in [Standing::Enabled, Standing::Disabled, Standing::NotYet] {
        assert!(reading.mirror.users.values().any(|user| user.standing == standing));
    }
}

#[tokio::test]
async fn a_round_in_which_nothing_has_changed_reads_no_members() {
    let organisation = start().await;
    organisation.behave(|manners| manners.page = usize::MAX);
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    // What was changed a moment ago is read once more.
    organisation.clouds.time.advance(600);
    reading.round(&*source).await.unwrap();
    organisation.seen();
    let round = source.begin(reading.mark.as_ref());
    let extents = [round.users, round.groups, round.members];
    assert_eq!(extents, [Extent::Changes, Extent::Everything, Extent::Changes]);
    reading.round(&*source).await.unwrap();
    let seen = organisation.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    organisation.assert_read(&reading);
}

#[tokio::test]
async fn rounds_of_changes_keep_in_step() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let changes = [
        json!({ "do": "change_user", "no": 40, "set": { "display": "New", "login": "new@example.com" } }),
        json!({ "do": "change_user", "no": 41, "set": { "title": null } }),
        json!({ "do": "swap_logins", "one": 42, "other": 43 }),
        json!({ "do": "change_user", "no": 44, "set": { "status": "SUSPENDED" } }),
        json!({ "do": "change_user", "no": 44, "set": { "status": "ACTIVE" } }),
        json!({ "do": "change_user", "no": 45, "set": { "status": "DEPROVISIONED" } }),
        json!({ "do": "change_user", "no": 45, "set": { "status": "ACTIVE" } }),
        json!({ "do": "change_user", "no": 30, "set": { "status": "PROVISIONED" } }),
        json!({ "do": "add_user" }),
        json!({ "do": "add_members", "group": 5, "members": [{ "user": 120 }] }),
        json!({ "do": "add_group" }),
        json!({ "do": "add_members", "group": 30, "members": [{ "user": 1 }, { "user": 120 }] }),
        json!({ "do": "change_group", "no": 30, "set": { "name": "Renamed" } }),
        json!({ "do": "remove_members", "group": 30, "members": [{ "user": 1 }] }),
        json!({ "do": "delete_group", "no": 12 }),
    ];
    for change in changes {
        later(&organisation);
        organisation.apply(change.clone());
        reading.round(&*source).await.unwrap_or_else(|error| panic!("{change}: {error}"));
        organisation.assert_read(&reading);
    }
}

#[tokio::test]
async fn a_change_of_membership_only_is_noticed() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.clouds.time.advance(600);
    let (group, user) = (organisation.id(Sort::Group, 20), organisation.id(Sort::User, 99));
    let is_in = |reading: &Reading| {
        reading.mirror.groups[&group].members.contains(&Member::User(user.clone()))
    };
    assert!(!is_in(&reading));
    let members = json!([{ "user": 99 }]);
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": members }));
    organisation.seen();
    reading.round(&*source).await.unwrap();
    assert!(is_in(&reading));
    let members_read: Vec<_> = organisation
        .seen()
        .into_iter()
        .filter(|seen| seen.uri.ends_with("/users?limit=200"))
        .collect();
    assert_eq!(members_read.len(), 1, "only of the group that has changed: {members_read:?}");
    later(&organisation);
    organisation.apply(json!({ "do": "remove_members", "group": 20, "members": members }));
    reading.round(&*source).await.unwrap();
    assert!(!is_in(&reading));
}

#[tokio::test]
async fn pages_are_followed_by_several_link_headers() {
    let organisation = start().await;
    organisation.behave(|manners| manners.page = 7);
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    let users = organisation
        .seen()
        .iter()
        .filter(|seen| seen.status == 200 && seen.uri.starts_with("/api/v1/users?"))
        .count();
    assert_eq!(users, 120_usize.div_ceil(7), "each page once");
}

#[tokio::test]
async fn who_is_locked_out_is_not_deactivated() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let id = organisation.id(Sort::User, 60);
    for (status, expected) in [
        ("LOCKED_OUT", Standing::Enabled),
        ("PASSWORD_EXPIRED", Standing::Enabled),
        ("RECOVERY", Standing::Enabled),
        ("SUSPENDED", Standing::Disabled),
        ("DEPROVISIONED", Standing::Disabled),
    ] {
        later(&organisation);
        organisation.apply(json!({ "do": "change_user", "no": 60, "set": { "status": status } }));
        reading.round(&*source).await.unwrap();
        assert_eq!(reading.mirror.users[&id].standing, expected, "{status}");
    }
}

#[tokio::test]
async fn an_index_that_is_behind_is_not_asked() {
    let organisation = start().await;
    organisation.behave(|manners| manners.lag_seconds = 240);
    let (source, mut reading) = (organisation.source(), Reading::default());
    organisation.apply(json!({ "do": "change_user", "no": 50, "set": { "display": "Before" } }));
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    later(&organisation);
    organisation.apply(json!({ "do": "change_user", "no": 50, "set": { "display": "After" } }));
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    assert!(organisation.seen().iter().all(|seen| !seen.uri.contains("search=")));
}

#[tokio::test]
async fn what_becomes_visible_late_is_read_by_a_later_round() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    // It bears a time before the round's, and is seen after it.
    let earlier = organisation.cloud().now() - TimeDelta::minutes(4);
    reading.round(&*source).await.unwrap();
    let change = json!({ "do": "change_user", "no": 50, "set": { "display": "Late" } });
    let change = serde_json::from_value(change).unwrap();
    organisation.cloud().tenant_mut().apply(change, earlier).unwrap();
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
}

/// Somebody changes on a page that was read already, and another one later, on a page that was not.
#[tokio::test]
async fn what_changes_while_pages_are_read_is_not_lost() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    let pages = Cell::new(0);
    let fetch = async |task: &Task| {
        let page = source.fetch(task).await;
        pages.set(pages.get() + 1);
        if pages.get() == 2 {
            organisation
                .apply(json!({ "do": "change_user", "no": 0, "set": { "display": "Early" } }));
            organisation.clouds.time.advance(1_200);
            organisation
                .apply(json!({ "do": "change_user", "no": 119, "set": { "display": "Late" } }));
        }
        page
    };
    reading.round_with(&*source, fetch).await.unwrap();
    assert!(pages.get() > 2);
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
}

#[tokio::test]
async fn who_comes_back_is_in_their_groups_again() {
    let organisation = start().await;
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": [{ "user": 61 }] }));
    organisation
        .apply(json!({ "do": "change_user", "no": 61, "set": { "status": "DEPROVISIONED" } }));
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let (group, user) = (organisation.id(Sort::Group, 20), organisation.id(Sort::User, 61));
    let member = Member::User(user);
    assert!(
        !reading.mirror.groups[&group].members.contains(&member),
        "the fake does not name them"
    );
    organisation.clouds.time.advance(3_600);
    organisation.apply(json!({ "do": "change_user", "no": 61, "set": { "status": "ACTIVE" } }));
    reading.round(&*source).await.unwrap();
    assert!(reading.mirror.groups[&group].members.contains(&member));
    organisation.assert_read(&reading);
}

#[tokio::test]
async fn who_was_deleted_is_missed_by_a_round_of_everything_only() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    assert!(!source.capabilities().deletions);
    reading.round(&*source).await.unwrap();
    let id = organisation.id(Sort::User, 70);
    organisation.apply(json!({ "do": "delete_user", "no": 70 }));
    reading.round(&*source).await.unwrap();
    assert!(reading.mirror.users.contains_key(&id), "this is what a change does not tell");
    reading.mark = None;
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
}

#[tokio::test]
async fn users_are_said_by_their_own_list_and_once_in_a_round_of_everything() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    let said = Cell::new(0);
    let fetch = async |task: &Task| {
        let page = source.fetch(task).await?;
        let users = page.items.iter().filter(|item| matches!(item, Item::User(_))).count();
        said.set(said.get() + users);
        Ok(page)
    };
    reading.round_with(&*source, fetch).await.unwrap();
    assert_eq!(said.get(), 120);
}

#[tokio::test]
async fn a_newcomer_is_said_with_their_group_even_if_the_list_of_users_has_missed_them() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    later(&organisation);
    let round = source.begin(reading.mark.as_ref());
    organisation.apply(json!({ "do": "add_user" }));
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": [{ "user": 120 }] }));
    let groups = source.fetch(&round.tasks[1]).await.unwrap();
    let group = organisation.id(Sort::Group, 20);
    let task = groups.next.iter().find(|task| task.group.as_ref() == Some(&group)).unwrap();
    let page = source.fetch(task).await.unwrap();
    let user = organisation.id(Sort::User, 120);
    assert!(page.items.iter().any(|item| matches!(item, Item::User(said) if said.id == user)));
}

#[tokio::test]
async fn an_applications_people_and_groups_are_read_instead_of_everybody() {
    let organisation = start().await;
    let application = organisation.id(Sort::App, 0);
    let table = format!("{}application = \"{application}\"\n", organisation.toml());
    let (source, mut reading) = (organisation.open(&table).unwrap(), Reading::default());
    assert!(source.capabilities().deletions);
    organisation.apply(json!({ "do": "assign", "app": 0, "member": { "user": 55 } }));
    for round in 0..2 {
        reading.round(&*source).await.unwrap();
        assert_application(&organisation, &reading);
        let user = &reading.mirror.users[&organisation.id(Sort::User, 55)];
        assert_eq!(user.values["app.scope"], ["USER"], "round {round}");
        assert!(!user.values["app.userName"][0].contains('@'));
    }
    organisation.apply(json!({ "do": "unassign", "app": 0, "member": { "user": 55 } }));
    organisation.apply(json!({ "do": "unassign", "app": 0, "member": { "group": 3 } }));
    organisation.apply(json!({ "do": "assign", "app": 0, "member": { "group": 20 } }));
    reading.round(&*source).await.unwrap();
    assert_application(&organisation, &reading);
    assert!(!reading.mirror.users.contains_key(&organisation.id(Sort::User, 55)));
    let round = source.begin(reading.mark.as_ref());
    assert_eq!([round.users, round.groups], [Extent::Everything; 2]);
}

/// Of the whole organisation, those who are assigned, and what the application calls them.
fn assert_application(organisation: &Organisation, reading: &Reading) {
    let mut truth = organisation.truth();
    {
        let tenant = organisation.cloud().tenant();
        let app = &tenant.apps[0];
        let groups: Vec<_> =
            app.groups.iter().map(|no| truth::id(&tenant, Sort::Group, *no)).collect();
        let mut users: Vec<_> =
            app.users.iter().map(|no| truth::id(&tenant, Sort::User, *no)).collect();
        truth.groups.retain(|id, _| groups.contains(id));
        users.extend(
            truth
                .groups
                .values()
                .flat_map(|it| &it.members)
                .filter_map(|it| it.id().map(str::to_owned)),
        );
        truth
            .users
            .retain(|id, user| users.contains(id) && user.values["status"] != ["DEPROVISIONED"]);
    }
    let mut mirror = reading.mirror.clone();
    for user in mirror.users.values_mut() {
        let own = ["app.userName", "app.scope"].map(|name| user.values.remove(name));
        assert!(own.iter().all(Option::is_some), "{user:?}");
    }
    assert_same(&mirror, &truth);
}

#[tokio::test]
async fn somebody_who_comes_back_to_the_application_is_in_their_groups_again() {
    let organisation = start().await;
    let application = organisation.id(Sort::App, 0);
    let table = format!("{}application = \"{application}\"\n", organisation.toml());
    organisation.apply(json!({ "do": "add_members", "group": 3, "members": [{ "user": 61 }] }));
    organisation
        .apply(json!({ "do": "change_user", "no": 61, "set": { "status": "DEPROVISIONED" } }));
    let (source, mut reading) = (organisation.open(&table).unwrap(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.clouds.time.advance(3_600);
    organisation.apply(json!({ "do": "change_user", "no": 61, "set": { "status": "ACTIVE" } }));
    reading.round(&*source).await.unwrap();
    assert_application(&organisation, &reading);
}

#[tokio::test]
async fn only_the_attributes_that_are_wanted_are_read() {
    let organisation = start().await;
    let table = format!("{}attributes = [\"department\"]\n", organisation.toml());
    let (source, mut reading) = (organisation.open(&table).unwrap(), Reading::default());
    reading.round(&*source).await.unwrap();
    let names = |reading: &Reading| {
        let users = reading.mirror.users.values();
        users.flat_map(|user| user.values.keys().cloned()).collect::<BTreeSet<_>>()
    };
    let wanted = ["department", "displayName", "email", "firstName", "lastName", "login", "status"];
    assert!(names(&reading).iter().eq(&wanted));
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": [{ "user": 99 }] }));
    reading.round(&*source).await.unwrap();
    assert!(names(&reading).iter().eq(&wanted), "members of groups come whole, and are cut");
}

#[tokio::test]
async fn one_person_and_a_few_groups_are_looked_up() {
    let organisation = start().await;
    let (source, truth) = (organisation.source(), organisation.truth());
    let user = organisation.id(Sort::User, 27);
    let found = source.find_user(&user).await.unwrap().unwrap();
    assert_eq!(
        (found.id, found.standing),
        (user.clone(), Standing::Disabled),
        "also who is deactivated"
    );
    for nobody in ["00unobody", "sean.27@example.com", "../groups", ""] {
        assert_eq!(source.find_user(nobody).await.unwrap(), None, "{nobody}");
    }
    let user = organisation.id(Sort::User, 40);
    let mut groups = source.user_groups(&user).await.unwrap();
    groups.sort();
    let member = Member::User(user);
    let expected = truth.groups.iter().filter(|(_, group)| group.members.contains(&member));
    let mut expected: Vec<_> = expected.map(|(id, _)| id.clone()).collect();
    expected.sort();
    assert_eq!(groups, expected);
    let mut ids: Vec<_> = (0..30).map(|no| organisation.id(Sort::Group, no)).collect();
    ids.push("00gnothing".to_owned());
    assert_eq!(source.find_groups(&ids).await.unwrap().len(), 30);
    let page = source.fetch(&source.members(&ids[0])).await.unwrap();
    assert!(
        matches!(&page.items[0], Item::Members(members) if members.afresh && members.group == ids[0])
    );
}

#[tokio::test]
async fn a_large_organisation_is_read_in_few_requests() {
    let plan = Plan { users: 2_000, groups: 50, members_per_group: 100, ..Plan::default() };
    let organisation = Organisation::start_with(Vendor::Okta, plan).await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    let (users, groups, members) = (10, 1, 50 + 9 + 5);
    let seen = organisation.seen();
    let read = seen.iter().filter(|seen| seen.status == 200 && seen.method == "GET").count();
    assert!(read <= users + groups + members, "{read}");
}
