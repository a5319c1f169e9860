//! What becomes of whom and what the cloud has not any more.

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{InactiveReason, NameKey, User},
    provisioning::{plan_deactivation, plan_joining, plan_reactivation},
    store::StoreError,
    sync::{Guarding, RemovalReport, RemovalRequest, remove_gone},
};

use super::{Way, World, user, worlds};
use crate::support::{databases::sqlite, directory::edit, faults::Faults};

impl World {
    /// The same with a clock that can be put forward, and a policy.
    pub async fn leaving(way: Way, policy: &str) -> Vec<Self> {
        let mut worlds = worlds(way).await;
        for world in &mut worlds {
            world.clock = Clock::adjustable();
            world.configure(policy);
            world.begin().await;
        }
        worlds
    }

    pub fn wait(&self, time: TimeDelta) {
        self.clock.advance(time);
    }

    /// A run, and what it removed.
    async fn removed(&self) -> RemovalReport {
        self.run().await.removed.unwrap_or_default()
    }

    pub async fn account(&self, name: &str) -> User {
        let found = self.store.list_users_by_name(&NameKey::of(name)).await.unwrap();
        found.into_iter().next().unwrap().user
    }

    pub async fn has(&self, name: &str) -> bool {
        self.people().await.contains_key(name)
    }
}

const REMOVE: &str = "[leaving]\nusers = \"remove\"";
const ADA: &str = "ada@example.com";

#[tokio::test]
async fn c07_who_is_missing_goes_after_the_grace_time_and_comes_back_to_their_name() {
    for world in World::leaving(Way::Changes, REMOVE).await {
        let before = world.account(ADA).await;
        edit(&world.store, &before, vec![plan_joining("wiki")]).await.unwrap();
        world.organisation.fire("ada");
        assert!(world.removed().await.is_empty());
        assert_eq!(world.state_of(ADA).await, Some(InactiveReason::MissingAtSource));
        world.wait(TimeDelta::days(29));
        assert!(world.removed().await.is_empty());
        world.organisation.hire("ada", |_| {});
        world.run().await;
        assert_eq!(world.account(ADA).await.uuid, before.uuid, "the same account is back");

        world.organisation.fire("ada");
        world.run().await;
        world.wait(TimeDelta::days(29));
        assert!(world.removed().await.is_empty(), "the time begins anew");
        world.wait(TimeDelta::days(2));
        let dry = world.try_run(|request| request.dry_run = true).await.unwrap().removed.unwrap();
        assert_eq!((dry.users, dry.named, dry.batches.len()), (1, vec![ADA.to_owned()], 0));
        assert!(world.has(ADA).await);
        let removed = world.removed().await;
        assert_eq!((removed.users, removed.memberships, removed.batches.len()), (1, 1, 1));
        assert!(!world.has(ADA).await && world.people().await.len() == 4);
        assert!(world.removed().await.is_empty());

        world.store.undo(removed.batches[0], "admin", false, world.clock.now()).await.unwrap();
        assert_eq!(world.state_of(ADA).await, Some(InactiveReason::MissingAtSource));
        assert!(world.removed().await.is_empty(), "whoever took it back gets the grace time again");
        world.wait(TimeDelta::days(31));
        assert_eq!(world.removed().await.users, 1);

        world.organisation.hire("ada", |_| {});
        let back = world.run().await.directory.unwrap();
        assert_eq!((back.list.size.created, back.conflicts), (1, vec![]));
        assert_eq!(world.groups_of(ADA).await, ["jira-users"]);
        assert_eq!(world.account(ADA).await.person, before.person);
    }
}

