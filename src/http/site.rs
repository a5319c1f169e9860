//! The places that browsers see: the login host, and the hosts of the applications.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::HeaderValue;
use url::{Position, Url};

use super::CookieNames;
use crate::secrets::sha256;

/// A scheme, a host and a port: what browsers keep apart.
#[derive(Debug)]
pub struct Site {
    origin: String,
    authority: String,
    secure: bool,
    cookies: CookieNames,
    lines: String,
}

impl Site {
    /// The site that a URL is on.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        let secure = url.scheme() == "https";
        let mut site = Self {
            origin: url.origin().ascii_serialization(),
            // A port that goes without saying is not in it, as in a browser's `Host`.
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            secure,
            cookies: CookieNames::new(secure),
            lines: String::new(),
        };
        let (authority, port) = (&site.authority, site.port());
        let scheme = if secure { "https" } else { "http" };
        site.lines = format!(
            "host: {authority}\r\nx-forwarded-host: {authority}\r\nx-forwarded-proto: {scheme}\r\n\
             x-forwarded-port: {port}\r\n"
        );
        site
    }

    /// What requests say of it that are passed on: lines of headers, as they stand in each of them.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        self.lines.as_bytes()
    }

    /// Such as `https://jira.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as browsers send it in `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether browsers speak TLS to it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// What the gateway's cookies are called there.
    #[must_use]
    pub fn cookies(&self) -> &CookieNames {
        &self.cookies
    }

    /// The port that browsers use.
    #[must_use]
    pub fn port(&self) -> &str {
        let port = self.authority.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        port.unwrap_or(if self.secure { "443" } else { "80" })
    }
}

/// An application's place: a site, and a path if it shares the site.
#[derive(Debug)]
pub struct Place {
    /// What the configuration calls the application.
    pub name: String,
    /// Where it is.
    pub site: Arc<Site>,
    /// The path, without the slash at its end; empty for all of the site.
    pub prefix: String,
}

impl Place {
    /// Where people begin.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}/", self.site.origin(), self.prefix)
    }

    /// Whether a path is the application's.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Every place the gateway serves.
#[derive(Debug)]
pub struct Sites {
    login: Arc<Site>,
    by_authority: BTreeMap<String, Arc<Site>>,
    places: Vec<Place>,
    style_policy: HeaderValue,
}

impl Sites {
    /// From the login host and the applications' names and URLs, in the order of the configuration.
    #[must_use]
    pub fn new<'a>(login: &Url, apps: impl Iterator<Item = (&'a str, &'a Url)>) -> Self {
        let login = Arc::new(Site::of(login));
        let mut sites = BTreeMap::from([(login.authority.clone(), login.clone())]);
        let mut places = Vec::new();
        for (name, url) in apps {
            let site = Site::of(url);
            let site = sites.entry(site.authority.clone()).or_insert_with(|| Arc::new(site));
            let prefix = url.path().trim_end_matches('/').to_owned();
            places.push(Place { name: name.to_owned(), site: site.clone(), prefix });
        }
        let style_policy = content_policy(&sites);
        Self { login, by_authority: sites, places, style_policy }
    }

    /// The login host.
    #[must_use]
    pub fn login(&self) -> &Arc<Site> {
        &self.login
    }

    /// The site of a `Host` header.
    #[must_use]
    pub fn find(&self, authority: &str) -> Option<&Arc<Site>> {
        if let Some(site) = self.by_authority.get(authority) {
            return Some(site);
        }
        let authority = authority.to_ascii_lowercase();
        let bare = authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80"));
        self.by_authority.get(&authority).or_else(|| self.by_authority.get(bare?))
    }

    /// Every application's place, with its number in the configuration.
    pub fn places(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.places.iter().enumerate()
    }

    /// The application that a path on a site belongs to: the one with the longest prefix.
    #[must_use]
    pub fn find_place(&self, site: &Site, path: &str) -> Option<(usize, &Place)> {
        let here = |place: &Place| place.site.authority == site.authority && place.has(path);
        self.places().filter(|(_, place)| here(place)).max_by_key(|(_, place)| place.prefix.len())
    }

    /// What the gateway's pages may load and where their forms may lead (CSP).
    pub(super) fn content_policy(&self) -> HeaderValue {
        self.style_policy.clone()
    }
}

/// The login page's script, which takes along what comes after the `#`.
pub const FRAGMENT_SCRIPT: &str = include_str!("../../templates/login/sign_in.js");

/// The script of the page that waits for an application, which comes back with what comes after the `#`.
pub const RELOAD_SCRIPT: &str = include_str!("../../templates/crowd/waiting.js");

/// Nothing but our own stylesheet and those two scripts, by their hashes; forms may lead, by way of redirects, to any of our sites.
fn content_policy(sites: &BTreeMap<String, Arc<Site>>) -> HeaderValue {
    let origins: Vec<_> = sites.values().map(|site| site.origin.as_str()).collect();
    let hash = |script: &str| format!("'sha256-{}'", BASE64.encode(sha256(script.as_bytes())));
    let scripts = [FRAGMENT_SCRIPT, RELOAD_SCRIPT].map(hash).join(" ");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src {scripts}; img-src 'self'; \
         form-action 'self' {}; frame-ancestors 'none'; base-uri 'none'",
        origins.join(" ")
    );
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Sites {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let apps = [
            ("jira", url("https://jira.example.com")),
            ("wiki", url("https://tools.example.com:8443/wiki/")),
            ("code", url("https://tools.example.com:8443/wiki/code")),
        ];
        let apps = apps.iter().map(|(name, url)| (*name, url));
        Sites::new(&url("https://login.example.com"), apps)
    }

    #[test]
    fn finds_a_site_by_every_spelling_of_its_host() {
        let sites = sites();
        let found = |host| sites.find(host).map(|site| site.origin().to_owned());
        assert_eq!(found("JIRA.example.com:443").unwrap(), "https://jira.example.com");
        assert_eq!(found("tools.example.com:8443").unwrap(), "https://tools.example.com:8443");
        for unknown in ["tools.example.com", "jira.example.com.", "jira.example.com:8443", ""] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_at_the_borders_of_segments() {
        let sites = sites();
        let tools = sites.find("tools.example.com:8443").unwrap();
        let place = |path| sites.find_place(tools, path).map(|(_, place)| place.name.as_str());
        assert_eq!(place("/wiki"), Some("wiki"));
        assert_eq!(place("/wiki/code/x"), Some("code"));
        assert_eq!(place("/wiki/codex"), Some("wiki"));
        assert_eq!(place("/wikipedia"), None);
        assert_eq!(place("/"), None);
    }
}
