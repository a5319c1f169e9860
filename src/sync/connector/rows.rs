//! From the mirror to a roster: filters, names, groups.
//!
//! The users go by twice. First it is only seen who comes, and under which names: which of them several want, and which
//! groups somebody is in who comes. Then rows are written.

mod group_names;
mod reading_users;
mod second_look;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use self::{
    group_names::ShownGroups,
    second_look::{SecondLook, Unfinished},
};
pub(super) use self::{group_names::overshadowed, reading_users::read_users};
use super::{
    Connector,
    judge::{Judge, Verdict, digest, statement},
    kept_names::kept_names,
    known::KnownUser,
    leaving::Stays,
    naming::{Contender, Holder, Settled, settle},
    organisation::Organisation,
    sets::Bits,
};
use crate::{
    directory::{InactiveReason, NameKey},
    store::{ConnectorId, MirrorUser, Store, StoreError},
    sync::roster::Roster,
};

/// Aliases that are read. More than this nobody has adopted.
const MOST_ALIASES: i64 = 5_000_000;

/// Of so many users, or one in so many, may it be unsaid whether they may work. If there are more, something is wrong.
const MOST_UNSAID: u64 = 10;
const ONE_IN: u64 = 100;

/// Names that are looked up at once.
const AT_ONCE: usize = 500;

/// Of whom rows are made.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    /// Of everybody.
    Everything,
    /// Of some, by their numbers, and of those who are gone, by the cloud's ids for them.
    Only(Bits, BTreeSet<String>),
}

/// How many users there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserCounts {
    /// Whom the run looked at.
    pub seen: u64,
    /// Of them, who comes.
    pub come: u64,
    /// Whom filters keep out.
    pub out_of_scope: u64,
    /// Whom the cloud has disabled.
    pub disabled: u64,
    /// Who is not there, or not yet.
    pub missing: u64,
    /// Of whom it was never said whether they may work: they stay as they are.
    pub unsaid: u64,
}

/// Somebody or a group for whom there is no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nameless {
    /// The cloud's id.
    pub external_id: String,
    /// The name that was wanted, if there was one.
    pub name: String,
    /// What is in the way.
    pub why: String,
}

/// A roster, and what cannot be in it.
pub(super) struct Made {
    pub(super) roster: Roster,
    pub(super) counts: UserCounts,
    pub(super) nameless: Vec<Nameless>,
}

/// Why there is no roster.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("temporary files cannot be used: {0}; let there be room in the temporary directory")]
    Sort(#[from] io::Error),
    #[error(
        "the filters let nobody come: that is not believed, and nothing changes; look at [connector.users], \
         and whether the connector may still read groups"
    )]
    Nobody,
    #[error(
        "the cloud does not say of {0} users whether they may work: look whether the connector may read that"
    )]
    Unsaid(u64),
}

/// Makes rows.
pub(super) struct Making<'a> {
    pub(super) store: &'a Store,
    pub(super) id: ConnectorId,
    pub(super) connector: &'a Connector,
}

/// What the first look shows.
#[derive(Debug, Default)]
struct FirstLook {
    counts: UserCounts,
    /// Whose groups are shown: of those who come, and of those who would, were they not disabled.
    members: Bits,
    /// The digests of the names that are wanted first, and of those that are wanted twice.
    wanted: HashSet<u64>,
    contested: HashSet<u64>,
}

impl FirstLook {
    fn look(&mut self, judge: &Judge, users: Vec<MirrorUser>) -> Result<(), StoreError> {
        for MirrorUser { number, external_id, known } in users {
            self.counts.seen += 1;
            let Some(known) = known else {
                self.counts.missing += 1;
                continue;
            };
            let known = judge.known(number, &known)?;
            if judge.shows_groups(number, &external_id, &known) {
                self.members.insert(number);
            }
            match judge.verdict(number, &external_id, &known) {
                Verdict::Comes => self.want(judge, &external_id, known),
                Verdict::Unsaid => self.counts.unsaid += 1,
                Verdict::Absent(InactiveReason::OutOfScope) => self.counts.out_of_scope += 1,
                Verdict::Absent(InactiveReason::DisabledAtSource) => self.counts.disabled += 1,
                Verdict::Absent(_) => self.counts.missing += 1,
            }
        }
        Ok(())
    }

