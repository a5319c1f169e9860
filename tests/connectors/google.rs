//! Google Workspace, as long as nothing goes wrong.

use gatehouse::cloud::{ConnectorError, Extent, Member, Standing};
use serde_json::json;

use super::{organisation::Organisation, reading::Reading};
use crate::support::clouds::{
    ids::Sort,
    tenant::{Plan, Vendor},
};

async fn start() -> Organisation {
    Organisation::start(Vendor::Google).await
}

#[tokio::test]
async fn a_round_of_everything_reads_the_whole_organisation() {
    let organisation = start().await;
    organisation.apply(json!({ "do": "delete_user", "no": 7 }));
    organisation.apply(json!({ "do": "delete_group", "no": 6 }));
    let (source, mut reading) = (organisation.source(), Reading::default());
    let round = source.begin(None);
    assert_eq!([round.users, round.groups, round.members], [Extent::Everything; 3]);
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    for no in [4, 28] {
        let user = &reading.mirror.users[&organisation.id(Sort::User, no)];
        assert_eq!(user.standing, Standing::Disabled, "suspended or archived: {no}");
    }
}

#[tokio::test]
async fn a_round_in_which_nothing_has_changed_reads_no_members() {
    let organisation = start().await;
    organisation.behave(|manners| manners.page = usize::MAX);
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.seen();
    let round = source.begin(reading.mark.as_ref());
    let extents = [round.users, round.groups, round.members];
    assert_eq!(extents, [Extent::Everything, Extent::Everything, Extent::Changes]);
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
        json!({ "do": "change_user", "no": 41, "set": { "title": null, "department": null } }),
        json!({ "do": "swap_logins", "one": 42, "other": 43 }),
        json!({ "do": "change_user", "no": 44, "set": { "status": "SUSPENDED" } }),
        json!({ "do": "change_user", "no": 44, "set": { "status": "ACTIVE" } }),
        json!({ "do": "add_user" }),
        json!({ "do": "add_members", "group": 5, "members": [{ "user": 120 }] }),
        json!({ "do": "add_group" }),
        json!({ "do": "add_members", "group": 30, "members": [{ "user": 1 }, { "group": 5 }] }),
        json!({ "do": "change_group", "no": 30, "set": { "name": "Renamed" } }),
        json!({ "do": "remove_members", "group": 30, "members": [{ "user": 1 }] }),
        json!({ "do": "delete_group", "no": 12 }),
        json!({ "do": "delete_user", "no": 70 }),
        json!({ "do": "restore_user", "no": 70 }),
    ];
    for change in changes {
        organisation.apply(change.clone());
        reading.round(&*source).await.unwrap_or_else(|error| panic!("{change}: {error}"));
        organisation.assert_read(&reading);
    }
}

#[tokio::test]
async fn who_takes_anothers_place_is_noticed_by_a_round_of_everything_only() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let leaver = organisation.cloud().tenant().group(20).unwrap().users[0];
    organisation
        .apply(json!({ "do": "remove_members", "group": 20, "members": [{ "user": leaver }] }));
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": [{ "user": 99 }] }));
    reading.round(&*source).await.unwrap();
    let group = organisation.id(Sort::Group, 20);
    let leaver = Member::User(organisation.id(Sort::User, leaver));
    assert!(
        reading.mirror.groups[&group].members.contains(&leaver),
        "the tag and the number are the same"
    );
    reading.mark = None;
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
}

#[tokio::test]
async fn everybody_is_a_member_and_people_from_elsewhere_are_none() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    let members = |no: u32| &reading.mirror.groups[&organisation.id(Sort::Group, no)].members;
    assert!(members(0).contains(&Member::Everybody));
    let external = organisation.id(Sort::User, u32::MAX);
    assert!(!members(8).is_empty() && !members(8).contains(&Member::User(external)));
}

