//! What the configuration may say as an address of the web.

use url::{Host, Url};

/// Refuses what is not `https://host[:port]` (or `http` on this machine), a path apart.
pub(super) fn check_site(url: &Url) -> Result<(), String> {
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    if !secure {
        return Err(format!("{url} must begin with https:// (http:// only for localhost)"));
    }
    let extra = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if extra {
        return Err(format!("{url} must be scheme, host and port only"));
    }
    Ok(())
}

/// Like [`check_site`], without a path.
pub(super) fn check_origin(url: &Url) -> Result<(), String> {
    check_site(url)?;
    if url.path() == "/" { Ok(()) } else { Err(format!("{url} must have no path")) }
}

/// Whether a URL's host is this machine by name or address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, good) in [
            ("https://login.example.com", true),
            ("http://login.localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://login.example.com", false),
            ("http://localhost.example.com", false),
            ("ftp://localhost", false),
            ("https://user@login.example.com", false),
            ("https://login.example.com/?a", false),
        ] {
            assert_eq!(check_origin(&url.parse().unwrap()).is_ok(), good, "{url}");
        }
        assert!(check_origin(&"https://login.example.com/sso".parse().unwrap()).is_err());
    }
}
