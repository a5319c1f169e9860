//! Bamboo. Agents have no credentials that a gateway could see: let their network in by a rule.

use super::{
    administered,
    common::{ADMINISTRATION, API, everybody},
    pages, with_credentials,
};
use crate::config::RuleConfig;

const ADMINISTRATION_OF_BAMBOO: &[&str] = &[
    "/agent/*",
    "/build/admin/*",
    "/branch/admin/*",
    "/chain/admin/*",
    "/deploy/config/*",
    "/project/admin/*",
];

const AGENTS: &[&str] = &["/agentServer/*", "/bamboo-plugins/*"];

pub(super) fn rules() -> Vec<RuleConfig> {
    let mut rules = vec![
        administered(&[ADMINISTRATION, ADMINISTRATION_OF_BAMBOO]),
        pages(&["/**/*.action"]),
        with_credentials("REST and feeds", &[API]),
        with_credentials("agents", &[AGENTS]),
    ];
    rules.extend(everybody());
    rules
}
