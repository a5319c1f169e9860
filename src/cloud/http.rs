//! How clouds are asked over HTTP: politely, and without ever taking a failure for an answer.
//!
//! A [`Connection`] is what a connector speaks through: one pool of connections, with its proxy and its trusted
//! certificates. A [`Line`] leads to one host of a cloud. It waits where the cloud says so, tries again where that
//! helps, and follows no link to anywhere else. What clouds do differently (credentials, limits, errors) each says in a
//! [`Dialect`].

mod answer;
mod backoff;
mod breaker;
mod connection;
mod dialect;
mod effort;
mod governor;
mod home;
mod line;
mod meter;
mod pace;
mod patience;
mod request;
mod token_cache;

pub(super) use self::{
    answer::Answer,
    connection::Connection,
    dialect::{Credential, Dialect, Exchange, Quota, Verdict, Window},
    line::Line,
    pace::Pace,
    request::Request,
    token_cache::{NewToken, Token, TokenCache},
};
pub use self::{
    meter::{Meter, Usage},
    patience::Patience,
};

/// What is quoted of a cloud's words at most.
const EXCERPT: usize = 300;

/// A text from outside as it may be shown: short, and on one line.
pub(super) fn excerpt(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
