//! Several gateways on one database, gateways that are killed, and what of a token needs no database.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use chrono::TimeDelta;
use gatehouse::{
    app,
    config::Config,
    directory::{Issuer, PersonId},
    secrets::Sealer,
    session::{ApplicationsLogin, Login, Owner, SessionTimes, Sessions},
    store::{SessionId, Store},
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{House, TOKEN, ask, house_of, token_of, whose, with_crowd};
use crate::{
    serve::Process,
    support::{
        curl::{Curl, FOLLOW},
        databases::databases,
        directory, free_port,
        gateway::Plan,
        kdc::Kdc,
        upstream::{Seen, Upstream},
    },
};

/// Another gateway on the same database, at other ports.
struct Replica {
    port: u16,
    internal: String,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Replica {
    async fn of(house: &House) -> Self {
        let (gateway, plan) = (&house.gateway, &house.gateway.plan);
        let (port, internal) = (free_port(), free_port());
        let text = plan.configuration(gateway.jira.port, gateway.wiki.port);
        let text = text
            .replace(
                &format!("listen = [\"127.0.0.1:{}\"]", plan.port()),
                &format!("listen = [\"127.0.0.1:{port}\"]"),
            )
            .replace(
                plan.internal().trim_start_matches("http://"),
                &format!("127.0.0.1:{internal}"),
            )
            .replace("control.sock", "other.sock");
        let config = Config::parse(&text).unwrap();
        let replica = app::start(&config, gateway.clock.clone()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let running =
            tokio::spawn(async move { Box::pin(replica.run_until(stopped)).await.unwrap() });
        let internal = format!("http://127.0.0.1:{internal}");
        Self { port, internal, stop: Some(stop), running }
    }

    async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.running.await.unwrap();
    }
}

/// On which databases several gateways can be.
async fn shared() -> Option<House> {
    let plan = Plan::on_every_database().await.into_iter().nth(1)?;
    Some(house_of(with_crowd(plan)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_gives_the_same_token_and_the_same_answers() {
    let Some(house) = shared().await else {
        return;
    };
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let replica = Box::pin(Replica::of(&house)).await;
    // The load balancer sends the browser to the other one now.
    let (from, to) = (house.gateway.plan.port(), replica.port);
    let other_way = format!("jira.localhost:{from}:127.0.0.1:{to}");
    let other_way = ["--connect-to", other_way.as_str()];
    let seen: Seen = alice.get(&house.jira("/x"), &other_way).await.json();
    assert_eq!(token_of(&seen).unwrap(), token);

    for (format, path) in [("application/json", "?expand=user"), ("application/xml", "")] {
        let path = format!("/session/{token}{path}");
        let mut answers = Vec::new();
        for internal in [&house.gateway.plan.internal(), &replica.internal] {
            let answer = ask(internal, "jira", "POST", &path, "", format).await;
            assert_eq!(answer.status, 200);
            answers.push(answer.body.replace(internal.as_str(), "BASE"));
        }
        assert_eq!(answers[0], answers[1]);
    }
    // Bob has been at the other one only; this one knows him all the same.
    let bob = house.browser("bob");
    let login = format!("login.localhost:{from}:127.0.0.1:{to}");
    let more = [&other_way[..], &["--connect-to", &login], &FOLLOW].concat();
    let seen: Seen = bob.get(&house.jira("/x"), &more).await.json();
    let of_bob = token_of(&seen).unwrap();
    assert_eq!(house.whose("jira", &of_bob).await.as_deref(), Some("bob"));
    assert_eq!(house.token(&bob).await, of_bob);

    // Who signs out here is signed out there within a second.
    assert!(whose(&replica.internal, "jira", &token).await.is_some());
    let origin = format!("Origin: {}", house.gateway.jira());
    alice.ask(&house.jira("/_gatehouse/logout"), &["-X", "POST", "-H", &origin]).await;
    let begun = std::time::Instant::now();
    while whose(&replica.internal, "jira", &token).await.is_some() {
        assert!(begun.elapsed().as_millis() < 1500, "it goes on at the other gateway");
    }
    // Deactivation too.
    assert!(whose(&replica.internal, "jira", &of_bob).await.is_some());
    house.run(&["user", "block", "bob"]).await;
    let begun = std::time::Instant::now();
    while whose(&replica.internal, "jira", &of_bob).await.is_some() {
        assert!(begun.elapsed().as_millis() < 1500, "it goes on at the other gateway");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_survives_a_kill() {
    let kdc = Kdc::start(&[super::SERVICE]);
    for plan in Plan::on_every_database().await {
        let plan = with_crowd(plan).with_tickets(&kdc.keytab());
        let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
        plan.configuration(jira.port, wiki.port);
        let url = format!("{}/x", plan.jira());
        let alice = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));

        let process = Process::start(&plan).await;
        let token = token_of(&alice.get(&url, &FOLLOW).await.json()).unwrap();
        // Its answer was the first that anybody saw of it: it has to be there for whoever asks.
        process.kill();
        let process = Process::start(&plan).await;
        assert_eq!(whose(&plan.internal(), "jira", &token).await.as_deref(), Some("alice"));
        assert_eq!(token_of(&alice.get(&url, &[]).await.json()).unwrap(), token);
        process.kill();
        let _process = Process::start(&plan).await;
        assert_eq!(token_of(&alice.get(&url, &[]).await.json()).unwrap(), token);
        assert_eq!(whose(&plan.internal(), "jira", &token).await.as_deref(), Some("alice"));
    }
}

// ------------------------------------------------------------------------------------ without any browser

async fn sessions(store: &Store, clock: &gatehouse::clock::Clock) -> Sessions {
    let sealer = Sealer::new(&"k".repeat(32).into(), &[]).unwrap();
    let hours = TimeDelta::hours;
    let times = SessionTimes { idle: hours(1), absolute: hours(4), outage: hours(1) };
    Sessions::new(store.clone(), clock.clone(), &sealer, times).await.unwrap()
}

async fn person(store: &Store, username: &str) -> PersonId {
    let directory = store.ensure_directory("Internal", directory::now()).await.unwrap();
    let request = gatehouse::store::Provision {
        enabled_at_source: None,
        directory,
        claims: directory::claims("saml:corp", username, directory::groups(&[])),
        policy: directory::policy(),
        actor: "login".to_owned(),
        reason: "test".to_owned(),
    };
    store.provision(&request, directory::now()).await.unwrap().person
}

async fn child(sessions: &Sessions, person: PersonId) -> (SessionId, String) {
    let login = Login {
        person,
        issuer: Issuer("saml:corp".to_owned()),
        method: "saml",
        name_id: None,
        name_id_format: None,
        session_index: None,
        not_on_or_after: None,
        replaces: None,
    };
    let (parent, _) = sessions.begin(login).await.unwrap();
    (parent.id, sessions.begin_child(parent.id, "host").await.unwrap().unwrap())
}

#[tokio::test]
async fn made_up_tokens_and_those_of_others_never_reach_the_store() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let alice = person(&database.store, "alice").await;
        let (_, cookie) = child(&house, alice).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        let token = house.token_for(&live, "jira").await.unwrap();
        let token = token.as_str();
        // A restarted gateway has nothing in memory; without its database, only what never asks it is answered.
        let restarted = sessions(&database.store, &clock).await;
        database.store.close().await;
        let changed = token.replacen(&token[5..6], if &token[5..6] == "A" { "B" } else { "A" }, 1);
        for (made_up, application) in [
            ("", "jira"),
            ("x", "jira"),
            (&changed, "jira"),
            (&"A".repeat(43), "jira"),
            (token, "wiki"),
            (token, "JIRA"),
            (&cookie, "jira"),
        ] {
            let found = restarted.find_token(made_up, application).await;
            assert!(found.unwrap().is_none(), "{made_up} {application}");
        }
        assert!(restarted.find_token(token, "jira").await.is_err(), "it was not in memory yet");
    }
}

#[tokio::test]
async fn a_token_is_never_stored_for_a_session_that_only_has_the_number_of_its_own() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let (alice, cookie) = child(&house, person(&database.store, "alice").await).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        // Another browser's request is still on its way when somebody else signs in.
        house.end(alice).await.unwrap();
        clock.advance(TimeDelta::seconds(1));
        let (bob, _) = child(&house, person(&database.store, "bob").await).await;
        assert_ne!(alice, bob);
        // A database that was restored gives a number once more.
        if matches!(database.store, Store::Sqlite { .. }) {
            let pool = sqlx::SqlitePool::connect(&database.options.url).await.unwrap();
            let again = format!(
                "PRAGMA foreign_keys = OFF; UPDATE sessions SET id = {} WHERE id = {}",
                alice.0, bob.0
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(again)).execute(&pool).await.unwrap();
            pool.close().await;
        }
        let token = house.token_for(&live, "jira").await.unwrap();
        assert!(house.find_token(token.as_str(), "jira").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_store_has_hashes_only() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let (_, cookie) = child(&house, person(&database.store, "alice").await).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        let token = house.token_for(&live, "jira").await.unwrap();
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            token.as_str(),
        );
        let hash = gatehouse::secrets::sha256(&bytes.unwrap());
        let found = database.store.find_crowd_token(&hash, "jira", clock.now()).await.unwrap();
        assert!(found.is_some());
        assert!(
            format!("{live:?}{house:?}").find(token.as_str()).is_none(),
            "{TOKEN} is not shown"
        );
    }
}

#[tokio::test]
async fn the_gateways_own_sessions_are_not_kept_alive_by_questions() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let (_, cookie) = child(&house, person(&database.store, "alice").await).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        let token = house.token_for(&live, "jira").await.unwrap();
        drop(live);
        for minutes in [40, 19] {
            clock.advance(TimeDelta::minutes(minutes));
            let found = house.find_token(token.as_str(), "jira").await.unwrap().unwrap();
            house.count_use(&found);
            house.write_seen().await.unwrap();
        }
        clock.advance(TimeDelta::minutes(2));
        assert!(house.find_token(token.as_str(), "jira").await.unwrap().is_none());
        assert!(house.find(&cookie, "host").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn while_the_store_is_away_tokens_that_are_known_go_on() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let person = person(&database.store, "alice").await;
        let (_, cookie) = child(&house, person).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        let token = house.token_for(&live, "jira").await.unwrap();
        let login = ApplicationsLogin {
            person,
            application: "ci",
            with_password: false,
            address: String::new(),
            duration: None,
        };
        let own = house.begin_for_application(&login).await.unwrap();
        let unknown = house.token_for(&live, "wiki").await.unwrap();
        for (token, application) in [(&token, "jira"), (&own, "ci")] {
            assert!(house.find_token(token.as_str(), application).await.unwrap().is_some());
        }
        database.store.close().await;
        let find = async |token: &gatehouse::session::Token, application| {
            house.find_token(token.as_str(), application).await.map(|found| found.is_some())
        };
        clock.advance(TimeDelta::minutes(50));
        assert!(matches!(find(&token, "jira").await, Ok(true)));
        assert!(matches!(find(&own, "ci").await, Ok(true)));
        assert!(find(&unknown, "wiki").await.is_err(), "nobody has asked for it before");

        // Requests may have kept the gateway's own alive, of which only the store knows; others nobody has used.
        clock.advance(TimeDelta::minutes(50));
        assert!(matches!(find(&token, "jira").await, Ok(true)));
        assert!(find(&own, "ci").await.is_err());
        assert!(matches!(find(&token, "wiki").await, Ok(false)), "another application's");
        clock.advance(TimeDelta::hours(4));
        assert!(find(&token, "jira").await.is_err(), "it is over in any case");
    }
}

