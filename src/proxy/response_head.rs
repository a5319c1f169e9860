//! What of an application's answer is passed back.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::{
    SingleSignOn,
    request_head::{connection_options, is_hop_by_hop},
};
use crate::http::sets_own_cookie;

/// Removes what is about the other connection, and what only the gateway may say.
pub(super) fn clean<B>(
    response: &mut Response<B>,
    upgrade: bool,
    single_sign_on: Option<&SingleSignOn>,
) {
    let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS && upgrade;
    let headers = response.headers_mut();
    // What most connections say is no header but a word, or ends here anyway.
    let named = connection_options(headers).filter(|name| *name != "close" && !is_hop_by_hop(name));
    let named: Vec<HeaderName> = named.filter_map(|name| name.parse().ok()).collect();
    let protocol = headers.get(header::UPGRADE).cloned();
    // What frames the message is not removed because a header names it.
    let framing =
        |name: &HeaderName| *name == header::CONTENT_LENGTH || *name == header::SET_COOKIE;
    // Trailers are passed back as they come (RFC 9110 section 6.5), and this says which there will be.
    let ends_here = |name: &HeaderName| is_hop_by_hop(name.as_str()) && *name != header::TRAILER;
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| ends_here(name) || (named.contains(name) && !framing(name)))
        .cloned()
        .collect();
    for name in dropped {
        headers.remove(name);
    }
    if switched && let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    let is_ours = |value: &HeaderValue| {
        sets_own_cookie(value) || single_sign_on.is_some_and(|crowd| crowd.is_set_by(value))
    };
    retain(headers, &header::SET_COOKIE, |value| !is_ours(value));
    // Tickets are for the gateway. An application that asked for one would never get it.
    retain(headers, &header::WWW_AUTHENTICATE, |value| !asks_for_ticket(value));
}

fn retain(headers: &mut HeaderMap, name: &HeaderName, keep: impl Fn(&HeaderValue) -> bool) {
    if headers.get_all(name).iter().all(&keep) {
        return;
    }
    let kept: Vec<_> = headers.get_all(name).iter().filter(|value| keep(value)).cloned().collect();
    headers.remove(name);
    for value in kept {
        headers.append(name.clone(), value);
    }
}

fn asks_for_ticket(challenge: &HeaderValue) -> bool {
    let value = challenge.as_bytes().to_ascii_lowercase();
    value.starts_with(b"negotiate") || value.starts_with(b"ntlm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_neither_end_our_connections_nor_set_our_cookies() {
        let mut response = Response::new(());
        for (name, value) in [
            ("connection", "close, x-mine, set-cookie"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=20"),
            ("set-cookie", "JSESSIONID=a"),
            ("set-cookie", "__Host-gatehouse-session=evil"),
            ("set-cookie", "seraph=b"),
            ("www-authenticate", "Negotiate"),
            ("www-authenticate", "Basic realm=x"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        clean(&mut response, false, None);
        let left: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let expected =
            ["set-cookie: JSESSIONID=a", "set-cookie: seraph=b", "www-authenticate: Basic realm=x"];
        assert_eq!(left.len(), expected.len(), "{left:?}");
        assert!(expected.iter().all(|line| left.iter().any(|found| found == line)), "{left:?}");
    }
}
