//! Every way in which an application could read a path.
//!
//! Tomcat cuts path parameters (`;…`) before it decodes, decodes before it resolves dots, and so finds
//! `/admin` in `/public/..;/admin`. Atlassian's applications forward `/s/…/_/x` to `/x`, and what is forwarded
//! is read once more. A decision has to hold for all readings; what has readings that nobody can be sure of
//! is refused. The bytes go to the application as they came.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Tomcat takes 8 KiB for a request's line and headers together.
const MAX_TARGET: usize = 8 * 1024;

/// How often a path may be encoded before nobody would decode it any more.
const MAX_DECODINGS: usize = 3;

/// A path of a static resource has one `/_/`; work must not grow with the square of a hostile one's.
const MAX_FORWARDS: usize = 8;

/// The readings of a path. There is always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings<'a> {
    first: Cow<'a, str>,
    /// What follows each `/_` of a static resource's path.
    forwarded: Vec<String>,
}

/// Why nobody can be sure how a request's target will be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetProblem {
    /// Applications would refuse it, each with a page of its own.
    #[error("the address is longer than {MAX_TARGET} bytes")]
    TooLong,
    /// `*`, or the whole address of another place.
    #[error("the address does not begin with a slash")]
    NotAPath,
    /// Characters that no address has (RFC 3986 section 2).
    #[error("the address has control characters, spaces, bytes beyond ASCII, a backslash or a #")]
    Characters,
    /// Half of an encoded character, or bytes that are not UTF-8.
    #[error("the address has a % that encodes no character")]
    Encoding,
    /// A separator that some servers decode.
    #[error("the address has an encoded slash, backslash, or control character")]
    EncodedSeparator,
    /// A step up or a step nowhere, however it is written.
    #[error("the address has a dot segment")]
    DotSegment,
    /// More `/_/` than any resource has.
    #[error("the address can be read in more than {MAX_FORWARDS} ways")]
    ManyReadings,
}

impl TargetProblem {
    /// The word for it in logs, metrics and on the error page.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "target-too-long",
            Self::NotAPath => "target-not-a-path",
            Self::Characters => "target-characters",
            Self::Encoding => "target-encoding",
            Self::EncodedSeparator => "target-encoded-separator",
            Self::DotSegment => "target-dot-segment",
            Self::ManyReadings => "target-many-readings",
        }
    }
}

impl<'a> Readings<'a> {
    /// The readings of a request's target in origin form (RFC 9112 section 3.2.1), as it was sent.
    pub fn of(target: &'a str) -> Result<Self, TargetProblem> {
        if target.len() > MAX_TARGET {
            return Err(TargetProblem::TooLong);
        }
        if !target.starts_with('/') {
            return Err(TargetProblem::NotAPath);
        }
        if target.bytes().any(|byte| !(0x21..0x7f).contains(&byte) || byte == b'#') {
            return Err(TargetProblem::Characters);
        }
        let path = target.split('?').next().unwrap_or_default();
        let first = if is_plain(path) { Cow::Borrowed(path) } else { Cow::Owned(read(path)?) };
        let forwarded = forwards(&first)?;
        Ok(Self { first, forwarded })
    }

    /// Each reading of the path.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.first).chain(self.forwarded.iter().map(String::as_str))
    }
}

/// Whether a path is read by everybody as it is written: the common case, without copying.
fn is_plain(path: &str) -> bool {
    let plain = |byte| !matches!(byte, b'%' | b';' | b'\\');
    path.bytes().all(plain) && !path.contains("//") && !path.contains("/.")
}

