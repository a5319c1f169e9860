//! How much a run may take away by itself, from whom nothing, and what becomes of what waits.

use chrono::TimeDelta;
use gatehouse::{
    directory::InactiveReason,
    store::{NewPlan, PlanId, PlanState, Seal, StoreError},
    sync::{Events, RunReport, UserRequest, apply_plan, sync_user},
};

use super::{Way, World, user};

const GONE: Option<InactiveReason> = Some(InactiveReason::MissingAtSource);

fn held(report: &RunReport) -> Option<&str> {
    report.directory.as_ref().and_then(|done| done.list.held.as_deref())
}

impl World {
    /// Forty people more, who are in a group of their own.
    async fn grow(&self) {
        self.organisation.found("g9", "all");
        self.organisation.hire_forty("g9");
        self.run().await;
    }

    fn fire(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.organisation.fire(&format!("u{number}"));
        }
    }

    async fn waiting(&self) -> Option<PlanId> {
        let open = self.store.list_open_plans().await.unwrap();
        open.into_iter().find(|plan| plan.state == PlanState::Held).map(|plan| plan.id)
    }

    pub async fn approve(&self) -> Result<(), StoreError> {
        let plan = self.waiting().await.unwrap();
        self.store.approve_plan(plan, self.clock.now()).await?;
        apply_plan(&self.store, &self.clock, plan, &Events::default()).await.map(drop)
    }
}

#[tokio::test]
async fn small_steps_add_up_and_are_forgotten_after_a_day() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        world.fire(0..6);
        assert_eq!(held(&world.run().await), None);
        assert_eq!(world.state_of("u5@example.com").await, GONE);
        world.wait(TimeDelta::hours(1));
        world.fire(6..12);
        let report = world.run().await;
        let why = held(&report).unwrap();
        assert!(why.contains("12 of 45 users (6 of them have gone lately)"), "{why}");
        assert_eq!(world.state_of("u6@example.com").await, None);
        world.wait(TimeDelta::hours(22));
        assert!(held(&world.run().await).is_some(), "it waits on, and counts once");
        world.wait(TimeDelta::hours(2));
        assert_eq!(held(&world.run().await), None);
        assert_eq!(world.state_of("u6@example.com").await, GONE);
    }
}

#[tokio::test]
async fn what_an_administrator_has_let_go_does_not_count() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        world.fire(0..12);
        assert!(held(&world.run().await).is_some());
        world.approve().await.unwrap();
        world.fire(12..25);
        world.try_run(|request| request.unguarded = true).await.unwrap();
        assert_eq!(world.state_of("u11@example.com").await, GONE);
        world.fire(25..31);
        assert_eq!(held(&world.run().await), None);
        assert_eq!(world.state_of("u30@example.com").await, GONE);
    }
}

#[tokio::test]
async fn one_user_at_a_time_is_as_much() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        world.fire(0..11);
        let connector = world.connector();
        let mut waits = Vec::new();
        for number in 0..11 {
            let id = format!("u{number}");
            let report =
                sync_user(&world.store, &world.clock, &connector, &super::look_at(&id)).await;
            waits.push(held(&report.unwrap()).is_some());
        }
        assert_eq!(waits.iter().position(|waits| *waits), Some(10), "{waits:?}");
    }
}

#[tokio::test]
async fn limits_are_what_the_configuration_says() {
    let guard = "[guard]\nusers = 2\nusers_percent = 0\ngroups = 1\ngroups_percent = 0\n\
                 memberships = 4\nmemberships_percent = 0\ngroup_size = 2\ngroup_percent = 30";
    for world in World::leaving(Way::Lists, guard).await {
        world.grow().await;
        let why = async || {
            world.wait(TimeDelta::hours(25));
            let report = world.try_run(|request| request.full = true).await.unwrap();
            let why = held(&report).map(str::to_owned);
            if why.is_some() {
                world.approve().await.unwrap();
            }
            why.unwrap_or_default()
        };
        world.fire(0..2);
        assert_eq!(why().await, "");
        world.fire(2..5);
        assert!(why().await.contains("3 of 43 users"));
        for number in 5..10 {
            world.organisation.leave("g9", &user(&format!("u{number}")));
        }
        assert!(why().await.contains("5 of 39 memberships"));
        world.organisation.leave("g1", &user("ada"));
        assert!(why().await.contains("1 of 3 members of one group"));
        world.organisation.dissolve("g2");
        assert_eq!(why().await, "");
        world.organisation.found("g5", "five");
        world.organisation.join("g5", user("eve"));
        world.organisation.found("g6", "six");
        world.organisation.join("g6", user("eve"));
        assert_eq!(why().await, "");
        world.organisation.dissolve("g5");
        world.organisation.dissolve("g6");
        let problem = why().await;
        assert!(problem.contains("2 of 4 groups"), "{problem}");
    }
}

