//! Bitbucket. git and Git LFS ask without credentials first, and send them when they are asked for.

use super::{
    administered,
    common::{ADMINISTRATION, API, everybody},
    with_credentials,
};
use crate::config::RuleConfig;

const ADMINISTRATION_OF_BITBUCKET: &[&str] = &[
    "/mvc/admin/*",
    "/mvc/maintenance/*",
    "/maintenance/*",
    "/rest/tsv/*/elevate-permissions*/*",
    "/projects/*/settings/*",
    "/projects/*/permissions/*",
    "/projects/*/repos/*/settings/*",
    "/projects/*/repos/*/permissions/*",
    "/users/*/repos/*/settings/*",
    "/users/*/repos/*/permissions/*",
];

/// git over HTTP, wherever a repository is, with its large files.
const GIT: &[&str] = &[
    "/scm/*",
    "/**/info/refs",
    "/**/git-upload-pack",
    "/**/git-receive-pack",
    "/**/info/lfs/*",
    "/rest/git-lfs/*",
    "/mirror/*",
    "/rest/mirroring/*",
];

/// Files of repositories, as scripts fetch them.
const API_OF_BITBUCKET: &[&str] = &["/users/*/repos/*", "/projects/*/repos/*"];

pub(super) fn rules() -> Vec<RuleConfig> {
    let git = with_credentials("git", &[GIT]);
    let mut rules = vec![
        administered(&[ADMINISTRATION, ADMINISTRATION_OF_BITBUCKET]),
        RuleConfig { ask_for_credentials: true, ..git },
        with_credentials("REST and files of repositories", &[API, API_OF_BITBUCKET]),
    ];
    rules.extend(everybody());
    rules
}
