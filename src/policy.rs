//! What may be asked for without a login. Pure: decides, and does nothing.

mod credentials;
mod decision;
mod header_condition;
mod methods;
mod paths;
mod pattern;
mod presets;
mod readings;
mod rules;
mod sign_in;
mod text;
mod warnings;

pub use self::{
    credentials::has_credentials,
    decision::{Asked, Asker, Decided, Decision, Verdict},
    methods::METHODS,
    paths::Paths,
    pattern::PatternError,
    presets::{effective_rules, preset},
    readings::{Readings, TargetProblem},
    rules::{Look, Mismatch, RuleError, RuleProblem, Rules},
    sign_in::offered_ways,
    text::as_toml,
    warnings::{RuleWarning, warnings},
};
