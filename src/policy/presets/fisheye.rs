//! Fisheye and Crucible.

use super::{
    administered,
    common::{ADMINISTRATION, API, everybody},
    pages, with_credentials,
};
use crate::config::RuleConfig;

const ADMINISTRATION_OF_FISHEYE: &[&str] = &["/rest-service*/admin/*", "/rest-service*/*/admin/*"];

const API_OF_FISHEYE: &[&str] = &["/rest-service*/*"];

pub(super) fn rules() -> Vec<RuleConfig> {
    let mut rules = vec![
        administered(&[ADMINISTRATION, ADMINISTRATION_OF_FISHEYE]),
        pages(&["/**/*.do"]),
        with_credentials("REST", &[API, API_OF_FISHEYE]),
    ];
    rules.extend(everybody());
    rules
}
