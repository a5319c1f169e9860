//! The presets beside a real Tomcat: whoever passes without a login ends where the preset lets them.

mod plain;

use std::fmt::Write as _;

use gatehouse::config::AppKind;
use http::Method;

use self::plain::PlainRule;
use super::{
    setting,
    targets::{Dice, HOSTILE, disguised, mutate},
    verdict::{Gateway, Needs, Verdict},
};
use crate::support::tomcat::{Asker, Mappings, Reached, Tomcat};

/// Those with presets, and what their pages' addresses end with, in whichever directory.
const KINDS: [(AppKind, &str); 5] = [
    (AppKind::Jira, "jspa"),
    (AppKind::Confluence, "action"),
    (AppKind::Bitbucket, ""),
    (AppKind::Bamboo, "action"),
    (AppKind::Fisheye, "do"),
];

/// What stars stand for: names, and pages that belong elsewhere.
const NAMES: [&str; 16] = [
    "a",
    "api",
    "1.0",
    "batch",
    "admin",
    "s",
    "_",
    "x.css",
    "setup",
    "Admin.jspa",
    "server-info.action",
    "administer.action",
    "x.do",
    "status",
    "rest",
    "info",
];

/// What leads from one path to another, to one reader or another.
const JOINTS: [&str; 12] = [
    "",
    "/",
    "/..;/",
    "/../",
    "/%2e%2e/",
    "/.;/",
    "//",
    "/_/",
    ";/",
    "%2f",
    "/;x=y/",
    "/%252e%252e/",
];

/// What passes without a login, looked at for one kind of application.
struct Comparison {
    gateway: Gateway,
    tomcat: Asker,
    rules: Vec<PlainRule>,
    patterns: Vec<String>,
    /// The servlet of its pages.
    pages: &'static str,
    /// How many requests passed and were served.
    passed: u32,
    wrong: String,
}

impl Comparison {
    fn with((kind, pages): (AppKind, &'static str), tomcat: &Tomcat) -> Self {
        let preset = gatehouse::policy::preset(kind);
        let patterns = preset.iter().flat_map(|rule| rule.path.clone()).collect();
        let rules = preset.iter().map(PlainRule::of).collect();
        let (gateway, tomcat) = (Gateway::with_preset_of(kind), Asker::of(tomcat));
        Self { gateway, tomcat, rules, patterns, pages, passed: 0, wrong: String::new() }
    }

    fn look_at(&mut self, method: &Method, sent: &[u8]) {
        for with_credentials in [false, true] {
            let (verdict, passed_on) = self.gateway.decide(method, sent, with_credentials);
            let Verdict::Passed { app, needs: Needs::Nothing } = verdict else { continue };
            let reached = self.tomcat.ask(passed_on.as_bytes());
            if reached.servlet.is_empty() {
                continue;
            }
            self.passed += 1;
            if app != reached.app || !self.exempts(method, &reached, with_credentials) {
                let shown = String::from_utf8_lossy(sent);
                let _ = writeln!(self.wrong, "{method} {shown} {with_credentials}: {reached:?}");
            }
        }
    }

    /// Whether the preset lets anybody get where a request has ended.
    fn exempts(&self, method: &Method, reached: &Reached, with_credentials: bool) -> bool {
        let mut holding =
            self.rules.iter().filter(|rule| rule.holds(method, &reached.path, with_credentials));
        let page = Some(self.pages).filter(|pages| *pages == reached.servlet);
        holding.next().is_some_and(|rule| rule.exempts(&reached.path, page))
    }

    /// A path of the preset's own, with somebody's changes.
    fn hostile(&self, dice: &mut Dice) -> Vec<u8> {
        let mut target = dice.choose(&["", "", "", "/jira"]).to_owned();
        if dice.happens(20) {
            target.push_str(dice.choose(&["/s/a/_", "/S/a/_", "/s/a/b/_", "/s/a/_/s/b/_"]));
        }
        target.push_str(&self.path(dice));
        if dice.happens(40) {
            target.push_str(dice.choose(&JOINTS));
            target.push_str(self.path(dice).trim_start_matches('/'));
        }
        if dice.happens(20) {
            target = format!("/{}", disguised(&target[1..], dice));
        }
        for _ in 0..dice.below(3) {
            mutate(&mut target, dice);
        }
        target.into_bytes()
    }

    /// A path that one of the preset's patterns matches.
    fn path(&self, dice: &mut Dice) -> String {
        let pattern = &self.patterns[dice.below(self.patterns.len())];
        let mut path = String::new();
        for segment in pattern.split('/').skip(1) {
            let repeated = if segment == "**" || segment == "*" { dice.below(3) } else { 1 };
            for _ in 0..repeated {
                let names: &[&str] = if dice.happens(10) { &HOSTILE } else { &NAMES };
                let name = dice.choose(names);
                path.push('/');
                path.push_str(&segment.replace("**", "*").replace('*', name));
            }
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

#[test]
fn whoever_passes_by_a_preset_ends_where_it_lets_them() {
    let (count, seed) = (setting("TOMCAT_TARGETS", 5000), setting("TOMCAT_SEED", 1));
    let tomcat = Tomcat::start(Mappings::Pages);
    for kind in KINDS {
        let (mut comparison, mut dice) = (Comparison::with(kind, &tomcat), Dice::new(seed));
        for _ in 0..count / 5 {
            let method = dice.choose(&[&Method::GET, &Method::GET, &Method::POST]);
            let target = comparison.hostile(&mut dice);
            comparison.look_at(method, &target);
        }
        let Comparison { passed, wrong, .. } = comparison;
        assert!(wrong.is_empty(), "{kind:?}, TOMCAT_SEED={seed}\n{wrong}");
        assert!(u64::from(passed) > count / 50, "{kind:?}: {passed} of {count} were looked at");
    }
}
