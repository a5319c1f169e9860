//! How large a request's head may be. Tomcat answers a head of more than 8 KiB with a bare 400 of its
//! own, on which nobody can see what to do; the gateway counts before, and names the largest part.

use std::fmt;

use http::{HeaderMap, HeaderName, header};

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

/// `: ` and a line end.
const FIELD_OVERHEAD: usize = 4;

/// What is wrong with a head of so many `bytes`, if an application takes fewer. What is in it is looked at only then.
pub(super) fn too_large(
    (bytes, max): (usize, usize),
    target: &str,
    headers: &HeaderMap,
    is_identity: impl Fn(&HeaderName) -> bool,
) -> HeadTooLarge {
    let (largest, largest_bytes) = largest_part(target.len(), headers, is_identity);
    HeadTooLarge { bytes, max, largest, largest_bytes }
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
    use super::*;

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
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value.parse().unwrap());
            }
            let is_identity = |name: &HeaderName| name.as_str() == "x-forwarded-groups";
            let found = too_large((9000, 8192), &target, &headers, is_identity);
            assert_eq!((found.largest, found.max), (part, 8192));
        }
    }
}
