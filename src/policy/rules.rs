//! The rules of an application, compiled.

use std::borrow::Cow;

use http::Method;
use ipnet::IpNet;

use super::{
    Asked, Decided, Decision,
    credentials::has_credentials,
    effective_rules,
    header_condition::{HeaderCondition, HeaderNameError},
    pattern::{Case, Pattern, PatternError},
};
use crate::{
    config::{AppConfig, AppKind, DecisionConfig, RuleConfig},
    directory::NameKey,
};

/// The rules of an application, in order: the administrator's, then those of a preset.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    list: Vec<Rule>,
    /// How many of them are the administrator's.
    own: usize,
    preset: Option<AppKind>,
}

/// What is decided for some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    about: Option<String>,
    paths: Vec<Pattern>,
    methods: Vec<Method>,
    networks: Vec<IpNet>,
    headers: Vec<HeaderCondition>,
    with_credentials: bool,
    ask_for_credentials: bool,
    groups: Vec<NameKey>,
    sign_in_with: Vec<String>,
    decision: Decision,
}

/// What a rule has to do with a reading of a path that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The rule's number, from 0; nothing stands for the login that is needed where no rule decides.
    pub rule: Option<usize>,
    /// Why it does not hold for the request, if it does not.
    pub mismatch: Option<Mismatch>,
    /// What it decides.
    pub decision: Decision,
}

/// Why a rule for a path does not hold for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for other methods.
    Method,
    /// It is for clients of other networks.
    Network,
    /// The request has not the headers.
    Header,
    /// The request brings no credentials of its own.
    Credentials,
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// The rule's number, from 0.
    pub rule: usize,
    /// The key in it.
    pub key: &'static str,
    /// What is wrong.
    pub error: RuleError,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No method of HTTP.
    #[error("{0:?} is no method")]
    Method(String),
    /// No pattern of paths.
    #[error(transparent)]
    Path(#[from] PatternError),
    /// No header.
    #[error(transparent)]
    Header(#[from] HeaderNameError),
}

impl Rules {
    /// The rules of an application: its own, then those of its preset. Reports every problem.
    pub fn of(app: &AppConfig) -> Result<Self, Vec<RuleProblem>> {
        let rules = Self::compile(&effective_rules(app))?;
        Ok(Self { own: app.rule.len(), preset: app.preset_kind(), ..rules })
    }

    /// From rules of the administrator only. Reports every problem.
    pub fn compile(rules: &[RuleConfig]) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut compiled = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let report = |(key, error)| RuleProblem { rule: number, key, error };
            match Rule::compile(rule) {
                Ok(rule) => compiled.push(rule),
                Err(errors) => problems.extend(errors.into_iter().map(report)),
            }
        }
        if problems.is_empty() {
            Ok(Self { own: compiled.len(), list: compiled, preset: None })
        } else {
            Err(problems)
        }
    }

    /// What is decided. Of each reading of the path, the first rule that holds decides, else a login is
    /// needed; rules before it that look at headers hold besides it. Of all of that the strictest counts:
    /// an exemption has to hold for all readings and whatever the headers, and a restriction for any.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Decided<'_> {
        let mut decided = Decided::nothing();
        let mut first = true;
        for path in asked.readings.iter() {
            self.look(asked, path, |look| {
                let rule = look.rule.and_then(|number| self.list.get(number));
                if look.mismatch.is_some() {
                    decided.asks_for_credentials |= look.mismatch == Some(Mismatch::Credentials)
                        && rule.is_some_and(|rule| rule.ask_for_credentials);
                    return;
                }
                let (groups, ways) = rule.map_or((&[][..], &[][..]), |rule| {
                    (rule.groups.as_slice(), rule.sign_in_with.as_slice())
                });
                decided.restrict(look.rule, look.decision, groups, ways, first);
                first = false;
            });
        }
        decided
    }

    /// What each rule that is for a reading of the path has to do with it, up to the one that decides.
    pub fn look(&self, asked: &Asked<'_>, path: &str, mut see: impl FnMut(Look)) {
        let in_lower_case = fold(path);
        for (number, rule) in self.list.iter().enumerate() {
            if !rule.paths.iter().any(|pattern| pattern.matches(path, &in_lower_case)) {
                continue;
            }
            let mismatch = rule.mismatch(asked);
            see(Look { rule: Some(number), mismatch, decision: rule.decision });
            if mismatch.is_none() && rule.headers.is_empty() {
                return;
            }
        }
        see(Look { rule: None, mismatch: None, decision: Decision::Login });
    }

    /// What a rule is called: `rule[0]` is the first of the configuration.
    #[must_use]
    pub fn name(&self, rule: Option<usize>) -> String {
        let Some(number) = rule else {
            return "no rule".to_owned();
        };
        let about = self.list.get(number).and_then(|rule| rule.about.as_ref());
        let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
        match self.preset {
            Some(kind) if number >= self.own => {
                format!("preset {}[{}]{about}", kind.as_str(), number - self.own)
            }
            _ => format!("rule[{number}]{about}"),
        }
    }

    /// Whether two lists of rules decide the same, rule by rule.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

