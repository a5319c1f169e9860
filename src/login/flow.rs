//! Where a login leads.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::{HOME_PATH, LOGIN_PATH, Login};
use crate::{
    config::{KERBEROS, PASSWORD, PasswordSignIn},
    directory::Issuer,
    http::{Arrival, CookieNames, Error, Place, Site, find_cookie},
    policy::{Readings, offered_ways},
    secrets::{Hash, random, sha256},
    telemetry::TraceId,
};

/// What flows are sealed for.
const PURPOSE: &str = "login flow";

/// People leave a login page open, and answer a second factor late.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// Longer addresses are not come back to: the way of a flow leads through the address line.
pub(super) const MAX_TARGET: usize = 4096;

/// Longer fragments are not come back to.
const MAX_FRAGMENT: usize = 1024;

/// Where a login leads, and for which browser. It goes around sealed, in addresses, so that a login
/// that nobody finishes costs nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// The application; none for the login host's own page.
    app: Option<String>,
    /// Path and query, on the application's site.
    target: String,
    /// The browser that began, on that site: SHA-256 of its cookie.
    browser: Hash,
    /// The trace of the login, over all its redirects.
    pub(super) trace: TraceId,
    /// When it is too late.
    until: DateTime<Utc>,
    /// The session that the browser had when it was sent to an identity provider: it does not send that
    /// cookie along with another site's form.
    pub(super) replaces: Option<i64>,
    /// The ways to sign in that are good enough where it leads, in the order in which they are offered;
    /// all of them if empty.
    #[serde(default)]
    ways: Vec<String>,
    /// Whether it was begun anew, because the browser's cookie was another one at the end.
    retried: bool,
    /// What comes after the `#`. Browsers keep it over redirects, but not over an identity provider's form.
    fragment: Option<String>,
    /// Whether the browser brought the cookie of a session, one that is none.
    had_session: bool,
}

impl Flow {
    /// A login on the way to a place.
    pub(super) fn to(
        place: &Place,
        target: &str,
        browser: Hash,
        ways: &[String],
        start: &Start,
    ) -> Self {
        let (app, target) = (Some(place.name.clone()), return_target(place, target));
        Self { ways: ways.to_vec(), ..Self::new(app, target, browser, start) }
    }

    /// A login that leads nowhere but to the login host's own page.
    pub(super) fn to_home(start: &Start) -> Self {
        Self::new(None, HOME_PATH.to_owned(), [0; 32], start)
    }

    fn new(app: Option<String>, target: String, browser: Hash, start: &Start) -> Self {
        Self {
            app,
            target,
            browser,
            trace: start.trace,
            until: start.now + LIFE,
            replaces: None,
            ways: Vec::new(),
            retried: false,
            fragment: None,
            had_session: start.had_session,
        }
    }

    /// The same way, to a place on the page that only the browser knows of.
    pub(super) fn with_fragment(mut self, fragment: Option<&str>) -> Self {
        let visible = |fragment: &&str| {
            fragment.len() <= MAX_FRAGMENT && fragment.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()).filter(visible) {
            self.fragment = Some(fragment.to_owned());
        }
        self
    }

    /// The same way once more, for the browser that is there now; not a third time.
    pub(super) fn retry(&self, browser: Hash) -> Option<Self> {
        (!self.retried).then(|| Self { browser, retried: true, replaces: None, ..self.clone() })
    }

    pub(super) fn browser(&self) -> &Hash {
        &self.browser
    }

    /// Whether only some ways to sign in are good enough.
    pub(super) fn is_restricted(&self) -> bool {
        !self.ways.is_empty()
    }

    /// Whether somebody for whom this issuer vouches may go on.
    pub(super) fn takes(&self, issuer: &Issuer) -> bool {
        self.takes_way(issuer.way_to_sign_in())
    }

    /// Whether somebody who signs in in this way may go on.
    pub(super) fn takes_way(&self, way: &str) -> bool {
        self.ways.is_empty() || self.ways.iter().any(|good| good == way)
    }

    pub(super) fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    pub(super) fn had_session(&self) -> bool {
        self.had_session
    }
}

/// Where a login leads back to: the path and query that somebody wanted, if every reading of it is the
/// application's, else where people begin.
#[must_use]
pub fn return_target(place: &Place, wanted: &str) -> String {
    let is_here = |readings: Readings<'_>| readings.iter().all(|path| place.has(path));
    let good = wanted.len() <= MAX_TARGET && Readings::of(wanted).is_ok_and(is_here);
    if good { wanted.to_owned() } else { format!("{}/", place.prefix) }
}

/// When a login began, and what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) trace: TraceId,
    pub(super) now: DateTime<Utc>,
    pub(super) had_session: bool,
}

/// A browser's cookie while it logs in, which tells it from other browsers.
#[derive(Debug)]
pub(super) struct Browser {
    value: String,
    is_new: bool,
}

impl Browser {
    /// The one the browser has, else a new one. A browser keeps it over several logins, so that those of
    /// two tabs do not get in each other's way.
    pub(super) fn of(headers: &HeaderMap, name: &str) -> Self {
        match find_cookie(headers, name).filter(|value| value.len() == 43) {
            Some(value) => Self { value: value.to_owned(), is_new: false },
            None => Self { value: BASE64.encode(random::<32>()), is_new: true },
        }
    }

