//! What expires, and who is told when.

use chrono::{DateTime, TimeDelta, Utc};
use gatehouse::{
    alarms::{Expiring, Watch},
    clock::Clock,
    cloud::Expiry,
    config::AlarmKind,
    secrets::certificate_expiry,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{Ears, Guard, adjustable, receivers};
use crate::{
    connectors::tenant::Tenant, support::clouds::graph::applications::SECRET_DAYS,
    syncs::organisation::Way,
};

fn of_everything(ears: &Ears) -> String {
    format!("[[alarm]]\nname = \"ops\"\nwebhook = {{ url = \"{}\" }}\n", ears.url())
}

#[tokio::test]
async fn that_a_credential_expires_is_said_on_four_days_and_that_it_has_each_day() {
    for mut world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let day = (world.clock.now() + TimeDelta::days(41)).format("%Y-%m-%d");
        // A day is over when it is over.
        world.configure(&format!(
            "credential_expires = \"{day}\"\noverdue_intervals = 1000\ninterval_minutes = 10080"
        ));
        world.begin().await;
        let guard = Guard::of(&world, &of_everything(&ears));
        let mut said = Vec::new();
        for number in 0..44 {
            guard.look_and_deliver().await;
            guard.look_and_deliver().await;
            let subjects = ears.calls().len();
            if subjects > said.len() {
                said.push(number);
            }
            assert_eq!(ears.calls().len(), said.len());
            world.clock.advance(TimeDelta::days(1));
        }
        assert_eq!(said, [11, 27, 34, 40, 41, 42, 43]);
        let last = &ears.calls()[6].said;
        assert_eq!(last["alarm"]["severity"], "critical");
        assert!(
            last["text"].as_str().unwrap().starts_with("still: cloud: the credential expired on")
        );

        // A new one is there, as the configuration says now.
        let day = (world.clock.now() + TimeDelta::days(365)).format("%Y-%m-%d");
        world.configure(&format!("credential_expires = \"{day}\""));
        guard.watch.stop().await.unwrap();
        let other = Guard::of(&world, &of_everything(&ears));
        other.look_and_deliver().await;
        assert!(
            ears.events().contains(&"over credential_expires".to_owned()),
            "{:?}",
            ears.events()
        );
    }
}

#[tokio::test]
async fn a_certificate_belongs_to_no_connector() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let receivers = receivers(&of_everything(&ears));
        let at = world.clock.now() + TimeDelta::days(3);
        let expiring = move || {
            vec![Expiring {
                subject: "idp:corp".to_owned(),
                kind: AlarmKind::CertificateExpires,
                connector: None,
                what: "the certificate".to_owned(),
                at,
                todo: "ask for a new one".to_owned(),
            }]
        };
        let parts = (world.store.clone(), world.clock.clone());
        let metrics = gatehouse::telemetry::Metrics::default();
        let watch = Watch::new(parts, receivers, Vec::new(), expiring, metrics.connectors.clone());
        watch.look().await.unwrap();
        Guard::of(&world, &of_everything(&ears)).deliver().await;
        assert_eq!(ears.events(), ["raised certificate_expires"]);
        let shown = metrics.render().unwrap();
        let line = "gatehouse_alarms_open{alarm=\"certificate_expires\",connector=\"\"} 1";
        assert!(shown.contains(line), "{shown}");
    }
}

async fn expiry(tenant: &Tenant, proof: &str) -> Option<Expiry> {
    Tenant::open(&tenant.toml(proof)).unwrap().expiry().await.unwrap()
}

#[tokio::test]
async fn graph_says_when_the_secret_ends_if_the_application_may_read_itself() {
    let tenant = Tenant::start().await;
    let found = expiry(&tenant, &tenant.secret()).await.unwrap();
    assert_eq!(found.what, "the client secret");
    let since = tenant.graph().tenant().since;
    assert_eq!(found.at, in_seconds(since + TimeDelta::days(SECRET_DAYS)));
    tenant.behave(|manners| {
        manners.granted = ["User.Read.All", "GroupMember.Read.All"].map(str::to_owned).to_vec();
    });
    assert_eq!(expiry(&tenant, &tenant.secret()).await, None);
}

fn in_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap()
}

#[tokio::test]
async fn a_certificate_says_itself_when_it_ends_and_nobody_is_asked() {
    let tenant = Tenant::start().await;
    let certificate = tenant.file("certificate.pem", tenant.credential("certificate"));
    let key = tenant.file("key.pem", tenant.credential("private_key"));
    let proof = format!(
        "certificate = {{ certificate = \"{}\", key = {{ file = \"{}\" }} }}",
        certificate.display(),
        key.display()
    );
    let found = expiry(&tenant, &proof).await.unwrap();
    let der = CertificateDer::from_pem_file(&certificate).unwrap();
    assert_eq!(Some(found.at), certificate_expiry(&der));
    let left = found.at - Clock::System.now();
    assert!((363..=365).contains(&left.num_days()), "{left}");
    assert!(tenant.seen().is_empty());
}
