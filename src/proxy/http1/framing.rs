//! Where an answer's body ends (RFC 9112 section 6.3). Whoever reads that differently takes a part of it for another answer,
//! which may be somebody else's (section 11.2): so what could be read in two ways is refused.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::NotHttp;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Nothing,
    /// After so many bytes.
    Length(u64),
    /// After its last piece.
    Chunked,
    /// With the connection.
    UntilClose,
}

impl Framing {
    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        (is_head, is_http_1_0): (bool, bool),
    ) -> Result<Self, NotHttp> {
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        let (length, coding) = (lengths.next(), codings.next());
        let problem = if lengths.next().is_some() {
            Some("two Content-Length")
        } else if length.is_some() && coding.is_some() {
            Some("Content-Length and Transfer-Encoding")
        } else if coding.is_some() && is_http_1_0 {
            Some("Transfer-Encoding in HTTP/1.0")
        } else if codings.next().is_some() || coding.is_some_and(|coding| !is_chunked(coding)) {
            Some("another Transfer-Encoding than chunked")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(NotHttp::Framing(problem));
        }
        let length = length.map(number).transpose()?;
        let has_none = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        Ok(match length {
            _ if is_head || has_none => Self::Nothing,
            Some(0) => Self::Nothing,
            Some(length) => Self::Length(length),
            None if coding.is_some() => Self::Chunked,
            None => Self::UntilClose,
        })
    }
}

fn is_chunked(coding: &HeaderValue) -> bool {
    coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Digits and nothing else: `+5` is a number for some.
fn number(length: &HeaderValue) -> Result<u64, NotHttp> {
    let text = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or(NotHttp::Framing("a Content-Length that is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(status: u16, is_head: bool, lines: &[(&str, &str)]) -> Result<Framing, NotHttp> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        Framing::of(StatusCode::from_u16(status).unwrap(), &headers, (is_head, false))
    }

    #[test]
    fn a_body_ends_where_everybody_sees_it_end() {
        let (length, coding) = ("content-length", "transfer-encoding");
        for (status, is_head, lines, expected) in [
            (200, false, &[][..], Framing::UntilClose),
            (200, false, &[(length, "5")], Framing::Length(5)),
            (200, false, &[(length, "005")], Framing::Length(5)),
            (200, false, &[(length, "0")], Framing::Nothing),
            (200, false, &[(coding, "Chunked")], Framing::Chunked),
            (200, true, &[(length, "5")], Framing::Nothing),
            (200, true, &[(coding, "chunked")], Framing::Nothing),
            (304, false, &[(length, "5")], Framing::Nothing),
            (204, false, &[], Framing::Nothing),
        ] {
            assert_eq!(framing(status, is_head, lines).unwrap(), expected, "{lines:?}");
        }
        for lines in [
            &[(length, "5"), (length, "5")][..],
            &[(length, "5"), (coding, "chunked")],
            &[(coding, "chunked"), (coding, "chunked")],
            &[(coding, "gzip, chunked")],
            &[(coding, "identity")],
            &[(length, "5, 5")],
            &[(length, "+5")],
            &[(length, "-5")],
            &[(length, "")],
            &[(length, "0x5")],
            &[(length, "5 ")],
            &[(length, "18446744073709551616")],
        ] {
            for is_head in [false, true] {
                assert!(framing(200, is_head, lines).is_err(), "{lines:?}");
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert(coding, HeaderValue::from_static("chunked"));
        assert!(Framing::of(StatusCode::OK, &headers, (false, true)).is_err(), "HTTP/1.0");
    }
}
