//! Readings of a path, beside a reader that knows nothing but what Tomcat does.

use gatehouse::policy::Readings;
use percent_encoding::percent_decode_str;

/// The first reading is Tomcat's; no reading has steps in it; query and parameters change nothing.
pub fn paths(data: &[u8]) {
    let Ok(target) = str::from_utf8(data) else { return };
    let Ok(readings) = Readings::of(target) else { return };
    let all: Vec<&str> = readings.iter().collect();
    let (path, query) =
        target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));

    assert_eq!(Some(all[0].to_owned()), tomcats_reading(path), "{target:?}");
    for reading in &all {
        assert!(reading.starts_with('/') && !reading.contains("//"), "{target:?}: {reading:?}");
        let steps = reading.split('/').any(|segment| matches!(segment, "." | ".."));
        assert!(!steps && !reading.chars().any(char::is_control), "{target:?}: {reading:?}");
    }
    if query.is_some() {
        assert_eq!(Readings::of(path).unwrap(), readings, "the query is no part of a path");
    }
    let with_parameter = format!("{path};x=y");
    if let Ok(more) = Readings::of(&with_parameter) {
        assert!(more.iter().eq(all.iter().copied()), "{target:?}: {more:?}");
    }
}

/// Parameters cut, decoded, slashes merged, steps taken: in this order. Nothing for what Tomcat refuses.
fn tomcats_reading(path: &str) -> Option<String> {
    let without: Vec<&str> =
        path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
    let decoded = percent_decode_str(&without.join("/")).decode_utf8().ok()?.into_owned();
    let mut taken: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(taken.pop()?),
            name => taken.push(name),
        }
    }
    let slash = if decoded.ends_with('/') && !taken.is_empty() { "/" } else { "" };
    Some(format!("/{}{slash}", taken.join("/")))
}
