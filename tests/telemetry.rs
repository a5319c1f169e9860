//! What the gateway says of requests: a line in the log, numbers, traces and spans.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    serve::Process,
    support::{
        curl::{Curl, FOLLOW},
        free_port,
        gateway::{Plan, TestGateway, write_secret},
        kdc::Kdc,
        python,
        upstream::{Seen, Upstream},
        wait_for_port,
    },
};

const SERVICE: &str = "HTTP/login.localhost";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_a_line_for_each_request() {
    let kdc = Kdc::start(&[SERVICE]);
    let more = "[telemetry]\nlog_format = \"json\"\n";
    let plan = Plan::new().with_tickets(&kdc.keytab()).with(more);
    let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
    plan.configuration(jira.port, wiki.port);
    let process = Process::start(&plan).await;
    let nobody = Curl::new(&plan.ca());
    let alice = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));
    alice.get(&format!("{}/browse?secret=1", plan.jira()), &FOLLOW).await;
    alice.get(&format!("{}/closed/%41%22", plan.jira()), &["--http1.1"]).await;
    alice.get(&format!("{}/public/a", plan.jira()), &[]).await;
    nobody.ask(&format!("{}/rest/x", plan.jira()), &[]).await;
    let pass = nobody.get(&format!("{}/status", plan.jira()), &[]).await;
    nobody.get(&format!("{}/_gatehouse/nothing", plan.jira()), &[]).await;
    nobody.get(&plan.jira(), &["-H", "Host: other.example"]).await;
    drop(process);

    let log = fs::read_to_string(plan.path("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> =
        lines.iter().filter(|line| line["target"] == "gatehouse::access").collect();
    let find = |path: &str, decision: &str| {
        let mut found = access.iter().filter(|line| line["path"] == path);
        *found.find(|line| line["decision"] == decision).unwrap_or_else(|| panic!("{path}: {log}"))
    };
    let expected = [
        ("/browse", "login", r#"{"app": "jira", "status": 303, "method": "GET"}"#),
        (
            "/browse",
            "forward",
            r#"{"app": "jira", "status": 200, "user.name": "alice", "client": "127.0.0.1"}"#,
        ),
        (
            "/closed/%41%22",
            "refuse",
            r#"{"app": "jira", "status": 403, "rule": 2, "reason": "denied", "http_version": "1.1"}"#,
        ),
        ("/public/a", "forward", r#"{"rule": 1, "user.name": "alice", "http_version": "2"}"#),
        ("/rest/x", "refuse", r#"{"app": "jira", "status": 401, "reason": "login-required"}"#),
        ("/status", "forward", r#"{"app": "jira", "rule": 0}"#),
        ("/_gatehouse/nothing", "own", r#"{"app": "", "status": 404, "reason": "not-found"}"#),
        ("/", "refuse", r#"{"app": "", "status": 421, "reason": "host-unknown"}"#),
    ];
    for (path, decision, fields) in expected {
        let line = find(path, decision);
        let fields: BTreeMap<String, Value> = serde_json::from_str(fields).unwrap();
        for (name, value) in fields {
            assert_eq!(line[&name], value, "{name} of {line}");
        }
        assert_eq!(line["trace"].as_str().unwrap().len(), 12);
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert!(line["duration_ms"].is_u64(), "{line}");
    }
    let status = find("/status", "forward");
    assert!(status.get("user.name").is_none() && status.get("reason").is_none(), "{status}");
    assert_eq!(status["bytes"], pass.body.len());
    let seen: Seen = pass.json();
    let passed_on = seen.headers["traceparent"].split('-').nth(1).unwrap().to_owned();
    assert_eq!(status["trace_id"], passed_on.as_str(), "the application's log has the same");
    let refusal = lines.iter().find(|line| line["code"] == "denied").unwrap();
    assert_eq!(refusal["trace_id"], find("/closed/%41%22", "refuse")["trace_id"]);
    assert!(!log.contains("secret=1"), "queries can hold secrets");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_application_decision_and_reason() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let nobody = gateway.browser();
    nobody.get(&format!("{}/status", gateway.jira()), &[]).await;
    nobody.get(&format!("{}/closed/x", gateway.jira()), &[]).await;
    nobody.ask(&format!("{}/rest/x", gateway.wiki()), &[]).await;
    for made_up in ["a", "b", "c"] {
        nobody.get(&gateway.jira(), &["-H", &format!("Host: {made_up}.example")]).await;
        nobody.get(&format!("{}/_gatehouse/{made_up}", gateway.jira()), &[]).await;
        nobody.get(&gateway.jira(), &["-X", &made_up.to_uppercase()]).await;
    }
    let metrics = nobody.ask(&(gateway.plan.internal() + "/metrics"), &[]).await.body;
    for line in [
        r#"gatehouse_requests_total{app="jira",decision="forward",reason="ok",status="2xx"} 1"#,
        r#"gatehouse_requests_total{app="jira",decision="refuse",reason="denied",status="4xx"} 1"#,
        r#"gatehouse_requests_total{app="wiki",decision="refuse",reason="login-required",status="4xx"} 1"#,
        r#"gatehouse_requests_total{app="",decision="refuse",reason="host-unknown",status="4xx"} 3"#,
        r#"gatehouse_requests_total{app="",decision="refuse",reason="method",status="4xx"} 3"#,
        r#"gatehouse_requests_total{app="",decision="own",reason="not-found",status="4xx"} 3"#,
        r#"gatehouse_request_seconds_count{app="jira"} 2"#,
        r#"gatehouse_request_seconds_count{app="wiki"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

async fn start(proxies: &str, more: &str) -> TestGateway {
    let kdc = Kdc::start(&[SERVICE]);
    let server = format!("trusted_proxies = [{proxies}]");
    Plan::new().with_tickets(&kdc.keytab()).with_server(&server).with(more).start().await
}

async fn traced(gateway: &TestGateway, headers: &[&str]) -> Seen {
    let more: Vec<_> = headers.iter().flat_map(|header| ["-H", *header]).collect();
    gateway.browser().get(&format!("{}/status", gateway.jira()), &more).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_on_in_the_trace_of_a_trusted_proxy_and_of_nobody_else() {
    let behind = start("\"127.0.0.0/8\"", "").await;
    let seen = traced(&behind, &[PARENT, "tracestate: vendor=1"]).await;
    let parent = &seen.headers["traceparent"];
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
    assert!(!parent.contains("00f067aa0ba902b7"), "a span of our own");
    assert_eq!(seen.headers["tracestate"], "vendor=1");
    for wrong in [&PARENT.replace("00-", "ff-"), "traceparent: x", &PARENT.replace(TRACE, "0")] {
        let seen = traced(&behind, &[wrong, "tracestate: vendor=1"]).await;
        assert!(!seen.headers["traceparent"].contains(TRACE), "{wrong}");
        assert!(!seen.headers.contains_key("tracestate"), "{wrong}");
    }

    let open = start("", "").await;
    let seen = traced(&open, &[PARENT, "tracestate: vendor=1"]).await;
    assert!(!seen.headers["traceparent"].contains(TRACE), "{seen:?}");
    assert!(!seen.headers.contains_key("tracestate"), "{seen:?}");
}

/// A span, as the official messages say it.
#[derive(Clone, Debug, Deserialize)]
struct Span {
    resource: BTreeMap<String, Value>,
    trace: String,
    id: String,
    parent: String,
    state: String,
    links: Vec<(String, String)>,
    name: String,
    kind: String,
    nanos: u64,
    status: String,
    attributes: BTreeMap<String, Value>,
    authorization: Option<String>,
}

/// A collector in Python, which ends when this is dropped.
struct Collector {
    port: u16,
    process: Child,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start(status: u16) -> Self {
        let port = free_port();
        let mut process = python::python()
            .args(["tests/peers/collector.py", &port.to_string(), &status.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let (lines, read) = (BufReader::new(process.stdout.take().unwrap()).lines(), spans.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                read.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        wait_for_port(port, "the collector").await;
        Self { port, process, spans }
    }

    /// Waits for a span, and gives all that have come.
    async fn wait_for(&self, wanted: impl Fn(&Span) -> bool) -> Vec<Span> {
        for _ in 0..200 {
            let spans = self.spans.lock().unwrap().clone();
            if spans.iter().any(&wanted) {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not among {:?}", self.spans.lock().unwrap());
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn exporting(port: u16) -> String {
    format!("[telemetry.otlp]\nendpoint = \"http://127.0.0.1:{port}/\"\n")
}

fn text<'a>(span: &'a Span, name: &str) -> &'a str {
    span.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_sent_the_spans_of_requests_logins_and_applications() {
    let kdc = Kdc::start(&[SERVICE]);
    let collector = Collector::start(200).await;
    let plan = Plan::new().with_tickets(&kdc.keytab());
    write_secret(&plan.path("otlp.key"), "Bearer of-the-collector");
    let more = format!(
        "{}headers = {{ authorization = {{ file = \"{}\" }} }}\n",
        exporting(collector.port),
        plan.path("otlp.key").display()
    );
    let mut gateway = plan.with(&more).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    let page = format!("{}/browse?secret=1", gateway.jira());
    let seen: Seen = alice.get(&page, &FOLLOW).await.json();
    alice.get(&page, &["-H", PARENT, "-H", "tracestate: vendor=1"]).await;
    alice.get(&format!("{}/closed/x", gateway.jira()), &[]).await;
    // The last ones are sent when the gateway ends.
    gateway.stop().await;
    let spans = collector.wait_for(|span| text(span, "url.path") == "/closed/x").await;

    let upstream_id = seen.headers["traceparent"].split('-').nth(2).unwrap();
    let upstream = spans.iter().find(|span| span.id == upstream_id).unwrap();
    assert_eq!((upstream.kind.as_str(), upstream.name.as_str()), ("SPAN_KIND_CLIENT", "GET"));
    assert_eq!(text(upstream, "gatehouse.app"), "jira");
    assert_eq!(upstream.attributes["http.response.status_code"], 200);
    let request = spans.iter().find(|span| span.id == upstream.parent).unwrap();
    assert_eq!((request.kind.as_str(), &request.trace), ("SPAN_KIND_SERVER", &upstream.trace));
    assert!(request.nanos >= upstream.nanos && upstream.nanos > 0, "one within the other");
    assert_eq!(request.resource["service.name"], "gatehouse");
    assert_eq!(request.authorization.as_deref(), Some("Bearer of-the-collector"));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/browse"),
        ("url.scheme", "https"),
        ("gatehouse.decision", "forward"),
        ("gatehouse.app", "jira"),
    ] {
        assert_eq!(text(request, name), value, "{name}");
    }

    let login = spans.iter().find(|span| span.name == "login").unwrap();
    assert_eq!(text(login, "gatehouse.login.method"), "kerberos");
    assert_eq!(text(login, "gatehouse.login.reason"), "ok");
    assert!(spans.iter().any(|span| span.id == login.parent && span.trace == login.trace));

    let refused = spans.iter().find(|span| text(span, "url.path") == "/closed/x").unwrap();
    assert_eq!(
        (text(refused, "error.type"), refused.status.as_str()),
        ("denied", "STATUS_CODE_UNSET")
    );
    assert_eq!(refused.attributes["gatehouse.rule"], 2);

    let linked: Vec<_> = spans.iter().filter(|span| !span.links.is_empty()).collect();
    assert_eq!(linked.len(), 1, "a stranger's trace is a link, and not where we are");
    assert_eq!(linked[0].links[0], (TRACE.to_owned(), "00f067aa0ba902b7".to_owned()));
    assert!(spans.iter().all(|span| span.trace != TRACE && span.state.is_empty()));
    let said = format!("{spans:?}");
    assert!(!said.contains("secret=1") && !said.contains("alice"), "who it was is for the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_slows_nobody_down() {
    // Somebody who takes connections and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut gateway = start("", &exporting(silent.local_addr().unwrap().port())).await;
    let started = Instant::now();
    for _ in 0..20 {
        traced(&gateway, &[]).await;
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let stopping = Instant::now();
    gateway.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(15), "{:?}", stopping.elapsed());

    let refusing = Collector::start(400).await;
    let gateway = start("", &exporting(refusing.port)).await;
    traced(&gateway, &[]).await;
    for _ in 0..100 {
        let metrics = gateway.browser().ask(&(gateway.plan.internal() + "/metrics"), &[]).await;
        if metrics.body.contains(r#"gatehouse_spans_total{outcome="failed"} 2"#) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody counts what the collector refuses");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_traces_is_recorded_and_a_trusted_proxy_decides_before() {
    let collector = Collector::start(200).await;
    let more = exporting(collector.port) + "sample_ratio = 0\nservice_name = \"edge\"\n";
    let mut gateway = start("\"127.0.0.0/8\"", &more).await;
    let seen = traced(&gateway, &[]).await;
    assert!(seen.headers["traceparent"].ends_with("-00"), "{seen:?}");
    let seen = traced(&gateway, &[PARENT]).await;
    assert!(seen.headers["traceparent"].ends_with("-01"), "{seen:?}");
    gateway.stop().await;
    let spans = collector.wait_for(|span| span.kind == "SPAN_KIND_SERVER").await;
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(
        spans.iter().all(|span| span.trace == TRACE && span.resource["service.name"] == "edge")
    );
    assert!(spans.iter().any(|span| span.parent == "00f067aa0ba902b7"), "{spans:?}");
}
