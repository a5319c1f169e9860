//! Alarms: raised once, repeated, over; delivered whatever happens meanwhile; and nothing that others have written goes
//! where it does not belong.

mod delivering;
mod expiring;
mod mails;
mod peers;
mod running;

use std::sync::Arc;

use chrono::TimeDelta;
use gatehouse::{
    alarms::{Expiring, Receivers, Watch, deliver_due},
    clock::Clock,
    cloud::ConnectorError,
    config::AlarmConfig,
    store::{PlanState, Store, StoredDelivery},
    sync::{Run, RunRequest, sync_user},
    telemetry::{ConnectorMetrics, Metrics},
};

use self::peers::{Ears, Peer};
use crate::{
    support::databases::sqlite,
    syncs::{World, look_at, organisation::Way, worlds},
};

type OwnWatch = Watch<fn() -> Vec<Expiring>>;

/// A gateway as far as it looks after alarms.
pub struct Guard {
    store: Store,
    clock: Clock,
    receivers: Receivers,
    metrics: Metrics,
    watch: OwnWatch,
}

/// The receivers of a configuration.
pub fn receivers(text: &str) -> Receivers {
    #[derive(serde::Deserialize)]
    struct Alarms {
        alarm: Vec<AlarmConfig>,
    }
    let alarms: Alarms = toml::from_str(text).unwrap();
    Receivers::new(&alarms.alarm, &"https://login.example.com".parse().unwrap())
}

impl Guard {
    pub fn of(world: &World, text: &str) -> Self {
        let (store, clock) = (world.store.clone(), world.clock.clone());
        let (receivers, metrics) = (receivers(text), Metrics::default());
        let connectors = vec![world.connector()];
        let watch = Watch::new(
            (store.clone(), clock.clone()),
            receivers.clone(),
            connectors,
            Vec::new as fn() -> Vec<Expiring>,
            metrics.connectors.clone(),
        );
        Self { store, clock, receivers, metrics, watch }
    }

    pub async fn look(&self) {
        self.watch.look().await.unwrap();
    }

    pub async fn deliver(&self) {
        for receiver in self.receivers.iter() {
            let store = (&self.store, &self.clock);
            let metrics: &ConnectorMetrics = &self.metrics.connectors;
            deliver_due(store, &self.receivers, receiver, metrics).await.unwrap();
        }
    }

    pub async fn look_and_deliver(&self) {
        self.look().await;
        self.deliver().await;
    }

    pub async fn open(&self) -> Vec<String> {
        let open = self.store.list_open_alarms().await.unwrap();
        open.into_iter().map(|alarm| alarm.key).collect()
    }

    /// Everything that is or was owed, the first first.
    pub async fn deliveries(&self) -> Vec<StoredDelivery> {
        let mut alarms = self.store.list_open_alarms().await.unwrap();
        alarms.extend(self.store.list_ended_alarms(100).await.unwrap());
        let mut all = Vec::new();
        for alarm in alarms {
            all.extend(self.store.list_deliveries(alarm.id, 100).await.unwrap());
        }
        all.sort_by_key(StoredDelivery::id);
        all
    }
}

/// Worlds whose clock can be put forward.
pub async fn adjustable(way: Way) -> Vec<World> {
    let mut worlds = worlds(way).await;
    for world in &mut worlds {
        world.clock = Clock::adjustable();
    }
    worlds
}

pub fn broken(reason: &str) -> ConnectorError {
    ConnectorError::Malformed { what: "users".to_owned(), problem: reason.to_owned() }
}

/// A receiver of everything about failures.
pub fn of_failures(ears: &Ears) -> String {
    format!(
        "[[alarm]]\nname = \"ops\"\non = [\"failed\"]\nwebhook = {{ url = \"{}\" }}\n",
        ears.url()
    )
}

