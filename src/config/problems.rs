//! Collects what is wrong with a configuration, so that one run shows it all.

use std::fmt;

/// What is wrong with a configuration, each with the key it is at and what to do about it.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Reports a problem at a key such as `server.listen`.
    pub fn add(&mut self, key: impl fmt::Display, problem: impl fmt::Display) {
        self.0.push(format!("{key}: {problem}"));
    }

    /// Reports a problem if something went wrong, and hands on what went well.
    pub fn check<T, E: fmt::Display>(
        &mut self,
        key: impl fmt::Display,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|problem| self.add(key, problem)).ok()
    }

    /// Takes over what somebody else has reported.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, with its key.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// `Ok` if nothing was reported.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}
