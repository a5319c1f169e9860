//! Bringing a directory in line with a roster: people and groups as a connector wants them, known by what never
//! changes about them and not by their names.

use std::io;

use serde::{Deserialize, Serialize};

use super::{
    guarding::Guarding,
    import::{ImportError, ImportReport},
    listed_row::ListedRow,
    sorter::Sorter,
};
use crate::{
    directory::{DirectoryId, InactiveReason, Issuer, MatchKey, Profile},
    provisioning::{Policy, Unlisted},
    store::{Lease, RunId},
};

/// What sorting keeps in memory; the rest waits in temporary files.
const MEMORY: usize = 96 << 20;

/// No source has longer ids.
const MAX_ID: usize = 255;

/// So many examples are given of what many have in common.
pub const MOST_EXAMPLES: usize = 20;

/// So many conflicts are named; the others are counted.
const MOST_CONFLICTS: usize = 1000;

/// Somebody as a connector wants the directory to have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterUser {
    /// What never changes about them, and is never anybody else's.
    pub external_id: String,
    /// What the account should show. What is not said stays as it is.
    pub profile: Profile,
    /// Why the account may not be used; nothing if it may.
    pub absence: Option<InactiveReason>,
    /// Under which name other issuers of the domain know the same person.
    pub match_key: Option<MatchKey>,
    /// Places in the table of groups, in order and each once.
    pub groups: Vec<u32>,
    /// Whether the account stays as it is, whatever is said of it here.
    pub stays: bool,
}

/// A group as a connector wants the directory to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterGroup {
    /// What never changes about it.
    pub external_id: String,
    /// Its name.
    pub name: String,
}

/// Of whom a roster speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Of everybody: who is not named is missing.
    Everything,
    /// Of those whom it names, and of nobody else.
    Only,
}

/// What is to be brought in line, and how.
#[derive(Clone, Debug)]
pub struct RosterRequest {
    /// Where.
    pub directory: DirectoryId,
    /// Whose subjects the external ids are.
    pub issuer: Issuer,
    /// By whose word memberships begin and end: `connector:<name>`.
    pub source: String,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Of whom it speaks.
    pub extent: Extent,
    /// What becomes of whom it does not name though it speaks of everybody.
    pub unlisted: Unlisted,
    /// Who may be taken for whom, and which groups are protected: the same as for a login.
    pub policy: Policy,
    /// Whether it is only to be seen what would change.
    pub dry_run: bool,
    /// Whether much may be taken away.
    pub unguarded: bool,
    /// What is much, and what waits in any case.
    pub guarding: Guarding,
    /// Who speaks: nobody listens once the lease is somebody else's. Nothing if no lease is needed.
    pub lease: Option<Lease>,
    /// Of which run it is the outcome: what waits of it is worth nothing any more once a later one has heard more.
    pub run: Option<RunId>,
}

/// People in any order. What does not fit into memory waits in temporary files.
pub struct RosterWriter {
    rows: Sorter<ListedRow>,
    count: u64,
}

/// Everybody and every group that a connector wants the directory to have.
pub struct Roster {
    pub(super) rows: Sorter<ListedRow>,
    pub(super) count: u64,
    pub(super) groups: Vec<RosterGroup>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RosterReport {
    /// What a list reports too.
    #[serde(flatten)]
    pub list: ImportReport,
    /// How many accounts get another name.
    pub renamed: u64,
    /// How many may be used again.
    pub reactivated: u64,
    /// What could not be as the roster wants it.
    pub conflicts: Vec<Conflict>,
    /// How many more there are.
    pub more_conflicts: u64,
    /// How many accounts end, and why.
    pub deactivated: Deactivated,
    /// Groups that the source does not name any more.
    pub groups_gone: u64,
    /// Some of the accounts that get another name: the old one and the new one.
    pub renames: Vec<[String; 2]>,
    /// Some of the accounts that could be used until now, and whose people filters keep out.
    pub put_out_of_scope: Vec<String>,
}

/// How many accounts end, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deactivated {
    /// The source has them disabled.
    pub disabled_at_source: u64,
    /// The source has them, and filters keep them out.
    pub out_of_scope: u64,
    /// The source has them not any more.
    pub missing_at_source: u64,
    /// Anything else.
    pub otherwise: u64,
}