#[tokio::test]
async fn a_run_that_failed_is_told_once_again_each_day_and_when_it_is_over() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guard = Guard::of(&world, &of_failures(&ears));
        world.begin().await;
        guard.look_and_deliver().await;
        assert!(ears.events().is_empty());

        world.organisation.fail("groups", broken("it is no JSON"));
        world.run_error().await;
        for _ in 0..3 {
            guard.look_and_deliver().await;
        }
        assert_eq!(ears.events(), ["raised failed"]);
        let said = &ears.calls()[0].said;
        assert_eq!(
            said["alarm"]["details"][0],
            "the answer to users cannot be read: it is no JSON"
        );
        assert_eq!(said["gateway"], "https://login.example.com");

        world.clock.advance(TimeDelta::hours(23));
        guard.look_and_deliver().await;
        assert_eq!(ears.events().len(), 1);
        world.clock.advance(TimeDelta::hours(2));
        guard.look_and_deliver().await;
        assert_eq!(ears.events(), ["raised failed", "repeated failed"]);

        // That one user could be looked at says nothing of runs.
        let connector = world.connector();
        sync_user(&world.store, &world.clock, &connector, &look_at("ada")).await.unwrap();
        guard.look_and_deliver().await;
        assert_eq!(ears.events().len(), 2, "{:?}", ears.events());

        world.run().await;
        guard.look_and_deliver().await;
        guard.look_and_deliver().await;
        assert_eq!(ears.events(), ["raised failed", "repeated failed", "over failed"]);
        let ids: std::collections::BTreeSet<_> = ears.calls().into_iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), 3, "each message has an id of its own");
        assert!(guard.open().await.is_empty());
    }
}

#[tokio::test]
async fn a_credential_that_is_refused_is_an_alarm_of_its_own_and_ends_nobodys_account() {
    for world in adjustable(Way::Changes).await {
        let guard = Guard::of(&world, &of_failures(&Ears::open().await));
        world.begin().await;
        let before = world.people().await;
        let (reason, remedy) = ("AADSTS7000222".to_owned(), "make a new one".to_owned());
        world.organisation.fail("groups", ConnectorError::Credential { reason, remedy });
        world.run_error().await;
        guard.look().await;
        assert_eq!(guard.open().await, ["connector:cloud:auth_failed"]);
        assert_eq!(world.people().await, before);
        world.run().await;
        guard.look().await;
        assert!(guard.open().await.is_empty());
    }
}

#[tokio::test]
async fn a_dry_run_that_nobody_has_looked_at_waits_whatever_else_is_looked_at() {
    for world in adjustable(Way::Changes).await {
        let guard = Guard::of(&world, &of_failures(&Ears::open().await));
        world.run().await;
        guard.look().await;
        assert_eq!(guard.open().await, ["connector:cloud:waits"]);
        // Late it is not: somebody has to act.
        world.clock.advance(TimeDelta::days(2));
        world.try_run(|request| request.dry_run = true).await.unwrap();
        guard.look().await;
        assert_eq!(guard.open().await, ["connector:cloud:waits"]);
        world.apply().await;
        guard.look().await;
        assert!(guard.open().await.is_empty());
    }
}

#[tokio::test]
async fn a_plan_that_is_held_waits_until_somebody_has_decided() {
    for world in adjustable(Way::Changes).await {
        let guard = Guard::of(&world, &of_failures(&Ears::open().await));
        for number in 0..40 {
            world.organisation.hire(&format!("u{number}"), |_| {});
        }
        world.begin().await;
        for number in 0..30 {
            world.organisation.fire(&format!("u{number}"));
        }
        world.run().await;
        guard.look().await;
        assert_eq!(guard.open().await, ["connector:cloud:waits"]);
        let shown = guard.metrics.render().unwrap();
        assert!(shown.contains("gatehouse_connector_held_plans{connector=\"cloud\"} 1"), "{shown}");
        let plan = world.store.list_open_plans().await.unwrap().remove(0);
        let now = world.clock.now();
        world.store.move_plan(plan.id, PlanState::Held, PlanState::Discarded, now).await.unwrap();
        guard.look().await;
        assert!(guard.open().await.is_empty());
    }
}

#[tokio::test]
async fn a_connector_is_overdue_when_its_cloud_has_been_away_for_three_intervals() {
    for world in adjustable(Way::Changes).await {
        let guard = Guard::of(&world, &of_failures(&Ears::open().await));
        world.begin().await;
        let (host, reason) = ("cloud".to_owned(), "away".to_owned());
        world.organisation.fail("groups", ConnectorError::Unreachable { host, reason });
        world.run_error().await;
        world.clock.advance(TimeDelta::minutes(170));
        guard.look().await;
        assert!(guard.open().await.is_empty(), "it is tried again by itself");
        world.clock.advance(TimeDelta::minutes(11));
        guard.look().await;
        assert_eq!(guard.open().await, ["connector:cloud:overdue"]);
        world.run().await;
        guard.look().await;
        assert!(guard.open().await.is_empty());
    }
}

