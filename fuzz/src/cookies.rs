//! A client's cookies: which of them an application gets.

use gatehouse::http::{Site, find_cookie, foreign_cookies, sets_own_cookie};
use http::{HeaderMap, HeaderValue, header};

/// An application gets all cookies but the gateway's, in whatever lines and spelling they come.
pub fn cookies(data: &[u8]) {
    let lines =
        data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = lines.map(|line| (header::COOKIE, line)).collect();
    let mut kept = HeaderMap::new();
    kept.extend(foreign_cookies(&headers, |_| false).map(|line| (header::COOKIE, line)));

    for own in own_names() {
        assert_eq!(find_cookie(&kept, own), None, "{kept:?}");
    }
    for pair in pairs(&kept) {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        let name = name.trim_ascii().to_ascii_lowercase();
        let name = name.strip_prefix(b"__host-").unwrap_or(&name);
        assert!(!name.starts_with(b"gatehouse-"), "{kept:?}");
    }
    let again = foreign_cookies(&kept, |_| false);
    assert_eq!(again.as_ref(), kept.get(header::COOKIE), "filtered once is filtered");
    for pair in pairs(&headers) {
        let Ok(value) = HeaderValue::from_bytes(pair) else { continue };
        let is_kept = pairs(&kept).any(|found| found == pair);
        assert_eq!(is_kept, !sets_own_cookie(&value), "{value:?} of {headers:?}");
    }
}

fn own_names() -> [&'static str; 4] {
    let [tls, plain] = ["https://a.example", "http://localhost"].map(|url| {
        let site = Site::of(&url.parse().unwrap());
        [site.cookies().session, site.cookies().login]
    });
    [tls[0], tls[1], plain[0], plain[1]]
}

/// What is between semicolons, of all lines.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}
