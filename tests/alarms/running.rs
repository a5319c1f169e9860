//! Alarms of a gateway that runs, is killed, and is asked at the command line.

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    store::{Store, StoreOptions},
};
use serde_json::Value;

use super::{Ears, Peer};
use crate::{
    cli::text,
    serve::Process,
    support::{
        gateway::{Plan, TestGateway, write_secret},
        upstream::Upstream,
    },
};

/// A connector whose credential has expired, and that cannot reach its cloud.
fn connector(plan: &Plan) -> String {
    let secret = plan.path("secret");
    write_secret(&secret, "not-a-secret-of-anybody");
    let yesterday = (Clock::System.now() - TimeDelta::days(1)).format("%Y-%m-%d");
    format!(
        "[passwords]\nsign_in = \"everybody\"\n[[connector]]\nname = \"corp\"\ncredential_expires = \"{yesterday}\"\n[connector.entra]\n\
         tenant = \"example.com\"\nclient_id = \"c\"\nsecret = {{ file = \"{}\" }}\n\
         authority = \"http://localhost:1\"\ngraph = \"http://localhost:1\"\n",
        secret.display()
    )
}

fn told(plan: &Plan, url: &str) -> String {
    let more = "[[alarm]]\nname = \"ops\"\non = [\"credential_expires\"]\n";
    format!("{}{more}webhook = {{ url = \"{url}\" }}\n", connector(plan))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_while_it_tells_somebody_tells_them_when_it_is_back() {
    for plan in Plan::on_every_database().await {
        let ears = Ears::open().await;
        let more = told(&plan, &ears.url());
        let plan = plan.with(&more);
        let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
        plan.configuration(jira.port, wiki.port);
        ears.answer(&[100]);
        let process = Process::start(&plan).await;
        let first = ears.wait_for(1).await.remove(0);
        process.kill();
        assert_eq!(first.event(), ("raised", "connector:corp:credential_expires"));

        bury(&plan.store_options()).await;
        let process = Process::start(&plan).await;
        let calls = ears.wait_for(2).await;
        assert_eq!(calls[1].id, first.id, "the receiver can tell that it has had it");
        assert_eq!(calls[1].said, first.said);
        drop(process);
        let store = Store::open(&plan.store_options()).await.unwrap();
        let open = store.list_open_alarms().await.unwrap();
        assert_eq!(open.len(), 1);
        let deliveries = store.list_deliveries(open[0].id, 10).await.unwrap();
        assert_eq!(deliveries.len(), 1);
        store.close().await;
    }
}

/// Whoever was killed is believed to be gone, as if minutes had gone by.
async fn bury(options: &StoreOptions) {
    const STATEMENTS: [&str; 2] =
        ["UPDATE alarm_watch SET held_until = 0", "UPDATE alarm_deliveries SET next_at = 0"];
    if options.url.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&options.url).await.unwrap();
        for statement in STATEMENTS {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
    } else {
        let pool = sqlx::PgPool::connect(&options.url).await.unwrap();
        for statement in STATEMENTS {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
    }
}

async fn run(gateway: &TestGateway, arguments: &[&str]) -> (Option<i32>, String) {
    let output = gateway.command(arguments).await;
    (output.status.code(), text(&output.stdout) + text(&output.stderr).as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_tests_and_silences() {
    let ears = Ears::open().await;
    let peer = Peer::start("mail.py", &[]).await;
    let plan = Plan::new();
    let mail = format!(
        "[[alarm]]\nname = \"mail\"\non = [\"failed\"]\n[alarm.mail]\nto = [\"ops@example.com\"]\n\
         from = \"gatehouse@example.com\"\nserver = \"smtp://localhost:{}\"\n",
        peer.port
    );
    let more = told(&plan, &ears.url()) + mail.as_str();
    let gateway = plan.with(&more).start().await;
    ears.wait_for(1).await;

    let mut said = String::new();
    for _ in 0..100 {
        let (code, listed) = run(&gateway, &["alarm", "list"]).await;
        assert_eq!(code, Some(0), "{listed}");
        said = listed;
        if said.contains("delivered") {
            break;
        }
    }
    assert!(said.starts_with("connector:corp:credential_expires  since "), "{said}");
    assert!(said.contains("corp: the credential expires on"), "{said}");
    assert!(said.contains("raised   delivered, 1 try"), "{said}");
    let (_, status) = run(&gateway, &["sync", "status"]).await;
    assert!(status.contains("the credential       expired on "), "{status}");

    let (code, said) = run(&gateway, &["alarm", "test"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "ops              delivered\nmail             delivered\n")
    );
    assert_eq!(ears.calls()[1].event(), ("test", "test"));
    let mail = peer.heard(1).await.remove(0);
    assert_eq!(mail["head"]["Subject"], "[Gatehouse] this is a test of the alarms");
    ears.answer(&[503]);
    let (code, said) = run(&gateway, &["alarm", "test", "--to", "ops"]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("ops              127.0.0.1 answered 503\n1 of 1 could not be told"),
        "{said}"
    );
    let (code, said) = run(&gateway, &["alarm", "test", "--to", "nobody"]).await;
    assert!(code == Some(1) && said.contains("there is no [[alarm]] called \"nobody\""), "{said}");

    let key = "connector:corp:credential_expires";
    let (code, said) = run(&gateway, &["alarm", "silence", key, "--for", "3d"]).await;
    assert!(code == Some(0) && said.contains("silenced until "), "{said}");
    gateway.clock.advance(TimeDelta::hours(25));
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    assert_eq!(ears.calls().len(), 3, "{:?}", ears.events());
    let (_, listed) = run(&gateway, &["alarm", "list", "--json"]).await;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let found = listed.iter().find(|alarm| alarm["key"] == key).unwrap();
    assert!(found["silenced_until"].is_string() && found["until"].is_null(), "{found}");
    let (code, _) = run(&gateway, &["alarm", "silence", key, "--for", "0m"]).await;
    assert_eq!(code, Some(0));
    ears.wait_for(4).await;
    assert_eq!(ears.calls()[3].event(), ("repeated", key));
    let (code, said) = run(&gateway, &["alarm", "silence", "x", "--for", "1h"]).await;
    assert!(code == Some(1) && said.contains("there is no alarm \"x\" that is open"), "{said}");
}
