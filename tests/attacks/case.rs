//! A case of `tests/data/http/cases.jsonl`: bytes that are sent, and what must and must not come of it.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use super::{
    recorder::{Recorded, fold},
    target::{Answer, Places},
    tomcat,
};

#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub id: String,
    pub class: String,
    pub auth: String,
    /// Latin-1, with placeholders.
    pub raw: Option<String>,
    pub h2: Option<Vec<(String, String)>>,
    pub expect: Expect,
}

/// The file's first line says what each of them means. One that nobody checks must not be in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the file has them so")]
pub struct Expect {
    status_in: Vec<u16>,
    no_upstream: bool,
    upstream_max: Option<usize>,
    upstream_tomcat_path_not: Option<String>,
    upstream_tomcat_path: Option<String>,
    upstream_target: Option<String>,
    upstream_connection_not: Option<String>,
    upstream_header_absent: Vec<String>,
    upstream_header_equals: BTreeMap<String, String>,
    upstream_raw: Option<String>,
    upstream_raw_not: Option<String>,
    no_identity: bool,
    identity: Option<String>,
    one_principal: bool,
    second_no_identity: bool,
    location_not: Option<String>,
    body_not: Option<String>,
    set_cookie_not: Option<String>,
    responses_max: Option<usize>,
    closed: bool,
}

/// All cases, without the line about the configuration.
pub fn cases() -> Vec<Case> {
    let lines = include_str!("../data/http/cases.jsonl").lines().skip(1);
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts in what placeholders stand for, in a case of this user.
pub fn substitute(text: &str, auth: &str, places: &Places) -> String {
    let session = match auth {
        "alice" => places.session_alice.as_str(),
        "root" => places.session_root.as_str(),
        _ => "",
    };
    let named = if session.is_empty() { &places.session_alice } else { session };
    let (name, value) = named.split_once('=').unwrap();
    let cookie = if session.is_empty() { String::new() } else { format!("Cookie: {session}\r\n") };
    let user = &places.id_user;
    let (front, back) = user.rsplit_once('-').unwrap();
    let pairs = [
        ("HOST", places.host.clone()),
        ("HOST_UPPER", format!("{}.", places.host.to_uppercase())),
        ("COOKIE", cookie),
        ("SESSION", named.to_owned()),
        ("SESSION_NAME", name.to_owned()),
        ("SESSION_VALUE", value.to_owned()),
        ("PFX", places.pfx.clone()),
        ("ID_USER", user.clone()),
        ("ID_EMAIL", places.id_email.clone()),
        ("ID_NAME", places.id_name.clone()),
        ("ID_GROUPS", places.id_groups.clone()),
        ("ID_JWT", places.id_jwt.clone()),
        ("id_user_lower", user.to_lowercase()),
        ("id_user_us", user.replace('-', "_")),
        ("id_user_us1", format!("{front}_{back}")),
        ("id_user_dot", user.replace('-', ".")),
        ("id_user_tilde", user.replace('-', "~")),
        ("id_user_bang", user.replace('-', "!")),
        ("id_groups_us", places.id_groups.replace('-', "_")),
        ("id_jwt_us", places.id_jwt.replace('-', "_")),
    ];
    let mut text = text.to_owned();
    for (name, value) in pairs {
        text = text.replace(&format!("{{{{{name}}}}}"), &value);
    }
    let repeated = Regex::new(r"\{\{REP:(.):(\d+)\}\}").unwrap();
    let text = repeated.replace_all(&text, |found: &regex::Captures<'_>| {
        found[1].repeat(found[2].parse().unwrap())
    });
    assert!(!text.contains("{{"), "an unknown placeholder: {text}");
    text.into_owned()
}

/// Latin-1 text as bytes.
pub fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// The headers of a request that tell an identity, under whichever name folds to one of ours.
pub fn identities<'a>(request: &'a Recorded, places: &Places) -> Vec<&'a (String, String)> {
    let Places { id_user, id_email, id_name, id_groups, id_jwt, .. } = places;
    let ours = [id_user, id_email, id_name, id_groups, id_jwt].map(|name| fold(name));
    request.headers.iter().filter(|(name, _)| ours.contains(&fold(name))).collect()
}

impl Case {
    /// Everything that is wrong with what came of it.
    pub fn problems(&self, answer: &Answer, reached: &[Recorded], places: &Places) -> Vec<String> {
        let mut problems = self.problems_of_answer(answer, places);
        problems.extend(self.problems_of_paths(reached, places));
        problems.extend(self.problems_of_headers(reached, places));
        problems.extend(self.problems_of_identity(reached, places));
        problems
    }

