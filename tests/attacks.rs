//! Requests that must not pass: a set of cases from the attacks on other gateways, and those that are made from their classes.
//! They are sent to the gateway that `make attack-target` starts, whose application writes down what reaches it.

mod case;
mod frames;
mod generated;
mod generated_http2;
mod mutants;
mod recorder;
mod target;
mod tomcat;

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

/// A case as it is, and in the words of this gateway: what others call `return_to` is a sealed `flow` here.
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