    pub(super) fn hash(&self) -> Hash {
        sha256(self.value.as_bytes())
    }

    /// The value, if the browser has to be given it.
    pub(super) fn new_value(&self) -> Option<&str> {
        self.is_new.then_some(self.value.as_str())
    }
}

/// The hash of a browser's cookie, if it has one.
pub(super) fn browser_hash(headers: &HeaderMap, site: &Site) -> Option<Hash> {
    let CookieNames { browser, .. } = site.cookies();
    find_cookie(headers, browser).map(|value| sha256(value.as_bytes()))
}

impl Login {
    /// A login that leads to the start page.
    pub(super) fn flow_to_home(&self, arrival: &Arrival) -> Flow {
        let (trace, now) = (arrival.trace, self.clock.now());
        Flow::to_home(&Start { trace, now, had_session: false })
    }

    /// A flow as it goes around.
    pub(super) fn seal(&self, flow: &Flow) -> String {
        // A flow of strings and numbers is always JSON.
        BASE64.encode(self.sealer.seal(PURPOSE, &serde_json::to_vec(flow).unwrap_or_default()))
    }

    /// A flow that went around, however long ago.
    fn unseal(&self, sealed: &str) -> Option<Flow> {
        let sealed = BASE64.decode(sealed).ok()?;
        serde_json::from_slice(&self.sealer.open(PURPOSE, &sealed).ok()?).ok()
    }

    /// A flow that may still be finished. A way that is too old can be begun anew.
    pub(super) fn open(&self, sealed: Option<&str>) -> Result<Flow, Error> {
        let flow = sealed.and_then(|sealed| self.unseal(sealed));
        let Some(flow) = flow else {
            let sentence = "This link does not lead to a sign-in. Begin at the application.";
            return Err(Error::new(http::StatusCode::BAD_REQUEST, "flow-invalid", sentence)
                .with_way_on(self.home_url(), "To the start page"));
        };
        if flow.until <= self.clock.now() {
            let sentence = "This sign-in was begun too long ago.";
            return Err(Error::new(http::StatusCode::BAD_REQUEST, "flow-expired", sentence)
                .with_way_on(self.destination(&flow), "Sign in again"));
        }
        Ok(flow)
    }

    /// The address of the login page for a flow.
    pub(super) fn sign_in_url(&self, flow: &Flow) -> String {
        format!("{}?flow={}", self.login_url(LOGIN_PATH), self.seal(flow))
    }

    /// The ways to sign in that are offered for a flow, in order.
    pub(super) fn offered(&self, flow: &Flow) -> Vec<&str> {
        let by_ticket = self.tickets.iter().map(|_| KERBEROS);
        let by_assertion = self.providers.iter().map(|provider| provider.name.as_str());
        let whose = self.passwords.sign_in();
        let by_password = (whose == PasswordSignIn::Everybody).then_some(PASSWORD);
        let known: Vec<_> = by_ticket.chain(by_assertion).chain(by_password).collect();
        let hidden = (whose == PasswordSignIn::BreakGlass).then_some(PASSWORD);
        offered_ways(&flow.ways, &known, hidden)
    }

    /// The application that a flow leads to, if it is still there.
    pub(super) fn place_of(&self, flow: &Flow) -> Option<&Place> {
        let name = flow.app.as_deref()?;
        self.sites.places().map(|(_, place)| place).find(|place| place.name == name)
    }

    /// Where a flow leads: a path of a configured application, or the start page.
    pub(super) fn destination(&self, flow: &Flow) -> String {
        match self.place_of(flow) {
            Some(place) => {
                let fragment = flow.fragment.iter().map(|fragment| format!("#{fragment}"));
                let fragment: String = fragment.collect();
                format!("{}{}{fragment}", place.site.origin(), flow.target)
            }
            None => self.home_url(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_readable_path_or_the_applications_root() {
        let url = "https://tools.example.com/wiki".parse().unwrap();
        let site = std::sync::Arc::new(Site::of(&url));
        let place = Place { name: "wiki".to_owned(), site, prefix: "/wiki".to_owned() };
        let start =
            Start { trace: TraceId::random(), now: Clock::System.now(), had_session: false };
        let target = |text: &str| Flow::to(&place, text, [0; 32], &[], &start).target;
        assert_eq!(target("/wiki/a?b=c"), "/wiki/a?b=c");
        assert_eq!(target("/wiki/../admin"), "/wiki/");
        assert_eq!(target("/admin"), "/wiki/");
        assert_eq!(target("/wiki/s/x/_/admin"), "/wiki/s/x/_/admin");
        assert_eq!(target("https://evil.example/"), "/wiki/");
        assert_eq!(target(&format!("/wiki/{}", "a".repeat(MAX_TARGET))), "/wiki/");
    }

    #[test]
    fn a_fragment_is_text_of_one_line() {
        let start =
            Start { trace: TraceId::random(), now: Clock::System.now(), had_session: false };
        let kept = |text: &str| Flow::to_home(&start).with_fragment(Some(text)).fragment;
        assert_eq!(kept("comment-1/%7B?x#y").as_deref(), Some("comment-1/%7B?x#y"));
        for bad in ["", "a b", "a\r\nSet-Cookie: x", "ä", &"a".repeat(MAX_FRAGMENT + 1)] {
            assert_eq!(kept(bad), None, "{bad}");
        }
    }

    use crate::clock::Clock;
}