    fn problems_of_answer(&self, answer: &Answer, places: &Places) -> Vec<String> {
        let expect = &self.expect;
        let statuses = answer.statuses();
        let mut problems = Vec::new();
        let first = statuses.first();
        let silent_is_good = !expect.status_in.contains(&200) || expect.status_in.contains(&400);
        let good = first.map_or(silent_is_good, |status| expect.status_in.contains(status));
        if !expect.status_in.is_empty() && !good {
            problems.push(format!("status {first:?} is none of {:?}", expect.status_in));
        }
        for location in answer.headers("location") {
            if matches(expect.location_not.as_ref(), location) {
                problems.push(format!("Location: {location}"));
            }
        }
        let body = answer.text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        if matches(expect.body_not.as_ref(), body) {
            problems.push(format!("the body has {:?}", expect.body_not));
        }
        if let Some(name) = &expect.set_cookie_not {
            let evil = format!("{}=evil", substitute(name, &self.auth, places));
            let set = answer.headers("set-cookie");
            problems.extend(
                set.iter().filter(|set| set.starts_with(&evil)).map(|set| (*set).to_owned()),
            );
        }
        if expect.responses_max.is_some_and(|max| statuses.len() > max) {
            problems.push(format!("{} answers", statuses.len()));
        }
        if expect.closed && !answer.closed {
            problems.push("the connection is still open".to_owned());
        }
        problems
    }

    fn problems_of_paths(&self, reached: &[Recorded], places: &Places) -> Vec<String> {
        let expect = &self.expect;
        let mut problems = Vec::new();
        let max = if expect.no_upstream { Some(0) } else { expect.upstream_max };
        if max.is_some_and(|max| reached.len() > max) {
            let lines: Vec<_> =
                reached.iter().map(|r| format!("{} {}", r.method, r.target)).collect();
            problems.push(format!("reached the application: {lines:?}"));
        }
        let views: Vec<_> =
            reached.iter().flat_map(|request| tomcat::views(&request.target)).collect();
        for view in &views {
            if matches(expect.upstream_tomcat_path_not.as_ref(), view) {
                problems.push(format!("the application would serve {view}"));
            }
        }
        if let Some(path) = &expect.upstream_tomcat_path
            && !views.iter().any(|view| matches(Some(path), view))
        {
            problems.push(format!("nothing that matches {path} in {views:?}"));
        }
        if let Some(target) = &expect.upstream_target {
            let target = substitute(target, &self.auth, places);
            if !reached.iter().any(|request| request.target == target) {
                problems.push(format!("{target} did not arrive as it is"));
            }
        }
        problems
    }

    fn problems_of_headers(&self, reached: &[Recorded], places: &Places) -> Vec<String> {
        let expect = &self.expect;
        let own = |text: &String| substitute(text, &self.auth, places);
        let mut problems = Vec::new();
        for request in reached {
            for name in &expect.upstream_header_absent {
                if !request.values(name).is_empty() {
                    problems.push(format!("{name} was passed on"));
                }
            }
            for (name, value) in &expect.upstream_header_equals {
                let (name, value) = (own(name), own(value));
                if request.values(&fold(&name)) != [value.as_str()] {
                    problems.push(format!("{name} is not {value}"));
                }
            }
            if let Some(option) = &expect.upstream_connection_not {
                let options = request.values("connection").join(",");
                let mut options = options.split(',').map(str::trim);
                if options.any(|found| found.eq_ignore_ascii_case(&own(option))) {
                    problems.push(format!("Connection: {option} was passed on"));
                }
            }
            if matches(expect.upstream_raw_not.as_ref().map(own).as_ref(), &request.raw) {
                problems.push(format!("the application gets {:?}", expect.upstream_raw_not));
            }
        }
        if let Some(raw) = expect.upstream_raw.as_ref().map(own)
            && !reached.iter().any(|request| matches(Some(&raw), &request.raw))
        {
            problems.push(format!("the application does not get {raw}"));
        }
        problems
    }

    fn problems_of_identity(&self, reached: &[Recorded], places: &Places) -> Vec<String> {
        let expect = &self.expect;
        let mut problems = Vec::new();
        for request in reached {
            let told = identities(request, places);
            let public = expect.second_no_identity && request.target.starts_with("/public");
            if (expect.no_identity || public) && !told.is_empty() {
                problems.push(format!("the application is told {told:?}"));
            }
            let credentials = request.values("authorization");
            if expect.one_principal && !credentials.is_empty() && !told.is_empty() {
                problems.push("two say who it is".to_owned());
            }
            let consumed = |value: &&str| value.to_lowercase().starts_with("negotiate");
            if expect.one_principal && credentials.iter().any(consumed) {
                problems.push("a ticket was passed on".to_owned());
            }
        }
        if let Some(name) = &expect.identity {
            let user = fold(&places.id_user);
            let told = reached.first().map(|request| {
                let all = request.headers.iter().filter(|(name, _)| fold(name) == user);
                all.map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
            });
            if told != Some(vec![(places.id_user.to_lowercase(), name.clone())]) {
                problems.push(format!("the user is told as {told:?}, not {name}"));
            }
        }
        problems
    }
}

fn matches(pattern: Option<&String>, text: &str) -> bool {
    pattern.is_some_and(|pattern| is_match(pattern, text))
}

/// With Python's `(?!…)` at the end, which this crate does not have: what begins so, but does not go
/// on like that.
fn is_match(pattern: &str, text: &str) -> bool {
    let is_match = |pattern: &str| Regex::new(pattern).unwrap().is_match(text);
    match pattern.split_once("(?!") {
        None => is_match(pattern),
        Some((start, rest)) => {
            let other = rest.strip_suffix(')').unwrap();
            is_match(start) && !is_match(&format!("{start}(?:{other})"))
        }
    }
}
