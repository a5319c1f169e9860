//! Entra ID, as long as nothing goes wrong.

use gatehouse::cloud::{Extent, Member, Standing, Watermark};
use serde_json::json;

use super::{reading::Reading, tenant::Tenant};
use crate::support::clouds::{Settings, ids::Sort, tenant::Plan};

/// Both have to be the same; told briefly if they are not.
pub fn assert_read(reading: &Reading, tenant: &Tenant) {
    let (view, truth) = (reading.mirror.view(), tenant.truth());
    for (id, user) in &truth.users {
        assert_eq!(view.users.get(id), Some(user), "user {id}");
    }
    for (id, group) in &truth.groups {
        assert_eq!(view.groups.get(id), Some(group), "group {id}");
    }
    let gone = |id: &&String| !truth.users.contains_key(*id) && !truth.groups.contains_key(*id);
    let left: Vec<_> = view.users.keys().chain(view.groups.keys()).filter(gone).collect();
    assert!(left.is_empty(), "still there: {left:?}");
}

#[tokio::test]
async fn a_round_of_everything_reads_the_whole_organisation() {
    let tenant = Tenant::start().await;
    tenant.behave(|manners| {
        (manners.empty_page_every, manners.removed_in_first_pass) = (3, true);
    });
    tenant.apply(json!({ "do": "delete_user", "no": 7 }));
    tenant.apply(json!({ "do": "delete_group", "no": 6 }));
    let (source, mut reading) = (tenant.source(), Reading::default());
    let round = source.begin(None);
    let extents = [round.users, round.groups, round.members];
    assert_eq!(extents, [Extent::Everything; 3]);
    reading.round(&*source).await.unwrap();
    assert_read(&reading, &tenant);
    assert!(reading.mirror.users.values().any(|user| user.standing == Standing::Disabled));
    assert!(reading.mirror.users.values().any(|user| user.guest == Some(true)));
}

#[tokio::test]
async fn a_round_in_which_nothing_has_changed_is_two_requests() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    tenant.seen();
    let before = source.meter().read();
    let round = source.begin(reading.mark.as_ref());
    assert_eq!([round.users, round.groups, round.members], [Extent::Changes; 3]);
    reading.round(&*source).await.unwrap();
    let seen = tenant.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let usage = source.meter().read().since(&before);
    assert_eq!((usage.calls, usage.retries), (2, 0));
    assert!(usage.bytes > 0 && usage.request_id.is_some(), "{usage:?}");
    assert_read(&reading, &tenant);
}

#[tokio::test]
async fn a_group_that_fills_many_pages_by_itself_is_no_circle() {
    let tenant = Tenant::start().await;
    tenant.behave(|manners| (manners.delta_page, manners.members_per_item) = (1, 2));
    let all: Vec<_> = (0..100).map(|no| json!({ "user": no })).collect();
    tenant.apply(json!({ "do": "add_members", "group": 1, "members": all }));
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    assert_read(&reading, &tenant);
    tenant.apply(json!({ "do": "remove_members", "group": 1, "members": all }));
    reading.round(&*source).await.unwrap();
    assert_read(&reading, &tenant);
}

#[tokio::test]
async fn a_large_organisation_is_read_in_few_requests() {
    let plan = Plan { users: 5_000, groups: 20, members_per_group: 200, ..Plan::default() };
    let tenant = Tenant::start_with(Settings { plan, ..Settings::default() }).await;
    tenant.behave(|manners| {
        (manners.members_per_item, manners.ignores_page_wishes) = (2_000, false);
    });
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    assert_read(&reading, &tenant);
    let seen = tenant.seen();
    assert!(seen.len() <= 10, "a token, six pages of users, a few of groups: {}", seen.len());
}

#[tokio::test]
async fn what_has_changed_is_read_and_nothing_else() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    for changes in [
        vec![
            json!({ "do": "change_user", "no": 3, "set": { "display": "New Name", "mail": null } }),
            json!({ "do": "swap_logins", "one": 4, "other": 5 }),
            json!({ "do": "add_user" }),
            json!({ "do": "add_members", "group": 1, "members": [{ "user": 3 }, { "group": 2 }] }),
        ],
        // Nobody is told that those have left their groups.
        vec![
            json!({ "do": "delete_user", "no": 10 }),
            json!({ "do": "purge_user", "no": 11 }),
            json!({ "do": "change_group", "no": 2, "set": { "name": "Renamed", "description": null } }),
            json!({ "do": "remove_members", "group": 0, "members": [{ "user": 12 }] }),
        ],
        vec![
            json!({ "do": "restore_user", "no": 10 }),
            json!({ "do": "add_group", "set": { "name": "Fresh" } }),
            json!({ "do": "delete_group", "no": 5 }),
            json!({ "do": "purge_group", "no": 8 }),
        ],
        vec![json!({ "do": "restore_group", "no": 5 })],
    ] {
        for change in changes {
            tenant.apply(change);
        }
        tenant.seen();
        reading.round(&*source).await.unwrap();
        assert_read(&reading, &tenant);
        assert!(
            tenant
                .seen()
                .iter()
                .all(|seen| seen.uri.contains("$deltatoken") || seen.uri.contains("$skiptoken"))
        );
    }
}

