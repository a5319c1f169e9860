//! The `[[app.rule]]` tables.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Problems;

/// What is decided for some requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RuleConfig {
    /// What it is for, in a few words that `gatehouse explain` repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// A path or a list of paths; with `/*` at its end, everything below.
    #[serde(deserialize_with = "read_paths", serialize_with = "write_paths")]
    pub path: Vec<String>,
    /// The methods it holds for. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Networks whose clients it holds for, such as `10.0.0.0/8`. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// With `login` or `deny`: only requests with all of these headers. Default: all requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderConfig>,
    /// With `pass`: only requests that bring credentials of their own (Basic, Bearer, OAuth), which the app
    /// checks itself. Default: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub with_credentials: bool,
    /// With `with_credentials`: whether a client without credentials is asked for them by Basic, as git
    /// wants to be asked. Default: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ask_for_credentials: bool,
    /// With `login`: whoever is in none of these groups is refused. Default: everybody may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// With `login`: the ways to sign in that are good enough, in the order in which they are offered.
    /// Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_in_with: Vec<String>,
    /// What happens.
    pub decision: DecisionConfig,
}

/// A header that a request must have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HeaderConfig {
    /// Its name.
    pub name: String,
    /// What it must say; `*` at the beginning or the end stands for anything. Default: anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
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

impl RuleConfig {
    /// A rule for some paths, without any conditions.
    #[must_use]
    pub fn new(decision: DecisionConfig, paths: &[&str]) -> Self {
        Self {
            about: None,
            path: paths.iter().map(ToString::to_string).collect(),
            methods: Vec::new(),
            networks: Vec::new(),
            headers: Vec::new(),
            with_credentials: false,
            ask_for_credentials: false,
            groups: Vec::new(),
            sign_in_with: Vec::new(),
            decision,
        }
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        use DecisionConfig::{Deny, Login, Pass};
        let mut only = |is_there: bool, name: &str, good: &[DecisionConfig], why: &str| {
            if is_there && !good.contains(&self.decision) {
                problems.add(format!("{key}.{name}"), why);
            }
        };
        let why = "is for decision = \"pass\": nobody else looks at them";
        only(self.with_credentials, "with_credentials", &[Pass], why);
        let why = "is for decision = \"login\": of nobody else the groups are known";
        only(!self.groups.is_empty(), "groups", &[Login], why);
        let why = "is for decision = \"login\": nobody else has to sign in";
        only(!self.sign_in_with.is_empty(), "sign_in_with", &[Login], why);
        let why = "are for decision = \"login\" or \"deny\": a client can send any header, so none may turn \
                   protection off";
        only(!self.headers.is_empty(), "headers", &[Login, Deny], why);
        if self.ask_for_credentials && !self.with_credentials {
            let problem = "is for rules with with_credentials = true";
            problems.add(format!("{key}.ask_for_credentials"), problem);
        }
        if self.path.is_empty() {
            problems.add(format!("{key}.path"), "name at least one path");
        }
    }

    /// Reports ways to sign in that nobody could use.
    pub(super) fn check_sign_in(&self, key: &str, known: &[&str], problems: &mut Problems) {
        for name in self.sign_in_with.iter().filter(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            let problem = format!("nobody can sign in with {name:?}; there is: {known}");
            problems.add(format!("{key}.sign_in_with"), problem);
        }
    }
}

/// One path, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a path, or a list of paths")]
enum Paths {
    One(String),
    Several(Vec<String>),
}

fn read_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Paths::deserialize(deserializer)? {
        Paths::One(path) => vec![path],
        Paths::Several(paths) => paths,
    })
}

fn write_paths<S: Serializer>(paths: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match paths {
        [only] => only.serialize(serializer),
        several => several.serialize(serializer),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
