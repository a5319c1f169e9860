//! A person's account in one directory.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Profile;

/// A human being, whatever accounts and identities they have. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonId(pub i64);

/// A user. Small, and only inside: others see the UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(pub i64);

/// A directory. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DirectoryId(pub i64);

/// A person's account in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number that other rows point to.
    pub id: UserId,
    /// The number that others see (version 7).
    pub uuid: Uuid,
    /// Whose account it is.
    pub person: PersonId,
    /// Where the account is.
    pub directory: DirectoryId,
    /// The name to log in under, and what people read.
    pub profile: Profile,
    /// Why the account may not be used, if it may not.
    pub inactive: Option<InactiveReason>,
}

/// Why an account is inactive. Only some of these may be undone by a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveReason {
    /// An administrator blocked it. Only an administrator lets it in again.
    AdminBlock,
    /// The source of the directory has it disabled.
    DisabledAtSource,
    /// The source of the directory no longer has it.
    MissingAtSource,
    /// A filter no longer covers it.
    OutOfScope,
    /// It was not used for long.
    Idle,
}

impl InactiveReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::AdminBlock,
        Self::DisabledAtSource,
        Self::MissingAtSource,
        Self::OutOfScope,
        Self::Idle,
    ];

    /// The word for it in the store, in logs and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdminBlock => "admin_block",
            Self::DisabledAtSource => "disabled_at_source",
            Self::MissingAtSource => "missing_at_source",
            Self::OutOfScope => "out_of_scope",
            Self::Idle => "idle",
        }
    }

    /// The reason that a word of [`InactiveReason::as_str`] stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Whether a login proves the reason wrong: the person is plainly there and in use.
    #[must_use]
    pub fn ends_with_a_login(self) -> bool {
        matches!(self, Self::MissingAtSource | Self::Idle)
    }
}
