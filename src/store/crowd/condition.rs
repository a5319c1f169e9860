//! What users or groups are searched by.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};

use super::sql::Sql;
use crate::directory::{GroupId, NameKey, UserId};

/// What is asked of a user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: all are meant.
    Everything,
    /// Nobody can be meant.
    Nothing,
    /// Something of one field.
    Test(Field, Test),
    /// It is one of these groups, or of the same name.
    OneOf(Vec<GroupId>),
    /// It is one of the groups that this account is directly in, or of the same name.
    GroupsOf(UserId),
    /// A user who is directly in one of these groups.
    MemberOf {
        /// The groups.
        groups: Vec<GroupId>,
        /// Whether they are few, and better looked for one by one than among all.
        are_few: bool,
    },
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
}

/// What is known of a user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A user's name.
    Username,
    /// A group's name.
    GroupName,
    /// A group's description.
    Description,
    /// A user's email address.
    Email,
    /// A user's given name.
    FirstName,
    /// A user's family name.
    LastName,
    /// The name that people read.
    DisplayName,
    /// What else is said of a user.
    Attribute(String),
    /// Whether a user is active.
    Active,
    /// When it was made.
    CreatedAt,
    /// When a user was changed last.
    UpdatedAt,
}

/// How a field is tested. Texts are equal in whichever case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is this text.
    Equals(String),
    /// It begins with this text.
    StartsWith(String),
    /// It ends with this text.
    EndsWith(String),
    /// This text is in it.
    Contains(String),
    /// Yes or no.
    Is(bool),
    /// It is this time, to the millisecond: applications are told no more of it.
    At(DateTime<Utc>),
    /// It is an earlier time.
    Before(DateTime<Utc>),
    /// It is a later time.
    After(DateTime<Utc>),
    /// It is not said.
    Absent,
}

impl Condition {
    /// By what those are best found to whom it applies.
    pub(super) fn leads(&self) -> Lead {
        match self {
            Self::MemberOf { are_few: true, .. } => Lead::Numbers,
            Self::OneOf(_) | Self::GroupsOf(_) => Lead::Names,
            Self::Any(parts) if names(parts).is_some() => Lead::Names,
            _ => Lead::Order,
        }
    }

    /// As SQL about a row `t`.
    pub(super) fn sql(&self, sql: &mut Sql) -> String {
        match self {
            Self::Everything => "1 = 1".to_owned(),
            Self::Nothing => "1 = 0".to_owned(),
            Self::Test(field, test) => test.sql(field, sql),
            Self::OneOf(groups) | Self::MemberOf { groups, .. } if groups.is_empty() => {
                "1 = 0".to_owned()
            }
            Self::OneOf(groups) => {
                let groups = sql.list(groups.iter().map(|group| group.0));
                format!("t.name_key IN (SELECT g.name_key FROM groups g WHERE g.id IN ({groups}))")
            }
            Self::GroupsOf(user) => {
                let user = sql.bind_number(user.0);
                format!(
                    "t.name_key IN (SELECT g.name_key FROM memberships m \
                     JOIN groups g ON g.id = m.group_id WHERE m.user_id = {user})"
                )
            }
            Self::MemberOf { groups, .. } => {
                let groups = sql.list(groups.iter().map(|group| group.0));
                let members = "SELECT m.user_id FROM group_members m WHERE m.group_id";
                format!("t.id IN ({members} IN ({groups}))")
            }
            Self::All(parts) => joined(parts, "AND", "1 = 1", sql),
            Self::Any(parts) => match names(parts) {
                Some((field, names)) => {
                    let names = names.map(|name| sql.bind(NameKey::of(name).as_str()));
                    let names = names.collect::<Vec<_>>().join(", ");
                    format!("{} IN ({names})", field.column(sql))
                }
                None => joined(parts, "OR", "1 = 0", sql),
            },
        }
    }
}

/// By what rows are found that a condition leaves. SQLite cannot know that they are few, and would look along all
/// names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// By the order of the names.
    Order,
    /// By the names that it says.
    Names,
    /// By the numbers that it says.
    Numbers,
}

impl Lead {
    /// What SQLite is kept from using an index by: for the directory, and for the place in the order.
    pub(super) fn pluses(self) -> (&'static str, &'static str) {
        match self {
            Self::Order => ("", ""),
            Self::Names => ("", "+"),
            Self::Numbers => ("+", "+"),
        }
    }
}

