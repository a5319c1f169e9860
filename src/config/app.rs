//! The `[[app]]` tables.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    AppSessionsConfig, ConnectionsConfig, CrowdConfig, HealthConfig, IdentityHeadersConfig,
    Problems, RuleConfig, UpstreamTlsConfig, urls,
};

/// Smaller ones let no browser through; larger ones are not taken from browsers.
const SANE_HEADS: std::ops::RangeInclusive<usize> = 2048..=128 * 1024;

/// An application behind the gateway.
#[derive(Clone, Debug, Deserialize)]
pub struct AppConfig {
    /// What logs and the command line call it.
    pub name: String,

    /// What it is. Default: generic.
    #[serde(default)]
    pub kind: AppKind,

    /// Where browsers find it: a host, and a path if it shares the host.
    pub url: Url,

    /// Where the gateway finds it.
    pub upstream: Option<Url>,

    /// Where the gateway finds it, if it is at several addresses, such as the nodes of a cluster.
    #[serde(default)]
    pub upstreams: Vec<Url>,

    /// How TLS is spoken to it.
    pub upstream_tls: Option<UpstreamTlsConfig>,

    /// How is found out whether an address of it is well.
    pub health: Option<HealthConfig>,

    /// The gateway's connections to it.
    #[serde(default)]
    pub connections: ConnectionsConfig,

    /// Requests that need no login, or are refused; the first that matches decides. The preset's come
    /// after them.
    #[serde(default)]
    pub rule: Vec<RuleConfig>,

    /// Whether the rules for its kind hold too, or those for another kind. Default: true.
    #[serde(default)]
    pub preset: PresetConfig,

    /// The headers that tell the app who the user is.
    #[serde(default)]
    pub identity_headers: IdentityHeadersConfig,

    /// The largest head of a request that the app takes, with identity headers: Tomcat's
    /// `maxHttpHeaderSize`. Default: 8192.
    #[serde(default = "default_max_upstream_head")]
    pub max_upstream_head_bytes: usize,

    /// How long the app may say nothing, before its answer and in the middle of it. Default: 900.
    #[serde(default = "default_answer_timeout")]
    pub answer_timeout_seconds: u32,

    /// Groups that everybody gets at their first visit, once. Default: none.
    #[serde(default)]
    pub default_groups: Vec<String>,

    /// The directories whose users the app sees, in order. Default: `["Internal"]`.
    #[serde(default = "default_directories")]
    pub directories: Vec<String>,

    /// How it asks for people over Crowd's REST interface. Default: not at all.
    #[serde(default)]
    pub crowd: Vec<CrowdConfig>,

    /// How its own sessions go with the gateway's.
    #[serde(default)]
    pub sessions: AppSessionsConfig,

    /// Other origins whose pages may change things here with the cookies of whoever looks at them. Default:
    /// those of the other apps.
    pub allowed_origins: Option<Vec<Url>>,
}

/// What an application is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// Jira Software or Jira Service Management.
    Jira,
    /// Confluence.
    Confluence,
    /// Bitbucket.
    Bitbucket,
    /// Bamboo.
    Bamboo,
    /// Fisheye and Crucible.
    Fisheye,
    /// Anything else.
    #[default]
    Generic,
}

impl AppKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Jira, Self::Confluence, Self::Bitbucket, Self::Bamboo, Self::Fisheye, Self::Generic];

    /// The word for it in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jira => "jira",
            Self::Confluence => "confluence",
            Self::Bitbucket => "bitbucket",
            Self::Bamboo => "bamboo",
            Self::Fisheye => "fisheye",
            Self::Generic => "generic",
        }
    }
}

/// Whose preset of rules an application has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "must be true, false, or a kind of application")]
pub enum PresetConfig {
    /// That of its kind, or none.
    Own(bool),
    /// That of a kind.
    Of(AppKind),
}

impl Default for PresetConfig {
    fn default() -> Self {
        Self::Own(true)
    }
}

impl AppConfig {
    /// Whose preset of rules it has, if any.
    #[must_use]
    pub fn preset_kind(&self) -> Option<AppKind> {
        match self.preset {
            PresetConfig::Own(true) => Some(self.kind),
            PresetConfig::Own(false) => None,
            PresetConfig::Of(kind) => Some(kind),
        }
    }

    /// The path that it shares its host by, without the slash at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        if let Err(problem) = urls::check_site(&self.url) {
            problems.add(format!("{key}.url"), problem);
        }
        self.check_upstreams(key, problems);
        for (index, rule) in self.rule.iter().enumerate() {
            rule.check(&format!("{key}.rule[{index}]"), problems);
        }
        for (index, crowd) in self.crowd.iter().enumerate() {
            crowd.check(&format!("{key}.crowd[{index}]"), problems);
        }
        if self.crowd.iter().filter(|crowd| crowd.single_sign_on).count() > 1 {
            problems.add(format!("{key}.crowd"), "one of them at most can have single_sign_on");
        }
        self.sessions.check(&format!("{key}.sessions"), problems);
        self.identity_headers.check(&format!("{key}.identity_headers"), problems);
        if !SANE_HEADS.contains(&self.max_upstream_head_bytes) {
            let problem =
                format!("must be between {} and {}", SANE_HEADS.start(), SANE_HEADS.end());
            problems.add(format!("{key}.max_upstream_head_bytes"), problem);
        }
        if self.answer_timeout_seconds == 0 {
            problems.add(format!("{key}.answer_timeout_seconds"), "must be at least 1");
        }
        for (index, origin) in self.allowed_origins.iter().flatten().enumerate() {
            if let Err(problem) = urls::check_origin(origin) {
                problems.add(format!("{key}.allowed_origins[{index}]"), problem);
            }
        }
        if self.directories.is_empty() {
            problems.add(format!("{key}.directories"), "name at least one directory");
        }
    }
}

/// Tomcat's own.
fn default_max_upstream_head() -> usize {
    8 * 1024
}

/// Exports of a large Jira take minutes.
fn default_answer_timeout() -> u32 {
    15 * 60
}

fn default_directories() -> Vec<String> {
    vec![super::provisioning::default_directory()]
}
