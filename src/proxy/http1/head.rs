//! The head of an answer.

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use httparse::ParserConfig;
use hyper::ext::ReasonPhrase;

use super::framing::Framing;

/// The largest head that is read; Tomcat writes at most 8 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// So many headers are read.
const MAX_HEADERS: usize = 100;

/// `100 Continue`, `103 Early Hints`: no application has more to say before it answers.
const MAX_INTERIM: u32 = 20;

/// What came is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHttp {
    /// RFC 9112 sections 4 and 5.
    #[error("it has answered something that is not HTTP: {0}")]
    Head(String),
    /// A status that there is not.
    #[error("it has answered with an impossible status")]
    Status,
    /// More than anybody has to say.
    #[error("the head of its answer is longer than {MAX_BYTES} bytes")]
    HeadTooLarge,
    /// It kept saying that it will answer.
    #[error("too many interim answers (1xx) came instead of an answer")]
    ManyInterim,
    /// RFC 9112 section 6.3.
    #[error("it does not say in one way how long its answer is: {0}")]
    Framing(&'static str),
    /// RFC 9112 section 7.1.
    #[error("a piece of its answer does not begin or end as pieces do")]
    Chunk,
    /// RFC 9112 section 7.1.2.
    #[error("what came behind its answer is not HTTP")]
    Trailers,
}

impl From<httparse::Error> for NotHttp {
    fn from(error: httparse::Error) -> Self {
        Self::Head(error.to_string())
    }
}

/// The head of an answer, and what it says of what follows.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) framing: Framing,
    /// Whether the connection goes on after it.
    pub(super) goes_on: bool,
}

/// Finds a head in what comes.
#[derive(Debug)]
pub(super) struct HeadReader {
    is_head: bool,
    interim: u32,
    /// So much has been looked at: it has no end.
    looked: usize,
}

impl HeadReader {
    pub(super) fn new(is_head: bool) -> Self {
        Self { is_head, interim: 0, looked: 0 }
    }

    /// Takes the head of the answer out of what has come; nothing if there is not all of it yet.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Head>, NotHttp> {
        while let Some(parsed) = self.parse(buffer)? {
            self.looked = 0;
            if parsed.is_interim() {
                buffer.advance(parsed.length);
                self.interim += 1;
                if self.interim > MAX_INTERIM {
                    return Err(NotHttp::ManyInterim);
                }
            } else {
                let bytes = buffer.split_to(parsed.length).freeze();
                return parsed.finish(&bytes, self.is_head).map(Some);
            }
        }
        self.looked = buffer.len();
        if buffer.len() >= MAX_BYTES { Err(NotHttp::HeadTooLarge) } else { Ok(None) }
    }

    /// Reads what is there for the first time, and then not before there is an end: what comes a byte at a time is not read
    /// from its beginning with each of them.
    fn parse(&self, buffer: &[u8]) -> Result<Option<Parsed>, NotHttp> {
        let is_due = self.looked == 0 || has_end(&buffer[self.looked.saturating_sub(3)..]);
        if is_due && !buffer.is_empty() { Parsed::of(buffer) } else { Ok(None) }
    }
}

/// Whether an empty line is in what has come.
fn has_end(bytes: &[u8]) -> bool {
    let mut ends = memchr::memchr_iter(b'\n', bytes).map(|end| &bytes[end + 1..]);
    ends.any(|next| next.starts_with(b"\n") || next.starts_with(b"\r\n"))
}

/// A head that has been read, but not taken.
#[derive(Debug)]
struct Parsed {
    status: StatusCode,
    is_http_1_0: bool,
    /// A phrase that is not the status's own.
    reason: Option<ReasonPhrase>,
    /// The names, and where their values are.
    fields: Vec<(HeaderName, usize, usize)>,
    length: usize,
}

impl Parsed {
    fn of(buffer: &[u8]) -> Result<Option<Self>, NotHttp> {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut head,
            buffer,
            &mut fields,
        )?;
        let httparse::Status::Complete(length) = parsed else {
            return Ok(None);
        };
        let status = head.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(NotHttp::Status)?;
        let own = status.canonical_reason().unwrap_or_default();
        let other = head.reason.filter(|reason| *reason != own);
        let reason = other.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
        let begin = buffer.as_ptr().addr();
        let field = |field: &httparse::Header<'_>| {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            let start = field.value.as_ptr().addr() - begin;
            let name = name.map_err(|_| httparse::Error::HeaderName)?;
            Ok((name, start, start + field.value.len()))
        };
        let fields = head.headers.iter().map(field).collect::<Result<_, NotHttp>>()?;
        let is_http_1_0 = head.version == Some(0);
        Ok(Some(Self { status, is_http_1_0, reason, fields, length }))
    }

    /// Whether the answer is still to come.
    fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// The head; its values are parts of what came.
    fn finish(self, bytes: &Bytes, is_head: bool) -> Result<Head, NotHttp> {
        let mut headers = HeaderMap::with_capacity(self.fields.len());
        for (name, start, end) in self.fields {
            let value = HeaderValue::from_maybe_shared(bytes.slice(start..end));
            let value = value.map_err(|_| httparse::Error::HeaderValue)?;
            headers.append(name, value);
        }
        let framing = Framing::of(self.status, &headers, (is_head, self.is_http_1_0))?;
        let goes_on = framing != Framing::UntilClose && goes_on(&headers, self.is_http_1_0);
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(reason);
        }
        Ok(Head { response, framing, goes_on })
    }
}

