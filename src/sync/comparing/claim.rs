//! A claim to a name, on its way through the sorter.

use std::{
    cmp::Ordering,
    io::{self, Read, Write},
};

use serde::{Deserialize, Serialize};

use crate::{
    directory::{PersonId, UserId},
    provisioning::{Acquaintance, HeldUser},
    sync::{
        listed_row::{ListedRow, read_rest, write_text},
        sorter::{Spill, read_or_end},
    },
};

/// Who somebody of a roster is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Who {
    /// They have an account.
    Account(Box<HeldUser>),
    /// They are known, and have none here.
    Somebody {
        /// Who.
        person: PersonId,
        /// Whether the roster's issuer knows them.
        known: Acquaintance,
    },
    /// They are new.
    Nobody,
}

impl Who {
    /// The account that has another name now.
    pub(super) fn mover(&self) -> Option<UserId> {
        if let Self::Account(held) = self { Some(held.user) } else { None }
    }

    pub(super) fn person(&self) -> Option<PersonId> {
        match self {
            Self::Account(held) => Some(held.person),
            Self::Somebody { person, .. } => Some(*person),
            Self::Nobody => None,
        }
    }
}

/// Somebody of a roster who wants a name that they do not have.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The name, as it is compared.
    pub(super) name: String,
    pub(super) who: Who,
    pub(super) row: ListedRow,
}

impl Claim {
    /// By name; who has an account, and has had it longest, comes first.
    fn rank(&self) -> (&str, i64, &str) {
        let user = self.who.mover().map_or(i64::MAX, |user| user.0);
        (&self.name, user, &self.row.key)
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Claim {}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Spill for Claim {
    fn weight(&self) -> usize {
        // What an account shows is about what the row says.
        size_of::<Self>() + self.name.len() + 2 * self.row.weight()
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        write_text(to, Some(&self.name))?;
        write_text(to, Some(&serde_json::to_string(&self.who)?))?;
        self.row.write(to)
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; 4];
        if !read_or_end(from, &mut bytes)? {
            return Ok(None);
        }
        let name = read_rest(from, u32::from_le_bytes(bytes))?.unwrap_or_default();
        from.read_exact(&mut bytes)?;
        let who = read_rest(from, u32::from_le_bytes(bytes))?.unwrap_or_default();
        let who = serde_json::from_str(&who)?;
        let row = ListedRow::read(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Some(Self { name, who, row }))
    }
}
