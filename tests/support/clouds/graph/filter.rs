//! `$filter`: what `concepts/filter-query-parameter` has of `OData`'s language for users and groups.

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

impl<'a> Parser<'a> {
    /// Goes on if a word comes next.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some(after) = rest.strip_prefix(word) else { return false };
        let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric());
        if ends || !word.ends_with(char::is_alphanumeric) {
            self.rest = after;
            return true;
        }
        false
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '/').unwrap_or(rest.len());
        self.rest = &rest[end..];
        (end > 0).then_some(&rest[..end])
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
        if self.word("not") {
            return Some(Expression::Not(Box::new(self.single()?)));
        }
        if self.word("(") {
            let inner = self.either()?;
            return self.word(")").then_some(inner);
        }
        for (function, how) in
            [("startswith", Comparison::StartsWith), ("endswith", Comparison::EndsWith)]
        {
            if self.rest.trim_start().to_lowercase().starts_with(&format!("{function}(")) {
                self.rest = &self.rest.trim_start()[function.len() + 1..];
                let path = self.name()?.to_owned();
                let value = self.word(",").then(|| self.value())??;
                return self.word(")").then_some(Expression::Compare { path, how, value });
            }
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Option<Expression> {
        let path = self.name()?;
        if let Some(path) = path.strip_suffix("/any") {
            return self.any(path);
        }
        if self.word("in") {
            return self.one_of(path);
        }
        let how = self.operator()?;
        Some(Expression::Compare { path: path.to_owned(), how, value: self.value()? })
    }

    /// `(x:x eq 'value')`.
    fn any(&mut self, path: &str) -> Option<Expression> {
        let variable = self.word("(").then(|| self.name())??;
        let same = self.word(":").then(|| self.name())?? == variable;
        let how = self.operator()?;
        let value = self.value()?;
        (same && self.word(")")).then(|| Expression::Any { path: path.to_owned(), how, value })
    }

    /// `('one', 'other')`.
    fn one_of(&mut self, path: &str) -> Option<Expression> {
        let mut found: Option<Expression> = None;
        if !self.word("(") {
            return None;
        }
        loop {
            let (path, value) = (path.to_owned(), self.value()?);
            let one = Expression::Compare { path, how: Comparison::Equal, value };
            found = Some(match found {
                Some(others) => Expression::Or(Box::new(others), Box::new(one)),
                None => one,
            });
            if self.word(")") {
                return found;
            }
            self.word(",").then_some(())?;
        }
    }

    fn operator(&mut self) -> Option<Comparison> {
        let operators = [
            ("eq", Comparison::Equal),
            ("ne", Comparison::NotEqual),
            ("gt", Comparison::Greater),
            ("ge", Comparison::GreaterOrEqual),
            ("lt", Comparison::Less),
            ("le", Comparison::LessOrEqual),
        ];
        operators.into_iter().find(|(word, _)| self.word(word)).map(|(_, how)| how)
    }

    /// Text in quotes, which are doubled inside it; true, false, null; a moment.
    fn value(&mut self) -> Option<Value> {
        let rest = self.rest.trim_start();
        if let Some(mut quoted) = rest.strip_prefix('\'') {
            let mut text = String::new();
            loop {
                let (part, after) = quoted.split_once('\'')?;
                text.push_str(part);
                let Some(more) = after.strip_prefix('\'') else {
                    self.rest = after;
                    return Some(json!(text));
                };
                text.push('\'');
                quoted = more;
            }
        }
        for (word, value) in [("true", json!(true)), ("false", json!(false)), ("null", Value::Null)]
        {
            if self.word(word) {
                return Some(value);
            }
        }
        let end = rest.find([' ', ')', ',']).unwrap_or(rest.len());
        self.rest = &rest[end..];
        crate::support::clouds::time::parse(&rest[..end]).map(|_| json!(rest[..end]))
    }
}