#[tokio::test]
async fn c05_who_is_protected_waits_and_everybody_else_goes() {
    let guard = "[guard]\nprotected_users = [\"ADA@example.com\"]\nprotected_groups = [\"wiki\"]";
    for world in World::leaving(Way::Changes, guard).await {
        let organisation = &world.organisation;
        organisation.join_users("g2", &["eve", "cleo"]);
        world.run().await;
        for id in ["ada", "bob", "eve"] {
            organisation.fire(id);
        }
        organisation.leave("g2", &user("dan"));
        organisation.leave("g1", &user("cleo"));
        let unguarded = world.try_run(|request| request.unguarded = true).await.unwrap();
        let why = held(&unguarded).unwrap();
        assert!(why.contains("protected groups (3 in all)"), "{why}");
        assert_eq!(world.state_of("bob@example.com").await, GONE);
        assert_eq!(world.groups_of("cleo@example.com").await, ["wiki"], "she may change teams");
        for (name, groups) in
            [("ada", vec!["jira-users"]), ("dan", vec!["wiki"]), ("eve", vec!["wiki"])]
        {
            let name = format!("{name}@example.com");
            assert_eq!(world.state_of(&name).await, None, "{name}");
            assert_eq!(world.groups_of(&name).await, groups, "{name}");
        }
        // It goes on to wait, without being looked at again, and never counts twice.
        let next = world.run().await;
        assert!(next.directory.is_none() && !next.compared_all, "{next:?}");
        organisation.hire("ada", |_| {});
        assert_eq!(held(&world.run().await), None);
        world.approve().await.unwrap();
        assert_eq!(world.state_of("eve@example.com").await, GONE);
        assert!(world.groups_of("dan@example.com").await.is_empty());
        assert_eq!(world.state_of("ada@example.com").await, None, "she is back");
        assert_eq!(held(&world.run().await), None);
    }
}

#[tokio::test]
async fn who_is_protected_and_gone_holds_nobody_else_back() {
    let guard = "[guard]\nprotected_users = [\"ada@example.com\"]\n[leaving]\nusers = \"remove\"";
    for world in World::leaving(Way::Changes, guard).await {
        for id in ["ada", "bob"] {
            world.organisation.fire(id);
        }
        assert!(held(&world.run().await).is_some());
        let plan = world.waiting().await;
        for hours in 0..3 {
            world.wait(TimeDelta::hours(1));
            world.organisation.set("cleo", "displayName", &format!("Cleo {hours}"));
            let report = world.run().await;
            assert!(!report.compared_all, "{report:?}");
            assert_eq!((report.users.seen, held(&report)), (1, None));
            assert_eq!(world.waiting().await, plan, "the same plan waits on");
        }
        world.wait(TimeDelta::days(31));
        let removed = world.run().await.removed.unwrap();
        assert_eq!(removed.named, ["bob@example.com"]);
        assert_eq!(world.state_of("ada@example.com").await, None);
        world.approve().await.unwrap();
        assert_eq!(world.state_of("ada@example.com").await, GONE);
    }
}

#[tokio::test]
async fn what_an_administrator_has_decided_about_who_is_protected_is_looked_at_again() {
    let guard = "[guard]\nprotected_users = [\"ada@example.com\", \"bob@example.com\"]";
    for world in World::leaving(Way::Changes, guard).await {
        for id in ["ada", "bob"] {
            world.organisation.fire(id);
            assert!(held(&world.run().await).is_some(), "{id}");
        }
        let open = world.store.list_open_plans().await.unwrap();
        assert_eq!(open.len(), 2, "each waits by itself");
        for plan in open {
            let now = world.clock.now();
            assert!(world.store.discard_plan(plan.id, plan.state, now).await.unwrap());
        }
        let again = world.run().await;
        assert!(again.compared_all && held(&again).unwrap().contains("(2 in all)"), "{again:?}");
        world.approve().await.unwrap();
        assert!(world.run().await.compared_all);
        assert!(!world.run().await.compared_all);
        assert_eq!(world.state_of("bob@example.com").await, GONE);
    }
}

