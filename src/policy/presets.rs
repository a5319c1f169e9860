//! Rules that an application of a kind brings along.
//!
//! Every preset has the same shape. Administration and set-up come first, and need a login whatever
//! follows; so do pages, in whichever directory they are asked for. Then come paths that clients with
//! credentials of their own use, and last what everybody may see: the health page, static resources, and the addresses by which applications greet each other.
//! What no rule names needs a login.

mod bamboo;
mod bitbucket;
mod common;
mod confluence;
mod fisheye;
mod jira;

use crate::config::{AppConfig, AppKind, DecisionConfig, RuleConfig};

/// The rules for a kind of application that has its host to itself.
#[must_use]
pub fn preset(kind: AppKind) -> Vec<RuleConfig> {
    match kind {
        AppKind::Jira => jira::rules(),
        AppKind::Confluence => confluence::rules(),
        AppKind::Bitbucket => bitbucket::rules(),
        AppKind::Bamboo => bamboo::rules(),
        AppKind::Fisheye => fisheye::rules(),
        // Of an application that nobody knows, nothing is known to be harmless.
        AppKind::Generic => Vec::new(),
    }
}

/// The rules of an application in the order in which they are asked: its own, then its preset's, below
/// the path that it shares its host by.
#[must_use]
pub fn effective_rules(app: &AppConfig) -> Vec<RuleConfig> {
    let preset = app.preset_kind().map(preset).unwrap_or_default();
    let below = preset.into_iter().map(|rule| below(app.prefix(), rule));
    app.rule.iter().cloned().chain(below).collect()
}

/// The paths of administration and set-up of a kind of application.
pub(super) fn administration(kind: AppKind, prefix: &str) -> Option<RuleConfig> {
    let rule = preset(kind).into_iter().find(|rule| rule.decision == DecisionConfig::Login)?;
    Some(below(prefix, rule))
}

fn below(prefix: &str, rule: RuleConfig) -> RuleConfig {
    let path = rule.path.iter().map(|path| format!("{prefix}{path}")).collect();
    RuleConfig { path, ..rule }
}

/// Needs a login, whatever the request brings.
fn administered(paths: &[&[&str]]) -> RuleConfig {
    let about = "administration and set-up".to_owned();
    RuleConfig { about: Some(about), ..RuleConfig::new(DecisionConfig::Login, &paths.concat()) }
}

/// Needs a login, whatever the path before it: these servers map pages by the ending of their address, and
/// run `/images/X.jspa` as they run `/secure/admin/X.jspa`.
fn pages(paths: &[&str]) -> RuleConfig {
    let about = "pages, in whichever directory".to_owned();
    RuleConfig { about: Some(about), ..RuleConfig::new(DecisionConfig::Login, paths) }
}

/// For clients that bring credentials of their own.
fn with_credentials(about: &str, paths: &[&[&str]]) -> RuleConfig {
    RuleConfig {
        about: Some(about.to_owned()),
        with_credentials: true,
        ..RuleConfig::new(DecisionConfig::Pass, &paths.concat())
    }
}

/// For everybody, by these methods.
fn open(about: &str, methods: &[&str], paths: &[&str]) -> RuleConfig {
    RuleConfig {
        about: Some(about.to_owned()),
        methods: methods.iter().map(ToString::to_string).collect(),
        ..RuleConfig::new(DecisionConfig::Pass, paths)
    }
}

#[cfg(test)]
mod tests;
