//! Requests that must not pass: a set of cases from the attacks on other gateways, and those that are
//! made from their classes. They are sent to the gateway that `make attack-target` starts, whose
//! application writes down what reaches it.

mod case;
pub mod frames;
mod generated;
mod generated_http2;
mod mutants;
mod recorder;
mod target;
mod tomcat;

use crate::support::{curl::FOLLOW, gateway::Plan, kdc::Kdc};

use self::{
    case::{Case, bytes, cases, identities, substitute},
    frames::{CONTINUATION, END_STREAM, End, HEADERS, Http2},
    target::Target,
};

#[test]
fn no_case_gets_further_than_it_must() {
    let (target, _alone) = Target::start();
    let mut problems = Vec::new();
    let mut count = 0;
    for case in cases() {
        let Some(raw) = &case.raw else { continue };
        for raw in in_our_words(&case, raw) {
            let raw = substitute(&raw, &case.auth, &target.places);
            let (answer, reached) = target.send(&bytes(&raw));
            count += 1;
            for problem in case.problems(&answer, &reached, &target.places) {
                problems.push(format!("{}: {problem}\n  {raw:?}", case.id));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(count > 270, "{count}");
    let log = std::fs::read_to_string(&target.places.log).unwrap();
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "a request writes into the log");
    assert!(log.lines().all(|line| !line.starts_with("fake")), "a request writes lines of the log");
}

/// A case as it is, and in the words of this gateway: what others call `return_to` is a sealed `flow`
/// here.
fn in_our_words(case: &Case, raw: &str) -> Vec<String> {
    let mut raws = vec![raw.to_owned()];
    if case.class == "open-redirect" {
        raws.push(raw.replace("return_to=", "flow="));
    }
    raws
}

#[test]
fn no_case_over_http2_gets_further_than_it_must() {
    let (target, _alone) = Target::start();
    for case in cases() {
        let Some(pairs) = &case.h2 else { continue };
        let own = |text: &String| substitute(text, &case.auth, &target.places);
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (own(name), own(value))).collect();
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut http2 = Http2::connect(&target.places);
        http2.ask(1, &pairs).unwrap();
        let end = http2.end_of(1);
        let reached = target.reached();
        let problems = case.problems(&target::Answer::default(), &reached, &target.places);
        assert!(problems.is_empty(), "{}: {problems:?}", case.id);

        if case.auth == "alice" {
            assert_eq!(end, End::Status(200), "{}", case.id);
            let request = &reached[0];
            assert_eq!(request.values("cookie"), ["JSESSIONID=a"]);
            assert!(identities(request, &target.places).iter().any(|(_, value)| value == "alice"));
        } else {
            assert!(reached.is_empty(), "{}: {reached:?}", case.id);
            let refused = [End::Reset, End::Closed, End::Status(400), End::Status(405)];
            assert!(refused.contains(&end), "{}: {end:?}", case.id);
        }
    }
}

/// H2-015, which has no words for its frames.
#[test]
fn a_flood_of_continuations_ends_the_connection() {
    let (target, _alone) = Target::start();
    let mut http2 = Http2::connect(&target.places);
    let mut sent = http2.send(HEADERS, END_STREAM, 1, &frames::block(&[(":method", "GET")]));
    let more = frames::block(&[("x-more", &"y".repeat(8000))]);
    let mut frames = 0;
    while sent.is_ok() && frames < 10_000 {
        sent = http2.send(CONTINUATION, 0, 1, &more);
        frames += 1;
    }
    assert!(frames < 10_000, "the gateway takes 80 MB of header");
    assert!(target.reached().is_empty());
}

/// What others take as a parameter is the address itself here: whoever asks for a strange one without
/// a session comes back to that very one after the login, or to the application's start page, but to
/// no other site.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_to_no_other_site_whatever_was_asked_for() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    let login = alice.cookie("login.localhost", "__Host-gatehouse-login").unwrap();

    let mut came_back = 0;
    for asked in return_targets() {
        // She is signed in at the login host, and new at the application's.
        let browser = gateway.browser();
        browser.set_cookie("login.localhost", "__Host-gatehouse-login", &login);
        let url = format!("{}/{}", gateway.jira(), asked.trim_start_matches('/'));
        for url in [url, format!("{}{asked}", gateway.jira() + "/")] {
            let answer = browser.get(&url, &["-L"]).await;
            let locations = answer.heads.lines().filter_map(|line| line.strip_prefix("location: "));
            for location in locations.map(str::trim) {
                let ours = [gateway.jira(), gateway.login()];
                let is_ours = |origin: &String| location.starts_with(&format!("{origin}/"));
                assert!(ours.iter().any(is_ours), "{url} leads to {location}");
            }
            came_back += usize::from(answer.status == 200 && answer.url == url);
        }
    }
    assert!(came_back > 10, "hardly any of them leads through a login: {came_back}");
}

/// What the cases want to be sent to, as an address may have it.
fn return_targets() -> Vec<String> {
    let of_case = |case: Case| {
        let raw = case.raw?.replace("{{HOST}}", "jira.localhost").replace("{{PFX}}", "/_gatehouse");
        let (_, value) = raw.split(' ').nth(1)?.split_once("return_to=")?;
        let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        let plain = |c: char| c.is_ascii_graphic() && !"#?%[]{}".contains(c);
        let encode =
            |c: char| if plain(c) { c.to_string() } else { format!("%{:02x}", u32::from(c)) };
        Some(decoded.chars().map(encode).collect())
    };
    cases().into_iter().filter(|case| case.class == "open-redirect").filter_map(of_case).collect()
}