#[tokio::test]
async fn what_waits_is_worth_nothing_once_more_has_been_heard() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        world.fire(0..20);
        assert!(held(&world.run().await).is_some());
        for number in 0..20 {
            world.organisation.hire(&format!("u{number}"), |_| {});
        }
        // Somebody only looks; or a run dies before it comes to the directory.
        assert_eq!(held(&world.try_run(|request| request.dry_run = true).await.unwrap()), None);
        let refused = world.approve().await.unwrap_err();
        assert!(matches!(&refused, StoreError::Overtaken { .. }), "{refused}");
        assert!(refused.to_string().contains("`gatehouse sync cloud` looks again"), "{refused}");
        assert_eq!(world.state_of("u3@example.com").await, None);
        assert_eq!(held(&world.run().await), None);
        assert_eq!(world.waiting().await, None, "what found nothing replaces it all the same");
    }
}

#[tokio::test]
async fn who_is_there_again_at_once_is_left_out_of_what_waits() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        world.fire(0..20);
        assert!(held(&world.run().await).is_some());
        world.organisation.hire("u3", |_| {});
        world.organisation.hire("u4", |_| {});
        let connector = world.connector();
        for (id, dry_run) in [("u3", false), ("u4", false), ("u5", false), ("u4", true)] {
            let look = UserRequest { dry_run, ..super::look_at(id) };
            sync_user(&world.store, &world.clock, &connector, &look).await.unwrap();
        }
        world.approve().await.unwrap();
        for (name, state) in [("u3", None), ("u4", None), ("u6", GONE)] {
            assert_eq!(world.state_of(&format!("{name}@example.com")).await, state, "{name}");
        }
    }
}

#[tokio::test]
async fn whoever_has_lost_the_lease_seals_nothing() {
    for world in World::leaving(Way::Changes, "").await {
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let lease = world.store.take_lease(id, world.clock.now()).await.unwrap();
        world.wait(TimeDelta::minutes(2));
        let other = world.store.take_lease(id, world.clock.now()).await.unwrap();
        let text = || "connector:cloud".to_owned();
        let (directory, now) = (world.directory, world.clock.now());
        let plan =
            NewPlan { directory, source: text(), actor: text(), reason: text(), undoes: None };
        let plan = world.store.begin_plan(plan, now).await.unwrap();
        let seal = |lease| Seal { lease, ..Seal::default() };
        let sealed = world.store.seal_plan(plan, seal(lease), now).await;
        assert!(matches!(sealed, Err(StoreError::LeaseLost)), "{sealed:?}");
        let found = world.store.find_plan(plan).await.unwrap().unwrap();
        assert_eq!(found.state, PlanState::Building);
        world.store.seal_plan(plan, seal(other), now).await.unwrap();
    }
}

#[tokio::test]
async fn groups_that_are_gone_count_until_they_have_been_let_go() {
    for world in World::leaving(Way::Changes, "").await {
        world.grow().await;
        // Twelve groups of one member each: no membership of them would be too many by itself.
        for number in 0..12 {
            let group = format!("h{number}");
            world.organisation.found(&group, &group);
            world.organisation.join(&group, user(&format!("u{number}")));
        }
        world.run().await;
        for number in 0..12 {
            world.organisation.dissolve(&format!("h{number}"));
        }
        for full in [false, true, true] {
            let report = world.try_run(|request| request.full = full).await.unwrap();
            if report.compared_all {
                assert!(held(&report).is_some(), "{full}: {report:?}");
                assert_eq!(world.groups_of("u3@example.com").await, ["all", "h3"], "{full}");
            }
        }
        world.approve().await.unwrap();
        assert_eq!(world.groups_of("u3@example.com").await, ["all"]);
    }
}
