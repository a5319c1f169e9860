//! What an administrator has probably not meant to write.

use super::{
    METHODS,
    pattern::{Case, Pattern},
    presets::administration,
    rules::case_of,
};
use crate::config::{AppConfig, DecisionConfig, RuleConfig};

/// The gateway's own addresses never reach an application.
const OWN: &str = "/_gatehouse/*";

/// Something about a rule that can be used, and does little or too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleWarning {
    /// The rule's number, from 0.
    pub rule: usize,
    /// The key in it.
    pub key: &'static str,
    /// What about it.
    pub text: String,
}

/// A rule of the configuration, with its patterns; those that are none are reported elsewhere.
struct Seen<'a> {
    number: usize,
    config: &'a RuleConfig,
    patterns: Vec<Pattern>,
}

/// What about the rules of an application is probably not meant.
#[must_use]
pub fn warnings(app: &AppConfig) -> Vec<RuleWarning> {
    let seen: Vec<_> = app.rule.iter().enumerate().map(Seen::of).collect();
    let mut warnings = Vec::new();
    for (index, rule) in seen.iter().enumerate() {
        let mut warn = |key, text: String| {
            warnings.push(RuleWarning { rule: rule.number, key, text });
        };
        rule.warn_of_methods(&mut warn);
        rule.warn_of_paths_elsewhere(app, &mut warn);
        rule.warn_of_wide_exemption(app, &mut warn);
        rule.warn_of_administration(app, &seen[..index], &mut warn);
        if let Some(before) = seen[..index].iter().find(|before| before.shadows(rule)) {
            let text =
                format!("never decides: rule[{}] before it matches all of it", before.number);
            warn("path", text);
        }
    }
    warnings
}

impl<'a> Seen<'a> {
    fn of((number, config): (usize, &'a RuleConfig)) -> Self {
        let case = case_of(config.decision);
        let patterns = config.path.iter().filter_map(|path| Pattern::compile(path, case).ok());
        Self { number, config, patterns: patterns.collect() }
    }

    fn warn_of_methods(&self, warn: &mut impl FnMut(&'static str, String)) {
        for method in &self.config.methods {
            if !METHODS.contains(&method.as_str()) {
                let text = format!("{method} is a method that the gateway lets nobody use");
                warn("methods", text);
            }
        }
    }

    /// Requests for other paths go to other applications.
    fn warn_of_paths_elsewhere(
        &self,
        app: &AppConfig,
        warn: &mut impl FnMut(&'static str, String),
    ) {
        let own = Pattern::compile(OWN, Case::Any);
        for pattern in &self.patterns {
            if !pattern.is_below(app.prefix()) {
                let (text, url) = (pattern.text(), &app.url);
                warn("path", format!("{text} never matches: it is not below {url}"));
            } else if own.as_ref().is_ok_and(|own| own.covers(pattern)) {
                let text = format!("{} never matches: it is the gateway's own", pattern.text());
                warn("path", text);
            }
        }
    }

    fn warn_of_wide_exemption(&self, app: &AppConfig, warn: &mut impl FnMut(&'static str, String)) {
        if self.config.decision != DecisionConfig::Pass || !self.config.networks.is_empty() {
            return;
        }
        let all = Pattern::compile(&format!("{}/*", app.prefix()), Case::Exact);
        if !all.is_ok_and(|all| self.patterns.iter().any(|pattern| pattern.covers(&all))) {
            return;
        }
        if self.config.with_credentials {
            let text = "whoever sends any credentials gets to everything, and to some applications \
                        wrong ones are no worse than none: name the paths that scripts need";
            warn("with_credentials", text.to_owned());
        } else {
            let text = "nobody needs a login for anything; to have anonymous people seen as such and \
                        others known, write decision = \"optional\"";
            warn("decision", text.to_owned());
        }
    }

    /// An exemption that reaches into administration, unless a rule before it closes that, or it is for a
    /// network and for clients with credentials.
    fn warn_of_administration(
        &self,
        app: &AppConfig,
        before: &[Self],
        warn: &mut impl FnMut(&'static str, String),
    ) {
        let narrow = self.config.with_credentials && !self.config.networks.is_empty();
        if self.config.decision != DecisionConfig::Pass || narrow {
            return;
        }
        let Some(administration) = administration(app.kind, app.prefix()) else {
            return;
        };
        let closed = administration.path.iter();
        let closed = closed.filter_map(|path| Pattern::compile(path, Case::Any).ok());
        let closed: Vec<_> =
            closed.filter(|path| !before.iter().any(|rule| rule.closes(path))).collect();
        for pattern in &self.patterns {
            if let Some(closed) = closed.iter().find(|closed| closed.overlaps(pattern)) {
                let (kind, closed) = (app.kind.as_str(), closed.text());
                let text = format!(
                    "{} needs no login, and reaches into administration ({closed} of the preset {kind}): \
                     put a rule with decision = \"login\" before it, or narrow it down with \
                     with_credentials and networks",
                    pattern.text()
                );
                warn("path", text);
            }
        }
    }

    /// Whether nobody gets to any of these paths without a login.
    fn closes(&self, paths: &Pattern) -> bool {
        let RuleConfig { decision, methods, networks, headers, .. } = self.config;
        matches!(decision, DecisionConfig::Login | DecisionConfig::Deny)
            && methods.is_empty()
            && networks.is_empty()
            && headers.is_empty()
            && self.patterns.iter().any(|pattern| pattern.covers(paths))
    }

    /// Whether it decides whenever `other` could.
    fn shadows(&self, other: &Self) -> bool {
        let (one, two) = (self.config, other.config);
        let methods = one.methods.is_empty()
            || (!two.methods.is_empty() && two.methods.iter().all(|m| one.methods.contains(m)));
        let within = |net| one.networks.iter().any(|mine| mine.contains(net));
        let networks = one.networks.is_empty()
            || (!two.networks.is_empty() && two.networks.iter().all(within));
        let credentials = !one.with_credentials || two.with_credentials;
        let covered = |theirs| self.patterns.iter().any(|mine| mine.covers(theirs));
        one.headers.is_empty()
            && methods
            && networks
            && credentials
            && !other.patterns.is_empty()
            && other.patterns.iter().all(covered)
    }
}

#[cfg(test)]
mod tests;
