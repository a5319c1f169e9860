//! Groups that are known by external ids.

use gatehouse::{
    clock::Clock,
    directory::{ChunkSize, NameKey},
    provisioning::{ManagedGroups, plan_joining, plan_nesting},
    store::{Chunk, PlanId},
    sync::{Why, remove_gone},
};

use super::{SOURCE, conflicts, membership, person, removal};
use crate::imports::{House, houses};

async fn groups_of(house: &House, name: &str) -> Vec<String> {
    let memberships = house.find(name).await.unwrap().memberships;
    memberships.into_iter().filter(|(_, by)| by == SOURCE).map(|(group, _)| group).collect()
}

#[tokio::test]
async fn a_group_is_renamed_by_its_id_and_two_swap_their_names() {
    for house in houses().await {
        let people = [person("e1", "ada", &[0]), person("e2", "bob", &[1])];
        house.align_groups(&people, &[("g0", "tea"), ("g1", "coffee")]).await;
        house.edit("bob", |_| vec![plan_joining("tea")]).await;
        let before = house.state().await;
        let report = house.align_groups(&people, &[("g0", "green tea"), ("g1", "Coffee")]).await;
        assert_eq!((report.list.size.groups_renamed, report.list.size.left), (1, 0));
        assert_eq!(groups_of(&house, "ada").await, ["green tea"]);
        let by_hand = membership("green tea", "manual");
        assert!(house.find("bob").await.unwrap().memberships.contains(&by_hand));
        house.undo(&report).await;
        assert_eq!(house.state().await, before);
        let report = house.align_groups(&people, &[("g0", "coffee"), ("g1", "tea")]).await;
        assert_eq!((report.list.size.groups_renamed, conflicts(&report)), (2, vec![]));
        assert_eq!(groups_of(&house, "ada").await, ["coffee"]);
        house.undo(&report).await;
        assert_eq!(house.state().await, before);
        // A new group takes a name that is given up.
        let people = [person("e1", "ada", &[0]), person("e2", "bob", &[1, 2])];
        let report =
            house.align_groups(&people, &[("g0", "milk"), ("g1", "coffee"), ("g2", "tea")]).await;
        assert_eq!((report.list.size.groups_renamed, report.list.size.groups), (1, 1));
        assert_eq!(groups_of(&house, "bob").await, ["coffee", "tea"]);
        house.undo(&report).await;
        assert_eq!(house.state().await, before);
    }
}

#[tokio::test]
async fn a_group_of_others_is_joined_and_stays_theirs() {
    for house in houses().await {
        house.try_log_in("carl", &["wiki"]).await;
        let people = [person("e1", "ada", &[0])];
        let report = house.align_groups(&people, &[("g0", "Wiki")]).await;
        assert_eq!(report.list.size.groups, 0, "it is there");
        assert_eq!(groups_of(&house, "ada").await, ["wiki"]);
        // Renamed to what is there as well, the members change over, and who is there by others' word stays.
        house.try_log_in("carl", &["wiki", "jira"]).await;
        let report = house.align_groups(&people, &[("g0", "jira")]).await;
        assert_eq!((report.list.size.groups_renamed, report.list.size.joined), (0, 1));
        assert_eq!(groups_of(&house, "ada").await, ["jira"]);
        assert_eq!(house.find("carl").await.unwrap().memberships.len(), 2);
    }
}

#[tokio::test]
async fn of_two_groups_of_one_name_the_first_keeps_it() {
    for house in houses().await {
        let people = [person("e1", "ada", &[0, 1])];
        let report = house.align_groups(&people, &[("g1", "tea"), ("g0", "TEA")]).await;
        assert_eq!(conflicts(&report), [("TEA", Why::GroupNameTaken)]);
        assert_eq!(groups_of(&house, "ada").await, ["tea"]);
        let known = house.store.list_external_groups(house.internal, SOURCE).await.unwrap();
        assert_eq!((known.len(), known[0].external_id.as_str()), (1, "g1"));
        // An id that takes the place of one that is gone has its group.
        let report = house.align_groups(&people[..1], &[("g7", "tea"), ("g8", "")]).await;
        assert_eq!(conflicts(&report), [("", Why::NoName)]);
        assert_eq!(report.list.size, ChunkSize::default(), "{report:?}");
        let known = house.store.list_external_groups(house.internal, SOURCE).await.unwrap();
        assert_eq!((known.len(), known[0].external_id.as_str()), (1, "g7"));
    }
}

#[tokio::test]
async fn no_name_at_a_source_leads_into_a_protected_group() {
    for house in houses().await {
        house.try_log_in("root", &["admins"]).await;
        let people = [person("e1", "ada", &[0])];
        let report = house.align_groups(&people, &[("g0", "Admins")]).await;
        assert_eq!(conflicts(&report), [("Admins", Why::ProtectedGroup)]);
        assert!(groups_of(&house, "ada").await.is_empty());
        house.align_groups(&people, &[("g0", "tea")]).await;
        let report = house.align_groups(&people, &[("g0", "admins")]).await;
        assert_eq!(conflicts(&report), [("admins", Why::ProtectedGroup)]);
        assert!(groups_of(&house, "ada").await.is_empty());
        let named = |request: &mut gatehouse::sync::RosterRequest| {
            let names = ["admins".to_owned()];
            request.policy.managed_groups = ManagedGroups::new(&names, &names);
        };
        let report = house.try_align_groups(&people, &[("g0", "admins")], named).await.unwrap();
        assert_eq!(conflicts(&report), []);
        assert_eq!(groups_of(&house, "ada").await, ["admins"]);
    }
}

