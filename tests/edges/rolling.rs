//! Two gateways behind a real nginx, which are started again one after the other under load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{SERVICE, session_cookie};
use crate::{
    serve::Process,
    support::{
        curl::{Curl, FOLLOW},
        databases, free_port,
        gateway::Plan,
        kdc::Kdc,
        nginx::Nginx,
        upstream::{Seen, Upstream},
    },
};

/// How often each answer came.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<BTreeMap<String, u32>>>);

impl Tally {
    fn count(&self, what: String) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> u32 {
        self.0.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    fn show(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

/// Asks again and again, as somebody who is signed in; some of what they send changes something.
async fn browse(plan: Arc<Plan>, cookie: String, tally: Tally, stop: Arc<AtomicBool>, posts: bool) {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(plan.ca()).unwrap()).unwrap();
    let (_, port) =
        plan.jira().rsplit_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .resolve("jira.localhost", address)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("{}/browse", plan.jira());
    while !stop.load(Ordering::Relaxed) {
        let request = if posts {
            client.post(&url).header("Origin", plan.jira()).body("summary=x")
        } else {
            client.get(&url)
        };
        let what = match request.header("Cookie", &cookie).send().await {
            Ok(answer) => match (answer.status().as_u16(), answer.bytes().await) {
                (status, Ok(_)) => status.to_string(),
                (status, Err(error)) => format!("{status} {error}"),
            },
            Err(error) => format!("{error:?}"),
        };
        tally.count(what);
    }
}

/// Signs in again and again, each time as a new browser.
async fn sign_in(plan: Arc<Plan>, env: Vec<(String, String)>, tally: Tally, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let browser = Curl::new(&plan.ca()).with_env(env.clone());
        let page = browser.get(&plan.jira(), &FOLLOW).await;
        let user = serde_json::from_str::<Seen>(&page.body);
        let user = user.ok().and_then(|seen| seen.headers.get("x-forwarded-user").cloned());
        tally.count(format!("login {} {}", page.status, user.unwrap_or(page.heads)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gateways_that_start_again_one_after_the_other_refuse_nobody_and_lose_no_login() {
    let Some(database) = databases::postgres().await else { return };
    database.store.close().await;
    let (kdc, jira, port) = (Kdc::start(&[SERVICE]), Upstream::start("jira").await, free_port());
    let one = Plan::new()
        .with_tickets(&kdc.keytab())
        .with_store(&database.options.url)
        .with_server("trusted_proxies = [\"127.0.0.1/32\"]")
        .known_at(port)
        .draining(2);
    let other = one.beside();
    for plan in [&one, &other] {
        plan.configuration(jira.port, jira.port);
    }
    let mut running = [Some(Process::start(&one).await), Some(Process::start(&other).await)];
    let nginx = Nginx::start(port, &[&one, &other]).await;
    let (one, other) = (Arc::new(one), other);

    let env = kdc.client_env(&kdc.login("alice"));
    let alice = Curl::new(&one.ca()).with_env(env.clone());
    assert_eq!(alice.get(&one.jira(), &FOLLOW).await.status, 200, "{}", nginx.complaints());
    let cookie = session_cookie(&alice);

    let (tally, stop) = (Tally::default(), Arc::new(AtomicBool::new(false)));
    let mut load = tokio::task::JoinSet::new();
    for number in 0..4 {
        let (plan, tally, stop) = (one.clone(), tally.clone(), stop.clone());
        load.spawn(browse(plan, cookie.clone(), tally, stop, number % 2 == 1));
    }
    load.spawn(sign_in(one.clone(), env, tally.clone(), stop.clone()));

    for round in 0..4 {
        let which = round % 2;
        let plan = if which == 0 { &*one } else { &other };
        let process = running[which].take().unwrap();
        process.ask_to_stop();
        assert!(process.ended().await.success());
        running[which] = Some(Process::start(plan).await);
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    let (answers, logins) = (tally.of("200"), tally.of("login 200 alice"));
    let all: u32 = tally.0.lock().unwrap().values().sum();
    assert_eq!(answers + logins, all, "{}\n{}", tally.show(), nginx.complaints());
    assert!(answers > 500 && logins > 10, "{}", tally.show());
}
