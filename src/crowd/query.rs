//! The parameters that come in a resource's address.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::failure::Failure;

/// Lists have so many entries if nobody says how many.
const DEFAULT_MOST: i64 = 1000;

/// The parameters of an address, decoded; a blank may be `+` or `%20`.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// So many are left out before.
    pub(super) start: i64,
    /// So many at most; all if it is not said.
    pub(super) most: Option<i64>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter, if it is there and says something.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter without which the resource means nothing.
    pub(super) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.find(name).ok_or_else(|| Failure::illegal(format_args!("{name} is missing")))
    }

    /// Whether entities of this kind are wanted as a whole: `expand=user,attributes`.
    pub(super) fn expands(&self, what: &str) -> bool {
        let words = self.0.iter().filter(|(name, _)| name == "expand");
        words.flat_map(|(_, value)| value.split(',')).any(|word| word.trim() == what)
    }

    /// `true`, or it is not.
    pub(super) fn says(&self, name: &str) -> Option<bool> {
        self.find(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `start-index` and `max-results`; -1 results are all.
    pub(super) fn page(&self) -> Result<Page, Failure> {
        let start = self.number("start-index")?.unwrap_or(0).max(0);
        let most = self.number("max-results")?.unwrap_or(DEFAULT_MOST);
        Ok(Page { start, most: (most >= 0).then_some(most) })
    }

    /// A whole number, if it is there.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let illegal = |_| Failure::illegal(format_args!("{name} must be a number"));
        self.find(name).map(str::parse).transpose().map_err(illegal)
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = Self::parse(parts.uri.query().unwrap_or_default());
        // No database holds such a text.
        if query.0.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Failure::illegal("a parameter has a character that nothing has"));
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_come_in_two_ways() {
        let query =
            Query::parse("username=Ada+Lovelace&groupname=a%20b%2Bc&expand=user,attributes&x=");
        assert_eq!(query.find("username"), Some("Ada Lovelace"));
        assert_eq!(query.find("groupname"), Some("a b+c"));
        assert_eq!(query.find("x"), None);
        assert!(query.expands("attributes") && query.expands("user") && !query.expands("group"));
    }

    #[test]
    fn a_page_is_a_thousand_or_all_or_as_many_as_are_asked_for() {
        let page = |text: &str| Query::parse(text).page().ok().map(|page| (page.start, page.most));
        assert_eq!(page(""), Some((0, Some(1000))));
        assert_eq!(page("start-index=5&max-results=-1"), Some((5, None)));
        assert_eq!(page("max-results=0&start-index=-4"), Some((0, Some(0))));
        assert_eq!(page("max-results=9223372036854775807"), Some((0, Some(i64::MAX))));
        assert_eq!(page("max-results=9223372036854775808"), None);
        assert_eq!(page("max-results=many"), None);
    }
}
