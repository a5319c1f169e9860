//! Runs that break off, wherever they do.

use gatehouse::{
    cloud::{ConnectorError, Member},
    directory::InactiveReason,
    store::RunState,
};

use super::{Way, World, user, worlds};
use crate::support::{databases::sqlite, faults::Faults};

fn failed() -> ConnectorError {
    ConnectorError::Failed { host: "cloud".to_owned(), status: 500, reason: "broken".to_owned() }
}

#[tokio::test]
async fn c01_a_page_that_fails_changes_nothing_and_the_next_run_goes_on_there() {
    for world in worlds(Way::Changes).await {
        world.organisation.fail("users all 3", failed());
        let error = world.run_error().await;
        assert!(error.contains("goes on there"), "{error}");
        assert_eq!(world.last_run().await.state, RunState::Reading);
        world.organisation.asked();
        assert_eq!(world.run().await.directory.unwrap().list.size.created, 5);
        let asked = world.organisation.asked();
        assert!(!asked.iter().any(|work| work.starts_with("users all 0")), "{asked:?}");
        let id = world.store.ensure_connector("cloud").await.unwrap();
        assert_eq!(world.store.list_runs(id, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_group_that_cannot_be_read_keeps_its_members_and_is_read_again() {
    for world in worlds(Way::Lists).await {
        world.begin().await;
        world.organisation.leave("g1", &user("ada"));
        world.organisation.join("g2", user("eve"));
        world.organisation.fail("members g1", failed());
        let report = world.run().await;
        assert!(report.warnings.len() == 1 && report.warnings[0].contains("g1"), "{report:?}");
        assert_eq!(world.groups_of("ada@example.com").await, ["jira-users"]);
        assert_eq!(world.groups_of("eve@example.com").await, ["wiki"]);
        assert!(world.run().await.warnings.is_empty());
        assert!(world.groups_of("ada@example.com").await.is_empty());
    }
}

#[tokio::test]
async fn a_group_that_is_gone_when_its_members_are_asked_for_is_gone() {
    for world in worlds(Way::Lists).await {
        world.begin().await;
        world.organisation.join("g2", user("eve"));
        let (host, reason) = ("cloud".to_owned(), "away".to_owned());
        world.organisation.fail("members g2", ConnectorError::Unreachable { host, reason });
        world.run_error().await;
        // The round has named it, and goes on to ask for its members.
        world.organisation.dissolve("g2");
        let report = world.run().await;
        assert!(report.warnings.is_empty(), "{report:?}");
        assert!(world.groups_of("dan@example.com").await.is_empty());
    }
}

#[tokio::test]
async fn a_group_that_is_there_is_not_gone_because_its_members_are_not_found() {
    for world in worlds(Way::Lists).await {
        world.organisation.join_users("g2", &["ada", "bob", "cleo"]);
        world.begin().await;
        for (page, new) in [("members g2 0", "eve"), ("members g2 3", "fay")] {
            world.organisation.hire(new, |_| {});
            world.organisation.join("g2", user(new));
            world.organisation.fail(page, ConnectorError::Gone("the group g2".to_owned()));
            let report = world.run().await;
            assert!(report.warnings.len() == 1 && report.warnings[0].contains("g2"), "{report:?}");
            assert_eq!(world.groups_of("dan@example.com").await, ["wiki"], "{page}");
            assert!(world.run().await.warnings.is_empty());
            assert_eq!(world.groups_of(&format!("{new}@example.com")).await, ["wiki"], "{page}");
        }
    }
}

#[tokio::test]
async fn c22_a_cloud_that_has_forgotten_where_the_run_was_is_asked_for_everything() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.fire("eve");
        world.organisation.leave("g1", &user("bob"));
        world.organisation.forget();
        let report = world.run().await;
        assert!(report.full, "{report:?}");
        assert_eq!(world.state_of("eve@example.com").await, Some(InactiveReason::MissingAtSource));
        assert!(world.groups_of("bob@example.com").await.is_empty());
        assert!(!world.run().await.full);
    }
}

#[tokio::test]
async fn a_run_that_has_forgotten_half_of_what_it_was_told_is_not_gone_on_with() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let before = world.people().await;
        let faults = Faults::plant(&world.database.options.url).await;
        let mut n = 0;
        loop {
            n += 1;
            // By then the first users have been named, and all that is left to be asked for is the others.
            world.organisation.fail("users all 3", ConnectorError::Restart("410".to_owned()));
            faults.fail_at(n).await;
            let done = world.try_run(|request| request.full = true).await;
            faults.fail_at(0).await;
            world.organisation.heal();
            world.give_lease_back().await;
            let left = gatehouse::sync::left_plans(&world.store, &world.clock, true).await;
            gatehouse::sync::go_on(&world.store, &world.clock, left.unwrap()).await.unwrap();
            world.run().await;
            assert_eq!(world.people().await, before, "{n}");
            if done.is_ok() {
                break;
            }
        }
        assert!(n > 10, "{n}");
    }
}

