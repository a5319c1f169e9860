//! What the configuration says of an application.

use url::Url;

use super::version::Version;
use crate::config::{AppConfig, AppKind, Config, CrowdConfig};

/// What is filled in.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) kind: AppKind,
    pub(super) version: Option<Version>,
    /// Where browsers find it.
    pub(super) url: Url,
    /// Where people sign in.
    pub(super) login_url: Url,
    /// Where it finds its Crowd server.
    pub(super) crowd_url: String,
    /// The gateway and its applications are on one machine.
    pub(super) on_this_machine: bool,
    /// How it asks for people; nothing if it does not.
    pub(super) crowd: Vec<CrowdFacts>,
}

/// An `[[app.crowd]]` table.
#[derive(Debug)]
pub(super) struct CrowdFacts {
    pub(super) application: String,
    pub(super) cookie: String,
    pub(super) single_sign_on: bool,
    pub(super) writable: bool,
    pub(super) directories: Vec<String>,
}

impl Facts {
    pub(super) fn of(config: &Config, app: &AppConfig) -> Self {
        let mut facts = Self::of_kind(app.kind, Some(config));
        facts.name.clone_from(&app.name);
        facts.url = app.url.clone();
        facts.crowd = app.crowd.iter().map(|crowd| CrowdFacts::of(crowd, app)).collect();
        facts
    }

    /// Made up, as far as nothing is configured.
    pub(super) fn of_kind(kind: AppKind, config: Option<&Config>) -> Self {
        let name = kind.as_str();
        let internal = config.map(|config| config.server.internal_listen);
        let crowd_url = config.map_or_else(
            || "http://gatehouse.example.com:9090/crowd/".to_owned(),
            |config| config.server.crowd_url("HOST-OF-THE-GATEWAY"),
        );
        Self {
            name: name.to_owned(),
            kind,
            version: None,
            url: example(name),
            login_url: config
                .map_or_else(|| example("login"), |config| config.server.login_url.clone()),
            crowd_url,
            on_this_machine: internal.is_some_and(|address| address.ip().is_loopback()),
            crowd: Vec::new(),
        }
    }

    /// The directory that signs people in, if one does.
    pub(super) fn single_sign_on(&self) -> Option<&CrowdFacts> {
        self.crowd.iter().find(|crowd| crowd.single_sign_on)
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// The path that it shares its host by; empty if it has one to itself.
    pub(super) fn prefix(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// Where browsers find it, without the slash at its end.
    pub(super) fn base_url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Whether the version is that or later; whoever does not say has the latest.
    pub(super) fn is_since(&self, major: u32) -> bool {
        self.version.is_none_or(|version| version.major() >= major)
    }

    /// A word of warning about a version that nobody has looked at.
    pub(super) fn unseen(&self, known: std::ops::RangeInclusive<u32>) -> Option<String> {
        let version = self.version.filter(|version| !known.contains(&version.major()))?;
        let (first, last) = (known.start(), known.end());
        Some(format!(
            "This is known of versions {first} to {last}; {version} has not been looked at. Compare the names of \
             classes and files with the comments in its own files."
        ))
    }
}

impl CrowdFacts {
    fn of(crowd: &CrowdConfig, app: &AppConfig) -> Self {
        Self {
            application: crowd.application(&app.name).to_owned(),
            cookie: crowd.cookie.clone(),
            single_sign_on: crowd.single_sign_on,
            writable: crowd.writable,
            directories: crowd.directories.clone().unwrap_or_else(|| app.directories.clone()),
        }
    }
}

/// A URL for whoever has configured nothing yet.
fn example(name: &str) -> Url {
    let url = format!("https://{name}.example.com/");
    #[expect(clippy::expect_used, reason = "a constant's parts")]
    Url::parse(&url).expect("the names of kinds are parts of hosts")
}
