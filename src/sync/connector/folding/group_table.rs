//! Groups of a round beside those of the mirror. Heads fit into memory; sets of members need not.

use std::collections::HashMap;

use crate::{
    cloud::{Extent, Group},
    store::{GroupHead, StoreError},
    sync::connector::known::{KnownGroup, pack, unpack},
};

/// How its members have been read.
struct Read {
    fingerprint: Option<String>,
}

/// A group, as it was and as it is to be.
pub(super) struct Entry {
    /// As the mirror has it; with nothing but a number and an id, if it has not.
    pub(super) before: GroupHead,
    /// What is known of it after the round.
    pub(super) known: Option<Vec<u8>>,
    is_named: bool,
    /// Its members were not asked for, since they are as before.
    is_kept: bool,
    /// Its members could not be read.
    is_failed: bool,
    /// Its members have been read, under this fingerprint.
    read: Option<Read>,
    /// What was said of its members before this does not count.
    afresh_from: Option<u32>,
}

impl Entry {
    fn new(before: GroupHead) -> Self {
        Self {
            known: before.known.clone(),
            before,
            is_named: false,
            is_kept: false,
            is_failed: false,
            read: None,
            afresh_from: None,
        }
    }

    /// Whether its members stay as they are, whatever was said of them.
    pub(super) fn keeps_members(&self) -> bool {
        self.is_failed
    }

    /// From where on what is said of its members counts, if what was known of them does not.
    pub(super) fn begins_anew(&self, extent: Extent) -> Option<u32> {
        let all_is_said = extent == Extent::Everything && !self.is_kept && !self.is_failed;
        self.afresh_from.or(all_is_said.then_some(0))
    }

    /// What is to be known of it, but for what is in it.
    pub(super) fn head(&self, extent: Extent) -> GroupHead {
        let fingerprint = match &self.read {
            _ if self.is_failed => None,
            Some(read) => read.fingerprint.clone(),
            None => self.before.fingerprint.clone(),
        };
        // Of one that is back it may not be said again who was in it.
        let is_back = self.is_named && self.before.known.is_none();
        let is_said = self.read.is_some() || self.begins_anew(extent).is_some();
        let stale = self.is_failed || ((self.before.stale || is_back) && !is_said);
        GroupHead { known: self.known.clone(), fingerprint, stale, ..self.before.clone() }
    }

    /// Whether it is to be looked at although nothing was said of its members.
    fn is_visited_anyway(&self, extent: Extent) -> bool {
        self.begins_anew(extent).is_some() || self.head(extent) != self.before
    }
}

/// All groups that the mirror or the round has heard of, in the order of their numbers.
pub(super) struct GroupTable {
    pub(super) entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    /// How many of them the mirror has.
    stored: usize,
    next: u32,
}

impl GroupTable {
    pub(super) fn new(heads: Vec<GroupHead>, next: u32) -> Self {
        let by_id = |(place, head): (usize, &GroupHead)| (head.external_id.clone(), place);
        Self {
            by_id: heads.iter().enumerate().map(by_id).collect(),
            stored: heads.len(),
            entries: heads.into_iter().map(Entry::new).collect(),
            next,
        }
    }

    /// The group of that id, heard of for the first time perhaps.
    pub(super) fn ensure(&mut self, id: &str) -> &mut Entry {
        let place = self.by_id.get(id).copied().unwrap_or_else(|| {
            let place = self.entries.len();
            let external_id = id.to_owned();
            let head = GroupHead { number: self.next, external_id, ..GroupHead::default() };
            self.entries.push(Entry::new(head));
            self.by_id.insert(id.to_owned(), place);
            self.next += 1;
            place
        });
        &mut self.entries[place]
    }

    pub(super) fn number(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).map(|place| self.entries[*place].before.number)
    }

    pub(super) fn find(&self, number: u32) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&number, |entry| entry.before.number);
        place.ok().map(|place| &self.entries[place])
    }

    pub(super) fn hear(&mut self, group: Group) -> Result<(), StoreError> {
        let entry = self.ensure(&group.id);
        let known = entry.known.as_deref().map(unpack::<KnownGroup>).transpose()?;
        let mut known = known.unwrap_or_default();
        known.hear(group);
        entry.known = Some(pack(&known)?);
        entry.is_named = true;
        Ok(())
    }

    pub(super) fn lose(&mut self, id: &str) {
        let entry = self.ensure(id);
        entry.known = None;
        entry.is_named = false;
    }

    pub(super) fn begin_anew(&mut self, id: &str, order: u32) {
        self.ensure(id).afresh_from = Some(order);
    }

    pub(super) fn keep(&mut self, id: &str) {
        self.ensure(id).is_kept = true;
    }

    pub(super) fn fail(&mut self, id: &str) {
        self.ensure(id).is_failed = true;
    }

    pub(super) fn read(&mut self, id: &str, fingerprint: Option<String>) {
        self.ensure(id).read = Some(Read { fingerprint });
    }

    /// All has been said: who was not named in a round of everything is not there.
    pub(super) fn end(&mut self, extent: Extent) {
        let all_is_said = extent == Extent::Everything;
        for entry in self.entries.iter_mut().filter(|entry| all_is_said && !entry.is_named) {
            entry.known = None;
        }
    }

    /// Groups that the mirror has not heard of.
    pub(super) fn new_heads(&self, extent: Extent) -> impl Iterator<Item = GroupHead> {
        self.entries[self.stored..].iter().map(move |entry| entry.head(extent))
    }

    pub(super) fn visited_anyway(&self, extent: Extent) -> Vec<u32> {
        let visited = self.entries.iter().filter(|entry| entry.is_visited_anyway(extent));
        visited.map(|entry| entry.before.number).collect()
    }

    /// Whether all sets of members have been said anew in this round.
    pub(super) fn has_new_sets_only(&self, extent: Extent) -> bool {
        self.entries.iter().all(|entry| entry.begins_anew(extent).is_some())
    }
}
