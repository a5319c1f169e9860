//! A condition on an object, whatever language it was written in.

use std::cmp::Ordering;

use serde_json::Value;

use super::time;

#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Compare {
        path: String,
        how: Comparison,
        value: Value,
    },
    /// Any of a list is so.
    Any {
        path: String,
        how: Comparison,
        value: Value,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    StartsWith,
    EndsWith,
    Contains,
    Present,
}

impl Expression {
    /// Whether an object is so. Text is compared without case, as all three vendors do.
    pub fn is_true_of(&self, object: &Value) -> bool {
        match self {
            Self::And(one, other) => one.is_true_of(object) && other.is_true_of(object),
            Self::Or(one, other) => one.is_true_of(object) || other.is_true_of(object),
            Self::Not(inner) => !inner.is_true_of(object),
            Self::Compare { path, how, value } => holds(at(object, path), *how, value),
            Self::Any { path, how, value } => {
                let list = at(object, path).as_array();
                list.is_some_and(|list| list.iter().any(|item| holds(item, *how, value)))
            }
        }
    }

    /// Every comparison in it.
    pub fn comparisons(&self) -> Vec<(&str, Comparison, &Value)> {
        match self {
            Self::And(one, other) | Self::Or(one, other) => {
                [one.comparisons(), other.comparisons()].concat()
            }
            Self::Not(inner) => inner.comparisons(),
            Self::Compare { path, how, value } | Self::Any { path, how, value } => {
                vec![(path, *how, value)]
            }
        }
    }

    pub fn negates(&self) -> bool {
        match self {
            Self::And(one, other) | Self::Or(one, other) => one.negates() || other.negates(),
            Self::Not(_) => true,
            Self::Compare { .. } | Self::Any { .. } => false,
        }
    }
}

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, part| &value[part])
}

fn holds(found: &Value, how: Comparison, wanted: &Value) -> bool {
    let text = |value: &Value| value.as_str().map(str::to_lowercase);
    match how {
        Comparison::Present => !found.is_null(),
        Comparison::Equal => is_same(found, wanted),
        Comparison::NotEqual => !is_same(found, wanted),
        Comparison::StartsWith => pair(text(found), text(wanted), |a, b| a.starts_with(b)),
        Comparison::EndsWith => pair(text(found), text(wanted), |a, b| a.ends_with(b)),
        Comparison::Contains => pair(text(found), text(wanted), |a, b| a.contains(b)),
        Comparison::Greater => order(found, wanted) == Some(Ordering::Greater),
        Comparison::Less => order(found, wanted) == Some(Ordering::Less),
        Comparison::GreaterOrEqual => order(found, wanted).is_some_and(Ordering::is_ge),
        Comparison::LessOrEqual => order(found, wanted).is_some_and(Ordering::is_le),
    }
}

fn pair(a: Option<String>, b: Option<String>, holds: impl Fn(&str, &str) -> bool) -> bool {
    matches!((a, b), (Some(a), Some(b)) if holds(&a, &b))
}

fn is_same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => {
            found.to_lowercase() == wanted.to_lowercase()
        }
        (found, wanted) => found == wanted,
    }
}

/// Moments as moments, everything else as text.
fn order(found: &Value, wanted: &Value) -> Option<Ordering> {
    let (found, wanted) = (found.as_str()?, wanted.as_str()?);
    match (time::parse(found), time::parse(wanted)) {
        (Some(found), Some(wanted)) => Some(found.cmp(&wanted)),
        _ => Some(found.to_lowercase().cmp(&wanted.to_lowercase())),
    }
}
