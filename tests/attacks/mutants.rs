//! Gateways that are broken, to see that every case can fail.

use std::collections::BTreeMap;

use super::{
    case::{Case, bytes, cases, substitute},
    recorder::{self, Recorded},
    target::{Answer, Places},
};

fn places() -> Places {
    let place = |name: &str| name.to_owned();
    Places {
        gateway: place("127.0.0.1:1"),
        tls: place("127.0.0.1:2"),
        host: place("sso.test"),
        ca: "ca.pem".into(),
        session_alice: place("gatehouse-session=alice"),
        session_root: place("gatehouse-session=root"),
        id_user: place("X-Forwarded-User"),
        id_email: place("X-Forwarded-Email"),
        id_name: place("X-Forwarded-Name"),
        id_groups: place("X-Forwarded-Groups"),
        id_jwt: place("X-Gatehouse-Assertion"),
        pfx: place("/_gatehouse"),
        metrics: place("http://127.0.0.1:3/metrics"),
        tls_metrics: place("http://127.0.0.1:4/metrics"),
        log: "log".into(),
    }
}

fn answer(text: &str) -> Answer {
    Answer { text: text.to_owned(), closed: false }
}

/// Passes on every byte as it came.
fn passes_all_on(raw: &[u8]) -> (Answer, Vec<Recorded>) {
    let (mut rest, mut reached) = (raw, Vec::new());
    while let Some((request, length)) = recorder::parse(rest) {
        reached.push(request);
        rest = &rest[length..];
    }
    if reached.is_empty() || !rest.is_empty() {
        let text = recorder::latin1(rest);
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        reached.push(Recorded { method, target, headers: Vec::new(), raw: text });
    }
    (answer("HTTP/1.1 200 OK\r\n\r\nok"), reached)
}

/// Is led by whatever a request says, and tells everybody everything.
fn believes_all(raw: &[u8]) -> (Answer, Vec<Recorded>) {
    let text = recorder::latin1(raw);
    let headers = [
        ("X_Forwarded_User", "evil"),
        ("X-Forwarded-Email", "admin@corp"),
        ("Authorization", "Negotiate YII="),
        ("Keep-Alive", "1"),
        ("TE", "1"),
        ("Trailer", "1"),
        ("HTTP2-Settings", "1"),
        ("Proxy", "1"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let method = "GET".to_owned();
    let raw = format!("{text}: evil\r\nFor: 10.0.0.1, 10.1.1.1");
    let request = Recorded { method, target: "/admin/smuggled".to_owned(), headers, raw };
    let said = "HTTP/1.1 302 Found\r\nLocation: https://evil.example:1337/\r\n\r\nroot:x:0";
    (answer(said), vec![request.clone(), request])
}

/// Falls over.
fn falls_over(_: &[u8]) -> (Answer, Vec<Recorded>) {
    (answer("HTTP/1.1 500 Internal Server Error\r\n\r\n"), Vec::new())
}

type Mutant = fn(&[u8]) -> (Answer, Vec<Recorded>);

fn fails(case: &Case, mutant: Mutant, places: &Places) -> bool {
    let raw = case.raw.clone().unwrap_or_default();
    let (answer, reached) = mutant(&bytes(&substitute(&raw, &case.auth, places)));
    !case.problems(&answer, &reached, places).is_empty()
}

#[test]
fn every_case_can_fail() {
    let places = places();
    let mutants: [Mutant; 3] = [passes_all_on, believes_all, falls_over];
    let never = |case: &Case| !mutants.iter().any(|mutant| fails(case, *mutant, &places));
    let never: Vec<_> = cases().into_iter().filter(never).map(|case| case.id).collect();
    // SSO-013 is about the log; the test that sends it looks into the log.
    assert_eq!(never, ["SSO-013"]);
}

#[test]
fn a_gateway_that_passes_everything_on_fails_in_every_class_about_the_application() {
    let places = places();
    let mut failed = BTreeMap::<String, usize>::new();
    for case in cases() {
        let count = failed.entry(case.class.clone()).or_default();
        *count += usize::from(fails(&case, passes_all_on, &places));
    }
    // These are about the gateway's own answers, about HTTP/2, or about what has to get through.
    let others = ["upstream-ssrf", "http2", "limits", "open-redirect"];
    failed.retain(|class, count| *count == 0 && !others.contains(&class.as_str()));
    assert!(failed.is_empty(), "{failed:?}");
}
