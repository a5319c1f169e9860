//! What of a client's request is passed on.

use std::{net::IpAddr, sync::LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, uri::PathAndQuery};

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
pub(super) static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
static STATE: HeaderName = HeaderName::from_static(TRACESTATE);

static HOP_BY_HOP_NAMES: LazyLock<Names> =
    LazyLock::new(|| HOP_BY_HOP.iter().map(HeaderName::as_str).collect());

/// Whether a header ends here, whatever `Connection` says.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP_NAMES.has(name)
}

/// The names in `Connection` headers.
pub(super) fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Where headers are written to: into a request, or to somebody who passes the request on instead of us.
pub(super) trait Headers {
    /// One more header.
    fn put(&mut self, name: &HeaderName, value: &HeaderValue);

    /// One more; a text that cannot stand in a header is left out.
    fn put_text(&mut self, name: &HeaderName, text: &str);

    /// Some that are written already, each as `name: value` and a line end; and whether they are secret.
    fn put_lines(&mut self, lines: &[u8], are_secret: bool);
}

impl Headers for HeaderMap {
    fn put(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.append(name, value.clone());
    }

    fn put_text(&mut self, name: &HeaderName, text: &str) {
        if let Ok(value) = HeaderValue::from_str(text) {
            self.append(name, value);
        }
    }

    fn put_lines(&mut self, lines: &[u8], are_secret: bool) {
        for line in lines.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r")) {
            let middle = memchr::memmem::find(line, b": ").unwrap_or(line.len());
            let (name, value) = line.split_at(middle);
            let name = HeaderName::from_bytes(name);
            let value = HeaderValue::from_bytes(value.strip_prefix(b": ").unwrap_or_default());
            if let (Ok(name), Ok(mut value)) = (name, value) {
                value.set_sensitive(are_secret);
                self.append(name, value);
            }
        }
    }
}

/// Path and query, as they came.
pub(super) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", PathAndQuery::as_str)
}

/// The head of a request, as it is sent (RFC 9112 section 3). It has cookies and proofs in it, so nobody can print it.
pub(super) struct RequestHead(Vec<u8>);

/// Most heads are shorter.
const USUAL_HEAD: usize = 2048;

impl RequestHead {
    pub(super) fn begin(method: &Method, target: &str) -> Self {
        let mut head = Self(Vec::with_capacity(USUAL_HEAD));
        head.write([method.as_str().as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\n"]);
        head
    }

    /// So many bytes follow.
    pub(super) fn put_length(&mut self, length: u64) {
        self.put_text(&header::CONTENT_LENGTH, &length.to_string());
    }

    /// Pieces follow.
    pub(super) fn put_chunked(&mut self) {
        self.put_text(&header::TRANSFER_ENCODING, "chunked");
    }

    /// All of it.
    pub(super) fn end(mut self) -> Bytes {
        self.0.extend_from_slice(b"\r\n");
        self.0.into()
    }

    fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.write([name.as_str().as_bytes(), b": ", value, b"\r\n"]);
    }

    fn write(&mut self, parts: [&[u8]; 4]) {
        self.0.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.0.extend_from_slice(part);
        }
    }
}

impl Headers for RequestHead {
    fn put(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.field(name, value.as_bytes());
    }

    fn put_text(&mut self, name: &HeaderName, text: &str) {
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        if text.bytes().all(is_printable) {
            self.field(name, text.as_bytes());
        }
    }

    fn put_lines(&mut self, lines: &[u8], _: bool) {
        self.0.extend_from_slice(lines);
    }
}

/// Writes the headers of a client's that an application gets, without cookies. Says whether credentials are among them.
pub(super) fn write(
    from: &HeaderMap,
    managed: &ManagedHeaders,
    upgrade: bool,
    to: &mut impl Headers,
) -> bool {
    // What most connections say is no header that anybody would pass on.
    let named = connection_options(from).filter(|name| !LEFT_OUT.has(name));
    let named: Vec<_> = named.collect();
    let mut has_credentials = false;
    for (name, value) in from {
        let is_authorization = *name == header::AUTHORIZATION;
        let dropped = LEFT_OUT.has(name.as_str())
            || named.iter().any(|named| name.as_str().eq_ignore_ascii_case(named))
            || managed.has(name)
            || (is_authorization && is_consumed(value));
        if !dropped {
            has_credentials |= is_authorization;
            to.put(name, value);
        }
    }
    if upgrade && let Some(protocol) = from.get(header::UPGRADE) {
        to.put(&header::UPGRADE, protocol);
        to.put_text(&header::CONNECTION, "Upgrade");
    } else if takes_trailers(from) {
        to.put_text(&header::TE, "trailers");
        to.put_text(&header::CONNECTION, "TE");
    }
    has_credentials
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

impl Forwarding<'_> {
    /// Writes where the request comes from and what it was asked for, as browsers see it.
    pub(super) fn write(&self, to: &mut impl Headers) {
        let context = &self.arrival.context;
        to.put_lines(self.place.site.lines(), false);
        to.put_text(&FORWARDED_FOR, &text_of(self.arrival.client));
        to.put_text(&PARENT, &context.traceparent());
        if let Some(state) = context.tracestate() {
            to.put_text(&STATE, state);
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
        let mut to = HeaderMap::new();
        write(&from, &managed, false, &mut to);
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
        assert_eq!(kept, ["accept: a", "accept: b", "te: trailers", "connection: TE"]);
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
    fn a_head_is_as_it_came_and_nothing_can_be_put_behind_a_line() {
        let uri: Uri = "https://jira.example.com/a%2Db;x?c=%7B|".parse().unwrap();
        let mut head = RequestHead::begin(&Method::GET, target(&uri));
        head.put_text(&header::HOST, "jira.example.com");
        for text in ["a\r\nx: y", "a\n", "a\0", "a\u{7f}", "ä"] {
            head.put_text(&header::HOST, text);
        }
        head.put(&header::ACCEPT, &HeaderValue::from_bytes(b"\xe4").unwrap());
        head.put_length(5);
        let expected = b"GET /a%2Db;x?c=%7B| HTTP/1.1\r\nhost: jira.example.com\r\naccept: \xe4\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(&head.end()[..], expected);
    }
}
