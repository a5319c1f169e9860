//! The `[[app]]` tables.

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use super::{Problems, urls};

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
    pub upstream: Url,

    /// Requests that need no login, or are refused; the first that matches decides.
    #[serde(default)]
    pub rule: Vec<RuleConfig>,

    /// The headers that tell the app who the user is.
    #[serde(default)]
    pub identity_headers: IdentityHeadersConfig,

    /// Groups that everybody gets at their first visit, once. Default: none.
    #[serde(default)]
    pub default_groups: Vec<String>,

    /// The directories whose users the app sees, in order. Default: `["Internal"]`.
    #[serde(default = "default_directories")]
    pub directories: Vec<String>,

    /// Other origins whose pages may change things here with the cookies of whoever looks at them. Default:
    /// those of the other apps.
    pub allowed_origins: Option<Vec<Url>>,
}

/// What an application is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

/// What is decided for some requests.
#[derive(Clone, Debug, Deserialize)]
pub struct RuleConfig {
    /// A path; with `/*` at its end, everything below.
    pub path: String,
    /// The methods it holds for. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Networks whose clients it holds for, such as `10.0.0.0/8`. Default: all.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// With `pass`: only requests that bring credentials of their own (Basic, Bearer, OAuth), which the app
    /// checks itself. Default: false.
    #[serde(default)]
    pub with_credentials: bool,
    /// With `login`: whoever is in none of these groups is refused. Default: everybody may.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What happens.
    pub decision: DecisionConfig,
}

impl RuleConfig {
    fn check(&self, key: &str, problems: &mut Problems) {
        if self.with_credentials && self.decision != DecisionConfig::Pass {
            let problem = "is for decision = \"pass\": nobody else looks at them";
            problems.add(format!("{key}.with_credentials"), problem);
        }
        if !self.groups.is_empty() && self.decision != DecisionConfig::Login {
            let problem = "is for decision = \"login\": of nobody else the groups are known";
            problems.add(format!("{key}.groups"), problem);
        }
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionConfig {
    /// A user is required.
    Login,
    /// The app is told who it is if somebody is logged in.
    Optional,
    /// The app gets the request as it is, and no identity.
    Pass,
    /// Nobody gets through.
    Deny,
}

/// The headers that tell the app who the user is. An empty name leaves one out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct IdentityHeadersConfig {
    /// Carries the username. Default: X-Forwarded-User.
    pub user: String,
    /// Carries the email address. Default: X-Forwarded-Email.
    pub email: String,
    /// Carries the display name. Default: X-Forwarded-Name.
    pub name: String,
    /// Carries the names of the groups. Default: X-Forwarded-Groups.
    pub groups: String,
}

impl Default for IdentityHeadersConfig {
    fn default() -> Self {
        Self {
            user: "X-Forwarded-User".to_owned(),
            email: "X-Forwarded-Email".to_owned(),
            name: "X-Forwarded-Name".to_owned(),
            groups: "X-Forwarded-Groups".to_owned(),
        }
    }
}

impl AppConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        if let Err(problem) = urls::check_site(&self.url) {
            problems.add(format!("{key}.url"), problem);
        }
        let upstream = &self.upstream;
        let reachable = matches!(upstream.scheme(), "http" | "https") && upstream.has_host();
        if !reachable || upstream.path() != "/" || upstream.query().is_some() {
            problems.add(
                format!("{key}.upstream"),
                format!(
                    "{upstream} must be http(s)://host:port, without a path: paths stay as they are"
                ),
            );
        }
        for (index, rule) in self.rule.iter().enumerate() {
            if !rule.path.starts_with('/') {
                problems.add(format!("{key}.rule[{index}].path"), "must begin with /");
            }
        }
        for (index, rule) in self.rule.iter().enumerate() {
            rule.check(&format!("{key}.rule[{index}]"), problems);
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

fn default_directories() -> Vec<String> {
    vec![super::provisioning::default_directory()]
}