#[tokio::test]
async fn a_request_on_one_gateway_keeps_the_token_alive_on_another() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let other = sessions(&database.store, &clock).await;
        let (_, cookie) = child(&house, person(&database.store, "alice").await).await;
        let live = house.find(&cookie, "host").await.unwrap().unwrap();
        let token = house.token_for(&live, "jira").await.unwrap();
        assert!(other.find_token(token.as_str(), "jira").await.unwrap().is_some());
        for _ in 0..3 {
            clock.advance(TimeDelta::minutes(40));
            assert!(house.find(&cookie, "host").await.unwrap().is_some());
            house.write_seen().await.unwrap();
            other.write_seen().await.unwrap();
        }
        assert!(other.find_token(token.as_str(), "jira").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn sessions_of_applications_have_an_idle_and_an_absolute_end() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let person = person(&database.store, "alice").await;
        let login = |duration: Option<u64>| ApplicationsLogin {
            person,
            application: "ci",
            with_password: false,
            address: String::new(),
            duration: duration.map(std::time::Duration::from_secs),
        };
        let begin = async |duration| {
            let token = house.begin_for_application(&login(duration)).await.unwrap();
            token.as_str().to_owned()
        };
        let used = async |token: &str| {
            let found = house.find_token(token, "ci").await.unwrap();
            found.is_some_and(|live| {
                house.count_use(&live);
                true
            })
        };
        let token = begin(None).await;
        for _ in 0..5 {
            clock.advance(TimeDelta::minutes(45));
            assert!(used(&token).await);
            house.write_seen().await.unwrap();
        }
        clock.advance(TimeDelta::minutes(16));
        assert!(!used(&token).await, "four hours are over");

        let token = begin(None).await;
        clock.advance(TimeDelta::minutes(61));
        assert!(!used(&token).await, "nobody has used it for an hour");

        let token = begin(Some(600)).await;
        clock.advance(TimeDelta::minutes(9));
        assert!(used(&token).await);
        clock.advance(TimeDelta::minutes(1));
        assert!(!used(&token).await, "ten minutes were asked for");
        let long = begin(Some(86_400)).await;
        let lasts = house.find_token(&long, "ci").await.unwrap().unwrap().expires_at - clock.now();
        assert!(lasts <= TimeDelta::hours(4), "and no more than there is");
    }
}

