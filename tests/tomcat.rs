//! Paths as a real Tomcat reads them, beside what the gateway decides for them. What is decided must hold
//! wherever the request ends.

mod presets;
mod targets;
mod verdict;

use std::{collections::BTreeMap, fmt::Write as _};

use http::Method;

use self::{
    targets::{Dice, KNOWN, hostile, ordinary},
    verdict::{Gateway, Needs, Outcome, RULES, Verdict, compare},
};
use crate::support::{
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    tomcat::{Asker, Mappings, Tomcat},
};

/// What the gateway refuses although Tomcat serves it: each on purpose, as `docs/architecture.md` says.
const REFUSED_ON_PURPOSE: [&str; 8] = [
    // `#` and characters that are no address's: browsers encode them.
    "hyper",
    "target-characters",
    // Bytes that are not UTF-8, in a parameter that Tomcat cuts off.
    "target-encoding",
    // Tomcat takes `%0a`; nobody has such a path.
    "target-encoded-separator",
    // Steps up, and what another server would take for one.
    "target-dot-segment",
    "target-many-readings",
    // One reading in one application, another in the other.
    "target-between-apps",
    // A restriction holds for every reading, and in whichever case.
    "stricter",
];

/// A number that whoever runs the tests may set.
#[expect(
    clippy::disallowed_methods,
    reason = "make soak asks for more, and a seed brings a finding back"
)]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Compares many targets, and tells what was wrong and what was refused.
struct Comparison {
    gateway: Gateway,
    tomcat: Asker,
    wrong: Vec<String>,
    refused: BTreeMap<&'static str, (u64, String)>,
}

impl Comparison {
    fn with(tomcat: &Tomcat) -> Self {
        let tomcat = Asker::of(tomcat);
        Self { gateway: Gateway::new(), tomcat, wrong: Vec::new(), refused: BTreeMap::new() }
    }

    fn look_at(&mut self, sent: &[u8]) {
        let shown = String::from_utf8_lossy(sent).into_owned();
        for with_credentials in [false, true] {
            let (verdict, passed_on) = self.gateway.decide(&Method::GET, sent, with_credentials);
            let refused = matches!(verdict, Verdict::Refused(_));
            let target = if refused { sent } else { passed_on.as_bytes() };
            let reached = self.tomcat.ask(target);
            match compare(&verdict, &reached, with_credentials) {
                Outcome::Agreed => {}
                Outcome::TooMuch => self.wrong.push(format!("{shown}: {verdict:?}, {reached:?}")),
                Outcome::TooLittle(why) => {
                    self.refused.entry(why).or_insert((0, shown.clone())).0 += 1;
                }
            }
        }
    }

    /// The findings, and how much is refused that Tomcat would serve.
    fn report(&self) -> String {
        let mut report = self.wrong[..self.wrong.len().min(50)].join("\n");
        for (why, (count, example)) in &self.refused {
            let _ = write!(report, "\n{why}: {count} such as {example}");
        }
        report
    }
}

#[test]
fn whatever_tomcat_makes_of_a_path_nobody_gets_further_than_the_rules_say() {
    let (count, seed) = (setting("TOMCAT_TARGETS", 5000), setting("TOMCAT_SEED", 1));
    let tomcat = Tomcat::start(Mappings::Directories);
    let mut comparison = Comparison::with(&tomcat);
    KNOWN.iter().for_each(|target| comparison.look_at(target.as_bytes()));
    let mut dice = Dice::new(seed);
    for _ in 0..count {
        comparison.look_at(&hostile(&mut dice));
    }
    eprintln!("{count} targets, TOMCAT_SEED={seed}\n{}", comparison.report());
    assert!(comparison.wrong.is_empty(), "TOMCAT_SEED={seed}\n{}", comparison.report());
    let classes = comparison.refused.keys();
    let unknown: Vec<_> = classes.filter(|class| !REFUSED_ON_PURPOSE.contains(class)).collect();
    assert!(unknown.is_empty(), "refused without a reason: {unknown:?}\n{}", comparison.report());
}

/// A gateway in front of Tomcat, with the rules of the comparison.
async fn gateway_before(tomcat: &Tomcat, kdc: &Kdc) -> TestGateway {
    let app = |path: &str, name: &str| {
        format!(
            "[[app]]\nname = \"{name}\"\nurl = \"https://tools.localhost{path}\"\n\
             upstream = \"http://127.0.0.1:{}\"\n{}",
            tomcat.port,
            RULES.replace("{app}", path)
        )
    };
    let more = [app("", "root"), app("/jira", "below")].concat();
    Plan::new().with_tickets(&kdc.keytab()).with(&more).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_gateway_passes_on_what_was_decided_and_every_byte_of_it() {
    let (tomcat, kdc) =
        (Tomcat::start(Mappings::Directories), Kdc::start(&["HTTP/login.localhost"]));
    let gateway = gateway_before(&tomcat, &kdc).await;
    let asking = tokio::task::spawn_blocking(move || {
        let (expected, mut asker) = (Gateway::new(), Asker::through(&gateway));
        let mut dice = Dice::new(setting("TOMCAT_SEED", 1));
        let mut made_up: Vec<_> = (0..400).map(|_| hostile(&mut dice)).collect();
        made_up.extend((0..400).map(|_| ordinary(&mut dice).into_bytes()));
        let (mut passed, known) = (0, KNOWN.iter().map(String::as_bytes));
        for sent in known.chain(made_up.iter().map(Vec::as_slice)) {
            let reached = asker.ask(sent);
            let (verdict, _) = expected.decide(&Method::GET, sent, false);
            let shown = format!("{}: {verdict:?}, {reached:?}", String::from_utf8_lossy(sent));
            match verdict {
                Verdict::Refused(_) => assert!((400..500).contains(&reached.status), "{shown}"),
                Verdict::Passed { needs: Needs::Nothing, .. } => {
                    passed += u32::from(reached.status == 200);
                }
                Verdict::Passed { needs: Needs::Closed, .. } => {
                    assert_eq!(reached.status, 403, "{shown}");
                }
                Verdict::Passed { .. } => assert_eq!(reached.status, 401, "{shown}"),
            }
            let is_open = matches!(verdict, Verdict::Passed { needs: Needs::Nothing, .. });
            assert!(is_open || reached.servlet.is_empty(), "{shown}");
        }
        assert!(passed > 100, "{passed} reached Tomcat, unchanged");
    });
    asking.await.unwrap();
}

#[test]
fn ordinary_paths_need_exactly_what_the_rules_say() {
    let tomcat = Tomcat::start(Mappings::Directories);
    let mut comparison = Comparison::with(&tomcat);
    let mut dice = Dice::new(setting("TOMCAT_SEED", 1));
    for _ in 0..2000 {
        comparison.look_at(ordinary(&mut dice).as_bytes());
    }
    assert!(comparison.wrong.is_empty(), "{}", comparison.report());
    assert!(comparison.refused.is_empty(), "{}", comparison.report());
}