/// Whether the application keeps the connection (RFC 9112 section 9.3).
fn goes_on(headers: &HeaderMap, is_http_1_0: bool) -> bool {
    let has = |wanted: &[u8]| {
        let lines = headers.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes);
        let mut options = lines.flat_map(|line| line.split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted))
    };
    !has(b"close") && (!is_http_1_0 || has(b"keep-alive"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read of bytes that come in parts, and what is left of them.
    fn read(parts: &[&[u8]]) -> Result<(Option<Head>, Vec<u8>), NotHttp> {
        let (mut reader, mut buffer) = (HeadReader::new(false), BytesMut::new());
        for (index, part) in parts.iter().enumerate() {
            buffer.extend_from_slice(part);
            if let Some(head) = reader.take(&mut buffer)? {
                let rest = parts[index + 1..].concat();
                return Ok((Some(head), [&buffer[..], &rest].concat()));
            }
        }
        Ok((None, buffer.to_vec()))
    }

    fn refused(text: &str) -> Option<NotHttp> {
        read(&[text.as_bytes()]).err()
    }

    #[test]
    fn a_head_is_taken_and_what_comes_behind_it_is_left() {
        let text =
            b"HTTP/1.1 404 Nothing here\r\nX-A:  b \r\nx-a: c\r\nContent-Length: 3\r\n\r\nabc";
        for cut in 0..text.len() - 3 {
            let (head, rest) = read(&[&text[..cut], &text[cut..]]).unwrap();
            let Head { response, framing, goes_on } = head.unwrap();
            assert_eq!(
                (response.status().as_u16(), framing, goes_on),
                (404, Framing::Length(3), true)
            );
            let values: Vec<_> =
                response.headers().get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
            assert_eq!((values, &rest[..]), (vec![&b"b"[..], b"c"], &b"abc"[..]), "{cut}");
            let reason = response.extensions().get::<ReasonPhrase>().unwrap();
            assert_eq!(reason.as_bytes(), b"Nothing here");
        }
    }

    #[test]
    fn whether_a_connection_goes_on_is_said_in_the_head() {
        for (version, more, goes_on) in [
            ("1.1", "", true),
            ("1.1", "Connection: Close\r\n", false),
            ("1.1", "Connection: x, close\r\n", false),
            ("1.1", "Connection: x\r\nConnection: close\r\n", false),
            ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
        ] {
            let text = format!("HTTP/{version} 200 OK\r\n{more}Content-Length: 0\r\n\r\n");
            let head = read(&[text.as_bytes()]).unwrap().0.unwrap();
            assert_eq!(head.goes_on, goes_on, "{text}");
            assert!(head.response.extensions().get::<ReasonPhrase>().is_none());
        }
        let until_close = read(&[b"HTTP/1.1 200 OK\r\n\r\n"]).unwrap().0.unwrap();
        assert!(until_close.framing == Framing::UntilClose && !until_close.goes_on);
    }

    #[test]
    fn interim_answers_are_passed_over_but_not_without_end() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let some = interim.repeat(20) + answer;
        let head = read(&[some.as_bytes()]).unwrap().0.unwrap();
        assert!(head.response.status() == 200 && head.response.headers().get("link").is_none());
        let many = interim.repeat(21) + answer;
        assert_eq!(refused(&many), Some(NotHttp::ManyInterim));
        let in_parts: Vec<_> = many.as_bytes().chunks(7).collect();
        assert_eq!(read(&in_parts).err(), Some(NotHttp::ManyInterim));
        let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nmore";
        let (head, rest) = read(&[switched.as_bytes()]).unwrap();
        assert!(head.unwrap().response.status() == 101 && rest == b"more");
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "ok",
            "HTTP/2.0 200 OK\r\n",
            "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        ] {
            assert!(refused(text).is_some(), "{text:?}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MAX_BYTES));
        assert_eq!(refused(&long), Some(NotHttp::HeadTooLarge));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(refused(&many), Some(httparse::Error::TooManyHeaders.into()));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1..50_usize) {
            let with_beginning = [b"HTTP/1.1 200 OK\r\n", &bytes[..]].concat();
            for bytes in [bytes, with_beginning] {
                let whole = read(&[&bytes]).map(|(head, rest)| (head.is_some(), rest));
                let parts: Vec<_> = bytes.chunks(cut).collect();
                let in_parts = read(&parts).map(|(head, rest)| (head.is_some(), rest));
                if let (Ok(whole), Ok(in_parts)) = (whole, in_parts) {
                    prop_assert_eq!(whole, in_parts);
                }
            }
        }
    }
}
