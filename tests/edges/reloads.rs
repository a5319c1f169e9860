//! A new configuration while the gateway runs.

use std::{
    fs,
    process::Output,
    time::{Duration, Instant},
};

use gatehouse::{config::CredentialHash, proxy::UpstreamStatus, secrets::sha256};

use super::{
    SERVICE, ask,
    certificates::{Client, write},
    connect, echoes, open_websocket, session_cookie,
};
use crate::{
    serve::Process,
    support::{
        curl::{Answer, Curl, FOLLOW},
        free_port,
        gateway::Plan,
        idp::Idp,
        kdc::Kdc,
        upstream::{Seen, Upstream},
    },
};

/// A running gateway whose file can be changed.
struct House {
    plan: Plan,
    process: Process,
    jira: Upstream,
    wiki: Upstream,
}

impl House {
    async fn start(plan: Plan) -> Self {
        Self::start_changed(plan, &[]).await
    }

    /// Starts with some things said otherwise.
    async fn start_changed(plan: Plan, changes: &[(&str, &str)]) -> Self {
        let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
        plan.configuration(jira.port, wiki.port);
        for (from, to) in changes {
            change(&plan, from, to);
        }
        let process = Process::start(&plan).await;
        Self { plan, process, jira, wiki }
    }

    /// Changes the file.
    fn change(&self, from: &str, to: &str) {
        change(&self.plan, from, to);
    }

    fn reload(&self) -> (i32, String) {
        self.run(&["reload"])
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"));
        command.arg("--config").arg(self.plan.path("gatehouse.toml")).args(arguments);
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// What machines are told at a path.
    async fn ask_internally(&self, path: &str) -> Answer {
        Curl::new(&self.plan.ca()).ask(&format!("{}{path}", self.plan.internal()), &[]).await
    }

    /// How Jira's address at a port of this machine is: `in` or `out`, and who is let in; if it has one there.
    async fn address(&self, port: u16) -> Option<(String, String)> {
        let all: Vec<UpstreamStatus> = self.ask_internally("/upstreams").await.json();
        let jira = all.into_iter().find(|found| found.app == "jira").unwrap();
        let wanted = format!("127.0.0.1:{port}");
        let found = jira.addresses.into_iter().find(|found| found.address == wanted);
        found.map(|found| (found.state, found.admission))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.plan.path("log")).unwrap()
    }
}

