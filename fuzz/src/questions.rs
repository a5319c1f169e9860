//! Questions of proxies that ask whether they may pass a request on, in any words.

use gatehouse::http::{AUTHORIZE_PATH, Original, Question};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};

/// What a client may add, in the words of one proxy or another.
const ADDED: [(&str, &str); 8] = [
    ("x-original-uri", "/other"),
    ("x-original-url", "https://other.example/other"),
    ("x-original-method", "OTHER"),
    ("x-original-host", "other.example"),
    ("x-forwarded-uri", "/other"),
    ("x-forwarded-method", "OTHER"),
    ("x-forwarded-host", "other.example"),
    ("x-forwarded-proto", "http"),
];

/// The address in the first line, and a header in each other. Whatever is added to a question that is understood, it
/// is refused or understood as before; and a target is a path with all its bytes.
pub fn questions(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let address = format!("{AUTHORIZE_PATH}{}", lines.next().unwrap_or_default());
    let headers: HeaderMap = lines.filter_map(line).collect();
    let Some(understood) = understand(&address, headers.clone()) else { return };
    let (_, _, target) = &understood;
    assert!(target.starts_with('/') && text.contains(target.as_str()), "{text:?}: {target:?}");
    for (name, value) in ADDED {
        let mut more = headers.clone();
        more.append(name, HeaderValue::from_static(value));
        if let Some(again) = understand(&address, more) {
            assert_eq!(again, understood, "{text:?} with {name}");
        }
    }
}

fn line(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(": ")?;
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// Method, host and target.
fn understand(address: &str, headers: HeaderMap) -> Option<(String, String, String)> {
    let question = Question::at(address)?;
    let mut asked = Request::new(());
    *asked.headers_mut() = headers;
    let request = Original::read(&question, &asked).ok()?.request;
    let host = request.headers()[header::HOST].to_str().ok()?.to_owned();
    Some((request.method().to_string(), host, request.uri().to_string()))
}
