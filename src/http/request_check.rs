//! Requests that could mean one thing here and another behind us are refused before anybody looks at
//! what they ask for.

use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Version, header};

use super::{Error, fold, is_folded};
use crate::policy::METHODS;

/// Headers that decide where a request ends and whom it is for. A server behind us that folds names
/// must find no second one.
const FRAMING: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// Checks what every request must be, and says which host it is for.
pub fn check_request<B>(request: &Request<B>) -> Result<&str, Error> {
    check_method(request.method())?;
    check_scheme(request)?;
    check_names(request.headers())?;
    check_transfer_encoding(request)?;
    check_length(request.headers())?;
    check_authority(request)
}

fn check_method(method: &Method) -> Result<(), Error> {
    if METHODS.contains(&method.as_str()) {
        return Ok(());
    }
    let sentence = "The sign-on gateway does not let this kind of request through.";
    Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "method", sentence)
        .caused_by(format_args!("method {:?}", method.as_str())))
}

/// Over HTTP/2 every request says a scheme (RFC 9113 section 8.3.1), and ours are of the web.
fn check_scheme<B>(request: &Request<B>) -> Result<(), Error> {
    let scheme = request.uri().scheme_str();
    if request.version() < Version::HTTP_2 || matches!(scheme, Some("http" | "https")) {
        return Ok(());
    }
    Err(Error::bad_request("scheme", format_args!("scheme {scheme:?}")))
}

/// Refuses look-alikes of framing headers, such as `Content_Length`.
fn check_names(headers: &HeaderMap) -> Result<(), Error> {
    for name in headers.keys() {
        // Names are in lower case by now.
        if is_folded(name.as_str()) {
            continue;
        }
        let folded = fold(name.as_str());
        if FRAMING.iter().any(|framing| framing.as_str() == folded) {
            return Err(Error::bad_request("header-look-alike", format_args!("header {name:?}")));
        }
    }
    Ok(())
}

/// Nothing but `chunked`: other codings would be lost on the way (RFC 9112 section 6.1).
fn check_transfer_encoding<B>(request: &Request<B>) -> Result<(), Error> {
    let mut values = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let Some(first) = values.next() else {
        return Ok(());
    };
    let chunked = first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if chunked && values.next().is_none() && request.version() == Version::HTTP_11 {
        return Ok(());
    }
    let sentence = "The request is encoded in a way that the sign-on gateway does not know.";
    Err(Error::new(StatusCode::NOT_IMPLEMENTED, "transfer-encoding", sentence)
        .caused_by(format_args!("{first:?}")))
}

/// One length, in digits: of several, or of `+5`, every server makes something else (RFC 9110 section
/// 8.6).
fn check_length(headers: &HeaderMap) -> Result<(), Error> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Ok(());
    };
    let digits = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    if digits && lengths.next().is_none() {
        return Ok(());
    }
    Err(Error::bad_request("content-length", format_args!("Content-Length: {length:?}")))
}

/// The one host that a request names (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
fn check_authority<B>(request: &Request<B>) -> Result<&str, Error> {
    let bad = |cause: &str| Error::bad_request("host", cause);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(bad("several Host headers"));
    }
    let host = host.map(|host| host.to_str()).transpose().map_err(|_| bad("Host beyond ASCII"))?;
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    match (host, authority) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err(bad("Host is not the host of the address"))
        }
        (Some(host), _) => Ok(host),
        (None, Some(authority)) if request.version() >= Version::HTTP_2 => Ok(authority),
        (None, _) => Err(bad("no Host header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri(uri);
        headers
            .iter()
            .fold(builder, |builder, (name, value)| builder.header(*name, *value))
            .body(())
            .unwrap()
    }

    #[test]
    fn one_host_is_named_or_the_request_is_refused() {
        let host = |uri: &str, headers: &[(&str, &str)]| {
            check_request(&request("GET", uri, headers)).map(str::to_owned).ok()
        };
        assert_eq!(host("/", &[("host", "a.example")]).unwrap(), "a.example");
        assert_eq!(host("http://a.example/", &[("host", "A.example")]).unwrap(), "A.example");
        assert_eq!(host("http://b.example/", &[("host", "a.example")]), None);
        assert_eq!(host("/", &[]), None);
        assert_eq!(host("/", &[("host", "a.example"), ("host", "a.example")]), None);
    }

    #[test]
    fn shapes_that_smuggle_are_refused() {
        let code = |method: &str, headers: &[(&str, &str)]| {
            let mut all = vec![("host", "a.example")];
            all.extend(headers);
            check_request(&request(method, "/", &all)).map_err(|error| error.code()).map(drop)
        };
        assert_eq!(code("POST", &[("transfer-encoding", "Chunked")]), Ok(()));
        assert_eq!(
            code("POST", &[("transfer-encoding", "gzip, chunked")]),
            Err("transfer-encoding")
        );
        assert_eq!(code("POST", &[("content_length", "5")]), Err("header-look-alike"));
        assert_eq!(code("POST", &[("content-length", "005")]), Ok(()));
        for lengths in [&["5", "5"][..], &["5", "6"], &["5, 5"], &["+5"], &["0x5"], &[""]] {
            let pairs: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
            assert_eq!(code("POST", &pairs), Err("content-length"), "{lengths:?}");
        }
        assert_eq!(code("POST", &[("transfer.encoding", "chunked")]), Err("header-look-alike"));
        assert_eq!(code("GET", &[("x_other", "5")]), Ok(()));
        for method in ["TRACE", "CONNECT", "get", "FOO"] {
            assert_eq!(code(method, &[]), Err("method"), "{method}");
        }
        assert_eq!(code("PROPFIND", &[]), Ok(()));
    }
}
