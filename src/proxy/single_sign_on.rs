//! Crowd's cookie: how an application that asks the gateway as it would ask a Crowd server is told whose a
//! request is.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::percent_decode;

use crate::{config::CrowdConfig, session::Token};

/// How one application is told.
#[derive(Debug)]
pub struct SingleSignOn {
    application: String,
    cookie: String,
    /// The cookie's name as the most careless reader sees it.
    folded: Vec<u8>,
}

impl SingleSignOn {
    /// From the configuration of an app; nothing if it does not want it.
    #[must_use]
    pub fn of(app: &str, configured: &[CrowdConfig]) -> Option<Self> {
        let crowd = configured.iter().find(|crowd| crowd.single_sign_on)?;
        Some(Self::new(crowd.application(app), &crowd.cookie))
    }

    fn new(application: &str, cookie: &str) -> Self {
        let folded = cookie.bytes().map(fold).collect();
        Self { application: application.to_owned(), cookie: cookie.to_owned(), folded }
    }

    /// What the application calls itself.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Whether somebody could read the cookie out of a part of a request's cookies.
    ///
    /// Servers do not agree what separates cookies (some take a comma or a blank for it), which letters are
    /// the same, and whether names are encoded. So the name must not be in it at all, in no spelling.
    pub(super) fn could_be_in(&self, pair: &[u8]) -> bool {
        let decoded = if pair.contains(&b'%') {
            Cow::from(percent_decode(pair))
        } else {
            Cow::Borrowed(pair)
        };
        let is_it = |window: &[u8]| {
            window.iter().zip(&self.folded).all(|(byte, folded)| fold(*byte) == *folded)
        };
        decoded.windows(self.folded.len()).any(is_it)
    }

    /// Whether an application sets the cookie. It repeats what it is sent, for all of its domain.
    pub(super) fn is_set_by(&self, set_cookie: &HeaderValue) -> bool {
        let pair = set_cookie.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        self.folded.len() == name.len() && self.could_be_in(name)
    }

    /// A request's cookies with a token, before all others: none of them can swallow it.
    pub(super) fn before(
        &self,
        token: &Token,
        others: Option<&HeaderValue>,
    ) -> Option<HeaderValue> {
        let others = others.map(HeaderValue::as_bytes).unwrap_or_default();
        let token = token.as_str().as_bytes();
        let mut line = Vec::with_capacity(self.cookie.len() + token.len() + others.len() + 3);
        line.extend_from_slice(self.cookie.as_bytes());
        line.push(b'=');
        line.extend_from_slice(token);
        if !others.is_empty() {
            line.extend_from_slice(b"; ");
            line.extend_from_slice(others);
        }
        // A token is letters and digits, and what else is there was in a header before.
        HeaderValue::from_maybe_shared(bytes::Bytes::from(line)).ok()
    }
}

/// A byte as readers see it that do not tell letters by their case, nor signs from one another.
fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> SingleSignOn {
        SingleSignOn::new("jira", "crowd.token_key")
    }

    #[test]
    fn no_spelling_of_the_cookie_is_a_clients_to_send() {
        for pair in [
            "crowd.token_key=x",
            " Crowd.Token_Key = x",
            "crowd.token_key",
            "crowd_token_key=x",
            "crowd token-key=x",
            "crowd%2Etoken_key=x",
            "%63rowd.token%5fkey=x",
            "\"crowd.token_key\"=x",
            "a=1, crowd.token_key=x",
            "a=1 crowd.token_key=x",
            "a=1\tcrowd.token_key=x",
            "a=\"crowd.token_key=x\"",
            "$Version=1, crowd.token_key=\"x\"",
            "__Host-crowd.token_key=x",
            "=crowd.token_key=x",
        ] {
            assert!(crowd().could_be_in(pair.as_bytes()), "{pair}");
        }
        for pair in
            ["JSESSIONID=x", "crowd.token=x", "token_key=crowd", "a=%", "", "crowd.token_ke"]
        {
            assert!(!crowd().could_be_in(pair.as_bytes()), "{pair}");
        }
    }

    #[test]
    fn what_the_application_repeats_is_known() {
        for set in ["crowd.token_key=x; Domain=example.com", "CROWD.token_key =\"\"; Max-Age=0"] {
            assert!(crowd().is_set_by(&HeaderValue::from_static(set)), "{set}");
        }
        for set in ["JSESSIONID=crowd.token_key", "a=1; crowd.token_key=x", "x-crowd.token_key=1"] {
            assert!(!crowd().is_set_by(&HeaderValue::from_static(set)), "{set}");
        }
    }

    #[test]
    fn a_token_comes_before_all_other_cookies() {
        let before = |others: Option<&HeaderValue>| crowd().before(&Token::supposed(), others);
        assert_eq!(before(None).unwrap(), "crowd.token_key=none");
        let others = HeaderValue::from_static("a=\"1; b=2");
        assert_eq!(before(Some(&others)).unwrap(), "crowd.token_key=none; a=\"1; b=2");
    }
}
