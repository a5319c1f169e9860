//! Where applications are, compared with one another and with the login host.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{AppConfig, Problems, ServerConfig};

/// The gateway's own addresses, on every host.
const RESERVED: &str = "/_gatehouse";

/// Reports applications that cannot be told apart, or share what they must not.
pub(super) fn check_places(server: &ServerConfig, apps: &[AppConfig], problems: &mut Problems) {
    let login = &server.login_url;
    let mut places = BTreeSet::new();
    let mut ports = BTreeMap::from([(login.host_str(), login.port_or_known_default())]);
    for (index, app) in apps.iter().enumerate() {
        let key = format!("app[{index}].url");
        let (url, port) = (&app.url, app.url.port_or_known_default());
        if url.scheme() != login.scheme() {
            problems.add(&key, "must have the same scheme as server.login_url");
        }
        if *ports.entry(url.host_str()).or_insert(port) != port {
            let problem = "is on a host that is there with another port: browsers would send the \
                           cookies of one to the other. Give it a host of its own";
            problems.add(&key, problem);
        }
        if let Err(problem) = check_path(url) {
            problems.add(&key, problem);
        }
        if !places.insert((url.host_str(), port, url.path().trim_end_matches('/'))) {
            problems.add(&key, format!("{url} is there twice"));
        }
    }
}

fn check_path(url: &Url) -> Result<(), String> {
    let path = url.path();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.~".contains(&byte);
    if !path.bytes().all(plain) || path.contains("//") {
        return Err(format!("{path} must be of letters, digits, - _ . ~ and single slashes"));
    }
    let lower = path.to_ascii_lowercase();
    if lower.strip_prefix(RESERVED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err(format!("{RESERVED} is the gateway's own"));
    }
    Ok(())
}
