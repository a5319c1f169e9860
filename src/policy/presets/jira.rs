//! Jira. The customer portal of Jira Service Management is not in it: `docs/rules.md` has a rule for it.

use super::{
    administered,
    common::{ADMINISTRATION, API, everybody},
    pages, with_credentials,
};
use crate::config::RuleConfig;

/// Besides what all have: administration is below `/secure`.
const ADMINISTRATION_OF_JIRA: &[&str] =
    &["/secure/admin/*", "/secure/setup*/*", "/secure/project/*", "/secure/websudo*/*"];

/// Attachments, and searches as XML and RSS.
const API_OF_JIRA: &[&str] =
    &["/secure/attachment/*", "/secure/thumbnail/*", "/sr/*", "/si/*", "/activity"];

pub(super) fn rules() -> Vec<RuleConfig> {
    let mut rules = vec![
        administered(&[ADMINISTRATION, ADMINISTRATION_OF_JIRA]),
        pages(&["/**/*.jspa"]),
        with_credentials("REST, feeds and attachments", &[API, API_OF_JIRA]),
    ];
    rules.extend(everybody());
    rules
}
