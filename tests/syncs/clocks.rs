//! What a gateway has written whose clock was ahead by years, holds nobody up for longer than its own clock would.

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    store::{HeardHints, NewPlan},
    sync::{Patience, left_plans},
};

use super::{World, organisation::Way, worlds};

async fn worlds_with_clocks() -> Vec<World> {
    let mut worlds = worlds(Way::Changes).await;
    for world in &mut worlds {
        world.clock = Clock::adjustable();
    }
    worlds
}

const AHEAD: TimeDelta = TimeDelta::days(1000);

#[tokio::test]
async fn a_lease_ends_soon_after_somebody_wants_it() {
    for world in worlds_with_clocks().await {
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let take = async |ahead| {
            world.store.take_lease(id, world.clock.now() + ahead).await.unwrap().is_some()
        };
        assert!(take(AHEAD).await);
        assert!(!take(TimeDelta::zero()).await, "whoever has it may be there");
        world.clock.advance(TimeDelta::seconds(61));
        assert!(take(TimeDelta::zero()).await);
        // A run that is due tries it.
        world.execute("UPDATE connectors SET lease_until = 9000000000000000").await;
        let (connector, mut patience) = (world.connector(), Patience::default());
        let ran = connector.run_if_due(&world.store, &world.clock, &mut patience).await;
        assert!(ran.unwrap().is_none());
        world.clock.advance(TimeDelta::seconds(61));
        let ran = connector.run_if_due(&world.store, &world.clock, &mut patience).await;
        assert!(ran.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_run_that_began_in_the_future_was_no_run_to_wait_for() {
    for world in worlds_with_clocks().await {
        world.begin().await;
        world.execute("UPDATE connector_runs SET begun_at = 9000000000000000").await;
        world.execute("UPDATE connectors SET full_at = 9000000000000000").await;
        let (connector, mut patience) = (world.connector(), Patience::default());
        let ran = connector.run_if_due(&world.store, &world.clock, &mut patience).await;
        assert!(ran.unwrap().unwrap().full, "nor is it known when everything was read");
    }
}

#[tokio::test]
async fn hints_are_looked_at_and_subscriptions_looked_after() {
    for world in worlds_with_clocks().await {
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let (now, ahead) = (world.clock.now(), world.clock.now() + AHEAD);
        let users = ["ada".to_owned()].into();
        let heard = HeardHints { users, ..HeardHints::default() };
        world.store.note_hints(id, heard, ahead).await.unwrap();
        assert_eq!(world.store.list_hints(id, now).await.unwrap().len(), 1);

        assert!(world.store.keep_subscriptions(id, "one", ahead).await.unwrap());
        let keep =
            async || world.store.keep_subscriptions(id, "other", world.clock.now()).await.unwrap();
        assert!(!keep().await, "the other may be there");
        world.clock.advance(TimeDelta::seconds(91));
        assert!(keep().await);
        // The other one's clock counts for whoever has it.
        assert!(!world.store.keep_subscriptions(id, "one", world.clock.now()).await.unwrap());
    }
}

#[tokio::test]
async fn the_watch_of_alarms_is_taken() {
    for world in worlds_with_clocks().await {
        let hold = async |holder: &str, ahead: TimeDelta| {
            let now = world.clock.now() + ahead;
            let until = now + TimeDelta::seconds(60);
            world.store.hold_alarm_watch(holder, now, until).await.unwrap()
        };
        assert!(hold("one", AHEAD).await);
        assert!(!hold("other", TimeDelta::zero()).await);
        world.clock.advance(TimeDelta::seconds(61));
        assert!(hold("other", TimeDelta::zero()).await);
    }
}

#[tokio::test]
async fn a_plan_that_somebody_has_left_is_taken_up() {
    for world in worlds_with_clocks().await {
        let text = || "connector:cloud".to_owned();
        let directory = world.directory;
        let plan =
            NewPlan { directory, source: text(), actor: text(), reason: text(), undoes: None };
        world.store.begin_plan(plan, world.clock.now() + AHEAD).await.unwrap();
        let left = async || left_plans(&world.store, &world.clock, false).await.unwrap().len();
        assert_eq!(left().await, 0, "whoever writes it may be there");
        world.clock.advance(TimeDelta::minutes(3));
        assert_eq!(left().await, 1);
    }
}