/// The names, if it is nothing but several that a user or a group could have.
fn names(parts: &[Condition]) -> Option<(&Field, impl Iterator<Item = &str>)> {
    let name = |part| match part {
        &Condition::Test(ref field, Test::Equals(ref name)) if field.is_name() => {
            Some((field, name.as_str()))
        }
        _ => None,
    };
    let (field, _) = parts.first().and_then(name)?;
    let all = parts.iter().all(|part| name(part).is_some());
    all.then(|| (field, parts.iter().filter_map(name).map(|(_, name)| name)))
}

/// As a tree that is as low as can be: a database allows so many levels and no more.
fn joined(parts: &[Condition], word: &str, empty: &str, sql: &mut Sql) -> String {
    match parts {
        [] => empty.to_owned(),
        [part] => part.sql(sql),
        _ => {
            let (one, other) = parts.split_at(parts.len() / 2);
            let one = joined(one, word, empty, sql);
            let other = joined(other, word, empty, sql);
            format!("({one} {word} {other})")
        }
    }
}

impl Test {
    fn sql(&self, field: &Field, sql: &mut Sql) -> String {
        let column = field.column(sql);
        match self {
            Self::Is(yes) => {
                let not = if *yes { "" } else { "NOT " };
                format!("{not}({column})")
            }
            Self::At(time) => {
                let millisecond = millisecond(*time);
                format!("{column} BETWEEN {} AND {}", millisecond.start(), millisecond.end())
            }
            Self::Before(time) => format!("{column} < {}", millisecond(*time).start()),
            Self::After(time) => format!("{column} > {}", millisecond(*time).end()),
            Self::Absent => format!("COALESCE({column}, '') = ''"),
            Self::Equals(text) => field.compare(&column, text, |text| text, "=", sql),
            Self::StartsWith(text) => field.like(&column, text, |text| format!("{text}%"), sql),
            Self::EndsWith(text) => field.like(&column, text, |text| format!("%{text}"), sql),
            Self::Contains(text) => field.like(&column, text, |text| format!("%{text}%"), sql),
        }
    }
}

impl Field {
    fn column(&self, sql: &mut Sql) -> String {
        let column = match self {
            Self::Username => "t.username_key",
            Self::GroupName => "t.name_key",
            Self::Description => "t.description",
            Self::Email => "t.email",
            Self::FirstName => "t.first_name",
            Self::LastName => "t.last_name",
            // Who has none is shown by their name.
            Self::DisplayName => "COALESCE(t.display_name, t.username)",
            Self::Active => "t.inactive_reason IS NULL",
            Self::CreatedAt => "t.created_at",
            Self::UpdatedAt => "t.updated_at",
            Self::Attribute(name) => {
                let name = sql.bind(name);
                return if sql.is_postgres {
                    format!("(CAST(t.attributes AS JSON) ->> CAST({name} AS TEXT))")
                } else {
                    format!("(SELECT a.value FROM json_each(t.attributes) a WHERE a.key = {name})")
                };
            }
        };
        column.to_owned()
    }

    fn is_name(&self) -> bool {
        matches!(self, Self::Username | Self::GroupName)
    }

    fn like(
        &self,
        column: &str,
        text: &str,
        pattern: impl Fn(String) -> String,
        sql: &mut Sql,
    ) -> String {
        let escaped = |text: String| pattern(escape_like(&text));
        self.compare(column, text, escaped, "LIKE", sql)
    }

    /// Compares in small letters. Names have keys that are; of others, SQLite makes small only what is ASCII, so
    /// that texts with other letters are looked for as they are, in small letters and in large ones.
    fn compare(
        &self,
        column: &str,
        text: &str,
        pattern: impl Fn(String) -> String,
        operator: &str,
        sql: &mut Sql,
    ) -> String {
        let escape = if operator == "LIKE" { " ESCAPE '!'" } else { "" };
        if self.is_name() {
            let place = sql.bind(pattern(NameKey::of(text).as_str().to_owned()));
            return format!("{column} {operator} {place}{escape}");
        }
        let mut spellings = vec![text.to_lowercase()];
        if !text.is_ascii() {
            spellings.extend([text.to_owned(), text.to_uppercase()]);
        }
        let compared = spellings.into_iter().map(|text| {
            let place = sql.bind(pattern(text));
            format!("lower({column}) {operator} lower({place}){escape}")
        });
        format!("({})", compared.collect::<Vec<_>>().join(" OR "))
    }
}

/// The microseconds, as they are stored, of which an application is told the same millisecond.
fn millisecond(time: DateTime<Utc>) -> RangeInclusive<i64> {
    let first = time.timestamp_millis() * 1000;
    first..=first + 999
}

/// What stands for something else in a pattern stands for itself.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}
