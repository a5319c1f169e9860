//! Traces that go through several programs: W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context/>).

use std::fmt;

use http::HeaderMap;

use super::numbers::draw;

/// The header that says which trace a request belongs to.
pub const TRACEPARENT: &str = "traceparent";

/// The header with what others want to know of the trace.
pub const TRACESTATE: &str = "tracestate";

/// Whoever passes it on need not pass on more (section 3.3.1.5).
const MAX_STATE_BYTES: usize = 512;

/// Section 3.2.2.
const TRACEPARENT_BYTES: usize = 55;

/// Section 3.3.1.1.
const MAX_STATE_MEMBERS: usize = 32;

/// The number of a trace: 16 bytes, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceNumber(pub(super) [u8; 16]);

/// The number of a span: 8 bytes, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanNumber(pub(super) [u8; 8]);

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    pub(super) trace: TraceNumber,
    pub(super) span: SpanNumber,
    pub(super) sampled: bool,
}

/// What a client says of the trace that its request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub(super) parent: Traceparent,
    pub(super) state: Option<String>,
}

/// The trace of a request, and the request's place in it.
#[derive(Clone, Debug)]
pub struct TraceContext {
    pub(super) trace: TraceNumber,
    /// The request at the gateway.
    pub(super) request: SpanNumber,
    /// The request that the gateway makes of it.
    pub(super) upstream: SpanNumber,
    /// The span before, if somebody who is trusted said so.
    pub(super) parent: Option<SpanNumber>,
    /// The trace of somebody who is not.
    pub(super) link: Option<Traceparent>,
    pub(super) sampled: bool,
    state: Option<String>,
}

impl TraceContext {
    /// A place in the trace of a trusted client, or in a new one.
    pub(super) fn new(incoming: Option<Incoming>, is_trusted: bool) -> Self {
        let own = TraceNumber(draw());
        let (parent, link, state) = match incoming {
            Some(incoming) if is_trusted => (Some(incoming.parent), None, incoming.state),
            Some(incoming) => (None, Some(incoming.parent), None),
            None => (None, None, None),
        };
        Self {
            trace: parent.map_or(own, |parent| parent.trace),
            request: SpanNumber(draw()),
            upstream: SpanNumber(draw()),
            parent: parent.map(|parent| parent.span),
            link,
            sampled: parent.is_none_or(|parent| parent.sampled),
            state,
        }
    }

    /// The trace's number, for the log.
    #[must_use]
    pub fn trace(&self) -> TraceNumber {
        self.trace
    }

    /// The `traceparent` of the request that the gateway makes.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(TRACEPARENT_BYTES);
        text.push_str("00-");
        push_hex(&self.trace.0, &mut text);
        text.push('-');
        push_hex(&self.upstream.0, &mut text);
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
    }

    /// Its `tracestate`, if it has one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl Incoming {
    /// From the headers of a request; what is not exactly as it should be is as if it were not there.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = Traceparent::parse(parents.next()?.to_str().ok()?)?;
        if parents.next().is_some() {
            return None;
        }
        let states: Option<Vec<_>> =
            headers.get_all(TRACESTATE).iter().map(|line| line.to_str().ok()).collect();
        let state = states.map(|lines| lines.join(",")).filter(|state| is_state(state));
        Some(Self { parent, state })
    }
}

impl Traceparent {
    /// Section 3.2.2: `00-<32 hex>-<16 hex>-<2 hex>`, in lower case, and no number is all zeros. A later version may
    /// have more behind it.
    fn parse(text: &str) -> Option<Self> {
        let (head, more) = text.as_bytes().split_at_checked(55)?;
        let [version] = hex(&head[..2])?;
        let good_end = if version == 0 { more.is_empty() } else { matches!(more, [] | [b'-', ..]) };
        if version == 0xff || !good_end || [head[2], head[35], head[52]] != [b'-'; 3] {
            return None;
        }
        let (trace, span, [flags]) = (hex(&head[3..35])?, hex(&head[36..52])?, hex(&head[53..])?);
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self { trace: TraceNumber(trace), span: SpanNumber(span), sampled: flags & 1 == 1 })
    }
}