#[tokio::test]
async fn nobody_goes_who_is_disabled_or_blocked_or_whom_the_mirror_knows() {
    for world in World::leaving(Way::Changes, REMOVE).await {
        world.organisation.disable("ada");
        world.organisation.fire("bob");
        world.organisation.fire("cleo");
        world.run().await;
        let bob = world.account("bob@example.com").await;
        edit(&world.store, &bob, plan_deactivation(&bob)).await.unwrap();
        // As if somebody had written something else into the directory than the cloud says.
        let dan = world.account("dan@example.com").await;
        let reason = InactiveReason::MissingAtSource;
        let change = gatehouse::directory::Change::DeactivateUser { reason };
        edit(&world.store, &dan, vec![change]).await.unwrap();
        world.wait(TimeDelta::days(400));
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let lease = world.store.take_lease(id, world.clock.now()).await.unwrap();
        let request = RemovalRequest { lease, ..request(&world) };
        let removed = remove_gone(&world.store, &world.clock, &request).await.unwrap();
        assert_eq!(removed.named, ["cleo@example.com"]);
        assert_eq!(world.state_of(ADA).await, Some(InactiveReason::DisabledAtSource));
        assert!(world.has("bob@example.com").await && world.has("dan@example.com").await);
    }
}

#[tokio::test]
async fn c10_who_is_out_of_scope_goes_if_that_is_said() {
    let scope = "[users]\nmembers_of = [\"jira-users\"]\n";
    for mut world in World::leaving(Way::Changes, scope).await {
        world.organisation.leave("g1", &user("ada"));
        world.organisation.fire("bob");
        world.run().await;
        world.wait(TimeDelta::days(31));
        assert!(world.removed().await.is_empty(), "what nobody has asked for");
        // Neither changes what a run makes of the mirror, so nobody has to look first.
        world.configure(&format!("{scope}[leaving]\nout_of_scope = \"remove\"\ngrace_days = 40"));
        assert!(world.removed().await.is_empty());
        world.configure(&format!("{scope}[leaving]\nout_of_scope = \"remove\""));
        assert_eq!(world.removed().await.named, [ADA]);
        assert!(world.has("bob@example.com").await);
        world.organisation.join("g1", user("ada"));
        world.run().await;
        assert_eq!(world.state_of(ADA).await, None);
    }
}

#[tokio::test]
async fn nobody_goes_for_being_out_of_scope_of_whom_the_cloud_does_not_say_enough() {
    let scope = "[users]\nmembers_of = [\"jira-users\"]\n[leaving]\nout_of_scope = \"remove\"";
    for world in World::leaving(Way::Changes, scope).await {
        for id in ["ada", "bob"] {
            world.organisation.leave("g1", &user(id));
        }
        world.run().await;
        for name in [ADA, "bob@example.com"] {
            assert_eq!(world.state_of(name).await, Some(InactiveReason::OutOfScope));
        }
        // The cloud does not say of her whether she may work.
        world.execute("UPDATE connector_users SET known = NULL WHERE external_id = 'ada'").await;
        let unsaid = gatehouse::cloud::Standing::Unsaid;
        world.organisation.hire("ada", |person| person.standing = unsaid);
        world.run().await;
        world.wait(TimeDelta::days(31));
        let dry = world.try_run(|request| request.dry_run = true).await.unwrap();
        assert_eq!(dry.removed.unwrap().named, ["bob@example.com"]);
        assert_eq!(world.removed().await.named, ["bob@example.com"]);
        assert!(world.has(ADA).await);
        let enabled = gatehouse::cloud::Standing::Enabled;
        world.organisation.hire("ada", |person| person.standing = enabled);
        assert_eq!(world.removed().await.named, [ADA], "once it is said, it counts");
    }
}

#[tokio::test]
async fn c07_who_is_kept_works_on_and_that_is_looked_at_first() {
    let scope = "[users]\nmembers_of = [\"jira-users\"]\n";
    for mut world in World::leaving(Way::Changes, scope).await {
        world.configure(&format!("{scope}[leaving]\nusers = \"keep\"\nout_of_scope = \"keep\""));
        assert!(world.run().await.forced.is_some());
        world.apply().await;
        world.organisation.leave("g1", &user("ada"));
        world.organisation.fire("bob");
        for full in [false, true] {
            let report = world.try_run(|request| request.full = full).await.unwrap();
            assert_eq!((report.users.out_of_scope > 0, report.compared_all), (true, full));
            for name in [ADA, "bob@example.com"] {
                assert_eq!(world.state_of(name).await, None, "{name} {full}");
                assert_eq!(world.groups_of(name).await, ["jira-users"], "{name} {full}");
            }
        }
        let connector = world.connector();
        for id in ["ada", "bob"] {
            let look = super::look_at(id);
            let report = gatehouse::sync::sync_user(&world.store, &world.clock, &connector, &look);
            report.await.unwrap();
        }
        assert_eq!(world.state_of("bob@example.com").await, None);
        assert_eq!(world.groups_of(ADA).await, ["jira-users"]);
        // Who is disabled there is disabled here, whatever becomes of others.
        world.organisation.disable("cleo");
        world.organisation.hire("ada", |person| {
            person.standing = gatehouse::cloud::Standing::Disabled;
        });
        world.organisation.join("g1", user("dan"));
        world.run().await;
        for name in [ADA, "cleo@example.com"] {
            let disabled = Some(InactiveReason::DisabledAtSource);
            assert_eq!(world.state_of(name).await, disabled, "{name}");
        }
    }
}