/// Tomcat's reading: parameters cut, decoded, slashes merged.
fn read(path: &str) -> Result<String, TargetProblem> {
    check_encoding(path)?;
    let mut reading = String::with_capacity(path.len());
    for segment in path.split('/') {
        refuse_dots(segment)?;
        let name = segment.split(';').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8().map_err(|_| TargetProblem::Encoding)?;
        if name.chars().any(char::is_control) {
            return Err(TargetProblem::EncodedSeparator);
        }
        if !name.is_empty() {
            reading.push('/');
            reading.push_str(&name);
        }
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let ends_with_slash = last.split(';').next().unwrap_or_default().is_empty();
    if ends_with_slash || reading.is_empty() {
        reading.push('/');
    }
    Ok(reading)
}

fn check_encoding(path: &str) -> Result<(), TargetProblem> {
    if path.contains('\\') {
        return Err(TargetProblem::Characters);
    }
    for encoded in path.split('%').skip(1) {
        let digits = encoded.get(..2).unwrap_or_default();
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
        match byte {
            None => return Err(TargetProblem::Encoding),
            Some(b'/' | b'\\' | 0) => return Err(TargetProblem::EncodedSeparator),
            Some(_) => {}
        }
    }
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| TargetProblem::Encoding)?;
    if decoded.chars().any(char::is_control) {
        return Err(TargetProblem::EncodedSeparator);
    }
    Ok(())
}

/// Refuses a segment that is a step in the path for a server that decodes once more than Tomcat, cuts
/// parameters later, or folds wide characters.
fn refuse_dots(segment: &str) -> Result<(), TargetProblem> {
    let mut text = Cow::Borrowed(segment);
    for _ in 0..MAX_DECODINGS {
        let name = text.split(';').next().unwrap_or_default();
        let name = name.replace('\u{ff0e}', ".").replace('\u{ff0f}', "/");
        let hidden = name.contains("..") && name.contains(['/', '\\']);
        if name == "." || name == ".." || hidden {
            return Err(TargetProblem::DotSegment);
        }
        let decoded =
            percent_decode_str(&text).decode_utf8().map_err(|_| TargetProblem::Encoding)?;
        if decoded == text {
            break;
        }
        text = Cow::Owned(decoded.into_owned());
    }
    Ok(())
}

/// What Atlassian's rewriting of static resources could make of a path, and of what it has made of it.
fn forwards(path: &str) -> Result<Vec<String>, TargetProblem> {
    let mut readings = Vec::new();
    forward(path, &mut readings)?;
    let mut next = 0;
    while let Some(reading) = readings.get(next).cloned() {
        forward(&reading, &mut readings)?;
        next += 1;
    }
    Ok(readings)
}

/// Adds what follows each `/_` (`^/s/(.*)/_/(.*)`, in either case, below wherever the application is).
fn forward(path: &str, readings: &mut Vec<String>) -> Result<(), TargetProblem> {
    for start in places(path, *b"/s/") {
        for index in places(&path[start..], *b"/_/") {
            let inner = format!("{}{}", &path[..start], &path[start + index + 2..]);
            if !is_plain(&inner) || inner.contains(['?', '#']) {
                add(read_again(&inner)?, readings)?;
            }
            add(inner, readings)?;
        }
    }
    Ok(())
}

/// Where a text is, in either case; two places may share a slash.
fn places(path: &str, text: [u8; 3]) -> impl Iterator<Item = usize> {
    let windows = path.as_bytes().windows(3).enumerate();
    windows.filter(move |(_, window)| window.eq_ignore_ascii_case(&text)).map(|(place, _)| place)
}

/// What is forwarded has been decoded already. Servlet containers take it for an address once more: cut the
/// query, a fragment and parameters off, and decode.
fn read_again(path: &str) -> Result<String, TargetProblem> {
    read(path.split(['?', '#']).next().unwrap_or_default())
}

