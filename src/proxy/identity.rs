//! Telling an application who it is.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::managed_headers::HeaderNameError;
use crate::{config::IdentityHeadersConfig, store::Account};

/// What all identity headers may take together. Tomcat refuses more than 8 KiB of headers, and the
/// browser's cookies want a place too.
const BUDGET: usize = 4 * 1024;

/// The headers that tell an application who the user is. Values are UTF-8.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    user: Option<HeaderName>,
    email: Option<HeaderName>,
    name: Option<HeaderName>,
    groups: Option<HeaderName>,
}

impl IdentityHeaders {
    /// From the configuration; an empty name leaves a header out.
    pub fn new(config: &IdentityHeadersConfig) -> Result<Self, HeaderNameError> {
        let name = |name: &str| match name {
            "" => Ok(None),
            name => name.parse().map(Some).map_err(|_| HeaderNameError(name.to_owned())),
        };
        Ok(Self {
            user: name(&config.user)?,
            email: name(&config.email)?,
            name: name(&config.name)?,
            groups: name(&config.groups)?,
        })
    }

    /// Whether a header is one of them.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        [&self.user, &self.email, &self.name, &self.groups].contains(&&Some(name.clone()))
    }

    /// Writes an account into a request.
    pub(super) fn write(&self, account: &Account, headers: &mut HeaderMap) {
        let profile = &account.user.profile;
        let mut left = BUDGET;
        let mut write = |name: &Option<HeaderName>, value: Option<&str>| {
            let value = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
            if let (Some(name), Some(value)) = (name, value) {
                left = left.saturating_sub(name.as_str().len() + value.len());
                headers.insert(name.clone(), value);
            }
        };
        write(&self.user, Some(&profile.username));
        write(&self.email, profile.email.as_deref());
        write(&self.name, profile.display_name.as_deref());
        let (groups, left_out) = join_groups(&account.groups, left);
        if left_out > 0 {
            let username = &profile.username;
            tracing::debug!(user.name = username, left_out, "groups do not fit into the header");
        }
        if let (Some(name), Ok(value)) = (&self.groups, HeaderValue::from_bytes(groups.as_bytes()))
        {
            headers.insert(name.clone(), value);
        }
    }
}

/// As many groups as fit, with commas in between; in their names, `,` is `%2C` and `%` is `%25`. Says how
/// many were left out.
fn join_groups(groups: &[String], budget: usize) -> (String, usize) {
    let mut joined = String::new();
    for (index, group) in groups.iter().enumerate() {
        let group = group.replace('%', "%25").replace(',', "%2C");
        if joined.len() + 1 + group.len() > budget {
            return (joined, groups.len() - index);
        }
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&group);
    }
    (joined, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_apart_and_stay_within_the_budget() {
        let groups = ["a,b", "50%", "c"].map(str::to_owned);
        assert_eq!(join_groups(&groups, 100), ("a%2Cb,50%25,c".to_owned(), 0));
        assert_eq!(join_groups(&groups, 8), ("a%2Cb".to_owned(), 2));
        assert_eq!(join_groups(&groups, 0), (String::new(), 3));
    }
}