#[tokio::test]
async fn an_equal_session_is_given_once_more_and_another_is_another() {
    for database in databases().await {
        let clock = gatehouse::clock::Clock::adjustable();
        let house = sessions(&database.store, &clock).await;
        let (alice, bob) =
            (person(&database.store, "alice").await, person(&database.store, "bob").await);
        let begin = async |person, application: &str, with_password, address: &str| {
            let address = address.to_owned();
            let login =
                ApplicationsLogin { person, application, with_password, address, duration: None };
            house.begin_for_application(&login).await.unwrap().as_str().to_owned()
        };
        let first = begin(alice, "ci", true, "192.0.2.1").await;
        assert_eq!(begin(alice, "ci", true, "192.0.2.1").await, first);
        for other in [
            begin(bob, "ci", true, "192.0.2.1").await,
            begin(alice, "wiki", true, "192.0.2.1").await,
            begin(alice, "ci", false, "192.0.2.1").await,
            begin(alice, "ci", true, "192.0.2.2").await,
        ] {
            assert_ne!(other, first);
        }
        let ended = house.find_token(&first, "ci").await.unwrap().unwrap();
        house.end(ended.session).await.unwrap();
        assert_ne!(begin(alice, "ci", true, "192.0.2.1").await, first, "what has ended is over");
        let fresh = begin(alice, "ci", true, "192.0.2.1").await;
        clock.advance(TimeDelta::minutes(61));
        assert_ne!(
            begin(alice, "ci", true, "192.0.2.1").await,
            fresh,
            "nobody used it for an hour"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_known_needs_no_memory() {
    let database = databases().await.remove(0);
    let clock = gatehouse::clock::Clock::adjustable();
    let house = sessions(&database.store, &clock).await;
    let (_, cookie) = child(&house, person(&database.store, "alice").await).await;
    let live = house.find(&cookie, "host").await.unwrap().unwrap();
    house.token_for(&live, "jira").await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let marker = house.marker(&live).to_owned();
    let counted = allocation_counter::measure(|| {
        let token = pin!(house.token_for(&live, "jira")).poll(&mut context);
        assert!(matches!(token, Poll::Ready(Ok(_))));
        let owner = pin!(house.owner(Some(&marker), &live)).poll(&mut context);
        assert_eq!(owner, Poll::Ready(Owner::ThisSession));
    });
    assert_eq!(counted.count_total, 0);
}
