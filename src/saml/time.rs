//! Times of SAML.

use chrono::{DateTime, NaiveDateTime, Utc};

/// An `xs:dateTime`. One without a zone is UTC, as all of SAML's times are (SAML core 1.3.3).
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    with_zone.ok().or_else(|| {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fractions_and_zones() {
        let noon = parse("2026-11-24T12:00:00Z").unwrap();
        for same in ["2026-11-24T12:00:00", "2026-11-24T13:00:00+01:00", "2026-11-24T12:00:00.000Z"]
        {
            assert_eq!(parse(same), Some(noon), "{same}");
        }
        assert!(parse("2026-11-24T12:00:00.1234567Z").is_some());
        for wrong in ["", "today", "2026-11-24", "2026-13-24T12:00:00Z"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
