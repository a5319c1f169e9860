//! What to do about those who are said.

use serde::{Deserialize, Serialize};

use super::SaidUser;

/// How sure it is who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchClass {
    /// One user has the id or the username, and nothing speaks against it.
    Exact,
    /// One user is alike: a person should look at it.
    Probable,
    /// Several users are alike, or several people are like the same user: a person has to choose.
    Ambiguous,
    /// Nobody is alike: a newcomer, whose name comes from the mapping.
    None,
}

impl MatchClass {
    /// The word for it in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Probable => "probable",
            Self::Ambiguous => "ambiguous",
            Self::None => "none",
        }
    }

    /// Reads what [`MatchClass::as_str`] wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Exact, Self::Probable, Self::Ambiguous, Self::None];
        all.into_iter().find(|class| class.as_str() == word)
    }
}

/// What to do about somebody who is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Who.
    pub said: SaidUser,
    /// How sure it is.
    pub class: MatchClass,
    /// The username that they should keep; `None` where a person has to choose, or there is none.
    pub username: Option<String>,
    /// Why, for people.
    pub why: String,
}

/// How many there are of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Of [`MatchClass::Exact`].
    pub exact: usize,
    /// Of [`MatchClass::Probable`].
    pub probable: usize,
    /// Of [`MatchClass::Ambiguous`].
    pub ambiguous: usize,
    /// Of [`MatchClass::None`].
    pub none: usize,
}

impl Counts {
    /// Counts.
    #[must_use]
    pub fn of(proposals: &[Proposal]) -> Self {
        let count = |class| proposals.iter().filter(|p| p.class == class).count();
        Self {
            exact: count(MatchClass::Exact),
            probable: count(MatchClass::Probable),
            ambiguous: count(MatchClass::Ambiguous),
            none: count(MatchClass::None),
        }
    }
}
