//! Names that change, are swapped, freed and taken.

use gatehouse::{
    directory::Change,
    provisioning::{plan_joining, plan_removal},
    sync::Why,
};

use super::{SOURCE, conflicts, membership, person};
use crate::imports::{House, houses};

async fn uuid_of(house: &House, name: &str) -> Option<uuid::Uuid> {
    house.find(name).await.map(|details| details.user.uuid)
}

#[tokio::test]
async fn who_is_renamed_keeps_everything() {
    for house in houses().await {
        house.align(&[person("e1", "ada", &[0, 1]), person("e2", "bob", &[])]).await;
        let ada = uuid_of(&house, "ada").await;
        house.edit("ada", |_| vec![plan_joining("wiki")]).await;
        let report = house.align(&[person("e1", "lovelace", &[0]), person("e2", "BOB", &[])]).await;
        assert_eq!((report.renamed, report.list.size.updated, report.list.size.left), (1, 1, 1));
        assert_eq!(report.conflicts, []);
        let found = house.find("lovelace").await.unwrap();
        assert_eq!(Some(found.user.uuid), ada);
        assert_eq!(
            found.memberships,
            [membership("jira-users", SOURCE), membership("wiki", "manual")]
        );
        assert_eq!(found.identities, [("saml:corp".into(), "attribute".into(), "e1".into())]);
        assert!(house.find("ada").await.is_none());
        assert_eq!(house.find("bob").await.unwrap().user.profile.username, "bob", "only the case");
    }
}

#[tokio::test]
async fn names_are_swapped_passed_on_and_go_round_in_one_plan() {
    for house in houses().await {
        let names = |names: [&str; 5]| {
            let people = names.iter().enumerate();
            people.map(|(id, name)| person(&format!("e{id}"), name, &[0])).collect::<Vec<_>>()
        };
        house.align(&names(["a", "b", "c", "d", "e"])).await;
        let mut uuids = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            uuids.push(uuid_of(&house, name).await);
        }
        let mut states = vec![house.state().await];
        let mut reports = Vec::new();
        for turn in [
            // Two swap; three go round; one passes its name on, and that one does too, to the end of a chain.
            ["b", "a", "d", "e", "c"],
            ["d", "b", "e", "c", "a"],
            ["e", "d", "c", "new", "b"],
        ] {
            let report = house.align(&names(turn)).await;
            assert_eq!(conflicts(&report), []);
            for (name, uuid) in turn.iter().zip(&uuids) {
                assert_eq!(uuid_of(&house, name).await, *uuid, "{turn:?}: {name}");
            }
            states.push(house.state().await);
            reports.push(report);
        }
        for report in reports.iter().rev() {
            states.pop();
            house.undo(report).await;
            assert_eq!(house.state().await, *states.last().unwrap());
        }
    }
}

#[tokio::test]
async fn a_ring_that_is_too_long_for_one_transaction_stays_as_it_is() {
    for house in houses().await {
        let people = |names: Vec<usize>| -> Vec<_> {
            let people = names.into_iter().enumerate();
            people
                .map(|(id, name)| person(&format!("e{id:03}"), &format!("n{name}"), &[]))
                .collect()
        };
        house.align(&people((0..401).collect())).await;
        let before = house.state().await;
        let report = house.align(&people((1..401).chain([0]).collect())).await;
        assert_eq!((report.renamed, report.conflicts.len()), (0, 401));
        assert!(report.conflicts.iter().all(|conflict| conflict.why == Why::NameTaken));
        assert_eq!(house.state().await, before);
        // With one less it is done.
        let shorter = people((1..400).chain([0, 400]).collect());
        let report = house.align(&shorter).await;
        assert_eq!((report.renamed, conflicts(&report)), (400, vec![]));
    }
}

#[tokio::test]
async fn a_newcomer_gets_a_name_that_is_given_up_in_the_same_plan() {
    for house in houses().await {
        house.align(&[person("e5", "ada", &[0])]).await;
        let before = house.state().await;
        let (ada, roster) = (
            uuid_of(&house, "ada").await,
            [person("e5", "lovelace", &[0]), person("e1", "ada", &[1])],
        );
        let report = house.align(&roster).await;
        assert_eq!((report.renamed, report.list.size.created), (1, 1));
        assert_eq!(uuid_of(&house, "lovelace").await, ada);
        assert_ne!(uuid_of(&house, "ada").await, ada);
        let after = house.state().await;
        house.undo(&report).await;
        assert_eq!(house.state().await, before);
        // The undoing is a plan too.
        let undoing = house.store.list_plans(1).await.unwrap().remove(0);
        let clock = gatehouse::clock::Clock::System;
        let (_, applied) =
            gatehouse::sync::undo_plan(&house.store, &clock, &undoing, "admin", false)
                .await
                .unwrap();
        assert_eq!((applied.skipped, house.state().await), (0, after));
    }
}

