//! What Tomcat makes of a request's target, and where Atlassian's applications forward it to. It
//! decides for the tests what an application would have served, independently of the gateway's own
//! readings.

use regex::Regex;

/// The decoded path that Tomcat maps; nothing if it answers 400. Bytes beyond ASCII are Latin-1.
pub fn view(target: &str) -> Option<String> {
    let absolute = Regex::new("(?i)^https?://[^/?#]*(.*)$").unwrap();
    let target = match absolute.captures(target) {
        Some(captures) if captures[1].is_empty() => "/".to_owned(),
        Some(captures) => captures[1].to_owned(),
        None => target.to_owned(),
    };
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let rest = path.strip_prefix('/')?;
    let path = format!("/{}", Regex::new(";[^;/]*").unwrap().replace_all(rest, ""));
    let lower = path.to_lowercase();
    if ["%2f", "%5c", "%00", "\\"].iter().any(|bad| lower.contains(bad)) {
        return None;
    }
    resolve(&decode(&path)?)
}

fn decode(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits =
            part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        decoded.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        decoded.push_str(&part[2..]);
    }
    Some(decoded)
}

/// Slashes merged, steps taken; above the root there is nothing.
fn resolve(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    let slash = path.ends_with('/') && !segments.is_empty();
    Some(format!("/{}{}", segments.join("/"), if slash { "/" } else { "" }))
}

/// Every path that the application could serve: Tomcat's, and what follows each `/_/` of a static
/// resource.
pub fn views(target: &str) -> Vec<String> {
    let Some(view) = view(target) else {
        return vec!["<400>".to_owned()];
    };
    let mut views = vec![view.clone()];
    if view.starts_with("/s/") {
        // They overlap: `/_/_/` has two.
        let starts = (0..view.len()).filter(|start| view.as_bytes()[*start..].starts_with(b"/_/"));
        views.extend(starts.map(|start| view[start + 2..].to_owned()));
    }
    views
}

#[test]
fn tomcat_is_read_as_it_was_measured() {
    for (target, expected) in [
        ("/public/..;/admin/x", Some("/admin/x")),
        ("/public/%2e%2e;x=y/admin", Some("/admin")),
        ("/;/admin", Some("/admin")),
        ("//%61dmin;x/y", Some("/admin/y")),
        ("/status%3bx", Some("/status;x")),
        ("/a/%2e", Some("/a")),
        ("/a%2fb", None),
        ("/../a", None),
        ("/a%zz", None),
    ] {
        assert_eq!(view(target).as_deref(), expected, "{target}");
    }
    assert_eq!(views("/s/x/_/_/admin"), ["/s/x/_/_/admin", "/_/admin", "/admin"]);
}
