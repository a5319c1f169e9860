//! What holds for all rules and all requests.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn paths() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "/*",
        "/a",
        "/a/*",
        "/a/*/b",
        "/**/b",
        "/b*/*",
        "/A/*",
        "/s/**/_/*",
        "/s/*",
        "/b/c",
    ])
    .prop_map(str::to_owned)
}

prop_compose! {
    fn rules_of_all_kinds()(
        path in prop::collection::vec(paths(), 1..3),
        decision in prop::sample::select(vec![
            DecisionConfig::Login, DecisionConfig::Optional, DecisionConfig::Pass, DecisionConfig::Deny,
        ]),
        post in prop::bool::weighted(0.1),
        header in prop::sample::select(vec![None, Some("x-one"), Some("x-two"), Some("user-agent")]),
        with_credentials: bool,
        groups in prop::sample::subsequence(vec!["g1", "g2"], 0..2),
        ways in prop::sample::subsequence(vec!["kerberos", "corp", "partner"], 0..3),
    ) -> RuleConfig {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let (login, pass) = (decision == DecisionConfig::Login, decision == DecisionConfig::Pass);
        let strict = login || decision == DecisionConfig::Deny;
        let header = header.filter(|_| strict);
        RuleConfig {
            path,
            methods: if post { owned(vec!["POST"]) } else { Vec::new() },
            headers: header
                .map(|name| HeaderConfig { name: name.to_owned(), value: None })
                .into_iter()
                .collect(),
            with_credentials: with_credentials && pass,
            groups: if login { owned(groups) } else { Vec::new() },
            sign_in_with: if login { owned(ways) } else { Vec::new() },
            ..RuleConfig::new(decision, &[])
        }
    }
}

fn targets() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec!["a", "b", "A", "s", "_", "c", "b;x", "%61", "", "ä"]);
    prop::collection::vec(words, 0..6)
        .prop_map(|words| format!("/{}", words.join("/")).replace('ä', "%C3%A4"))
}

fn headers(names: &[&'static str]) -> HeaderMap {
    let value = HeaderValue::from_static("Basic YTpi");
    names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect()
}

/// Everybody who could ask.
fn askers() -> Vec<(&'static str, Option<Vec<String>>)> {
    let groups = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let all = [None, groups(&[]), groups(&["g1"]), groups(&["g2"]), groups(&["g1", "g2"])];
    let ways = ["kerberos", "corp", "partner"];
    ways.iter().flat_map(|way| all.iter().map(|groups| (*way, groups.clone()))).collect()
}

/// What becomes of a request, for everybody who could ask.
fn verdicts(decided: &Decided<'_>) -> Vec<Verdict> {
    let user = |(way, groups): &(&'static str, Option<Vec<String>>)| {
        decided.judge(Asker::User { signed_in_with: way, groups: groups.as_deref() })
    };
    let nobody = std::iter::once(decided.judge(Asker::Nobody));
    nobody.chain(askers().iter().map(user)).collect()
}

proptest! {
    // Most requests meet no rule for a header in front of a stricter one.
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn another_header_never_makes_a_decision_laxer(
        rules in prop::collection::vec(rules_of_all_kinds(), 0..5),
        target in targets(),
        before in prop::sample::subsequence(vec!["x-one", "x-two", "user-agent", "authorization"], 0..4),
        more in prop::sample::select(vec!["x-one", "x-two", "user-agent", "connection", "cookie"]),
    ) {
        let rules = Rules::compile(&rules).unwrap();
        let Ok(readings) = Readings::of(&target) else {
            return Ok(());
        };
        let client = "192.0.2.1".parse().unwrap();
        let without = headers(&before);
        let with = headers(&[&before[..], &[more]].concat());
        let method = Method::GET;
        let asked = Asked { method: &method, readings: &readings, client, headers: &without };
        let first = rules.decide(&asked);
        let second = rules.decide(&Asked { headers: &with, ..asked });
        prop_assert!(second.decision >= first.decision, "{:?} {:?}", first, second);
        for (one, two) in verdicts(&first).into_iter().zip(verdicts(&second)) {
            prop_assert!(one == Verdict::Forward || two != Verdict::Forward, "{:?} {:?}", first, second);
        }
    }

    #[test]
    fn what_passes_is_exempted_in_every_reading(
        rules in prop::collection::vec(rules_of_all_kinds(), 0..5),
        target in targets(),
        said in prop::sample::subsequence(vec!["x-one", "authorization"], 0..2),
    ) {
        let configs = rules;
        let rules = Rules::compile(&configs).unwrap();
        let Ok(readings) = Readings::of(&target) else {
            return Ok(());
        };
        let (client, headers) = ("192.0.2.1".parse().unwrap(), headers(&said));
        let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
        if rules.decide(&asked).decision == Decision::Pass {
            for path in readings.iter() {
                let passes = configs.iter().any(|rule| {
                    let covers = |text: &String| {
                        Pattern::compile(text, Case::Exact).unwrap().matches(path, path)
                    };
                    rule.decision == DecisionConfig::Pass && rule.path.iter().any(covers)
                });
                prop_assert!(passes, "{} of {}", path, target);
            }
        }
    }
}
