//! Drills: a source that seems to have lost half of everybody, or all of them, takes nothing from anybody before an
//! administrator has said so.

use gatehouse::{cloud::ConnectorError, directory::InactiveReason};
use serde_json::json;

use super::{People, Way, World, command_line::House, user};
use crate::support::databases::databases;

/// Organisations of 45 people, 41 of them in a group, both ways and on every database.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for way in [Way::Changes, Way::Lists] {
        for database in databases().await {
            let world = World::of(database, way).await;
            world.organisation.hire_forty("g2");
            world.begin().await;
            world.watch_accounts().await;
            worlds.push(world);
        }
    }
    worlds
}

impl World {
    async fn assert_nothing_was_taken(&self, before: &People) {
        assert_eq!(self.lost_accounts().await, []);
        assert_eq!(&self.people().await, before);
    }
}

#[tokio::test]
async fn half_of_everybody_is_gone_and_that_waits_until_it_is_approved() {
    for world in worlds().await {
        let before = world.people().await;
        for number in 0..25 {
            world.organisation.fire(&format!("u{number}"));
        }
        for full in [false, true] {
            let report = world.try_run(|request| request.full = full).await.unwrap();
            assert!(report.directory.unwrap().list.held.is_some());
            world.assert_nothing_was_taken(&before).await;
        }
        world.approve().await.unwrap();
        assert_eq!(world.lost_accounts().await.len(), 25);
        for number in 0..25 {
            let state = world.state_of(&format!("u{number}@example.com")).await;
            assert_eq!(state, Some(InactiveReason::MissingAtSource));
        }
        let after = world.run().await;
        assert!(after.directory.is_none_or(|directory| directory.list.held.is_none()));
        assert!(world.store.list_open_plans().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn half_of_everybody_is_disabled_and_that_waits_too() {
    for world in worlds().await {
        let before = world.people().await;
        for number in 0..25 {
            world.organisation.disable(&format!("u{number}"));
        }
        world.run().await;
        world.assert_nothing_was_taken(&before).await;
        world.approve().await.unwrap();
        let lost = world.lost_accounts().await;
        assert!(lost.len() == 25 && lost.iter().all(|(_, why)| why == "disabled_at_source"));
    }
}

#[tokio::test]
async fn a_large_group_is_empty_all_at_once_and_that_waits_until_it_is_approved() {
    for world in worlds().await {
        let before = world.people().await;
        for number in 0..40 {
            world.organisation.leave("g2", &user(&format!("u{number}")));
        }
        world.run().await;
        world.assert_nothing_was_taken(&before).await;
        world.approve().await.unwrap();
        assert!(world.groups_of("u7@example.com").await.is_empty());
        assert_eq!(world.groups_of("dan@example.com").await, ["wiki"]);
        assert_eq!(world.lost_accounts().await, [], "nobody's account had to do with it");
    }
}

#[tokio::test]
async fn the_group_that_says_who_comes_is_dissolved_or_misspelt_and_nobody_is_out_for_it() {
    for mut world in worlds().await {
        let before = world.people().await;
        world.configure("[users]\nmembers_of = [\"wikki\"]");
        for apply in [false, true] {
            let error = world
                .try_run(|request| (request.apply, request.unguarded) = (apply, true))
                .await
                .unwrap_err();
            assert!(error.to_string().contains("let nobody come"), "{error}");
            world.assert_nothing_was_taken(&before).await;
        }
        // A filter that keeps some is looked at first, and then it waits all the same.
        world.configure("[users]\nmembers_of = [\"jira-users\"]");
        let report = world.run().await;
        assert!(report.dry_run && report.forced.is_some(), "{report:?}");
        world.assert_nothing_was_taken(&before).await;
        let report = world.try_run(|request| request.apply = true).await.unwrap();
        assert!(report.directory.unwrap().list.held.is_some());
        world.assert_nothing_was_taken(&before).await;
        // Whoever changes their mind loses nothing either.
        world.configure("");
        world.run().await;
        let report = world.try_run(|request| request.apply = true).await.unwrap();
        assert!(report.directory.unwrap().list.held.is_none());
        world.assert_nothing_was_taken(&before).await;
        assert!(world.store.list_open_plans().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_on_its_seventh_page_is_no_list() {
    for world in worlds().await {
        let before = world.people().await;
        for number in 0..25 {
            world.organisation.fire(&format!("u{number}"));
        }
        // Three people on a page.
        world.organisation.fail(
            "users all 18",
            ConnectorError::Forbidden {
                what: "read users".to_owned(),
                reason: "403".to_owned(),
                remedy: "grant it".to_owned(),
            },
        );
        let error = world
            .try_run(|request| (request.full, request.unguarded) = (true, true))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("may not read users"), "{error}");
        world.assert_nothing_was_taken(&before).await;
        assert!(world.store.list_open_plans().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_people_are_deleted_in_a_cloud_and_an_administrator_decides_at_the_command_line() {
    let house = House::build().await;
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let before = house.exported();
    for no in 10..70 {
        house.change(json!({ "do": "delete_user", "no": no }));
    }
    let said = house.good(&["sync", "entra"]);
    assert!(said.contains("what it takes away waits"), "{said}");
    assert_eq!(house.exported(), before);
    let plan = |said: &str| {
        said.split("plan approve ").nth(1).unwrap().split('`').next().unwrap().to_owned()
    };
    house.good(&["plan", "discard", &plan(&said)]);
    assert_eq!(house.exported(), before);
    // It is not forgotten for that.
    let said = house.good(&["sync", "entra"]);
    assert!(said.contains("what it takes away waits"), "{said}");
    let approved = house.good(&["plan", "approve", &plan(&said)]);
    let after = house.exported();
    assert!(after.len() < before.len() - 40, "{} of {}: {approved}", after.len(), before.len());
    // And that can be undone.
    let said = house.good(&["plan", "show", &plan(&said)]);
    let batch = said.split("changes undo ").nth(1).unwrap().split('`').next().unwrap();
    house.good(&["changes", "undo", batch]);
    assert_eq!(house.exported(), before);
}
