//! The groups that an application is told of.

use http::HeaderValue;

use super::encoding::{self, escape, is_plain, length};
use crate::{
    config::{HeaderEncoding, IdentityHeadersConfig},
    directory::NameKey,
    provisioning::ManagedGroups,
};

/// Which groups, and how they stand in one header: the separator never stands in a name, where it is
/// escaped with percents, as are `%` and control characters.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// All of them, if there is none.
    filter: Option<ManagedGroups>,
    separator: String,
    encoding: HeaderEncoding,
}

impl Groups {
    pub(super) fn new(config: &IdentityHeadersConfig) -> Self {
        let filter = &config.group_filter;
        Self {
            filter: (!filter.is_empty()).then(|| ManagedGroups::new(filter, &[])),
            separator: config.groups_separator.clone(),
            encoding: config.encoding,
        }
    }

    /// Those of somebody's groups that are none of the application's business left out.
    pub(super) fn told<'a>(&self, groups: &'a [String]) -> Vec<&'a str> {
        let told = |group: &&String| {
            self.filter.as_ref().is_none_or(|filter| filter.contains(&NameKey::of(group)))
        };
        groups.iter().filter(told).map(String::as_str).collect()
    }

    /// As many as fit, with separators in between, and how many do not.
    pub(super) fn join(&self, groups: &[&str], budget: usize) -> (String, usize) {
        let only_ascii = self.encoding == HeaderEncoding::Percent;
        let (mut joined, mut plain) = (String::new(), true);
        for (index, group) in groups.iter().enumerate() {
            let group = escape(group, only_ascii, self.separator.chars().next());
            let separator = if index == 0 { "" } else { self.separator.as_str() };
            plain &= is_plain(&group);
            let bytes = joined.len() + separator.len() + group.len();
            if length(bytes, plain, self.encoding) > budget {
                return (joined, groups.len() - index);
            }
            joined.push_str(separator);
            joined.push_str(&group);
        }
        (joined, 0)
    }

    /// Joined groups as the value of a header.
    pub(super) fn encode(&self, joined: &str) -> Option<HeaderValue> {
        match self.encoding {
            // Each of them is escaped already.
            HeaderEncoding::Percent => encoding::encode(joined, HeaderEncoding::Utf8),
            encoding => encoding::encode(joined, encoding),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(separator: &str, encoding: HeaderEncoding, filter: &[&str]) -> Groups {
        Groups::new(&IdentityHeadersConfig {
            groups_separator: separator.to_owned(),
            encoding,
            group_filter: filter.iter().map(ToString::to_string).collect(),
            ..IdentityHeadersConfig::default()
        })
    }

    #[test]
    fn groups_are_told_apart_and_stay_within_the_budget() {
        let names = ["a,b", "50%", "c", "d\r\n", "é"];
        let join =
            |separator, encoding, budget| groups(separator, encoding, &[]).join(&names, budget);
        let utf8 = HeaderEncoding::Utf8;
        assert_eq!(join(",", utf8, 100), ("a%2Cb,50%25,c,d%0D%0A,é".to_owned(), 0));
        assert_eq!(join(",", utf8, 8), ("a%2Cb".to_owned(), 4));
        assert_eq!(join(",", utf8, 0), (String::new(), 5));
        assert_eq!(join(", ", utf8, 14), ("a%2Cb, 50%25".to_owned(), 3));
        assert_eq!(join("|", HeaderEncoding::Percent, 100).0, "a,b|50%25|c|d%0D%0A|%C3%A9");
        assert_eq!(join(",", HeaderEncoding::Rfc2047, 72).1, 1, "a word takes 73");
    }

    #[test]
    fn an_application_is_told_of_its_groups_only() {
        let groups = groups(",", HeaderEncoding::Utf8, &["jira-*", "Board"]);
        let all = ["JIRA-users", "board", "boarders", "wiki-users"].map(str::to_owned);
        assert_eq!(groups.told(&all), ["JIRA-users", "board"]);
    }
}
