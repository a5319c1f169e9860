//! Restrictions in Crowd's query language: `name = "a*" and (active = true or email = "*@example.com")`.
//!
//! A `*` at the beginning or the end of a text stands for any text. `and` binds closer than `or`.

use super::{
    Budget, MOST_NESTED, RestrictionError,
    property::{Mode, condition},
};
use crate::{crowd::listing::Kind, store::Condition};

/// Reads a restriction.
pub(super) fn read(text: &str, kind: Kind) -> Result<Condition, RestrictionError> {
    let mut reader = Reader { text, at: 0, kind, levels: MOST_NESTED, budget: Budget::new() };
    let condition = reader.any()?;
    reader.skip_blanks();
    if reader.at < text.len() { Err(reader.expected("and, or or the end")) } else { Ok(condition) }
}

struct Reader<'a> {
    text: &'a str,
    /// How far it has been read.
    at: usize,
    kind: Kind,
    /// So many parentheses may still be opened.
    levels: usize,
    budget: Budget,
}

/// A word or a quoted text; only what is not quoted can be a keyword.
struct Token {
    text: String,
    is_quoted: bool,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Condition, RestrictionError> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.takes_word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, RestrictionError> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, RestrictionError> {
        self.budget.take()?;
        if !self.takes('(') {
            return self.comparison();
        }
        self.levels = self.levels.checked_sub(1).ok_or(RestrictionError::TooDeep)?;
        let condition = self.any()?;
        self.levels += 1;
        if self.takes(')') { Ok(condition) } else { Err(self.expected(")")) }
    }

    fn comparison(&mut self) -> Result<Condition, RestrictionError> {
        let property = self.token("a property")?;
        let operator = ['=', '<', '>'].into_iter().find(|operator| self.takes(*operator));
        let operator = operator.ok_or_else(|| self.expected("=, < or >"))?;
        let value = self.token("a value")?;
        let (mode, text) = match operator {
            '<' => (Mode::LessThan, value.text.as_str()),
            '>' => (Mode::GreaterThan, value.text.as_str()),
            _ if !value.is_quoted && value.text.eq_ignore_ascii_case("null") => (Mode::Null, ""),
            _ => matched(&value.text),
        };
        self.budget.take_for(&property.text)?;
        condition(self.kind, &property.text, mode, text)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn takes(&mut self, c: char) -> bool {
        self.skip_blanks();
        let is_there = self.rest().starts_with(c);
        if is_there {
            self.at += c.len_utf8();
        }
        is_there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let length = self.word_length();
        let is_there = self.rest()[..length].eq_ignore_ascii_case(word);
        if is_there {
            self.at += length;
        }
        is_there
    }

    fn word_length(&self) -> usize {
        let ends = |c: char| c.is_whitespace() || "()=<>\"'".contains(c);
        self.rest().find(ends).unwrap_or(self.rest().len())
    }

    fn token(&mut self, what: &'static str) -> Result<Token, RestrictionError> {
        self.skip_blanks();
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote);
        }
        let length = self.word_length();
        if length == 0 {
            return Err(self.expected(what));
        }
        let text = self.rest()[..length].to_owned();
        self.at += length;
        Ok(Token { text, is_quoted: false })
    }

    /// A backslash takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Result<Token, RestrictionError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, c)) = characters.next() {
            if c == quote {
                self.at += index + quote.len_utf8();
                return Ok(Token { text, is_quoted: true });
            }
            let taken = if c == '\\' { characters.next().map(|(_, c)| c) } else { Some(c) };
            text.extend(taken);
        }
        Err(self.expected("the end of a quoted text"))
    }

    fn expected(&self, what: &'static str) -> RestrictionError {
        RestrictionError::Syntax(self.text[..self.at].chars().count() + 1, what)
    }
}

/// What stars at the ends of a text stand for.
fn matched(value: &str) -> (Mode, &str) {
    if value == "*" {
        return (Mode::StartsWith, "");
    }
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(rest), Some(_)) => (Mode::Contains, rest.strip_suffix('*').unwrap_or(rest)),
        (Some(rest), None) => (Mode::EndsWith, rest),
        (None, Some(rest)) => (Mode::StartsWith, rest),
        (None, None) => (Mode::Exactly, value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{Field, Test};

    fn test(field: Field, test: Test) -> Condition {
        Condition::Test(field, test)
    }

    fn users(text: &str) -> Condition {
        read(text, Kind::Users).unwrap()
    }

    #[test]
    fn reads_what_clients_write() {
        assert_eq!(users("name=\"*\""), Condition::Everything);
        let bob = test(Field::Email, Test::StartsWith("bob@".into()));
        assert_eq!(users("email = \"bob@*\""), bob);
        assert_eq!(users("email=bob@*"), bob);
        let smith = test(Field::LastName, Test::Contains("smi\"th".into()));
        assert_eq!(users(r#"lastName = '*smi"th*'"#), smith);
        assert_eq!(users(r#"lastName = "*smi\"th*""#), smith);
        let active = test(Field::Active, Test::Is(true));
        assert_eq!(users("active = true"), active);
        assert_eq!(
            users("email = bob@* AND (active = true or lastName='*smi\"th*')"),
            Condition::All(vec![bob.clone(), Condition::Any(vec![active.clone(), smith.clone()])])
        );
        assert_eq!(
            users("email = bob@* or active = true and lastName='*smi\"th*'"),
            Condition::Any(vec![bob, Condition::All(vec![active, smith])])
        );
        assert_eq!(users("room = null"), test(Field::Attribute("room".into()), Test::Absent));
    }

    #[test]
    fn says_where_it_cannot_read_on() {
        let at = |text| match read(text, Kind::Users) {
            Err(RestrictionError::Syntax(at, _)) => at,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(at(""), 1);
        assert_eq!(at("name"), 5);
        assert_eq!(at("name = "), 8);
        assert_eq!(at("é = \"a"), 5);
        assert_eq!(at("(name = a"), 10);
        assert_eq!(at("name = a name = b"), 10);
        assert_eq!(at("name = a and"), 13);
    }

    #[test]
    fn parentheses_have_an_end() {
        let nested = |levels| format!("{}name = a{}", "(".repeat(levels), ")".repeat(levels));
        assert!(read(&nested(64), Kind::Users).is_ok());
        for levels in [65, 1000, 100_000] {
            let error = read(&nested(levels), Kind::Users).unwrap_err();
            assert_eq!(error, RestrictionError::TooDeep);
        }
        let many = vec!["name = a"; 1001].join(" or ");
        assert_eq!(read(&many, Kind::Users), Err(RestrictionError::TooMany));
        let scans = |count| vec!["name = a or email = a"; count].join(" or ");
        assert!(read(&scans(100), Kind::Users).is_ok());
        assert_eq!(read(&scans(101), Kind::Users), Err(RestrictionError::TooManyScans));
    }

    /// A text that may hold anything, as it is quoted.
    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, kind: bool) {
            let _ = read(&text, if kind { Kind::Users } else { Kind::Groups });
        }

        #[test]
        fn nearly_right_text_is_read_or_refused(text in "([()=<>\"'* \\\\]|and|or|name|active|true|null|é){0,40}") {
            let _ = read(&text, Kind::Users);
        }

        #[test]
        fn a_quoted_text_is_what_it_says(text: String) {
            prop_assume!(!text.starts_with('*') && !text.ends_with('*'));
            let condition = users(&format!("email = {}", quoted(&text)));
            prop_assert_eq!(condition, test(Field::Email, Test::Equals(text)));
        }
    }
}