#[tokio::test]
async fn no_name_at_a_source_leads_into_a_group_inside_a_protected_one() {
    for house in houses().await {
        house.try_log_in("root", &["admins", "staff", "helpdesk"]).await;
        let nestings = || vec![plan_nesting("admins", "staff"), plan_nesting("staff", "helpdesk")];
        house.edit("root", |_| nestings()).await;
        let people = [person("e1", "ada", &[0])];
        let report = house.align_groups(&people, &[("g0", "Helpdesk")]).await;
        assert_eq!(conflicts(&report), [("Helpdesk", Why::ProtectedGroup)]);
        assert!(groups_of(&house, "ada").await.is_empty());
        house.align_groups(&people, &[("g0", "tea")]).await;
        let report = house.align_groups(&people, &[("g0", "staff")]).await;
        assert_eq!(conflicts(&report), [("staff", Why::ProtectedGroup)]);
        assert!(groups_of(&house, "ada").await.is_empty());
        // An administrator who puts the source's own group there means those who are in it.
        house.align_groups(&people, &[("g0", "tea")]).await;
        house.edit("root", |_| vec![plan_nesting("admins", "tea")]).await;
        let report = house.align_groups(&people, &[("g0", "tea")]).await;
        assert_eq!(conflicts(&report), []);
        assert_eq!(groups_of(&house, "ada").await, ["tea"]);
        // Who names a group inside a protected one in full means it as well.
        let means = |request: &mut gatehouse::sync::RosterRequest| {
            let managed = ["*", "staff"].map(str::to_owned);
            request.policy.managed_groups = ManagedGroups::new(&managed, &["admins".to_owned()]);
        };
        let report = house.try_align_groups(&people, &[("g0", "staff")], means).await.unwrap();
        assert_eq!(
            (conflicts(&report), groups_of(&house, "ada").await),
            (vec![], vec!["staff".into()])
        );
        house.align_groups(&people, &[("g0", "tea")]).await;
        // Who lets a source touch the protected group lets it touch those inside.
        let named = |request: &mut gatehouse::sync::RosterRequest| {
            let names = ["*", "admins"].map(str::to_owned);
            request.policy.managed_groups = ManagedGroups::new(&names, &names[1..]);
        };
        let report = house.try_align_groups(&people, &[("g0", "staff")], named).await.unwrap();
        assert_eq!(conflicts(&report), []);
        assert_eq!(groups_of(&house, "ada").await, ["staff"]);
    }
}

/// Groups `g000`, … with a name each.
fn table(names: impl Iterator<Item = usize>) -> Vec<(String, String)> {
    names.enumerate().map(|(id, name)| (format!("g{id:03}"), format!("name{name:03}"))).collect()
}

fn texts(table: &[(String, String)]) -> Vec<(&str, &str)> {
    table.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect()
}

#[tokio::test]
async fn many_groups_are_renamed_a_part_at_a_time() {
    for house in houses().await {
        let people = [person("e1", "ada", &[0])];
        house.align_groups(&people, &texts(&table(0..230))).await;
        let before = house.state().await;
        // Each gets the name that the next one gives up.
        let report = house.align_groups(&people, &texts(&table(1..231))).await;
        assert_eq!((report.list.size.groups_renamed, conflicts(&report)), (230, vec![]));
        assert_eq!(groups_of(&house, "ada").await, ["name001"]);
        let plan = PlanId(report.list.plan.unwrap());
        let chunks = house.store.find_plan(plan).await.unwrap().unwrap().chunks;
        assert_eq!(chunks, 3);
        for number in 0..chunks {
            let chunk = Chunk::unpack(&house.store.find_chunk(plan, number).await.unwrap());
            assert!(chunk.unwrap().size().groups_renamed <= 100);
        }
        house.undo(&report).await;
        assert_eq!(house.state().await, before);
    }
}

#[tokio::test]
async fn a_ring_of_groups_that_is_too_long_stays_as_it_is() {
    for house in houses().await {
        let people = [person("e1", "ada", &[0])];
        house.align_groups(&people, &texts(&table(0..401))).await;
        let ring = table((1..401).chain([0]));
        let report = house.align_groups(&people, &texts(&ring)).await;
        assert_eq!((report.list.size.groups_renamed, report.conflicts.len()), (0, 401));
        assert!(report.conflicts.iter().all(|conflict| conflict.why == Why::GroupNameTaken));
        assert_eq!(groups_of(&house, "ada").await, ["name000"]);
    }
}

#[tokio::test]
async fn a_group_that_is_gone_is_empty_and_goes_after_a_while() {
    for house in houses().await {
        let both = [("g0", "tea"), ("g1", "coffee")];
        let people = [person("e1", "ada", &[0, 1])];
        house.align_groups(&people, &both).await;
        house.edit("ada", |_| vec![plan_joining("coffee")]).await;
        let less = [person("e1", "ada", &[])];
        house.align_groups(&less, &[]).await;
        assert!(groups_of(&house, "ada").await.is_empty());
        let gone = |known: &gatehouse::store::ExternalGroup| known.gone_at.is_some();
        let known =
            async || house.store.list_external_groups(house.internal, SOURCE).await.unwrap();
        assert!(known().await.iter().all(gone));
        house.align_groups(&people, &both).await;
        assert!(!known().await.iter().any(gone), "they are back");
        house.align_groups(&less, &[]).await;
        let report = remove_gone(&house.store, &Clock::System, &removal(&house)).await.unwrap();
        assert_eq!(report.groups, 1);
        assert!(house.store.list_groups(Some(&NameKey::of("tea")), 1).await.unwrap().is_empty());
        let coffee = house.store.list_groups(Some(&NameKey::of("coffee")), 1).await.unwrap();
        assert_eq!(coffee[0].members, 1, "somebody is in it by an administrator's word");
    }
}