#[tokio::test]
async fn c15_a_group_that_is_gone_is_kept_empty_and_goes_after_the_grace_time() {
    let remove = "[leaving]\ngroups = \"remove\"\n[guard]\nprotected_groups = [\"admins\"]";
    for world in World::leaving(Way::Lists, remove).await {
        world.organisation.found("g3", "admins");
        world.organisation.join("g3", user("eve"));
        world.run().await;
        world.organisation.leave("g3", &user("eve"));
        world.try_run(|request| request.full = true).await.unwrap();
        for plan in world.store.list_open_plans().await.unwrap() {
            world.store.approve_plan(plan.id, world.clock.now()).await.unwrap();
        }
        let left = gatehouse::sync::left_plans(&world.store, &world.clock, true).await.unwrap();
        gatehouse::sync::go_on(&world.store, &world.clock, left).await.unwrap();
        world.organisation.dissolve("g2");
        world.organisation.dissolve("g3");
        world.try_run(|request| request.full = true).await.unwrap();
        let names = async || {
            let groups = world.store.list_groups(None, 10).await.unwrap();
            groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["admins", "jira-users", "wiki"]);
        assert!(world.groups_of("dan@example.com").await.is_empty());
        world.wait(TimeDelta::days(31));
        let removed = world.removed().await;
        assert_eq!((removed.groups, removed.named, removed.protected), (1, vec!["wiki".into()], 1));
        assert_eq!(names().await, ["admins", "jira-users"]);
    }
}

/// Fires many, and waits until they may go.
async fn fire(world: &World, count: usize) {
    for number in 0..count {
        let id = format!("u{number}");
        world.organisation.hire(&id, |_| {});
        world.organisation.join("g2", user(&id));
    }
    world.run().await;
    for number in 0..count {
        world.organisation.fire(&format!("u{number}"));
    }
    world.try_run(|request| request.unguarded = true).await.unwrap();
    world.wait(TimeDelta::days(31));
}

#[tokio::test]
async fn many_go_only_by_an_administrators_word() {
    for mut world in World::leaving(Way::Changes, REMOVE).await {
        fire(&world, 15).await;
        let held = world.run().await;
        assert!(held.directory.is_none_or(|done| done.list.held.is_none()));
        let removed = held.removed.unwrap();
        assert!(removed.held.unwrap().contains("15 of 20 users"), "{:?}", removed.named);
        assert_eq!((removed.users, removed.batches.len()), (15, 0));
        assert!(world.has("u3@example.com").await);
        // A few at a time are as many.
        let few = "\n[guard]\nusers = 8\nusers_percent = 0\nprotected_users = [\"U3@example.com\"]";
        world.configure(&format!("{REMOVE}{few}"));
        world.begin().await;
        assert!(world.removed().await.held.is_some());
        let apply = world.try_run(|request| request.unguarded = true).await.unwrap();
        let removed = apply.removed.unwrap();
        assert_eq!((removed.users, removed.protected), (14, 1));
        assert!(world.has("u3@example.com").await && world.people().await.len() == 6);
    }
}