/// What happens between two runs.
fn change(world: &World) {
    let organisation = &world.organisation;
    organisation.fire("eve");
    organisation.hire("fay", |_| {});
    organisation.set("ada", "displayName", "Ada L");
    organisation.found("g3", "new");
    organisation.join("g3", user("fay"));
    organisation.join("g1", Member::Group("g3".to_owned()));
    organisation.leave("g1", &user("bob"));
    organisation.disable("dan");
}

#[tokio::test]
async fn c21_a_run_that_breaks_off_at_any_write_is_finished_by_the_next() {
    for way in [Way::Changes, Way::Lists] {
        for full in [false, true] {
            let undisturbed = World::of(sqlite().await, way).await;
            undisturbed.begin().await;
            change(&undisturbed);
            undisturbed.run().await;
            let expected = undisturbed.people().await;
            for world in worlds(way).await {
                world.begin().await;
                let before = world.people().await;
                change(&world);
                let faults = Faults::plant(&world.database.options.url).await;
                let (mut n, mut failures) = (0, 0);
                loop {
                    n += 1;
                    faults.fail_at(n).await;
                    let done = world.try_run(|request| request.full = full).await;
                    faults.fail_at(0).await;
                    let left = gatehouse::sync::left_plans(&world.store, &world.clock, true).await;
                    let sealed = left.unwrap();
                    let is_sealed =
                        sealed.iter().any(|plan| plan.state == gatehouse::store::PlanState::Sealed);
                    if done.is_ok() {
                        break;
                    }
                    failures += 1;
                    let people = world.people().await;
                    if !is_sealed && people != expected {
                        assert_eq!(people, before, "{way:?} {full} {n}");
                    }
                    gatehouse::sync::go_on(&world.store, &world.clock, sealed).await.unwrap();
                    world.give_lease_back().await;
                }
                assert!(failures > 5, "{failures}");
                world.run().await;
                assert_eq!(world.people().await, expected, "{way:?} {full}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_was_overtaken_while_it_compared_changes_nothing() {
    let world = World::of(sqlite().await, Way::Changes).await;
    world.begin().await;
    let before = world.people().await;
    change(&world);
    // Somebody else has taken over by the time at which the plan begins.
    world
        .execute(
            "CREATE TRIGGER overtaken AFTER INSERT ON plans BEGIN
                 UPDATE connectors SET fence = fence + 1;
             END",
        )
        .await;
    assert!(world.try_run(|_| {}).await.is_err());
    assert_eq!(world.people().await, before);
    assert!(world.store.list_open_plans().await.unwrap().is_empty());
    world.execute("DROP TRIGGER overtaken").await;
    world.give_lease_back().await;
    world.run().await;
    assert_ne!(world.people().await, before);
}

impl World {
    /// Whoever had it is gone, as if a minute had gone by.
    pub async fn give_lease_back(&self) {
        self.execute("UPDATE connectors SET lease_until = 0").await;
    }

    pub async fn execute(&self, statement: &str) {
        use sqlx::Connection as _;
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        let url = &self.database.options.url;
        if url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
    }
}