/// A path in lower case, for patterns that do not look at the case; those compare ASCII letters
/// themselves, so usually there is nothing to copy.
pub(super) fn fold(path: &str) -> Cow<'_, str> {
    if path.is_ascii() { Cow::Borrowed(path) } else { Cow::Owned(path.to_lowercase()) }
}

impl Rule {
    fn compile(rule: &RuleConfig) -> Result<Self, Vec<(&'static str, RuleError)>> {
        let mut errors = Vec::new();
        let decision = match rule.decision {
            DecisionConfig::Login => Decision::Login,
            DecisionConfig::Optional => Decision::Optional,
            DecisionConfig::Pass => Decision::Pass,
            DecisionConfig::Deny => Decision::Deny,
        };
        let paths = compile_paths(rule, &mut errors);
        let methods = compile_methods(rule, &mut errors);
        let headers = rule.headers.iter().filter_map(|header| {
            let compiled = HeaderCondition::compile(header);
            compiled.map_err(|error| errors.push(("headers", error.into()))).ok()
        });
        let headers = headers.collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            about: rule.about.clone(),
            paths,
            methods,
            networks: rule.networks.clone(),
            headers,
            with_credentials: rule.with_credentials,
            ask_for_credentials: rule.ask_for_credentials,
            groups: rule.groups.iter().map(|group| NameKey::of(group)).collect(),
            sign_in_with: rule.sign_in_with.clone(),
            decision,
        })
    }

    /// Why it does not hold for a request, apart from the path.
    fn mismatch(&self, asked: &Asked<'_>) -> Option<Mismatch> {
        let client = asked.client.to_canonical();
        if !self.methods.is_empty() && !self.methods.contains(asked.method) {
            return Some(Mismatch::Method);
        }
        if !self.networks.is_empty() && !self.networks.iter().any(|net| net.contains(&client)) {
            return Some(Mismatch::Network);
        }
        if !self.headers.iter().all(|header| header.holds(asked.headers)) {
            return Some(Mismatch::Header);
        }
        let lacks = self.with_credentials && !has_credentials(asked.headers);
        lacks.then_some(Mismatch::Credentials)
    }
}

/// Exemptions hold for what was written, restrictions in any case of letters.
pub(super) fn case_of(decision: DecisionConfig) -> Case {
    match decision {
        DecisionConfig::Pass | DecisionConfig::Optional => Case::Exact,
        DecisionConfig::Login | DecisionConfig::Deny => Case::Any,
    }
}

type Errors = Vec<(&'static str, RuleError)>;

fn compile_paths(rule: &RuleConfig, errors: &mut Errors) -> Vec<Pattern> {
    let compiled = rule.path.iter().filter_map(|path| {
        let compiled = Pattern::compile(path, case_of(rule.decision));
        compiled.map_err(|error| errors.push(("path", error.into()))).ok()
    });
    compiled.collect()
}

fn compile_methods(rule: &RuleConfig, errors: &mut Errors) -> Vec<Method> {
    let compiled = rule.methods.iter().filter_map(|name| {
        let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        let method = Method::from_bytes(name.as_bytes()).ok().filter(|_| good);
        if method.is_none() {
            errors.push(("methods", RuleError::Method(name.clone())));
        }
        method
    });
    compiled.collect()
}

#[cfg(test)]
mod tests;
