//! Where a credential may be sent.

use url::Url;

use crate::cloud::ConnectorError;

/// Where a line leads: a scheme, a host, a port, and the beginning of a path. Nothing else is ever asked, because
/// whatever is asked is given the credential.
#[derive(Clone, Debug)]
pub(super) struct Home {
    base: Url,
    /// The path that all others begin with, a `/` at its end.
    path: String,
}

impl Home {
    pub(super) fn new(base: Url) -> Self {
        let path = format!("{}/", base.path().trim_end_matches('/'));
        Self { base, path }
    }

    pub(super) fn host(&self) -> String {
        let port = self.base.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.base.host_str().unwrap_or_default())
    }

    /// An address below it.
    pub(super) fn at(&self, path: &str) -> Result<Url, ConnectorError> {
        let text = format!("{}{}", self.path, path.trim_start_matches('/'));
        let url = self.base.join(&text).map_err(|_| ConnectorError::ForeignLink(text))?;
        self.check(&url)?;
        Ok(url)
    }

    /// An address that an answer names.
    pub(super) fn follow(&self, link: &str) -> Result<Url, ConnectorError> {
        let url =
            Url::parse(link).map_err(|_| ConnectorError::ForeignLink(super::excerpt(link)))?;
        self.check(&url)?;
        Ok(url)
    }

    /// Whether an address is below it. Of the address that is not, only where it leads is told.
    pub(super) fn check(&self, url: &Url) -> Result<(), ConnectorError> {
        let same_origin = url.scheme() == self.base.scheme()
            && url.host() == self.base.host()
            && url.port_or_known_default() == self.base.port_or_known_default();
        let plain = url.username().is_empty() && url.password().is_none();
        // A server behind may read an escaped path in another way than this.
        let path = url.path().to_ascii_lowercase();
        let devious = ["%2e", "%2f", "%5c", "\\"].iter().any(|it| path.contains(it));
        if same_origin && plain && !devious && url.path().starts_with(&self.path) {
            return Ok(());
        }
        Err(ConnectorError::ForeignLink(super::excerpt(&url.origin().ascii_serialization())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_is_asked() {
        let home = Home::new("https://graph.microsoft.com/v1.0".parse().unwrap());
        assert!(home.follow("https://graph.microsoft.com/v1.0/users?$skiptoken=a").is_ok());
        assert!(home.follow("https://graph.microsoft.com:443/v1.0/users").is_ok());
        for foreign in [
            "http://graph.microsoft.com/v1.0/users",
            "https://graph.microsoft.com:8443/v1.0/users",
            "https://graph.microsoft.com.example.net/v1.0/users",
            "https://example.net/v1.0/users",
            "https://graph.microsoft.com@example.net/v1.0/users",
            "https://user:secret@graph.microsoft.com/v1.0/users",
            "https://graph.microsoft.com/v1.0/../beta/users",
            "https://graph.microsoft.com/v1.0/%2e%2e/beta/users",
            "https://graph.microsoft.com/v1.0/%2E%2E%2Fbeta/users",
            "https://graph.microsoft.com/v1.0/..%5Cbeta",
            "https://graph.microsoft.com/v1.01/users",
            "/v1.0/users",
            "file:///v1.0/users",
            "",
        ] {
            assert!(
                matches!(home.follow(foreign), Err(ConnectorError::ForeignLink(_))),
                "{foreign}"
            );
        }
    }

    #[test]
    fn a_path_leads_below_and_nowhere_else() {
        let home = Home::new("http://localhost:8080/".parse().unwrap());
        assert_eq!(
            home.at("/users?$top=1").unwrap().as_str(),
            "http://localhost:8080/users?$top=1"
        );
        assert_eq!(home.host(), "localhost:8080");
        let home = Home::new("https://example.com/a/".parse().unwrap());
        assert_eq!(home.at("b").unwrap().as_str(), "https://example.com/a/b");
        assert!(home.at("../b").is_err());
        let told = home.follow("https://user:secret@example.com/").unwrap_err().to_string();
        assert!(!told.contains("secret"), "{told}");
    }
}
