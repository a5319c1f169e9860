//! What the gateway decides for a target beside what Tomcat makes of it.

use std::net::{IpAddr, Ipv4Addr};

use gatehouse::{
    config::{AppConfig, AppKind, RuleConfig},
    http::Sites,
    policy::{Asked, Decision, Readings, Rules},
};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde::Deserialize;

use crate::support::tomcat::Reached;

/// Rules as an administrator would write them for these servlets; `{app}` is where the application is.
pub const RULES: &str = r#"
rule = [
    { path = "{app}/closed/*", decision = "deny" },
    { path = "{app}/admin/*", decision = "login", groups = ["administrators"] },
    { path = "{app}/secure/admin/*", decision = "login", groups = ["administrators"] },
    { path = "{app}/status", methods = ["GET"], decision = "pass" },
    { path = "{app}/public/*", decision = "optional" },
    { path = "{app}/s/*", decision = "pass" },
    { path = "{app}/download/*", decision = "pass" },
    { path = "{app}/plugins/servlet/oauth/*", decision = "pass" },
    { path = "{app}/rest/*", decision = "pass", with_credentials = true },
]
"#;

/// What somebody needs to get somewhere. The later, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    Nothing,
    Login,
    Group,
    /// Nothing helps.
    Closed,
}

impl Needs {
    /// What the rules want of whoever reaches a servlet.
    pub fn of_servlet(servlet: &str, with_credentials: bool) -> Self {
        match servlet {
            "status" | "public" | "statics" | "download" | "oauth" => Self::Nothing,
            "rest" if with_credentials => Self::Nothing,
            "rest" | "secure" | "jspa" | "action" | "default" => Self::Login,
            "admin" | "secure-admin" => Self::Group,
            "closed" => Self::Closed,
            other => panic!("no servlet is called {other:?}"),
        }
    }
}

/// What the gateway does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not passed on, whoever sent it.
    Refused(&'static str),
    /// It is passed on to an application, to whoever has what it needs.
    Passed { app: String, needs: Needs },
}

/// A gateway's decisions for an application at the root of a host, and one at `/jira`.
pub struct Gateway {
    sites: Sites,
    rules: [Rules; 2],
}

/// Where the second application is.
const APPS: [&str; 2] = ["", "/jira"];

impl Gateway {
    pub fn new() -> Self {
        Self::with(APPS.map(rules))
    }

    /// With the rules that applications of a kind bring along.
    pub fn with_preset_of(kind: AppKind) -> Self {
        Self::with(APPS.map(|app| preset_rules(app, kind)))
    }

    fn with(rules: [Rules; 2]) -> Self {
        let url = |path: &str| format!("https://tools.localhost{path}").parse().unwrap();
        let urls = APPS.map(url);
        let sites = Sites::new(&url(""), APPS.into_iter().zip(&urls));
        Self { sites, rules }
    }

    /// What is decided, and the target as it would be passed on.
    pub fn decide(
        &self,
        method: &Method,
        sent: &[u8],
        with_credentials: bool,
    ) -> (Verdict, String) {
        let refused = |why| (Verdict::Refused(why), String::new());
        // As hyper reads it, which cuts a fragment off.
        let Some(target) = Uri::try_from(sent).ok().and_then(|uri| uri.into_parts().path_and_query)
        else {
            return refused("hyper");
        };
        let target = target.as_str().to_owned();
        let readings = match Readings::of(&target) {
            Ok(readings) => readings,
            Err(problem) => return refused(problem.code()),
        };
        let site = self.sites.login();
        let mut places = readings.iter().map(|path| self.sites.find_place(site, path));
        let Some((app, _)) = places.next().flatten() else { return refused("target-nowhere") };
        if places.any(|place| place.map(|(found, _)| found) != Some(app)) {
            return refused("target-between-apps");
        }
        let needs = needs(&self.rules[app], method, &readings, with_credentials);
        (Verdict::Passed { app: APPS[app].to_owned(), needs }, target.clone())
    }
}

fn rules(app: &str) -> Rules {
    #[derive(Deserialize)]
    struct File {
        rule: Vec<RuleConfig>,
    }
    let file: File = toml::from_str(&RULES.replace("{app}", app)).unwrap();
    Rules::compile(&file.rule).unwrap()
}

fn preset_rules(app: &str, kind: AppKind) -> Rules {
    let kind = kind.as_str();
    let app: AppConfig = toml::from_str(&format!(
        "name = \"app\"\nkind = \"{kind}\"\nurl = \"https://tools.localhost{app}\"\n\
         upstream = \"http://127.0.0.1\""
    ))
    .unwrap();
    Rules::of(&app).unwrap()
}

fn needs(rules: &Rules, method: &Method, readings: &Readings<'_>, with_credentials: bool) -> Needs {
    let mut headers = HeaderMap::new();
    if with_credentials {
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    }
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let decided = rules.decide(&Asked { method, readings, client, headers: &headers });
    match decided.decision {
        Decision::Pass | Decision::Optional => Needs::Nothing,
        Decision::Login if decided.groups().next().is_none() => Needs::Login,
        Decision::Login => Needs::Group,
        Decision::Deny => Needs::Closed,
    }
}

/// What the two make of a request between them.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They agree, or neither serves it.
    Agreed,
    /// Somebody gets to where the rules do not let them. The gateway is wrong.
    TooMuch,
    /// Tomcat would serve it to whoever has less, or to anybody. Safe, but somebody may miss it.
    TooLittle(&'static str),
}

/// Compares a verdict with where the request has ended, or would have.
pub fn compare(verdict: &Verdict, reached: &Reached, with_credentials: bool) -> Outcome {
    if reached.servlet.is_empty() {
        return Outcome::Agreed;
    }
    let wanted = Needs::of_servlet(&reached.servlet, with_credentials);
    match verdict {
        Verdict::Refused(why) => Outcome::TooLittle(why),
        Verdict::Passed { app, .. } if *app != reached.app => Outcome::TooMuch,
        Verdict::Passed { needs, .. } if *needs < wanted => Outcome::TooMuch,
        Verdict::Passed { needs, .. } if *needs > wanted => Outcome::TooLittle("stricter"),
        Verdict::Passed { .. } => Outcome::Agreed,
    }
}
