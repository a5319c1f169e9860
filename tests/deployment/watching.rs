//! The dashboard and the alert rules: they speak of what the gateway counts, and of nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Arc, LazyLock},
};

use chrono::DateTime;
use gatehouse::telemetry::{
    AlarmLabels, AppLabels, LeftOutLabels, LoginMethod, LoginOutcome, LoopLabels, Metrics,
    RequestLabels, RunCounts, SpanLabels,
};
use regex::Regex;
use serde_json::{Value, json};

use super::kubernetes::read_yaml;

const RULES: &str = "deploy/prometheus/gatehouse.rules.yaml";

/// What Prometheus itself says of each series.
const OF_EACH_TARGET: [&str; 2] = ["instance", "job"];

/// What `/metrics` shows once everything has been counted.
fn metrics() -> String {
    let metrics = Metrics::default();
    let name: Arc<str> = "name".into();
    let app = || name.clone();
    metrics.count_refused("word");
    metrics.count_login(LoginMethod::saml, LoginOutcome::refused, "word");
    metrics.count_limited("word");
    metrics.count_break_glass(true);
    metrics.count_crowd(app(), "word", "word");
    metrics.count_crowd_sync(&name, "word");
    metrics.count_webhook(&name, "word");
    metrics.count_hint("name", "word");
    metrics.count_panic("word");
    metrics.count_account_wait(&name, "word");
    metrics.count_form("word");
    let request = RequestLabels { app: app(), decision: "word", reason: "word", status: "word" };
    metrics.requests.get_or_create(&request).inc();
    metrics.request_seconds.get_or_create(&AppLabels { app: app() }).observe(1.0);
    metrics.identity_left_out.get_or_create(&LeftOutLabels { app: app(), what: "word" }).inc();
    metrics.spans.get_or_create(&SpanLabels { outcome: "word" }).inc();
    metrics.login_loops.get_or_create(&LoopLabels { app: "name".to_owned() }).inc();
    let upstreams = &metrics.upstreams;
    upstreams.count_turn(&name, &name, true);
    upstreams.count_failure(&name, &name, "word");
    upstreams.count_retry(&name, "word");
    metrics.listening.count_certificate("name", "word");
    metrics.listening.show_certificate("name", DateTime::UNIX_EPOCH, false);
    let connectors = &metrics.connectors;
    let counts = RunCounts { seconds: Some([1.0; 3]), people: 1, ..RunCounts::default() };
    connectors.count_run(&name, "word", &counts);
    connectors.count_questions(&name, &counts);
    connectors.show_connector(&name, Some(1), 1, Some(1));
    connectors.show_alarms([AlarmLabels { alarm: "word", connector: app() }].into_iter());
    connectors.count_delivery("name", "word");
    metrics.render().unwrap()
}

/// The labels of each series.
fn series() -> BTreeMap<String, BTreeSet<String>> {
    let line = Regex::new(r"(?m)^(gatehouse_\w+)(?:\{(.*)\})? \S+$").unwrap();
    let label = Regex::new(r#"(\w+)=""#).unwrap();
    let text = metrics();
    line.captures_iter(&text)
        .map(|found| {
            let labels = found.get(2).map_or("", |labels| labels.as_str());
            let labels = label.captures_iter(labels).map(|it| it[1].to_owned());
            (found[1].to_owned(), labels.chain(OF_EACH_TARGET.map(str::to_owned)).collect())
        })
        .collect()
}

/// A series, and the labels that are asked for.
static SELECTOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(gatehouse_\w+)(?:\{([^}]*)\})?").unwrap());

/// A label, and what it has to say.
static MATCHER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap());

/// The labels that a result is grouped by.
static BY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"by \(([^)]*)\)").unwrap());

/// An expression, and what is made of its labels.
struct Question {
    expression: String,
    says: Vec<String>,
}

fn rules() -> Vec<Question> {
    let rules = read_yaml(RULES)["groups"][0]["rules"].as_array().unwrap().clone();
    let label = Regex::new(r"\$labels\.(\w+)").unwrap();
    let questions = rules.iter().map(|rule| Question {
        expression: rule["expr"].as_str().unwrap().to_owned(),
        says: label
            .captures_iter(&rule["annotations"].to_string())
            .map(|it| it[1].to_owned())
            .collect(),
    });
    questions.collect()
}

fn dashboard() -> Vec<Question> {
    let text = fs::read_to_string("deploy/grafana/gatehouse.json").unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let label = Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let questions = targets.map(|target| Question {
        expression: target["expr"].as_str().unwrap().to_owned(),
        says: label
            .captures_iter(target["legendFormat"].as_str().unwrap())
            .map(|it| it[1].to_owned())
            .collect(),
    });
    questions.collect()
}

impl Question {
    /// Its series with the labels that it asks for, and with what they have to say.
    fn selectors(&self) -> Vec<(String, Vec<(String, String)>)> {
        let found = SELECTOR.captures_iter(&self.expression).map(|found| {
            let matchers = found.get(2).map_or("", |text| text.as_str());
            let matchers = MATCHER.captures_iter(matchers);
            (found[1].to_owned(), matchers.map(|it| (it[1].to_owned(), it[2].to_owned())).collect())
        });
        found.collect()
    }