impl Deactivated {
    pub(super) fn count(&mut self, reason: InactiveReason) {
        *match reason {
            InactiveReason::DisabledAtSource => &mut self.disabled_at_source,
            InactiveReason::OutOfScope => &mut self.out_of_scope,
            InactiveReason::MissingAtSource => &mut self.missing_at_source,
            _ => &mut self.otherwise,
        } += 1;
    }
}

/// Somebody or a group that cannot be as the roster wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Whom or what it is about.
    pub external_id: String,
    /// The name that it should have.
    pub name: String,
    /// What is in the way.
    pub why: Why,
}

/// What is in the way of a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The roster has somebody twice: the first row counts.
    #[error("the roster names this id twice: the first counts")]
    Twice,
    /// The name cannot be one.
    #[error("cannot be a name: it is empty, too long, or has control characters or outer spaces")]
    NoName,
    /// Somebody else has the name, and keeps it.
    #[error("somebody else has the name")]
    NameTaken,
    /// Somebody else had the name, and was removed.
    #[error(
        "the name belonged to an account that was removed: `gatehouse user release` gives it free"
    )]
    NameRetired,
    /// Somebody else has the name in another directory. A new account is made all the same, an old one keeps its
    /// old name.
    #[error(
        "somebody else has the name in another directory: applications that see both know them apart by nothing"
    )]
    NameElsewhere,
    /// The name is an alias of somebody else.
    #[error("the name is kept for somebody else, see `gatehouse adopt list`")]
    NameKept,
    /// Several people could be meant.
    #[error("several people are known by the same address: `gatehouse user link` says who it is")]
    Ambiguous,
    /// It could be somebody who is in a protected group, or whose account is for emergencies.
    #[error(
        "the person with that address is in a protected group, or has an account for emergencies: `gatehouse user \
         link` says that it is them"
    )]
    ProtectedPerson,
    /// The same person has another id in the roster, which comes first.
    #[error("the same person has another id in the roster")]
    SamePerson,
    /// The group is protected.
    #[error("the group is protected, and provisioning.managed_groups does not name it in full")]
    ProtectedGroup,
    /// Another group of the roster has the name.
    #[error("another group of the source has the name")]
    GroupNameTaken,
}

/// Why a directory was not brought in line. But for [`ImportError::Unfinished`], nothing has been applied then.
pub type RosterError = ImportError;

/// Conflicts, as many as are named, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    pub(super) named: Vec<Conflict>,
    pub(super) more: u64,
}

impl Conflicts {
    /// What is in the way of a row.
    pub(super) fn of(&mut self, row: &ListedRow, why: Why) {
        let (external_id, name) = (row.key.clone(), row.username.clone());
        self.add(Conflict { external_id, name, why });
    }

    pub(super) fn add(&mut self, conflict: Conflict) {
        if self.named.len() < MOST_CONFLICTS {
            self.named.push(conflict);
        } else {
            self.more += 1;
        }
    }
}

impl Default for RosterWriter {
    fn default() -> Self {
        Self { rows: Sorter::new(MEMORY), count: 0 }
    }
}

impl RosterWriter {
    /// Takes somebody. May write to a temporary file, and so block for a moment. An external id is no text that is
    /// empty or longer than 255 bytes.
    pub fn push(&mut self, user: RosterUser) -> io::Result<()> {
        if !(1..=MAX_ID).contains(&user.external_id.len()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no external id"));
        }
        self.count += 1;
        self.rows.push(ListedRow::of_roster(user, self.count))
    }

    /// All that there is, with the groups that users have places of.
    #[must_use]
    pub fn finish(self, groups: Vec<RosterGroup>) -> Roster {
        Roster { rows: self.rows, count: self.count, groups }
    }
}
