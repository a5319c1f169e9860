//! The cookies in which an application keeps its own sessions.

use http::{HeaderMap, HeaderValue, header};

use super::{
    CookieNames, Place,
    cookies::{cookies, find_cookie, name_of},
};

/// Long enough for what a browser keeps beyond its own end, such as "remember me".
const MARKED_SECONDS: u32 = 30 * 24 * 3600;

/// The cookies in which an application keeps its own sessions, and the one of the gateway's beside them that
/// says whose they are.
#[derive(Clone, Debug)]
pub struct AppCookies {
    names: Vec<String>,
    marker: String,
    on_site: CookieNames,
    secure: bool,
    /// Where applications set cookies: for all of their host, or for their part of it.
    paths: Vec<String>,
}

impl AppCookies {
    /// Cookies of these names, of an application at a place. Without names nothing is kept apart.
    #[must_use]
    pub fn new(place: &Place, names: Vec<String>) -> Self {
        let on_site = *place.site.cookies();
        let part = [place.prefix.clone(), format!("{}/", place.prefix)];
        let part = part.into_iter().filter(|_| !place.prefix.is_empty());
        Self {
            names,
            marker: on_site.marker(&place.name),
            on_site,
            secure: place.site.is_secure(),
            paths: std::iter::once("/".to_owned()).chain(part).collect(),
        }
    }

    /// Whether there is nothing to keep apart.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whose a request says the cookies are.
    #[must_use]
    pub fn find_marker<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find_cookie(headers, &self.marker)
    }

    /// Says whose they are from now on.
    #[must_use]
    pub fn mark(&self, marker: &str) -> HeaderValue {
        self.on_site.set_for(&self.marker, marker, MARKED_SECONDS)
    }

    /// Whether a request has one of them.
    #[must_use]
    pub fn are_in(&self, headers: &HeaderMap) -> bool {
        cookies(headers).any(|(name, _)| self.is_one(name))
    }

    /// Whether what a request or an answer says of a cookie is about one of them.
    #[must_use]
    pub fn has(&self, pair: &[u8]) -> bool {
        self.is_one(name_of(pair))
    }

    /// Names differ in case for browsers, but not for everybody.
    fn is_one(&self, name: &[u8]) -> bool {
        self.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Removes them from a browser, but for what the answer itself sets anew.
    pub fn remove(&self, headers: &mut HeaderMap) {
        // Browsers take cookies in the order in which they come: what the application sets has to be last.
        let set: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
        headers.remove(header::SET_COOKIE);
        let secure = if self.secure { "; Secure" } else { "" };
        for (name, path) in self.places().filter(|place| !set.iter().any(|set| sets(set, *place))) {
            let text = format!("{name}=; Path={path}; Max-Age=0; HttpOnly{secure}");
            headers.extend(HeaderValue::try_from(text).ok().map(|text| (header::SET_COOKIE, text)));
        }
        for value in set {
            headers.append(header::SET_COOKIE, value);
        }
    }

    fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths = |name| self.paths.iter().map(move |path| (name, path.as_str()));
        self.names.iter().flat_map(move |name| paths(name.as_str()))
    }

    /// Removes them from a browser, and what says whose they are.
    pub fn forget(&self, headers: &mut HeaderMap) {
        self.remove(headers);
        headers.append(header::SET_COOKIE, self.on_site.remove(&self.marker));
    }

    /// Keeps an answer from setting them.
    pub fn keep_from_being_set(&self, headers: &mut HeaderMap) {
        if !headers.get_all(header::SET_COOKIE).iter().any(|value| self.has(value.as_bytes())) {
            return;
        }
        let set: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
        headers.remove(header::SET_COOKIE);
        for value in set.into_iter().filter(|value| !self.has(value.as_bytes())) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

/// Whether an answer sets a cookie of that name and path.
fn sets(set_cookie: &HeaderValue, (name, path): (&str, &str)) -> bool {
    let mut parts = set_cookie.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let named = parts.next().is_some_and(|pair| name_of(pair) == name.as_bytes());
    let its_path = parts.rev().find_map(|part| {
        let (key, value) = part.split_at(part.iter().position(|byte| *byte == b'=')?);
        key.trim_ascii().eq_ignore_ascii_case(b"path").then(|| value[1..].trim_ascii())
    });
    named && its_path == Some(path.as_bytes())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::http::Sites;

    fn app_cookies(url: &str) -> AppCookies {
        let url: Url = url.parse().unwrap();
        let login = "https://login.example".parse().unwrap();
        let sites = Sites::new(&login, std::iter::once(("jira", &url)));
        let (_, place) = sites.places().next().unwrap();
        AppCookies::new(place, vec!["JSESSIONID".to_owned(), "remember".to_owned()])
    }

    fn lines(headers: &HeaderMap) -> Vec<&str> {
        let lines = headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    fn answer(set: &[&'static str]) -> HeaderMap {
        set.iter().map(|set| (header::SET_COOKIE, HeaderValue::from_static(set))).collect()
    }

    #[test]
    fn what_the_application_sets_anew_stays_and_comes_last() {
        let mut headers = answer(&["JSESSIONID=new; path = /; HttpOnly", "x=1"]);
        app_cookies("https://jira.example").remove(&mut headers);
        assert_eq!(
            lines(&headers),
            [
                "remember=; Path=/; Max-Age=0; HttpOnly; Secure",
                "JSESSIONID=new; path = /; HttpOnly",
                "x=1"
            ]
        );
    }

    #[test]
    fn an_application_on_a_part_of_a_host_has_cookies_there_too() {
        let mut headers = answer(&["JSESSIONID=new; Path=/jira"]);
        let cookies = app_cookies("http://localhost/jira");
        cookies.forget(&mut headers);
        assert_eq!(
            lines(&headers),
            [
                "JSESSIONID=; Path=/; Max-Age=0; HttpOnly",
                "JSESSIONID=; Path=/jira/; Max-Age=0; HttpOnly",
                "remember=; Path=/; Max-Age=0; HttpOnly",
                "remember=; Path=/jira; Max-Age=0; HttpOnly",
                "remember=; Path=/jira/; Max-Age=0; HttpOnly",
                "JSESSIONID=new; Path=/jira",
                "gatehouse-app-jira=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
            ]
        );
    }

    #[test]
    fn cookies_are_known_in_either_case_and_kept_from_being_set() {
        let cookies = app_cookies("https://jira.example");
        for (pair, known) in [
            (&b" jsessionid =x"[..], true),
            (b"JSESSIONID", true),
            (b"remember=1; Path=/", true),
            (b"JSESSIONIDX=1", false),
            (b"a=JSESSIONID", false),
        ] {
            assert_eq!(cookies.has(pair), known, "{pair:?}");
        }
        let mut headers = answer(&["a=1", "JSessionID=2; Path=/"]);
        cookies.keep_from_being_set(&mut headers);
        assert_eq!(lines(&headers), ["a=1"]);
        assert!(cookies.mark("m").to_str().unwrap().starts_with("__Host-gatehouse-app-jira=m; "));
    }
}
