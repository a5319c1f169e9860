//! One property of a user or a group, compared with a value.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::RestrictionError;
use crate::{
    crowd::listing::Kind,
    store::{Condition, Field, Test},
};

/// Nothing that is known is longer.
const MOST_BYTES: usize = 1024;

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Exactly,
    StartsWith,
    EndsWith,
    Contains,
    GreaterThan,
    LessThan,
    Null,
}

impl Mode {
    pub(super) fn from_word(word: &str) -> Result<Self, RestrictionError> {
        match word {
            "EXACTLY_MATCHES" => Ok(Self::Exactly),
            "STARTS_WITH" => Ok(Self::StartsWith),
            "ENDS_WITH" => Ok(Self::EndsWith),
            "CONTAINS" => Ok(Self::Contains),
            "GREATER_THAN" => Ok(Self::GreaterThan),
            "LESS_THAN" => Ok(Self::LessThan),
            "NULL" => Ok(Self::Null),
            _ => Err(RestrictionError::Mode(word.to_owned())),
        }
    }
}

/// What is asked by comparing a property with a value.
pub(super) fn condition(
    kind: Kind,
    property: &str,
    mode: Mode,
    value: &str,
) -> Result<Condition, RestrictionError> {
    if value.len() > MOST_BYTES || property.len() > MOST_BYTES {
        return Err(RestrictionError::TooLong(property.chars().take(40).collect()));
    }
    let Some(field) = field(kind, property) else {
        return Ok(without_field(property, mode, value));
    };
    match field {
        // Nobody is without a name.
        Field::Username | Field::GroupName if mode == Mode::Null => Ok(Condition::Nothing),
        Field::Username | Field::GroupName if value.is_empty() && mode != Mode::Exactly => {
            Ok(Condition::Everything)
        }
        Field::Active => flag(field, property, mode, value),
        Field::CreatedAt | Field::UpdatedAt => time(field, property, mode, value),
        _ => text(field, property, mode, value),
    }
}

/// The field of a property; every user can have attributes of other names.
fn field(kind: Kind, property: &str) -> Option<Field> {
    match (kind, property) {
        (_, "createdDate") => Some(Field::CreatedAt),
        (Kind::Users, "name") => Some(Field::Username),
        (Kind::Users, "email") => Some(Field::Email),
        (Kind::Users, "firstName") => Some(Field::FirstName),
        (Kind::Users, "lastName") => Some(Field::LastName),
        (Kind::Users, "displayName") => Some(Field::DisplayName),
        (Kind::Users, "active") => Some(Field::Active),
        (Kind::Users, "updatedDate") => Some(Field::UpdatedAt),
        (Kind::Users, other) => Some(Field::Attribute(other.to_owned())),
        (Kind::Groups, "name") => Some(Field::GroupName),
        (Kind::Groups, "description") => Some(Field::Description),
        (Kind::Groups, _) => None,
    }
}

/// Groups are all active, and have no attributes.
fn without_field(property: &str, mode: Mode, value: &str) -> Condition {
    let is_meant = if property == "active" {
        mode == Mode::Exactly && value.eq_ignore_ascii_case("true")
    } else {
        mode == Mode::Null
    };
    if is_meant { Condition::Everything } else { Condition::Nothing }
}

fn text(
    field: Field,
    property: &str,
    mode: Mode,
    value: &str,
) -> Result<Condition, RestrictionError> {
    let value = value.to_owned();
    let test = match mode {
        Mode::Exactly => Test::Equals(value),
        Mode::StartsWith => Test::StartsWith(value),
        Mode::EndsWith => Test::EndsWith(value),
        Mode::Contains => Test::Contains(value),
        Mode::Null => Test::Absent,
        Mode::GreaterThan | Mode::LessThan => {
            return Err(RestrictionError::Incomparable(property.to_owned()));
        }
    };
    Ok(Condition::Test(field, test))
}

fn flag(
    field: Field,
    property: &str,
    mode: Mode,
    value: &str,
) -> Result<Condition, RestrictionError> {
    let yes = match value.trim() {
        value if value.eq_ignore_ascii_case("true") => true,
        value if value.eq_ignore_ascii_case("false") => false,
        _ if mode == Mode::Null => return Ok(Condition::Nothing),
        _ => return Err(RestrictionError::Value(property.to_owned())),
    };
    match mode {
        Mode::Exactly => Ok(Condition::Test(field, Test::Is(yes))),
        Mode::Null => Ok(Condition::Nothing),
        _ => Err(RestrictionError::Incomparable(property.to_owned())),
    }
}

fn time(
    field: Field,
    property: &str,
    mode: Mode,
    value: &str,
) -> Result<Condition, RestrictionError> {
    if mode == Mode::Null {
        return Ok(Condition::Nothing);
    }
    let time = read_time(value.trim()).ok_or(RestrictionError::Value(property.to_owned()))?;
    let test = match mode {
        Mode::Exactly => Test::At(time),
        Mode::GreaterThan => Test::After(time),
        Mode::LessThan => Test::Before(time),
        _ => return Err(RestrictionError::Incomparable(property.to_owned())),
    };
    Ok(Condition::Test(field, test))
}

/// As Java and XML write times, or in milliseconds since 1970, or only a day.
fn read_time(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    let time = with_zone.ok().map(|time| time.with_timezone(&Utc));
    let millis = || text.parse().ok().and_then(DateTime::from_timestamp_millis);
    let day = || {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    };
    let time = time.or_else(millis).or_else(day);
    // What the database can hold.
    time.filter(|time| (0..=9999).contains(&chrono::Datelike::year(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_clients_write_them() {
        let expected = "2026-11-24T08:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in ["2026-11-24T08:00:00Z", "2026-11-24T09:00:00.000+0100", "1795507200000"] {
            assert_eq!(read_time(text), Some(expected), "{text}");
        }
        assert!(read_time("2026-11-24").is_some_and(|day| day < expected));
        for text in ["", "yesterday", "9223372036854775807", "+262142-01-01T00:00:00Z"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    #[test]
    fn what_no_group_has_is_in_none() {
        let condition = |property, mode, value| condition(Kind::Groups, property, mode, value);
        assert_eq!(condition("active", Mode::Exactly, "true"), Ok(Condition::Everything));
        assert_eq!(condition("active", Mode::Exactly, "false"), Ok(Condition::Nothing));
        assert_eq!(condition("room", Mode::Exactly, "1"), Ok(Condition::Nothing));
        assert_eq!(condition("room", Mode::Null, ""), Ok(Condition::Everything));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let condition = |property, mode, value| condition(Kind::Users, property, mode, value);
        let long = "x".repeat(2000);
        for (property, mode, value) in [
            ("email", Mode::GreaterThan, "a"),
            ("active", Mode::Exactly, "maybe"),
            ("active", Mode::Contains, "true"),
            ("createdDate", Mode::Exactly, "x"),
            ("createdDate", Mode::Contains, "1"),
            ("name", Mode::Exactly, &long),
        ] {
            assert!(condition(property, mode, value).is_err(), "{property} {mode:?} {value}");
        }
        // How newer clients test the connection.
        assert_eq!(condition("name", Mode::Null, ""), Ok(Condition::Nothing));
    }
}