fn add(reading: String, readings: &mut Vec<String>) -> Result<(), TargetProblem> {
    if readings.contains(&reading) {
        return Ok(());
    }
    if readings.len() == MAX_FORWARDS {
        return Err(TargetProblem::ManyReadings);
    }
    readings.push(reading);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// A target, and what a reader that was compared with real Tomcats makes of it.
    #[derive(Deserialize)]
    struct Case {
        target: String,
        views: Option<Vec<String>>,
    }

    #[test]
    fn reads_hostile_targets_as_tomcat_does_or_refuses_them() {
        let cases = include_str!("../../tests/data/http/readings.jsonl");
        let mut wrong = Vec::new();
        for line in cases.lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            let readings = Readings::of(&case.target);
            let views: Option<Vec<_>> =
                readings.as_ref().ok().map(|readings| readings.iter().map(str::to_owned).collect());
            if views != case.views {
                wrong.push(format!("{}: {readings:?}, wanted {:?}", case.target, case.views));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (target, code) in [
            ("*", "target-not-a-path"),
            ("http://other/", "target-not-a-path"),
            ("/a#b", "target-characters"),
            ("/a b", "target-characters"),
            ("/a\\b", "target-characters"),
            ("/a%zz", "target-encoding"),
            ("/a%+1", "target-encoding"),
            ("/%ff", "target-encoding"),
            ("/a%2fb", "target-encoded-separator"),
            ("/a%0ab", "target-encoded-separator"),
            ("/a/..;x/b", "target-dot-segment"),
            ("/a/%252e%252e/b", "target-dot-segment"),
            ("/./a", "target-dot-segment"),
            ("/s/_/_/_/_/_/_/_/_/_/_/_/_/_/_/_/_/_/_", "target-many-readings"),
        ] {
            assert_eq!(Readings::of(target).unwrap_err().code(), code, "{target}");
        }
        assert_eq!(
            Readings::of(&format!("/{}", "a".repeat(MAX_TARGET))),
            Err(TargetProblem::TooLong)
        );
    }

    #[test]
    fn what_is_forwarded_is_read_once_more_in_either_case() {
        for (target, forwarded) in [
            ("/jira/s/x/_/admin", &["/jira/admin"][..]),
            ("/S/x/_/admin", &["/admin"]),
            ("/s/x/_/%2561dmin/y", &["/admin/y", "/%61dmin/y"]),
            ("/s/x/_/admin%3bx/y", &["/admin/y", "/admin;x/y"]),
            ("/s/x/_/admin%3fx/y", &["/admin", "/admin?x/y"]),
            ("/s/x/_/admin%23x/y", &["/admin", "/admin#x/y"]),
            ("/s/_/_/_/admin", &["/_/_/admin", "/_/admin", "/admin"]),
            ("/s/x/_/S/y/_/admin", &["/S/y/_/admin", "/admin", "/s/x/_/admin"]),
            ("/s/x/_/%2573/y/_/admin", &["/s/y/_/admin", "/%73/y/_/admin", "/admin"]),
            ("/s/%253f/_", &[]),
        ] {
            let readings = Readings::of(target).unwrap();
            assert_eq!(readings.iter().skip(1).collect::<Vec<_>>(), forwarded, "{target}");
        }
        for (target, code) in [
            ("/s/x/_/100%25", "target-encoding"),
            ("/s/x/_/a%252fb", "target-encoded-separator"),
            ("/s/x/_/a/..%3f/b", "target-dot-segment"),
        ] {
            assert_eq!(Readings::of(target).unwrap_err().code(), code, "{target}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_path_is_read_the_same_with_and_without_the_short_way(path in "(/[a-z_.]{0,4}){1,6}") {
            if is_plain(&path) {
                prop_assert_eq!(read(&path), Ok(path.clone()));
            }
        }

        #[test]
        fn nothing_makes_it_panic_and_no_reading_has_dot_segments(target in "/[a-z./;%25eE_sEF\u{ff0e}0-9\\\\]{0,40}") {
            if let Ok(readings) = Readings::of(&target) {
                for reading in readings.iter() {
                    prop_assert!(!reading.split('/').any(|segment| matches!(segment, "." | "..")), "{}", reading);
                }
            }
        }
    }
}