#[tokio::test]
async fn groups_in_groups_are_named_unless_they_do_not_count() {
    let organisation = start().await;
    let (outer, inner) = (organisation.id(Sort::Group, 3), organisation.id(Sort::Group, 4));
    let member = Member::Group(inner);
    let source = organisation.source();
    let mut reading = Reading::default();
    reading.round(&*source).await.unwrap();
    assert!(source.capabilities().nested_groups);
    assert!(reading.mirror.groups[&outer].members.contains(&member));

    let table = format!("{}nested_groups = false\n", organisation.toml());
    let source = organisation.open(&table).unwrap();
    let mut reading = Reading::default();
    reading.round(&*source).await.unwrap();
    assert!(!source.capabilities().nested_groups);
    let members = |group: &String| &reading.mirror.groups[group].members;
    assert!(!members(&outer).is_empty() && !members(&outer).contains(&member));
}

#[tokio::test]
async fn a_group_that_is_deleted_while_the_round_goes_on_is_gone_and_no_failure() {
    let organisation = start().await;
    let source = organisation.source();
    let groups = source.fetch(&source.begin(None).tasks[1]).await.unwrap();
    let id = organisation.id(Sort::Group, 5);
    let task = groups.next.iter().find(|task| task.group.as_ref() == Some(&id)).unwrap();
    organisation.apply(json!({ "do": "delete_group", "no": 5 }));
    let error = source.fetch(task).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Gone(_)), "{error}");
    // Google may say as well that it must not be seen.
    organisation.fault("/members", 0, 1, &json!({ "kind": "not_authorized" }));
    let error = source.fetch(task).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Gone(_)), "{error}");
    assert_eq!(source.find_groups(&[id]).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_group_whose_members_must_not_be_seen_is_not_gone() {
    let organisation = start().await;
    let source = organisation.source();
    organisation.fault("/members", 0, 1, &json!({ "kind": "not_authorized" }));
    let error = source.fetch(&source.members(&organisation.id(Sort::Group, 5))).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn custom_schemas_are_asked_for_by_name() {
    let organisation = start().await;
    let table = format!("{}custom_schemas = [\"Employee\"]\n", organisation.toml());
    let (source, mut reading) = (organisation.open(&table).unwrap(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    let asked = "projection=custom&customFieldMask=Employee&";
    assert!(organisation.seen().iter().any(|seen| seen.uri.contains(asked)));
}

#[tokio::test]
async fn one_person_and_a_few_groups_are_looked_up() {
    let organisation = start().await;
    let (source, truth) = (organisation.source(), organisation.truth());
    let user = organisation.id(Sort::User, 28);
    let found = source.find_user(&user).await.unwrap().unwrap();
    assert_eq!((found.id, found.standing), (user, Standing::Disabled));
    for nobody in ["000000000000000000000", "somebody@example.com", "../groups", ""] {
        assert_eq!(source.find_user(nobody).await.unwrap(), None, "{nobody}");
    }
    let no = organisation.cloud().tenant().group(5).unwrap().users[0];
    let member = Member::User(organisation.id(Sort::User, no));
    let mut groups = source.user_groups(member.id().unwrap()).await.unwrap();
    groups.sort();
    let outer = [3, 4].map(|no| organisation.id(Sort::Group, no));
    assert!(outer.iter().all(|group| groups.contains(group)), "5 is in 4, and 4 is in 3");
    let direct = truth.groups.iter().filter(|(_, group)| group.members.contains(&member));
    assert!(direct.map(|(id, _)| id).all(|id| groups.contains(id)));
    let mut ids: Vec<_> = (0..6).map(|no| organisation.id(Sort::Group, no)).collect();
    ids.push("nothing".to_owned());
    assert_eq!(source.find_groups(&ids).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_large_organisation_is_read_in_few_requests() {
    let plan = Plan { users: 2_000, groups: 50, members_per_group: 100, ..Plan::default() };
    let organisation = Organisation::start_with(Vendor::Google, plan).await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    let read = organisation.seen().iter().filter(|seen| seen.method == "GET").count();
    let (users, groups, members) = (4, 1, 50 + 10 + 5);
    assert!(read <= users + groups + members, "{read}");
}
