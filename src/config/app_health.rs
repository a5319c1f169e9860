//! The `[app.health]` tables.

use serde::Deserialize;

use super::{AppKind, Problems};

/// How is found out whether an address of an app is well.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct HealthConfig {
    /// A page that is asked for again and again, below the app's own path; an empty one: none is. Default: `/status` for
    /// Jira, Confluence, Bitbucket and Bamboo, none for others.
    pub path: Option<String>,
    /// The status that a well one answers. Default: 200.
    pub status: u16,
    /// What the page of a well one has in it. Default: `RUNNING` for `/status` of those, anything for others.
    pub contains: Option<String>,
    /// How often the page is asked for. Default: 5.
    pub interval_seconds: u32,
    /// How long it may take. Default: 3.
    pub timeout_seconds: u32,
    /// After so many failures in a row an address is left out: of requests, or of those pages. Default: 3.
    pub failures: u32,
    /// Failures of requests that are further apart are not in a row. Default: 30.
    pub window_seconds: u32,
    /// After so many good pages in a row it is taken in again. Default: 2.
    pub successes: u32,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            path: None,
            status: 200,
            contains: None,
            interval_seconds: 5,
            timeout_seconds: 3,
            failures: 3,
            window_seconds: 30,
            successes: 2,
        }
    }
}

impl HealthConfig {
    /// The page of an app of a kind, below its own path; nothing if none is asked for.
    #[must_use]
    pub fn path(&self, kind: AppKind) -> Option<&str> {
        let path = self.path.as_deref().or(kind.status_path());
        path.filter(|path| !path.is_empty())
    }

    /// What is in the page of an app of a kind that is well.
    #[must_use]
    pub fn contains(&self, kind: AppKind) -> Option<&str> {
        let usual = kind.status_path().filter(|usual| self.path(kind) == Some(*usual));
        self.contains.as_deref().or(usual.map(|_| RUNNING)).filter(|text| !text.is_empty())
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        let is_sent_otherwise = |path: &str| {
            !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.path.as_deref().is_some_and(|path| !path.is_empty() && is_sent_otherwise(path)) {
            problems.add(format!("{key}.path"), "must begin with / and be written as it is sent");
        }
        if !(100..=599).contains(&self.status) {
            problems.add(format!("{key}.status"), "is no status of HTTP");
        }
        for (name, number, most) in [
            ("interval_seconds", self.interval_seconds, 3600),
            ("timeout_seconds", self.timeout_seconds, 60),
            ("failures", self.failures, 100),
            ("window_seconds", self.window_seconds, 3600),
            ("successes", self.successes, 100),
        ] {
            if !(1..=most).contains(&number) {
                problems.add(format!("{key}.{name}"), format!("must be between 1 and {most}"));
            }
        }
    }
}

/// `{"state":"RUNNING"}` is what Atlassian's applications say of themselves when people can work. `FIRST_RUN` comes with
/// 200 too.
const RUNNING: &str = "\"RUNNING\"";

impl AppKind {
    /// Where an app of this kind says how it is, if it is known to.
    #[must_use]
    pub fn status_path(self) -> Option<&'static str> {
        match self {
            Self::Jira | Self::Confluence | Self::Bitbucket | Self::Bamboo => Some("/status"),
            Self::Fisheye | Self::Generic => None,
        }
    }
}