/// Changes a plan's file.
fn change(plan: &Plan, from: &str, to: &str) {
    let path = plan.path("gatehouse.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_takes_effect_and_connections_sessions_and_websockets_go_on() {
    let kdc = Kdc::start(&[SERVICE]);
    let house = House::start(Plan::new().with_tickets(&kdc.keytab())).await;
    let (plan, process) = (&house.plan, &house.process);
    let alice = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));
    let seen: Seen = alice.get(&plan.jira(), &FOLLOW).await.json();
    assert_eq!((seen.app.as_str(), seen.headers.contains_key("x-who")), ("jira", false));
    let mut open = connect(plan).await;
    assert!(ask(&mut open, plan, "/closed/x").await.contains(" 403 "));
    let mut socket = open_websocket(plan, Some(&session_cookie(&alice))).await;

    // Another rule, another upstream, another header, and a word for the log.
    house.change("\"/closed/*\", decision = \"deny\"", "\"/closed/*\", decision = \"pass\"");
    house.change(
        &format!("upstream = \"http://127.0.0.1:{}\"", house.jira.port),
        &format!(
            "upstream = \"http://127.0.0.1:{}\"\nidentity_headers = {{ user = \"X-Who\" }}",
            house.wiki.port
        ),
    );
    house.change("[store]", "[telemetry]\nlog_level = \"warn\"\n[store]");
    let (code, said) = house.reload();
    assert_eq!((code, said.as_str()), (0, "different from now on: app, telemetry.log_level\n"));

    assert!(ask(&mut open, plan, "/closed/x").await.contains(" 200 "), "on the same connection");
    let seen: Seen = alice.get(&plan.jira(), &[]).await.json();
    assert_eq!((seen.app.as_str(), seen.headers["x-who"].as_str()), ("wiki", "alice"));
    assert!(
        !seen.headers.contains_key("x-forwarded-user"),
        "what she was told by before is no more"
    );
    assert!(echoes(&mut socket).await, "still there");
    let lines = house.log().lines().count();
    alice.get(&plan.jira(), &[]).await;
    assert_eq!(house.log().lines().count(), lines, "nothing but warnings from now on");

    // The same again, by the signal that service managers send.
    house.change("decision = \"pass\" },\n]", "decision = \"deny\" },\n]");
    process.signal("HUP");
    for _ in 0..100 {
        if ask(&mut open, plan, "/closed/x").await.contains(" 403 ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{}", house.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_a_mistake_changes_nothing_and_the_mistake_is_named() {
    let kdc = Kdc::start(&[SERVICE]);
    let house = House::start(Plan::new().with_tickets(&kdc.keytab())).await;
    let plan = &house.plan;
    let mut open = connect(plan).await;
    house.change("\"/closed/*\", decision = \"deny\"", "\"/closed/*\", decision = \"pass\"");
    let good = fs::read_to_string(plan.path("gatehouse.toml")).unwrap();
    let file = plan.path("gatehouse.toml").display().to_string();
    for (from, to, expected) in [
        ("\"/public/*\"", "\"public/*\"", "app[0].rule[1].path"),
        ("[store]", "[store]\ncolour = 1", "store.colour: there is no such key"),
        ("http.keytab", "nothing.keytab", "kerberos.keytab"),
        ("tls.pem", "nothing.pem", "nothing.pem cannot be read"),
    ] {
        fs::write(plan.path("gatehouse.toml"), &good).unwrap();
        house.change(from, to);
        let (code, said) = house.reload();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(expected) && said.contains(&file), "{expected}: {said}");
        house.process.signal("HUP");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(house.log().contains("what was there goes on"), "{}", house.log());
        assert!(ask(&mut open, plan, "/closed/x").await.contains(" 403 "), "{expected}");
    }
    fs::write(plan.path("gatehouse.toml"), &good).unwrap();
    // A key that would open nothing of what is sealed is none for now.
    let key = fs::read_to_string(plan.path("master.key")).unwrap();
    crate::support::gateway::write_secret(&plan.path("master.key"), &"l".repeat(64));
    let (code, said) = house.reload();
    assert!(code == 2 && said.contains("secrets.master_key: has another key"), "{said}");
    crate::support::gateway::write_secret(&plan.path("master.key"), &key);
    assert_eq!(house.reload(), (0, "different from now on: app\n".to_owned()));
    assert!(ask(&mut open, plan, "/closed/x").await.contains(" 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_named_and_the_rest_takes_effect() {
    let house = House::start(Plan::new().with("[passwords]\nsign_in = \"everybody\"\n")).await;
    let listen = format!("listen = [\"127.0.0.1:{}\"]", house.plan.port());
    house.change(&listen, "listen = [\"127.0.0.1:1\"]\nmax_connections = 7");
    house.change("\"/closed/*\", decision = \"deny\"", "\"/closed/*\", decision = \"pass\"");
    let expected =
        "different from now on: app\nneeds a restart: server.listen, server.max_connections\n";
    assert_eq!(house.reload(), (0, expected.to_owned()));
    let mut open = connect(&house.plan).await;
    assert!(ask(&mut open, &house.plan, "/closed/x").await.contains(" 200 "));
    let still = "nothing is different from now on\nneeds a restart: server.listen, server.max_connections\n";
    assert_eq!(house.reload(), (0, still.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_applications_are_looked_after_anew_and_stay_as_they_were_where_they_are_the_same()
 {
    let house = House::start(Plan::new().with("[passwords]\nsign_in = \"everybody\"\n")).await;
    let (jira, wiki, nobody) = (house.jira.port, house.wiki.port, free_port());
    let one = format!("upstream = \"http://127.0.0.1:{jira}\"");
    let urls = [jira, wiki, nobody].map(|port| format!("\"http://127.0.0.1:{port}\"")).join(", ");
    let health = "health = { path = \"/status\", interval_seconds = 1, failures = 1 }";
    let three = format!("upstreams = [{urls}]\n{health}");
    house.change(&one, &three);
    assert_eq!(house.reload().0, 0);
    let began = Instant::now();
    let known = |state: &str, admission: &str| Some((state.to_owned(), admission.to_owned()));
    while house.address(nobody).await != known("out", "open") {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody looks after it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (code, said) = house.run(&["app", "drain", "jira", &format!("127.0.0.1:{wiki}")]);
    assert_eq!(code, 0, "{said}");

    house.change("\"/closed/*\", decision = \"deny\"", "\"/closed/*\", decision = \"pass\"");
    assert_eq!(house.reload().0, 0);
    assert_eq!(house.address(jira).await, known("in", "open"));
    assert_eq!(house.address(wiki).await, known("in", "draining"));
    assert_eq!(house.address(nobody).await, known("out", "open"));
    let metric = format!("gatehouse_upstream_up{{app=\"jira\",address=\"127.0.0.1:{nobody}\"}}");
    assert!(house.ask_internally("/metrics").await.body.contains(&format!("{metric} 0")));

    house.change(&three, &one);
    assert_eq!(house.reload().0, 0);
    assert_eq!((house.address(wiki).await, house.address(nobody).await), (None, None));
    // Nobody looks at it any more, and nobody is alarmed by it.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let metrics = house.ask_internally("/metrics").await.body;
    assert!(!metrics.contains(&metric) && metrics.contains("gatehouse_upstream_up"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_only_after_a_restart_is_not_taken_by_half() {
    let plan = Plan::new().with("[passwords]\nsign_in = \"everybody\"\n");
    let everywhere = [("internal_listen = \"127.0.0.1:", "internal_listen = \"0.0.0.0:")];
    let house = House::start_changed(plan, &everywhere).await;
    let here = house.plan.path("").display().to_string();
    let tls =
        format!("internal_tls = {{ certificate = \"{here}/tls.pem\", key = \"{here}/tls.key\" }}");
    house.change("shutdown_grace_seconds", &format!("{tls}\nshutdown_grace_seconds"));
    house.change("[store]", "[forward_auth]\npeers = [\"127.0.0.1/32\"]\n[store]");
    // Cookies of sessions would cross the network in clear.
    let (code, said) = house.reload();
    assert!(code == 2 && said.contains("wants a restart"), "{said}");
    assert!(said.contains("server.internal_tls: needed where peers ask"), "{said}");
    assert_eq!(house.ask_internally("/_gatehouse/authorize/nginx").await.status, 404);
}

/// Whether somebody who has no session is sent to the identity provider.
async fn leads_to_idp(plan: &Plan) -> bool {
    let browser = Curl::new(&plan.ca());
    let sent = browser.get(&plan.jira(), &[]).await.header("location").unwrap();
    let (_, flow) = sent.split_once("flow=").unwrap();
    let start = format!("{}/_gatehouse/saml/start?idp=corp&flow={flow}", plan.login());
    browser.get(&start, &[]).await.status == 303
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_and_counted_still_is_and_what_clients_and_machines_are_shown_is_new() {
    let (kdc, plan) = (Kdc::start(&[SERVICE]), Plan::new());
    let idp = Idp::start(&plan.login()).await;
    let house = House::start(plan.with_idp(&idp).with_tickets(&kdc.keytab())).await;
    let plan = &house.plan;
    let alice = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));
    // A browser that loses its session is sent round five times.
    let comes_back = async || {
        alice.forget_cookie("jira.localhost", "__Host-gatehouse-session");
        alice.get(&plan.jira(), &FOLLOW).await.status
    };
    for _ in 0..5 {
        assert_eq!(comes_back().await, 200);
    }
    let began = Instant::now();
    while !leads_to_idp(plan).await {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", house.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(idp);
    let question = "/crowd/rest/usermanagement/1/config/cookie";
    assert_eq!(house.ask_internally(question).await.status, 404);

    let fingerprint = write(&plan.path(""), "other", &["jira.localhost"], 2090);
    house.change("tls.pem", "other.pem");
    house.change("tls.key", "other.key");
    let credential = CredentialHash(sha256(b"secret")).text();
    let crowd = format!("crowd = [{{ application = \"jira\", credentials = [\"{credential}\"] }}]");
    house.change("name = \"jira\"\n", &format!("name = \"jira\"\n{crowd}\n"));
    let changed = "different from now on: app, server.tls\n".to_owned();
    assert_eq!(house.reload(), (0, changed));

    assert_eq!(Client::of("jira.localhost").is_shown(plan).await, Ok(fingerprint));
    assert_eq!(house.ask_internally(question).await.status, 401);
    house.change("other.pem", "tls.pem");
    house.change("other.key", "tls.key");
    assert_eq!(house.reload().0, 0);
    assert_eq!(comes_back().await, 400, "five times before, and once more");
    assert!(leads_to_idp(plan).await, "nobody can be asked for it now");
}