/// Section 3.3.1: members with a key of their own each.
fn is_state(state: &str) -> bool {
    let mut keys = Vec::new();
    for member in state.split(',').map(str::trim) {
        if member.is_empty() {
            continue;
        }
        match member.split_once('=') {
            Some((key, value)) if is_key(key) && is_value(value) && !keys.contains(&key) => {
                keys.push(key);
            }
            _ => return false,
        }
    }
    state.len() <= MAX_STATE_BYTES && (1..=MAX_STATE_MEMBERS).contains(&keys.len())
}

fn is_key(key: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = |part: &str, longest: usize| {
        let first = part.bytes().next().is_some_and(letter);
        first && part.len() <= longest && part.bytes().all(|b| letter(b) || b"_-*/".contains(&b))
    };
    match key.split_once('@') {
        Some((tenant, system)) => plain(tenant, 241) && plain(system, 14),
        None => plain(key, 256),
    }
}

fn is_value(value: &str) -> bool {
    let fits = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(fits)
}

/// Digits in lower case, as bytes.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Every request has such numbers: formatting them as numbers costs ten times as much.
fn push_hex(bytes: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        to.push(char::from(DIGITS[usize::from(byte >> 4)]));
        to.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(bytes, &mut text);
    f.write_str(&text)
}

impl fmt::Display for TraceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TraceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for SpanNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn incoming(parents: &[&'static str], states: &[&'static str]) -> Option<Incoming> {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT, parent.parse().unwrap());
        }
        for state in states {
            headers.append(TRACESTATE, state.parse().unwrap());
        }
        Incoming::of(&headers)
    }

    #[test]
    fn a_trace_is_read_only_as_the_standard_writes_it() {
        let parent = Traceparent::parse(PARENT).unwrap();
        assert_eq!(parent.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((parent.span.to_string().as_str(), parent.sampled), ("00f067aa0ba902b7", true));
        let later =
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-brings";
        assert!(!Traceparent::parse(later).unwrap().sampled);
        assert!(!Traceparent::parse(&PARENT.replace("-01", "-02")).unwrap().sampled);
        for wrong in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replacen("00-", "ff-", 1),
            &PARENT.replacen("00-", "0-", 1),
            &format!("{PARENT}-more"),
            &format!("{PARENT}0"),
            &PARENT.replace('-', "_"),
            &PARENT.replace("4736", "473g"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
        ] {
            assert_eq!(Traceparent::parse(wrong), None, "{wrong}");
        }
        assert_eq!(incoming(&[PARENT, PARENT], &[]), None, "two of them");
    }

    #[test]
    fn what_others_keep_in_a_trace_is_passed_on_if_it_is_well_formed() {
        let state = |lines: &[&'static str]| incoming(&[PARENT], lines).unwrap().state;
        assert_eq!(state(&["a=1, b@c=2", "d=3"]).unwrap(), "a=1, b@c=2,d=3");
        for wrong in ["a", "A=1", "a=1,a=2", "a=1=2", "a=", "@b=1", "a@B=1", ""] {
            assert_eq!(state(&[wrong]), None, "{wrong}");
        }
        assert_eq!(state(&[]), None);
        let long: &'static str = format!("a={}", "x".repeat(256)).leak();
        assert!(state(&[long]).is_some());
        assert_eq!(state(&[long, format!("b={}", "x".repeat(256)).leak()]), None, "too long");
        let many = (0..33).map(|key| format!("k{key}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(state(&[many.leak()]), None, "too many");
    }

    #[test]
    fn only_who_is_trusted_draws_a_request_into_a_trace() {
        let own = TraceContext::new(incoming(&[PARENT], &["a=1"]), false);
        assert_ne!(own.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(own.link, Traceparent::parse(PARENT));
        assert_eq!((own.parent, own.tracestate()), (None, None));

        let theirs = TraceContext::new(incoming(&[PARENT], &["a=1"]), true);
        assert_eq!(theirs.parent.unwrap().to_string(), "00f067aa0ba902b7");
        let passed_on = theirs.traceparent();
        assert!(passed_on.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{passed_on}");
        assert!(passed_on.ends_with("-01") && !passed_on.contains("00f067aa0ba902b7"));
        assert_eq!(theirs.tracestate(), Some("a=1"));
        assert!(Traceparent::parse(&passed_on).is_some());
    }
}
