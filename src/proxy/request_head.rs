//! What of a client's request is passed on.

use std::{net::IpAddr, sync::LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::PathAndQuery};

use super::{Forwarding, ManagedHeaders, names::Names};
use crate::telemetry::{TRACEPARENT, TRACESTATE};

/// Headers about one connection (RFC 9110 section 7.6.1), and those that we answer ourselves.
static HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Headers that are set later, or answered already.
const OWN: [&str; 6] = ["host", "cookie", "expect", "content-length", TRACEPARENT, TRACESTATE];

/// What is not passed on of any request.
static LEFT_OUT: LazyLock<Names> =
    LazyLock::new(|| HOP_BY_HOP.iter().map(HeaderName::as_str).chain(OWN).collect());

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
static STATE: HeaderName = HeaderName::from_static(TRACESTATE);

/// Whether a header ends here, whatever `Connection` says.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(name)
}

/// The names in `Connection` headers.
pub(super) fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The headers of a request that an application gets, without cookies, before the gateway's own are added.
pub(super) fn headers(from: &HeaderMap, managed: &ManagedHeaders, upgrade: bool) -> HeaderMap {
    let named: Vec<_> = connection_options(from).collect();
    let mut to = HeaderMap::with_capacity(from.len() + 8);
    for (name, value) in from {
        let dropped = LEFT_OUT.has(name.as_str())
            || named.iter().any(|named| name.as_str().eq_ignore_ascii_case(named))
            || managed.has(name)
            || (*name == header::AUTHORIZATION && is_consumed(value));
        if !dropped {
            to.append(name.clone(), value.clone());
        }
    }
    // As we have read it: `005` may be another number elsewhere.
    let length = from.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if let Some(length) = length.and_then(|length| length.parse::<u64>().ok()) {
        to.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if upgrade && let Some(protocol) = from.get(header::UPGRADE) {
        to.insert(header::UPGRADE, protocol.clone());
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    } else if takes_trailers(from) {
        to.insert(header::TE, HeaderValue::from_static("trailers"));
        to.insert(header::CONNECTION, HeaderValue::from_static("TE"));
    }
    to
}

/// Whether a client wants what comes behind an answer's body (RFC 9110 section 6.5.1). We pass it back; of
/// requests nothing is passed on that comes behind the body.
fn takes_trailers(headers: &HeaderMap) -> bool {
    headers.get(header::TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

/// Whether credentials are for the gateway: a ticket, or what a browser takes for one.
fn is_consumed(authorization: &HeaderValue) -> bool {
    let value = authorization.as_bytes().trim_ascii_start();
    let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
    [&b"negotiate"[..], b"ntlm", b"kerberos"]
        .iter()
        .any(|scheme| value[..end].eq_ignore_ascii_case(scheme))
}

/// Path and query, as they came.
pub(super) fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

impl Forwarding<'_> {
    /// Where the request comes from and what it was asked for, as browsers see it.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let site = &self.place.site;
        let scheme = HeaderValue::from_static(if site.is_secure() { "https" } else { "http" });
        let context = &self.arrival.context;
        let values = [
            (&FORWARDED_FOR, text_of(self.arrival.client).as_str()),
            (&FORWARDED_PORT, site.port()),
            (&PARENT, context.traceparent().as_str()),
        ]
        .map(|(name, value)| (name, HeaderValue::from_str(value).ok()));
        let host = HeaderValue::from_str(site.authority()).ok();
        let state = context.tracestate().and_then(|state| HeaderValue::from_str(state).ok());
        let others = [
            (&header::HOST, host.clone()),
            (&FORWARDED_HOST, host),
            (&FORWARDED_PROTO, Some(scheme)),
            (&STATE, state),
        ];
        for (name, value) in values.into_iter().chain(others) {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
}

/// An address as it is written. Each request has one, and the usual way of writing numbers takes ten times as long.
fn text_of(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else {
        return address.to_string();
    };
    let mut text = String::with_capacity(15);
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IdentityHeadersConfig;

    fn passed_on(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut from = HeaderMap::new();
        for (name, value) in pairs {
            from.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let managed = ManagedHeaders::new([&IdentityHeadersConfig::default()].into_iter());
        let to = headers(&from, &managed, false);
        to.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn passes_on_what_is_the_applications_and_nothing_else() {
        let kept = passed_on(&[
            ("host", "evil.example"),
            ("connection", "keep-alive, X-Secret, cookie"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("proxy-authorization", "Basic x"),
            ("authorization", "negotiate YII"),
            ("x_forwarded_user", "root"),
            ("cookie", "gatehouse-session=x; JSESSIONID=y"),
            ("content-length", "005"),
            ("traceparent", "00-1-2-01"),
            ("tracestate", "a=b"),
            ("accept", "a"),
            ("accept", "b"),
        ]);
        assert_eq!(
            kept,
            ["accept: a", "accept: b", "content-length: 5", "te: trailers", "connection: TE"]
        );
        assert_eq!(passed_on(&[("authorization", "Bearer x")]), ["authorization: Bearer x"]);
        assert_eq!(passed_on(&[("authorization", " NTLM")]).len(), 0);
        assert_eq!(passed_on(&[("te", "gzip, trailers")]).len(), 0);
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for number in (0..=255).map(|octet: u8| [octet, 255 - octet, octet / 2, 10]) {
            let address = IpAddr::from(number);
            assert_eq!(text_of(address), address.to_string());
        }
        assert_eq!(text_of("2001:db8::1".parse().unwrap()), "2001:db8::1");
    }

    #[test]
    fn the_path_stays_as_it_came() {
        let uri: Uri = "https://jira.example.com/a%2Db;x?c=%7B|".parse().unwrap();
        assert_eq!(origin_form(&uri).to_string(), "/a%2Db;x?c=%7B|");
    }
}
