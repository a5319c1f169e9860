//! What was heard stays until somebody has looked: over runs, over ends, and between two gateways.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use gatehouse::{clock::Clock, store::HeardHints};
use serde_json::json;

use super::house::{ALICE, House, Which};
use crate::{
    support::gateway::Plan,
    syncs::{World, organisation::Way, worlds},
};

async fn hear(world: &World, users: &[&str]) {
    let id = world.store.ensure_connector("cloud").await.unwrap();
    let users: BTreeSet<_> = users.iter().map(|user| (*user).to_owned()).collect();
    let heard = HeardHints { users, ..HeardHints::default() };
    world.store.note_hints(id, heard, world.clock.now()).await.unwrap();
}

async fn waiting(world: &World) -> i64 {
    let id = world.store.ensure_connector("cloud").await.unwrap();
    world.store.count_hints(id).await.unwrap()
}

#[tokio::test]
async fn what_was_heard_during_a_run_is_looked_at_after_it() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.disable("ada");
        hear(&world, &["ada", "nobody"]).await;
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let lease = world.store.take_lease(id, world.clock.now()).await.unwrap().unwrap();
        let connector = world.connector();
        let looked = connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        assert_eq!((looked.users, waiting(&world).await), (0, 2));
        world.store.release_lease(lease).await.unwrap();
        let looked = connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        assert_eq!((looked.users, looked.changed), (2, 1));
        assert!(world.state_of("ada@example.com").await.is_some());
        assert_eq!(waiting(&world).await, 0);
        // Whoever has the lease gives it back.
        assert!(world.store.take_lease(id, world.clock.now()).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_is_there_after_an_end() {
    let mut house = House::build(Which::Okta).await;
    let browser = house.sign_in("alice").await;
    house.gateway.stop().await;
    house.note(&house.id_of_alice()).await;
    let suspended = json!({ "status": "SUSPENDED" });
    house.happen_in_silence(json!({ "do": "change_user", "no": ALICE, "set": suspended }));
    house.gateway.try_run().await.unwrap();
    house.wait_until(async || !house.is_in(&browser).await).await;
    // It is counted a moment after it was done.
    house.wait_until(async || house.counted("looked").await >= 1).await;
}

#[tokio::test]
async fn who_is_named_again_meanwhile_is_looked_at_again_and_a_cloud_that_lags_is_asked_twice() {
    for mut world in worlds(Way::Changes).await {
        world.clock = Clock::adjustable();
        world.begin().await;
        let connector = world.connector();
        hear(&world, &["ada"]).await;
        // The cloud does not know yet what it has said.
        let looked = connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        assert_eq!((looked.users, looked.changed, waiting(&world).await), (1, 0, 1));
        let looked = connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        assert_eq!(looked.users, 0, "not before a while has gone by");
        world.organisation.disable("ada");
        world.clock.advance(TimeDelta::seconds(61));
        let looked = connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        assert_eq!((looked.users, looked.changed, waiting(&world).await), (1, 1, 0));

        // What is said while somebody looks, is not forgotten with what was said before.
        hear(&world, &["bob"]).await;
        let id = world.store.ensure_connector("cloud").await.unwrap();
        let due = world.store.list_hints(id, world.clock.now()).await.unwrap();
        hear(&world, &["bob"]).await;
        world.store.forget_hints(id, due).await.unwrap();
        assert_eq!(waiting(&world).await, 1);
    }
}

#[tokio::test]
async fn of_many_a_run_finds_out_once_a_minute_and_one_after_the_other_no_more_than_a_run_may_take()
{
    for mut world in worlds(Way::Changes).await {
        world.clock = Clock::adjustable();
        for number in 0..60 {
            world.organisation.hire(&format!("u{number}"), |_| {});
        }
        world.begin().await;
        let connector = world.connector();
        let look = async || connector.look_at_hints(&world.store, &world.clock).await.unwrap();
        for number in 0..12 {
            let user = format!("u{number}");
            world.organisation.disable(&user);
            hear(&world, &[&user]).await;
            let looked = look().await;
            assert_eq!(looked.users, u64::from(number < 10), "{number}");
        }
        // There was a run just now.
        assert_eq!((look().await.run.is_none(), waiting(&world).await), (true, 2));
        world.clock.advance(TimeDelta::seconds(61));
        let report = look().await.run.unwrap().unwrap();
        assert_eq!(report.directory.unwrap().list.size.deactivated, 2);
        assert_eq!(waiting(&world).await, 0);
        let all: Vec<_> = (20..60).map(|number| format!("u{number}")).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        for user in &all {
            world.organisation.disable(user);
        }
        hear(&world, &all).await;
        world.clock.advance(TimeDelta::seconds(61));
        let report = look().await.run.unwrap().unwrap();
        // The guard looks at all of them together.
        assert!(report.directory.unwrap().list.held.is_some());
    }
}

#[tokio::test]
async fn more_people_than_are_remembered_are_a_run() {
    for world in worlds(Way::Changes).await {
        let id = world.store.ensure_connector("cloud").await.unwrap();
        for part in 0..4 {
            let users: Vec<_> = (0..200).map(|number| format!("{part}-{number}")).collect();
            hear(&world, &users.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        let due = world.store.list_hints(id, world.clock.now()).await.unwrap();
        assert!(due.len() <= 501, "{}", due.len());
        assert!(due.iter().any(|hint| hint.user().is_none()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_gateways_one_looks_and_one_asks_the_cloud() {
    let Some(plan) = Plan::on_every_database().await.into_iter().nth(1) else { return };
    let first = House::on(Which::Google, plan).await;
    let more = first.gateway.plan.beside();
    let second = Arc::new(more.start().await);
    first.wait_for_subscriptions().await;
    // Both look whether something is to be done.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    assert_eq!(first.listeners(), Which::Google.wanted());
    let (browser, runs) = (first.sign_in("alice").await, first.runs().await);
    first.suspend_alice();
    first.wait_until(async || !first.is_in(&browser).await).await;
    assert_eq!(first.runs().await, runs);
    let counted = first.counted("looked").await + super::house::counted(&second, "looked").await;
    // What the cloud says once more, it says of somebody who has not changed since.
    assert!((1..=2).contains(&counted), "{counted}");
}
