//! Whose address a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use gatehouse::http::TrustedProxies;
use http::{HeaderMap, HeaderValue};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A stranger is nobody but itself; behind a proxy, only the last word of the last line counts.
pub fn client_addresses(data: &[u8]) {
    let lines =
        data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let mut headers: HeaderMap =
        lines.map(|line| ("x-forwarded-for".parse().unwrap(), line)).collect();
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(proxies.client(STRANGER, &headers), STRANGER);
    let _ = proxies.client(PROXY, &headers);

    // What a trusted proxy adds behind it hides all of it.
    headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
    assert_eq!(proxies.client(PROXY, &headers).to_string(), "198.51.100.7");
}