    /// The labels that are left of its result, if it says so.
    fn grouping(&self) -> BTreeSet<String> {
        let labels = BY.captures_iter(&self.expression).flat_map(|found| {
            found[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>()
        });
        labels.collect()
    }

    /// What it asks that the gateway does not say.
    fn problems(&self, series: &BTreeMap<String, BTreeSet<String>>, source: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut known: BTreeSet<String> = OF_EACH_TARGET.map(str::to_owned).into();
        for (name, matchers) in self.selectors() {
            let Some(labels) = series.get(&name) else {
                problems.push(format!("there is no {name}"));
                continue;
            };
            known.extend(labels.iter().cloned());
            for (label, value) in matchers {
                if !labels.contains(&label) {
                    problems.push(format!("{name} has no label {label}"));
                } else if let Some(word) = unknown_word(&label, &value, source) {
                    problems.push(format!("{name}: {label} is never {word}"));
                }
            }
        }
        let grouping = self.grouping();
        problems
            .extend(grouping.difference(&known).map(|label| format!("by ({label}) of nothing")));
        let left = if grouping.is_empty() { known } else { grouping };
        let unsaid = self.says.iter().filter(|label| !left.contains(*label));
        problems.extend(unsaid.map(|label| format!("its result has no {label}")));
        problems
    }
}

/// A word that a label is compared with, and that the gateway's source does not have.
fn unknown_word(label: &str, value: &str, source: &str) -> Option<String> {
    if OF_EACH_TARGET.contains(&label) || value.starts_with('$') {
        return None;
    }
    let words = value.split('|').map(|word| word.trim_end_matches(".+").to_owned());
    let is_known = |word: &String| {
        source.contains(&format!("\"{word}")) || source.contains(&format!(" {word},"))
    };
    words.into_iter().find(|word| !is_known(word))
}

fn source(place: &Path) -> String {
    if place.is_file() {
        return fs::read_to_string(place).unwrap_or_default();
    }
    fs::read_dir(place).unwrap().map(|entry| source(&entry.unwrap().path())).collect()
}

#[test]
fn what_is_asked_is_what_the_gateway_counts() {
    let (series, source) = (series(), source(Path::new("src")));
    let questions: Vec<_> = rules().into_iter().chain(dashboard()).collect();
    assert!(questions.len() > 40, "{}", questions.len());
    let found: Vec<_> = questions
        .iter()
        .flat_map(|question| {
            let problems = question.problems(&series, &source);
            problems.into_iter().map(|problem| format!("{problem}: {}", question.expression))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn questions_about_nothing_are_found() {
    let (series, source) = (series(), source(Path::new("src")));
    let problems = |expression: &str, says: &[&str]| {
        let says = says.iter().map(|&label| label.to_owned()).collect();
        Question { expression: expression.to_owned(), says }.problems(&series, &source).len()
    };
    assert_eq!(problems("sum by (app) (rate(gatehouse_requests_total[5m]))", &["app"]), 0);
    assert_eq!(problems("rate(gatehouse_request_total[5m])", &[]), 1);
    assert_eq!(problems("gatehouse_requests_total{application=\"a\"}", &[]), 1);
    assert_eq!(problems("gatehouse_alarm_deliveries_total{outcome=\"vanished\"}", &[]), 1);
    assert_eq!(problems("sum by (method) (gatehouse_requests_total)", &[]), 1);
    assert_eq!(problems("sum by (app) (gatehouse_requests_total)", &["reason"]), 1);
}

#[test]
fn the_dashboard_shows_everything_that_is_counted() {
    let shown: BTreeSet<String> =
        dashboard().iter().flat_map(Question::selectors).map(|(name, _)| name).collect();
    for name in series().keys() {
        // A histogram is three.
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_shown =
            shown.iter().any(|other| other == name || stem.is_some_and(|it| other.starts_with(it)));
        assert!(is_shown, "deploy/grafana/gatehouse.json does not show {name}");
    }
}

fn promtool(arguments: &[&str]) -> Output {
    Command::new("promtool").args(arguments).output().unwrap()
}

#[test]
fn alert_rules_are_good_and_fire_when_they_should() {
    for arguments in [
        ["check", "rules", RULES],
        ["test", "rules", "deploy/prometheus/gatehouse.rules.test.yaml"],
    ] {
        let output = promtool(&arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn prometheus_understands_what_the_dashboard_asks() {
    let rules: Vec<_> = dashboard()
        .iter()
        .enumerate()
        .map(|(number, question)| {
            let expression = question.expression.replace("$__rate_interval", "5m");
            json!({"record": format!("panel:{number}"), "expr": expression})
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    let groups = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(file.path(), groups.to_string()).unwrap();
    let output = promtool(&["check", "rules", file.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
