//! What goes on while the database is away.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::{SERVICE, close_code, echoes, open_websocket, session_cookie};
use crate::support::{
    curl::{Curl, FOLLOW},
    forwarder::{Forwarder, Wire},
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    postgres::Postgres,
    upstream::Seen,
};

struct House {
    gateway: TestGateway,
    alice: Curl,
    bob: Curl,
}

/// A gateway at the end of a wire from a database, Alice who has signed in, and Bob who has not.
async fn house(kdc: &Kdc, wire: &Forwarder) -> House {
    let plan = Plan::new()
        .with_tickets(&kdc.keytab())
        .with_store(&Postgres::url(wire.port))
        .with("[session]\noutage_timeout_seconds = 300\n");
    let gateway = plan.start().await;
    let browser = |user| gateway.browser().with_env(kdc.client_env(&kdc.login(user)));
    let (alice, bob) = (browser("alice"), browser("bob"));
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    House { gateway, alice, bob }
}

impl House {
    /// For a while, also after the time for which an account is believed without looking.
    async fn people_who_are_known_are_served(&self) {
        for round in 0..12 {
            if round == 4 {
                self.gateway.clock.advance(TimeDelta::seconds(40));
            }
            let began = Instant::now();
            let seen: Seen = self.alice.get(&self.gateway.jira(), &[]).await.json();
            assert_eq!(seen.headers["x-forwarded-user"], "alice");
            assert!(began.elapsed() < Duration::from_secs(4), "{round}: {:?}", began.elapsed());
        }
        let ready = format!("{}/readyz", self.gateway.plan.internal());
        assert_eq!(self.alice.ask(&ready, &[]).await.status, 200, "readiness does not follow");
    }

    async fn newcomers_are_told_to_come_again(&self) {
        let page = self.bob.get(&self.gateway.jira(), &FOLLOW).await;
        assert_eq!(page.status, 503, "{}", page.heads);
        assert_eq!(page.header("retry-after").as_deref(), Some("10"), "{}", page.heads);
        assert!(page.body.contains("Try again in a minute"), "{}", page.body);
        assert!(page.body.contains(&page.header("x-gatehouse-trace").unwrap()));
    }

    async fn all_is_well_again(&self) {
        for _ in 0..60 {
            if self.bob.get(&self.gateway.jira(), &FOLLOW).await.status == 200 {
                let seen: Seen = self.alice.get(&self.gateway.jira(), &[]).await.json();
                assert_eq!(seen.headers["x-forwarded-user"], "alice");
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("newcomers are still turned away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_known_are_served_while_the_database_is_down_and_others_are_told() {
    let (kdc, postgres) = (Kdc::start(&[SERVICE]), Postgres::start());
    let wire = Forwarder::to(postgres.port).await;
    let house = house(&kdc, &wire).await;
    postgres.crash();
    house.people_who_are_known_are_served().await;
    house.newcomers_are_told_to_come_again().await;
    postgres.begin();
    house.all_is_well_again().await;

    // Endings are heard of again as well.
    let ended = house.gateway.command(&["session", "end", "--user", "alice"]).await;
    assert!(ended.status.success());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(house.alice.get(&house.gateway.jira(), &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_for_a_database_that_nobody_hears_of_any_more() {
    let (kdc, postgres) = (Kdc::start(&[SERVICE]), Postgres::start());
    let wire = Forwarder::to(postgres.port).await;
    let house = house(&kdc, &wire).await;
    wire.be(Wire::Cut);
    house.people_who_are_known_are_served().await;
    house.newcomers_are_told_to_come_again().await;
    // The connections of before are dead, and nobody says so.
    wire.be(Wire::Whole);
    house.all_is_well_again().await;
}

/// Ends Alice's session as another gateway on the same database would.
fn end_elsewhere(gateway: &TestGateway, postgres: &Postgres) {
    let other = gateway.plan.beside().with_store(&Postgres::url(postgres.port));
    other.configuration(1, 1);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command.arg("--config").arg(other.path("gatehouse.toml"));
    let ended = command.args(["session", "end", "--user", "alice"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_signed_out_elsewhere_is_served_without_the_database_for_so_long_and_no_longer() {
    let (kdc, postgres) = (Kdc::start(&[SERVICE]), Postgres::start());
    let wire = Forwarder::to(postgres.port).await;
    let House { gateway, alice, .. } = house(&kdc, &wire).await;
    let mut socket = open_websocket(&gateway.plan, Some(&session_cookie(&alice))).await;
    assert!(echoes(&mut socket).await);
    wire.be(Wire::Cut);
    end_elsewhere(&gateway, &postgres);
    assert_eq!(alice.get(&gateway.jira(), &[]).await.status, 200, "nobody can know it here");

    gateway.clock.advance(TimeDelta::seconds(301));
    // A look at the database that is under way has to fail first, which takes fifteen seconds.
    let (began, mut status) = (Instant::now(), 200);
    while status == 200 && began.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(250)).await;
        status = alice.get(&gateway.jira(), &[]).await.status;
    }
    assert_eq!(status, 503);
    assert_eq!(close_code(&mut socket).await, 1008);

    wire.be(Wire::Whole);
    while status == 503 && began.elapsed() < Duration::from_secs(90) {
        tokio::time::sleep(Duration::from_millis(250)).await;
        status = alice.get(&gateway.jira(), &[]).await.status;
    }
    assert_eq!(status, 303, "she has to sign in");
}
