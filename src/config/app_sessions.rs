//! The `[app.sessions]` tables.

use serde::Deserialize;

use super::{AppKind, Problems, crowd::is_cookie_name};

/// How the app's own sessions go with the gateway's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AppSessionsConfig {
    /// The cookies in which the app keeps its own sessions, and what it remembers people by. Default: those
    /// of its kind.
    pub cookies: Option<Vec<String>>,
    /// Where people sign out of the app: paths, as rules have them, below the app's own. Default: those of
    /// its kind.
    pub sign_out_paths: Option<Vec<String>>,
    /// What somebody signs out of who signs out of the app. Default: everywhere.
    pub sign_out: SignOutConfig,
}

/// What somebody signs out of who signs out of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignOutConfig {
    /// The gateway, and with it every app.
    #[default]
    Everywhere,
    /// The app alone, for as long as the gateway does not sign them in again.
    App,
}

impl AppSessionsConfig {
    /// The cookies in which an app of a kind keeps its own sessions.
    #[must_use]
    pub fn cookies(&self, kind: AppKind) -> Vec<String> {
        let of_kind: &[&str] = match kind {
            AppKind::Jira => &["JSESSIONID", "seraph.rememberme.cookie"],
            AppKind::Confluence => &["JSESSIONID", "seraph.confluence"],
            AppKind::Bitbucket => {
                &["BITBUCKETSESSIONID", "JSESSIONID", "_atl_bitbucket_remember_me"]
            }
            AppKind::Bamboo => &["JSESSIONID", "BAMBOOSESSIONID", "seraph.bamboo"],
            AppKind::Fisheye => &["FESESSIONID", "JSESSIONID", "remember"],
            // Of an application that nobody knows, nobody knows its cookies.
            AppKind::Generic => &[],
        };
        chosen(self.cookies.as_ref(), of_kind)
    }

    /// Where people sign out of an app of a kind, below the path that it shares its host by.
    #[must_use]
    pub fn sign_out_paths(&self, kind: AppKind) -> Vec<String> {
        let of_kind: &[&str] = match kind {
            AppKind::Jira => &["/logout", "/secure/Logout.jspa", "/secure/Logout!default.jspa"],
            AppKind::Confluence => &["/logout.action"],
            AppKind::Bitbucket => &["/j_atl_security_logout"],
            AppKind::Bamboo => &["/userLogout.action", "/userLogout!default.action"],
            AppKind::Fisheye => &["/logout"],
            AppKind::Generic => &[],
        };
        chosen(self.sign_out_paths.as_ref(), of_kind)
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        for (index, name) in self.cookies.iter().flatten().enumerate() {
            if !is_cookie_name(name) {
                problems.add(
                    format!("{key}.cookies[{index}]"),
                    format!("{name:?} is no cookie's name"),
                );
            }
        }
    }
}

fn chosen(configured: Option<&Vec<String>>, of_kind: &[&str]) -> Vec<String> {
    let of_kind = || of_kind.iter().map(ToString::to_string).collect();
    configured.cloned().unwrap_or_else(of_kind)
}
