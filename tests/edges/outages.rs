//! What goes on while the database is away.

use std::time::{Duration, Instant};

use super::SERVICE;
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
async fn house(kdc: &Kdc, postgres: &Postgres, wire: &Forwarder) -> House {
    let plan = Plan::new().with_tickets(&kdc.keytab()).with_store(&postgres.url(wire.port));
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
                self.gateway.clock.advance(chrono::TimeDelta::seconds(40));
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
    let house = house(&kdc, &postgres, &wire).await;
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
    let house = house(&kdc, &postgres, &wire).await;
    wire.be(Wire::Cut);
    house.people_who_are_known_are_served().await;
    house.newcomers_are_told_to_come_again().await;
    // The connections of before are dead, and nobody says so.
    wire.be(Wire::Whole);
    house.all_is_well_again().await;
}
