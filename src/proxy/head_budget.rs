//! How large a request's head may be. Tomcat answers a head of more than 8 KiB with a bare 400 of its
//! own, on which nobody can see what to do; the gateway counts before, and names the largest part.

use std::fmt;

use http::{HeaderMap, HeaderName, Request, header};

/// Part of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadPart {
    /// Path and query.
    Address,
    /// The application's cookies; the gateway's never reach it.
    Cookies,
    /// What tells the application who the user is.
    Identity,
    /// Credentials of the request's own.
    Credentials,
    /// Another header.
    Header(HeaderName),
}

/// A head that is too large for an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the head has {bytes} bytes of at most {max}; {largest_bytes} are {largest}")]
pub struct HeadTooLarge {
    /// All of it, as it would have been sent.
    pub bytes: usize,
    /// What the application takes.
    pub max: usize,
    /// The largest part.
    pub largest: HeadPart,
    /// Its share.
    pub largest_bytes: usize,
}

impl fmt::Display for HeadPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("the address"),
            Self::Cookies => f.write_str("the application's cookies"),
            Self::Identity => f.write_str("what the application is told about you and your groups"),
            Self::Credentials => f.write_str("credentials"),
            Self::Header(name) => write!(f, "the header {name}"),
        }
    }
}

/// ` HTTP/1.1`, the spaces and line ends of the request's line, and the empty line.
const LINE_OVERHEAD: usize = " ".len() + " HTTP/1.1\r\n".len() + "\r\n".len();

/// What a body without a length is announced with.
const CHUNKED: usize = "transfer-encoding: chunked\r\n".len();

/// `: ` and a line end.
const FIELD_OVERHEAD: usize = 4;

/// Refuses a request whose head has more bytes, as it will be sent, than the application takes.
pub(super) fn check<B: http_body::Body>(
    request: &Request<B>,
    is_identity: impl Fn(&HeaderName) -> bool,
    max: usize,
) -> Result<(), HeadTooLarge> {
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    let line = request.method().as_str().len() + target + LINE_OVERHEAD;
    let chunked = !request.body().is_end_stream() && !headers.contains_key(header::CONTENT_LENGTH);
    let fields: usize = headers.iter().map(|(name, value)| field(name, value)).sum();
    let bytes = line + fields + if chunked { CHUNKED } else { 0 };
    if bytes <= max {
        return Ok(());
    }
    let (largest, largest_bytes) = largest_part(target, headers, is_identity);
    Err(HeadTooLarge { bytes, max, largest, largest_bytes })
}

fn field(name: &HeaderName, value: &http::HeaderValue) -> usize {
    name.as_str().len() + value.len() + FIELD_OVERHEAD
}

fn largest_part(
    target: usize,
    headers: &HeaderMap,
    is_identity: impl Fn(&HeaderName) -> bool,
) -> (HeadPart, usize) {
    let size = |name: &HeaderName| {
        headers.get_all(name).iter().map(|value| field(name, value)).sum::<usize>()
    };
    let identity = headers.keys().filter(|name| is_identity(name)).map(size).sum();
    let others = headers.keys().filter(|name| !is_identity(name)).map(|name| {
        let part = match *name {
            header::COOKIE => HeadPart::Cookies,
            header::AUTHORIZATION => HeadPart::Credentials,
            _ => HeadPart::Header(name.clone()),
        };
        (part, size(name))
    });
    let own = [(HeadPart::Address, target), (HeadPart::Identity, identity)];
    let largest = own.into_iter().chain(others).max_by_key(|(_, bytes)| *bytes);
    largest.unwrap_or((HeadPart::Address, target))
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    fn check_head(target: &str, pairs: &[(&'static str, String)]) -> Option<HeadTooLarge> {
        let mut request = Request::builder().uri(target);
        for (name, value) in pairs {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        check(&request, |name| name.as_str() == "x-forwarded-groups", 8192).err()
    }

    #[test]
    fn counts_every_byte_that_is_sent() {
        // GET / HTTP/1.1, host: a, x: …, and the empty line.
        let around = "GET / HTTP/1.1\r\nhost: a\r\nx: \r\n\r\n".len();
        let head = |length| [("host", "a".to_owned()), ("x", "y".repeat(length))];
        assert_eq!(check_head("/", &head(8192 - around)), None);
        let over = check_head("/", &head(8192 - around + 1)).unwrap();
        assert_eq!((over.bytes, over.max), (8193, 8192));
    }

    #[test]
    fn names_the_largest_part() {
        let long = || "x".repeat(5000);
        let half = || "x".repeat(4000);
        for (target, pairs, part) in [
            (format!("/{}", long()), vec![("cookie", half())], HeadPart::Address),
            ("/".to_owned(), vec![("cookie", long()), ("x", half())], HeadPart::Cookies),
            (
                "/".to_owned(),
                vec![("cookie", half()), ("cookie", half()), ("x", long())],
                HeadPart::Cookies,
            ),
            ("/".to_owned(), vec![("authorization", long()), ("x", half())], HeadPart::Credentials),
            (
                "/".to_owned(),
                vec![("x-forwarded-groups", long()), ("x", half())],
                HeadPart::Identity,
            ),
            (
                "/".to_owned(),
                vec![("x", long()), ("cookie", half())],
                HeadPart::Header(HeaderName::from_static("x")),
            ),
        ] {
            assert_eq!(check_head(&target, &pairs).map(|over| over.largest), Some(part));
        }
    }
}