#[tokio::test]
async fn removals_of_a_day_add_up() {
    for world in World::leaving(Way::Changes, REMOVE).await {
        for id in ["a", "b"] {
            for number in 0..8 {
                world.organisation.hire(&format!("{id}{number}"), |_| {});
            }
            world.run().await;
        }
        for id in ["a", "b"] {
            for number in 0..8 {
                world.organisation.fire(&format!("{id}{number}"));
            }
            world.try_run(|request| request.unguarded = true).await.unwrap();
            world.wait(TimeDelta::hours(6));
        }
        world.wait(TimeDelta::days(30) - TimeDelta::hours(11));
        assert_eq!(world.removed().await.users, 8);
        world.wait(TimeDelta::hours(6));
        let held = world.removed().await;
        assert!(held.held.unwrap().contains("8 of them have gone lately"));
        world.wait(TimeDelta::hours(24));
        assert_eq!(world.removed().await.users, 8);
    }
}

#[tokio::test]
async fn a_failure_at_any_write_of_a_removal_loses_nothing() {
    for mut world in World::leaving(Way::Changes, "").await {
        fire(&world, 130).await;
        let people = world.people().await;
        world.configure(REMOVE);
        let faults = Faults::plant(&world.database.options.url).await;
        let (mut n, mut failures, mut gone_by_half) = (1, 0, false);
        loop {
            faults.fail_at(n).await;
            let done = world.try_run(|request| request.unguarded = true).await;
            faults.fail_at(0).await;
            let left = world.people().await.len();
            assert!([people.len(), people.len() - 100, 5].contains(&left), "{left}");
            gone_by_half |= left == people.len() - 100;
            if done.is_ok() {
                break;
            }
            failures += 1;
            n += 41;
            // Whoever died gives nothing back.
            world.wait(TimeDelta::minutes(2));
            let left = gatehouse::sync::left_plans(&world.store, &world.clock, true).await.unwrap();
            gatehouse::sync::go_on(&world.store, &world.clock, left).await.unwrap();
        }
        assert!(failures > 5 && gone_by_half, "{failures}");
        assert_eq!(world.people().await.len(), 5);
        assert!(world.removed().await.is_empty());
        let batches = world.store.list_latest_changes(None, 1).await.unwrap();
        world.store.undo(batches[0].batch, "admin", false, world.clock.now()).await.unwrap();
        assert_eq!(world.people().await.len(), 35);
    }
}

fn request(world: &World) -> RemovalRequest {
    let source = "connector:cloud".to_owned();
    RemovalRequest {
        directory: world.directory,
        source: source.clone(),
        issuer: gatehouse::directory::Issuer(source.clone()),
        actor: source,
        reason: "test".to_owned(),
        absences: vec![InactiveReason::MissingAtSource],
        doubtful: std::collections::HashSet::new(),
        groups: true,
        before: world.clock.now() + TimeDelta::days(1),
        dry_run: false,
        unguarded: true,
        guarding: Guarding::default(),
        managed_groups: gatehouse::provisioning::ManagedGroups::default(),
        lease: None,
    }
}

#[tokio::test]
async fn whoever_has_lost_the_lease_removes_nothing() {
    for world in World::leaving(Way::Changes, "").await {
        world.organisation.fire("ada");
        world.run().await;
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let lease = world.store.take_lease(id, world.clock.now()).await.unwrap();
        world.wait(TimeDelta::minutes(2));
        let other = world.store.take_lease(id, world.clock.now()).await.unwrap();
        let of = |lease| RemovalRequest { lease, ..request(&world) };
        let removed = remove_gone(&world.store, &world.clock, &of(lease)).await;
        assert!(matches!(removed, Err(StoreError::LeaseLost)), "{removed:?}");
        assert!(world.has(ADA).await);
        let removed = remove_gone(&world.store, &world.clock, &of(other)).await.unwrap();
        assert_eq!(removed.users, 1);
    }
}

#[tokio::test]
async fn who_comes_back_while_they_are_removed_stays() {
    let world = World::of(sqlite().await, Way::Changes).await;
    world.begin().await;
    world.organisation.fire("ada");
    world.run().await;
    let ada = world.account(ADA).await;
    let plan = gatehouse::provisioning::plan_removal(&ada, &[]);
    edit(&world.store, &ada, plan_reactivation(&ada)).await.unwrap();
    let removed = edit(&world.store, &ada, plan).await;
    assert!(matches!(removed, Err(StoreError::Conflict { .. })), "{removed:?}");
    assert_eq!(world.state_of(ADA).await, None);
}
