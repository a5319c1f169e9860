//! The language of `search` and `filter`: SCIM's operators, with dots in names (`docs/reference/user-query`).

use serde_json::{Value, json};

use crate::support::clouds::expression::{Comparison, Expression};

/// Reads a condition, or not.
pub fn parse(text: &str) -> Option<Expression> {
    let mut parser = Parser { rest: text };
    let condition = parser.either()?;
    parser.rest.trim().is_empty().then_some(condition)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let is_there = rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
        let ends =
            rest[word.len().min(rest.len())..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        if is_there && (ends || !word.ends_with(char::is_alphanumeric)) {
            self.rest = &rest[word.len()..];
            return true;
        }
        false
    }

    fn either(&mut self) -> Option<Expression> {
        let mut left = self.both()?;
        while self.word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Some(left)
    }

    fn both(&mut self) -> Option<Expression> {
        let mut left = self.single()?;
        while self.word("and") {
            left = Expression::And(Box::new(left), Box::new(self.single()?));
        }
        Some(left)
    }

    fn single(&mut self) -> Option<Expression> {
        if self.word("(") {
            let inner = self.either()?;
            return self.word(")").then_some(inner);
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_')?;
        let path = rest[..end].to_owned();
        self.rest = &rest[end..];
        let operators = [
            ("eq", Comparison::Equal),
            ("gt", Comparison::Greater),
            ("ge", Comparison::GreaterOrEqual),
            ("lt", Comparison::Less),
            ("le", Comparison::LessOrEqual),
            ("sw", Comparison::StartsWith),
            ("co", Comparison::Contains),
            ("pr", Comparison::Present),
        ];
        let how = operators.into_iter().find(|(word, _)| self.word(word)).map(|(_, how)| how)?;
        let value = if how == Comparison::Present { Value::Null } else { self.value()? };
        (end > 0).then_some(Expression::Compare { path, how, value })
    }

    /// Text in quotes, true or false.
    fn value(&mut self) -> Option<Value> {
        for (word, value) in [("true", true), ("false", false)] {
            if self.word(word) {
                return Some(json!(value));
            }
        }
        let rest = self.rest.trim_start();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let text = values.next()?.ok()?;
        self.rest = &rest[values.byte_offset()..];
        Some(json!(text))
    }
}