#[tokio::test]
async fn several_gateways_raise_one_alarm_and_tell_it_once() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guards = [(); 3].map(|()| Guard::of(&world, &of_failures(&ears)));
        world.begin().await;
        world.organisation.fail("groups", broken("x"));
        world.run_error().await;
        for _ in 0..5 {
            futures_util::future::join_all(guards.iter().map(Guard::look_and_deliver)).await;
        }
        assert_eq!(ears.events(), ["raised failed"]);
        assert_eq!(guards[0].deliveries().await.len(), 1);

        // Whoever has looked so far is gone. Another one does, once that is believed.
        let others: Vec<_> = guards.into_iter().skip(1).collect();
        world.run().await;
        world.clock.advance(TimeDelta::seconds(61));
        futures_util::future::join_all(others.iter().map(Guard::look_and_deliver)).await;
        assert_eq!(ears.events(), ["raised failed", "over failed"]);
    }
}

#[tokio::test]
async fn only_whoever_has_the_watch_writes_down_what_begins() {
    for world in adjustable(Way::Changes).await {
        let store = &world.store;
        let (now, later) = (world.clock.now(), world.clock.now() + TimeDelta::seconds(60));
        assert!(store.hold_alarm_watch("one", now, later).await.unwrap());
        assert!(!store.hold_alarm_watch("other", now, later).await.unwrap());
        assert!(store.hold_alarm_watch("one", now, later).await.unwrap(), "it keeps it");
        let begin = || gatehouse::store::AlarmStep::Begin {
            key: "x".to_owned(),
            condition: "{}".to_owned(),
            tell: Vec::new(),
        };
        assert!(!store.take_alarm_steps("other", vec![begin()], now).await.unwrap());
        assert!(!store.take_alarm_steps("one", vec![begin()], later).await.unwrap(), "too late");
        assert!(store.list_open_alarms().await.unwrap().is_empty());
        assert!(store.take_alarm_steps("one", vec![begin()], now).await.unwrap());
        assert_eq!(store.list_open_alarms().await.unwrap().len(), 1);
        store.release_alarm_watch("one").await.unwrap();
        assert!(store.hold_alarm_watch("other", now, later).await.unwrap());
    }
}

#[tokio::test]
async fn what_runs_did_can_be_counted() {
    let mut world = World::of(sqlite().await, Way::Changes).await;
    world.clock = Clock::adjustable();
    let guard = Guard::of(&world, &of_failures(&Ears::open().await));
    let connector = Arc::into_inner(world.connector()).unwrap();
    let connector = Arc::new(connector.counting(&guard.metrics.connectors));
    for apply in [false, true] {
        let request = RunRequest { apply, ..RunRequest::default() };
        let run = Run::begin(&world.store, &world.clock, &connector, &request);
        run.await.unwrap().unwrap().finish().await.unwrap();
    }
    world.organisation.fail("groups", broken("x"));
    let request = RunRequest::default();
    let run = Run::begin(&world.store, &world.clock, &connector, &request);
    run.await.unwrap().unwrap().finish().await.unwrap_err();
    guard.look().await;
    let shown = guard.metrics.render().unwrap();
    for line in [
        "gatehouse_connector_runs_total{connector=\"cloud\",outcome=\"forced_dry_run\"} 1",
        "gatehouse_connector_runs_total{connector=\"cloud\",outcome=\"applied\"} 1",
        "gatehouse_connector_runs_total{connector=\"cloud\",outcome=\"failed\"} 1",
        "gatehouse_connector_changes_total{connector=\"cloud\",what=\"people\"} 5",
        "gatehouse_connector_changes_total{connector=\"cloud\",what=\"memberships\"} 4",
        "gatehouse_connector_run_seconds_count{connector=\"cloud\",phase=\"reading\"} 2",
        "gatehouse_connector_last_success_timestamp_seconds{connector=\"cloud\"} 1",
        "gatehouse_alarms_open{alarm=\"failed\",connector=\"cloud\"} 1",
    ] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
}