#[tokio::test]
async fn who_was_deleted_is_in_no_group_although_nobody_says_that_they_have_left() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    tenant.apply(json!({ "do": "purge_user", "no": 20 }));
    reading.round(&*source).await.unwrap();
    let gone = Member::User(tenant.id(Sort::User, 20));
    let view = reading.mirror.view();
    assert!(view.groups.values().all(|group| !group.members.contains(&gone)));
}

#[tokio::test]
async fn a_watermark_of_another_selection_or_of_nothing_begins_anew() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let mut mark = reading.mark.clone().unwrap();
    assert_eq!(source.begin(Some(&mark)).users, Extent::Changes);
    let users = mark.0.get_mut("users").unwrap();
    users.replace_range(0..1, if users.starts_with('0') { "1" } else { "0" });
    let round = source.begin(Some(&mark));
    assert_eq!((round.users, round.groups), (Extent::Everything, Extent::Changes));
    assert_eq!(source.begin(Some(&Watermark::default())).groups, Extent::Everything);
}

#[tokio::test]
async fn a_group_is_read_anew_page_by_page() {
    let plan = Plan { users: 2_500, groups: 12, ..Plan::default() };
    let tenant = Tenant::start_with(Settings { plan, ..Settings::default() }).await;
    let source = tenant.source();
    let group = tenant.id(Sort::Group, 0);
    let (mut tasks, mut read) = (vec![source.members(&group)], Vec::new());
    let mut afresh = Vec::new();
    while let Some(task) = tasks.pop() {
        assert_eq!(task.group.as_deref(), Some(&*group));
        let page = source.fetch(&task).await.unwrap();
        for item in page.items {
            let gatehouse::cloud::Item::Members(members) = item else { panic!("members only") };
            afresh.push(members.afresh);
            read.extend(members.joined);
        }
        tasks.extend(page.next);
    }
    assert_eq!(afresh, [true, false, false], "what was known is forgotten once");
    assert_eq!(read.len(), 2_500);
    let gone = source.members("00000000-0000-0000-0000-000000000000");
    let error = source.fetch(&gone).await.unwrap_err();
    assert!(error.to_string().ends_with("is not there any more"), "{error}");
}

#[tokio::test]
async fn one_user_is_found_with_all_groups_also_those_that_others_lead_to() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let inner = tenant.graph().tenant().group(5).unwrap().users[0];
    let id = tenant.id(Sort::User, inner);
    let user = source.find_user(&id).await.unwrap().unwrap();
    let truth = tenant.truth();
    assert!(user.whole && user.standing == truth.users[&id].standing);
    assert_eq!(user.attributes.len(), truth.users[&id].values.len());
    for nobody in ["00000000-0000-0000-0000-000000000000", "../groups", ""] {
        assert_eq!(source.find_user(nobody).await.unwrap(), None, "{nobody}");
    }
    let groups = source.user_groups(&id).await.unwrap();
    for no in [0, 3, 4, 5] {
        assert!(groups.contains(&tenant.id(Sort::Group, no)), "group {no}");
    }
    assert!(source.user_groups("00000000-0000-0000-0000-000000000000").await.is_err());
}

#[tokio::test]
async fn groups_are_found_by_their_ids_however_many_there_are() {
    let plan = Plan { users: 20, groups: 1_100, members_per_group: 1, ..Plan::default() };
    let tenant = Tenant::start_with(Settings { plan, ..Settings::default() }).await;
    let source = tenant.source();
    let mut ids: Vec<_> = (0..1_100).map(|no| tenant.id(Sort::Group, no)).collect();
    ids.push("00000000-0000-0000-0000-000000000000".to_owned());
    ids.push("no id".to_owned());
    let groups = source.find_groups(&ids).await.unwrap();
    assert_eq!(groups.len(), 1_100);
    let truth = tenant.truth();
    assert!(groups.iter().all(|group| group.name == truth.groups[&group.id].name));
    assert_eq!(source.find_groups(&[]).await.unwrap(), []);
}