#[tokio::test]
async fn a_name_that_somebody_keeps_is_not_taken() {
    for house in houses().await {
        house.try_log_in("kept", &[]).await;
        house.align(&[person("e1", "ada", &[0]), person("e2", "bob", &[])]).await;
        let roster =
            [person("e1", "kept", &[1]), person("e2", "ada", &[]), person("e3", "bob", &[0])];
        let report = house.align(&roster).await;
        // Who does not get a name keeps the old one, and so does everybody who waited for that.
        let all = [("kept", Why::NameTaken), ("ada", Why::NameTaken), ("bob", Why::NameTaken)];
        let mut found = conflicts(&report);
        found.sort_by_key(|(name, _)| all.iter().position(|(other, _)| other == name));
        assert_eq!(found, all);
        assert_eq!((report.renamed, report.list.size.created), (0, 0));
        let ada = house.find("ada").await.unwrap();
        assert_eq!(ada.memberships, [membership("wiki", SOURCE)], "all else is as it is said");
        // As soon as it is free, they do.
        house.edit("kept", |kept| plan_removal(&kept.user, &kept.memberships)).await;
        house
            .store
            .release_name(house.internal, &gatehouse::directory::NameKey::of("kept"))
            .await
            .unwrap();
        let report = house.align(&roster).await;
        assert_eq!((report.renamed, report.list.size.created, conflicts(&report)), (2, 1, vec![]));
    }
}

#[tokio::test]
async fn two_of_one_name_are_told_and_the_first_keeps_it() {
    for house in houses().await {
        let report = house.align(&[person("e2", "ada", &[]), person("e1", "Ada", &[])]).await;
        assert_eq!(conflicts(&report), [("ada", Why::NameTaken)]);
        assert_eq!(house.find("ada").await.unwrap().identities[0].2, "e1");
        let twice = [person("e1", "other", &[]), person("e1", "ada", &[])];
        let report = house.align(&twice).await;
        assert_eq!(report.conflicts.len(), 1, "{report:?}");
        assert_eq!(report.conflicts[0].why, Why::Twice);
        let unusable = [person("e1", "a\u{7}", &[0]), person("e3", "", &[])];
        let report = house.align(&unusable).await;
        assert_eq!(report.conflicts.len(), 2);
        assert!(report.conflicts.iter().all(|conflict| conflict.why == Why::NoName));
        assert_eq!(report.list.size.joined, 1, "who has an account keeps the name that it has");
    }
}

#[tokio::test]
async fn the_name_of_a_removed_account_is_only_its_owners() {
    for house in houses().await {
        house.align(&[person("e1", "ada", &[]), person("e2", "bob", &[])]).await;
        house.edit("ada", |ada| plan_removal(&ada.user, &ada.memberships)).await;
        let report = house.align(&[person("e2", "ada", &[]), person("e3", "ada", &[0])]).await;
        assert_eq!(conflicts(&report), [("ada", Why::NameRetired); 2]);
        let report = house.align(&[person("e1", "ada", &[0]), person("e2", "bob", &[])]).await;
        assert_eq!((report.list.size.created, conflicts(&report)), (1, vec![]));
        assert_eq!(house.find("ada").await.unwrap().identities[0].2, "e1", "they are back");
    }
}

#[tokio::test]
async fn a_name_in_another_directory_stops_a_rename_and_is_told_of_a_newcomer() {
    for house in houses().await {
        let other = house.store.ensure_directory("Other", crate::support::directory::now()).await;
        let other = other.unwrap();
        assert!(house.log_in_by_id(other, "x1", "ada").await);
        assert!(house.log_in_by_id(other, "e9", "zoe").await);
        house.align(&[person("e1", "bob", &[])]).await;
        let elsewhere =
            [person("e1", "ada", &[]), person("e9", "zoe", &[]), person("e2", "Ada", &[])];
        let report = house.try_align(&elsewhere, |_| {}).await.unwrap();
        assert_eq!(conflicts(&report), [("ada", Why::NameElsewhere), ("Ada", Why::NameElsewhere)]);
        assert_eq!((report.renamed, report.list.size.created), (0, 2), "{report:?}");
        assert!(house.find("bob").await.is_some());
        let zoes = house.store.list_users_by_name(&gatehouse::directory::NameKey::of("zoe")).await;
        let zoes = zoes.unwrap();
        assert_eq!(zoes.len(), 2, "the same person is nobody's namesake");
        assert_eq!(zoes[0].user.person, zoes[1].user.person);
    }
}

#[tokio::test]
async fn an_alias_is_stronger_than_the_roster_and_kept_for_its_owner() {
    use gatehouse::{provisioning::AliasRow, store::AliasEdit};
    for house in houses().await {
        let edit = AliasEdit {
            issuer: gatehouse::directory::Issuer(super::ISSUER.to_owned()),
            rows: vec![AliasRow { line: 1, subject: "e1".to_owned(), username: "old".to_owned() }],
            directory: house.internal,
            reason: "test".to_owned(),
        };
        house.store.apply_aliases(edit, false, crate::support::directory::now()).await.unwrap();
        let report = house.align(&[person("e2", "old", &[]), person("e3", "bob", &[])]).await;
        assert_eq!(conflicts(&report), [("old", Why::NameKept)]);
        let report = house.align(&[person("e1", "new", &[]), person("e3", "bob", &[])]).await;
        assert_eq!(report.list.size.created, 1);
        assert_eq!(house.find("old").await.unwrap().identities[0].2, "e1");
        let rename = |before: &gatehouse::directory::Profile| Change::UpdateUser {
            before: before.clone(),
            after: gatehouse::directory::Profile { username: "x".to_owned(), ..before.clone() },
        };
        house.edit("old", |old| vec![rename(&old.user.profile)]).await;
        let report = house.align(&[person("e1", "new", &[]), person("e3", "bob", &[])]).await;
        assert_eq!(report.renamed, 1, "back to the alias");
    }
}