    fn want(&mut self, judge: &Judge, id: &str, known: KnownUser) {
        self.counts.come += 1;
        let names = judge.usernames(&statement(id, known)).unwrap_or_default();
        if let Some(name) = names.first() {
            let digest = digest(name);
            if !self.wanted.insert(digest) {
                self.contested.insert(digest);
            }
        }
    }
}

impl Making<'_> {
    /// A roster of everybody, or of some.
    pub(super) async fn run(&self, rows: Rows) -> Result<Made, RowsError> {
        let rules = &self.connector.rules;
        let organisation = Organisation::read(self.store, self.id, rules.scope.is_nested()).await?;
        let applied = rules.scope.apply(&organisation);
        if applied.is_closed() {
            return Err(RowsError::Nobody);
        }
        let aliases = self.aliases().await?;
        let judge = Arc::new(Judge { rules: rules.clone(), applied, aliases });
        let first = self.first_look(&judge, &rows).await?;
        let is_everything = matches!(rows, Rows::Everything);
        let UserCounts { seen, unsaid, .. } = first.counts;
        let is_unsaid_of_all = is_everything && first.counts.come == 0 && unsaid > 0;
        if is_unsaid_of_all || unsaid > MOST_UNSAID.max(seen / ONE_IN) {
            return Err(RowsError::Unsaid(unsaid));
        }
        if is_everything && first.counts.come == 0 {
            return Err(RowsError::Nobody);
        }
        let kept = kept_names(self.store, self.connector).await?;
        let mut shown = ShownGroups::new(&organisation, rules, &kept);
        let of_users = organisation.groups_of_users(&shown.places);
        drop(organisation);
        shown.keep_used(&of_users, &first.members);
        let contested = is_everything.then_some(first.contested);
        let second = SecondLook::new(judge, contested, shown, of_users);
        let mut writing = Writing {
            making: self,
            second,
            nameless: Vec::new(),
            contenders: Vec::new(),
            named: rows.gone().cloned().collect(),
        };
        writing.write(&rows).await?;
        writing.settle(is_everything, &first.wanted).await?;
        let Writing { second, mut nameless, .. } = writing;
        let (roster, no_groups) = second.finish();
        nameless.extend(no_groups);
        Ok(Made { roster, counts: first.counts, nameless })
    }

    async fn aliases(&self) -> Result<HashMap<String, String>, StoreError> {
        let aliases = self.store.list_aliases(Some(&self.connector.issuer.0), MOST_ALIASES).await?;
        Ok(aliases.into_iter().map(|alias| (alias.subject, alias.username)).collect())
    }

    async fn first_look(&self, judge: &Arc<Judge>, rows: &Rows) -> Result<FirstLook, RowsError> {
        let (mut users, mut first) = (read_users(self.store, self.id, rows), FirstLook::default());
        while let Some(page) = users.recv().await.transpose()? {
            let judge = judge.clone();
            let looked = tokio::task::spawn_blocking(move || {
                first.look(&judge, page)?;
                Ok::<_, StoreError>(first)
            });
            first = looked.await.map_err(|_| StoreError::NotWritten)??;
        }
        first.counts.missing += rows.gone().count() as u64;
        Ok(first)
    }
}

impl Rows {
    /// Those who are gone, and have no number any more.
    fn gone(&self) -> impl Iterator<Item = &String> {
        let gone = if let Self::Only(_, gone) = self { Some(gone) } else { None };
        gone.into_iter().flatten()
    }
}

/// Writes rows.
struct Writing<'a> {
    making: &'a Making<'a>,
    second: SecondLook,
    nameless: Vec<Nameless>,
    contenders: Vec<Contender>,
    /// Everybody of whom something is said, if that is not everybody.
    named: BTreeSet<String>,
}

