//! Names of headers, and those that only the gateway may set.

use gatehouse::{config::IdentityHeadersConfig, http::fold, proxy::ManagedHeaders};
use http::HeaderName;

/// A server that does not tell names apart finds nothing of a client's under a name of the gateway's.
pub fn header_names(data: &[u8]) {
    let Ok(name) = HeaderName::from_bytes(data) else { return };
    let folded = fold(name.as_str());
    assert_eq!(folded.len(), name.as_str().len());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(folded.bytes().all(plain), "{folded}");
    assert_eq!(fold(&folded), folded, "folded once is folded");
    assert_eq!(fold(&name.as_str().to_ascii_uppercase()), folded);

    let managed = ManagedHeaders::new([&IdentityHeadersConfig::default()].into_iter());
    // As CGI, PHP and WSGI make a variable of it, and back.
    let variable = folded.to_ascii_uppercase().replace('-', "_");
    for alias in [folded.as_ref(), &variable, &folded.replace('-', ".")] {
        let alias: HeaderName = alias.parse().unwrap();
        assert_eq!(managed.has(&alias), managed.has(&name), "{name} and {alias}");
    }
}
