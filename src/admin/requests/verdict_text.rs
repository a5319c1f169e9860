//! Verdicts in words, and headers without secrets.

use http::{HeaderName, HeaderValue};

use crate::policy::{Decided, Decision, Mismatch, Verdict};

/// Headers whose values are nobody's business.
const SECRET: [&str; 7] =
    ["authorization", "cookie", "token", "secret", "key", "assertion", "password"];

/// Why a rule does not hold.
pub(super) fn mismatch_text(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Method => "for other methods",
        Mismatch::Network => "for other networks",
        Mismatch::Header => "for requests with other headers",
        Mismatch::Credentials => "for requests with credentials of their own",
    }
}

/// A word for what happens, and a sentence.
pub(super) fn outcome_of(
    verdict: Verdict,
    decided: &Decided<'_>,
    page: bool,
    cross_site: bool,
) -> (String, String) {
    let ask = match (page, decided.asks_for_credentials) {
        (true, _) => "the browser is sent to sign in",
        (false, true) => {
            "401, and the client is asked for credentials by Basic; a browser that goes \
                          to this page would be sent to sign in"
        }
        (false, false) => "401; a browser that goes to this page would be sent to sign in",
    };
    let (outcome, because) = match (verdict, decided.decision) {
        (Verdict::Forward, _) if cross_site => (
            "refuse",
            "cross-site-request: a page of an origin that is not allowed asks in somebody's name"
                .to_owned(),
        ),
        (Verdict::Forward, Decision::Pass) => {
            ("forward", "it passes, and the application is not told who it is".to_owned())
        }
        (Verdict::Forward, Decision::Optional) => {
            ("forward", "it passes, and the application is told who it is if anybody is".to_owned())
        }
        (Verdict::Forward, _) => ("forward", "they may".to_owned()),
        (Verdict::SignIn, _) => ("login", format!("nobody is signed in: {ask}")),
        (Verdict::SignInAnotherWay, _) => {
            ("login", format!("they have signed in in a way that is not good enough here: {ask}"))
        }
        (Verdict::NoAccount, _) => (
            "refuse",
            "no-active-account: the application sees no active account of theirs".to_owned(),
        ),
        (Verdict::NotInGroup, _) => {
            ("refuse", "not-in-group: they are in none of the groups that may".to_owned())
        }
        (Verdict::Denied, _) => ("refuse", "denied: nobody may".to_owned()),
    };
    (outcome.to_owned(), because)
}

/// What a proxy is answered that asks (forward-auth), by the word for what happens.
pub(super) fn proxies_answer(outcome: &str, page: bool) -> &'static str {
    match (outcome, page) {
        ("forward", _) => "200, with what it tells the application of the user, and the cookies",
        ("login", true) => "401 for nginx and HAProxy, for others a redirect to sign in",
        ("login", false) => "401",
        ("own", _) => "refused: it has to pass this to the gateway without asking",
        _ => "403 for nginx and HAProxy, for others the refusal as it is",
    }
}

/// A header as it may be shown: of credentials the scheme, of cookies nothing, of tokens nothing.
pub(super) fn mask(name: &HeaderName, value: &HeaderValue) -> (String, String) {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let secret = value.is_sensitive() || SECRET.iter().any(|word| name.as_str().contains(word));
    let shown = match text.split_once(' ') {
        Some((scheme, _)) if secret && name == http::header::AUTHORIZATION => {
            format!("{scheme} ***")
        }
        _ if secret => "***".to_owned(),
        _ => text,
    };
    (name.to_string(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = |name: &'static str, value: &'static str| {
            mask(&HeaderName::from_static(name), &HeaderValue::from_static(value)).1
        };
        assert_eq!(shown("authorization", "Basic YTpi"), "Basic ***");
        assert_eq!(shown("authorization", "secret"), "***");
        assert_eq!(shown("cookie", "JSESSIONID=1; a=b"), "***");
        assert_eq!(shown("x-gatehouse-assertion", "ey.ey.x"), "***");
        assert_eq!(shown("x-api-key", "x y"), "***");
        assert_eq!(shown("x-forwarded-user", "alice"), "alice");
        let mut sensitive = HeaderValue::from_static("x");
        sensitive.set_sensitive(true);
        assert_eq!(mask(&HeaderName::from_static("x-plain"), &sensitive).1, "***");
    }
}