impl Writing<'_> {
    async fn write(&mut self, rows: &Rows) -> Result<(), RowsError> {
        let mut users = read_users(self.making.store, self.making.id, rows);
        while let Some(page) = users.recv().await.transpose()? {
            if matches!(rows, Rows::Only(..)) {
                self.named.extend(page.iter().map(|user| user.external_id.clone()));
            }
            let mut second = std::mem::take(&mut self.second);
            let looked = tokio::task::spawn_blocking(move || {
                let left = second.look(page)?;
                Ok::<_, RowsError>((second, left))
            });
            let (second, left) = looked.await.map_err(|_| StoreError::NotWritten)??;
            self.second = second;
            self.contenders.extend(left.contenders);
            self.write_known(left.unfinished).await?;
        }
        let missing = |id: &String| Unfinished::missing(id.clone());
        self.write_known(rows.gone().map(missing).collect()).await
    }

    /// Writes those who have an account already: who has none gets none, and who has no name keeps the one they have.
    async fn write_known(&mut self, unfinished: Vec<Unfinished>) -> Result<(), RowsError> {
        let Connector { directory, issuer, .. } = self.making.connector;
        for some in unfinished.chunks(AT_ONCE) {
            let ids: Vec<_> = some.iter().map(|one| one.user.external_id.clone()).collect();
            let found = self.making.store.find_usernames_by_id(*directory, issuer, &ids).await?;
            let found: HashMap<_, _> = found.into_iter().collect();
            let unsaid = some.iter().filter(|one| one.is_unsaid);
            let reasons = self.reasons(unsaid.map(|one| one.user.external_id.clone())).await?;
            for Unfinished { user, nameless, is_unsaid } in some {
                self.nameless.extend(nameless.clone());
                let Some(username) = found.get(&user.external_id) else {
                    continue;
                };
                let mut user = user.clone();
                match user.absence.map(|reason| self.making.connector.stays(reason)) {
                    Some(Stays::AsItIs) => continue,
                    Some(Stays::InUse) => user.stays = true,
                    None | Some(Stays::No) => {}
                }
                if *is_unsaid {
                    user.absence = reasons.get(&user.external_id).copied();
                }
                if user.profile.username.is_empty() {
                    user.profile.username.clone_from(username);
                }
                self.second.push(user)?;
            }
        }
        Ok(())
    }

    /// What the source had against those who may not use their accounts now.
    async fn reasons(
        &self,
        ids: impl Iterator<Item = String>,
    ) -> Result<HashMap<String, InactiveReason>, RowsError> {
        let ids: Vec<_> = ids.collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let Connector { directory, issuer, .. } = self.making.connector;
        let found = self.making.store.find_reasons_by_id(*directory, issuer, &ids).await?;
        // What others have against them ends by nobody's word but theirs, whatever a row says.
        let is_the_sources = |reason: InactiveReason| {
            !matches!(reason, InactiveReason::AdminBlock | InactiveReason::Idle)
        };
        Ok(found.into_iter().filter(|(_, reason)| is_the_sources(*reason)).collect())
    }

    /// Gives names to those who want the same.
    async fn settle(
        &mut self,
        is_everything: bool,
        wanted: &HashSet<u64>,
    ) -> Result<(), RowsError> {
        let contenders = std::mem::take(&mut self.contenders);
        let names: BTreeSet<_> = contenders
            .iter()
            .flat_map(|contender| &contender.names)
            .map(|name| NameKey::of(name))
            .collect();
        let names: Vec<_> = names.into_iter().collect();
        let (mut holders, mut taken) = (HashMap::new(), wanted.clone());
        let Connector { directory, issuer, .. } = self.making.connector;
        for some in names.chunks(AT_ONCE) {
            for (name, id) in
                self.making.store.find_ids_by_username(*directory, issuer, some).await?
            {
                let stays = !is_everything && !self.named.contains(&id);
                if stays {
                    taken.insert(digest(&name));
                }
                holders.insert(name, Holder { id, stays });
            }
        }
        let Settled { named, conflicts } = settle(contenders, &holders, &taken);
        for user in named {
            self.second.push(user)?;
        }
        let unfinished =
            conflicts.into_iter().map(|(user, name)| Unfinished::contested(user, name));
        self.write_known(unfinished.collect()).await
    }
}
