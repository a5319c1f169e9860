//! Who is in which group: each packed set is read once, changed, and written once.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    FoldError, Folding, Touched,
    edges::{Edge, Visit, Who, visits},
    group_table::{Entry, GroupTable},
    groups::{USERS_AT_ONCE, write_users},
};
use crate::{
    cloud::Extent,
    store::{GroupHead, MirrorGroup, MirrorUser, UserWrites},
    sync::{
        connector::sets::{Bits, differences, merge, unpack},
        sorter::Sorted,
    },
};

/// Rows that are written in one transaction, and bytes of sets.
const AT_ONCE: usize = 200;
const BYTES_AT_ONCE: usize = 1 << 20;

/// Folds sets of members.
pub(super) struct Sets<'a> {
    folding: &'a Folding<'a>,
    table: GroupTable,
    touched: Touched,
    /// Everybody who is in a group.
    members: Bits,
    writes: Vec<MirrorGroup>,
}

impl<'a> Sets<'a> {
    pub(super) fn new(folding: &'a Folding<'a>, table: GroupTable, touched: Touched) -> Self {
        Self { folding, table, touched, members: Bits::default(), writes: Vec::new() }
    }

    /// Whom the round says something else of, by way of the groups that they are in too.
    pub(super) fn into_touched(self) -> Touched {
        self.touched
    }

    /// Writes groups that are new, so that others can name them.
    pub(super) async fn write_new(&mut self) -> Result<(), FoldError> {
        let new: Vec<_> = self.table.new_heads(self.folding.members).collect();
        for head in new {
            self.push(MirrorGroup { head, members: Vec::new() }).await?;
        }
        self.write().await
    }

    /// Makes each set what was said of it.
    pub(super) async fn fold(&mut self, edges: Sorted<Edge>) -> Result<(), FoldError> {
        let mut batches = visits(edges, self.table.visited_anyway(self.folding.members));
        while let Some(batch) = batches.recv().await {
            let batch = batch?;
            let numbers: Vec<_> = batch.iter().map(|visit| visit.group).collect();
            let Folding { store, lease, .. } = *self.folding;
            let stored = store.find_members(lease.connector, &numbers).await?;
            let mut stored: BTreeMap<_, _> = stored.into_iter().collect();
            for visit in batch {
                let before = stored.remove(&visit.group).unwrap_or_default();
                if let Some(group) = self.visit(visit, &before) {
                    self.push(group).await?;
                }
            }
        }
        self.write().await
    }

    /// A group as it is to be, if it is not.
    fn visit(&mut self, visit: Visit, before: &[u8]) -> Option<MirrorGroup> {
        let entry = self.table.find(visit.group)?;
        let mut head = entry.head(self.folding.members);
        let mut members = before.to_owned();
        if !entry.keeps_members() {
            let anew = entry.begins_anew(self.folding.members);
            let changed = Changed::of(entry, anew, visit.edges);
            let base = |set: &[u8]| if anew.is_some() { Vec::new() } else { set.to_owned() };
            members = merge(&base(before), &changed.users);
            head.subgroups = merge(&base(&entry.before.subgroups), &changed.subgroups);
            head.everybody = changed.everybody.unwrap_or(entry.before.everybody && anew.is_none());
        }
        touch(&mut self.touched, &entry.before, &head, [before, &members]);
        self.members.extend(unpack(&members));
        let is_same = head == entry.before && members == before;
        (!is_same).then_some(MirrorGroup { head, members })
    }

    async fn push(&mut self, group: MirrorGroup) -> Result<(), FoldError> {
        self.writes.push(group);
        let bytes: usize = self.writes.iter().map(|group| group.members.len()).sum();
        let is_enough = self.writes.len() >= AT_ONCE || bytes >= BYTES_AT_ONCE;
        if is_enough { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), FoldError> {
        let groups = std::mem::take(&mut self.writes);
        let Folding { store, lease, .. } = *self.folding;
        if !groups.is_empty() {
            store.write_mirror_groups(lease, groups, Vec::new(), self.folding.now()).await?;
        }
        Ok(())
    }

    /// Groups that are not there, and in no other, are not heard of any more.
    pub(super) async fn forget_groups(&self) -> Result<(), FoldError> {
        if self.folding.groups != Extent::Everything {
            return Ok(());
        }
        let Folding { store, lease, .. } = *self.folding;
        let heads = store.list_group_heads(lease.connector).await?;
        let in_others: BTreeSet<u32> =
            heads.iter().flat_map(|head| unpack(&head.subgroups)).collect();
        let is_nothing =
            |head: &&GroupHead| head.known.is_none() && !in_others.contains(&head.number);
        let nothing: Vec<_> = heads.iter().filter(is_nothing).map(|head| head.number).collect();
        for some in nothing.chunks(USERS_AT_ONCE) {
            let (some, now) = (some.to_vec(), self.folding.now());
            store.write_mirror_groups(lease, Vec::new(), some, now).await?;
        }
        Ok(())
    }

    /// Who was not named in a round of everything is not there; who is in no group either is forgotten. Gives the ids of
    /// those who were there and are forgotten.
    pub(super) async fn end_unnamed(
        &self,
        unnamed: Vec<MirrorUser>,
        next: u32,
    ) -> Result<BTreeSet<String>, FoldError> {
        let all_sets_are_new = self.table.has_new_sets_only(self.folding.members);
        let is_forgotten =
            |user: &MirrorUser| all_sets_are_new && !self.members.contains(user.number);
        let (forgotten, left): (Vec<_>, Vec<_>) = unnamed.into_iter().partition(is_forgotten);
        let left = left.into_iter().filter(|user| user.known.is_some());
        let left = left.map(|user| MirrorUser { known: None, ..user }).collect();
        write_users(self.folding, left, next).await?;
        let Folding { store, lease, .. } = *self.folding;
        let numbers: Vec<_> = forgotten.iter().map(|user| user.number).collect();
        for some in numbers.chunks(USERS_AT_ONCE) {
            let writes = UserWrites { known: Vec::new(), forgotten: some.to_vec(), next };
            store.write_mirror_users(lease, writes, self.folding.now()).await?;
        }
        let gone = forgotten.into_iter().filter(|user| user.known.is_some());
        Ok(gone.map(|user| user.external_id).collect())
    }
}

/// What is said of the members of one group; the last word on each.
struct Changed {
    users: Vec<(u32, bool)>,
    subgroups: Vec<(u32, bool)>,
    everybody: Option<bool>,
}

impl Changed {
    fn of(entry: &Entry, anew: Option<u32>, edges: Vec<Edge>) -> Self {
        let mut changed = Self { users: Vec::new(), subgroups: Vec::new(), everybody: None };
        let from = anew.unwrap_or_default();
        let own = entry.before.number;
        for Edge { who, joins, order, .. } in edges {
            let (all, number) = match who {
                _ if order < from => continue,
                Who::User(number) => (&mut changed.users, number),
                Who::Group(number) if number != own => (&mut changed.subgroups, number),
                Who::Group(_) => continue,
                Who::Everybody => {
                    changed.everybody = Some(joins);
                    continue;
                }
            };
            match all.last_mut() {
                Some(last) if last.0 == number => last.1 = joins,
                _ => all.push((number, joins)),
            }
        }
        changed
    }
}

/// Notes who is touched by what a group has become.
fn touch(touched: &mut Touched, before: &GroupHead, after: &GroupHead, members: [&[u8]; 2]) {
    if before.known != after.known {
        touched.groups.insert(before.number);
    }
    if before.known.is_some() && after.known.is_none() {
        // It may be forgotten, and nobody could find who was in it.
        touched.users.extend(unpack(members[0]));
        touched.groups.extend(unpack(&before.subgroups));
    }
    touched.everybody |= before.everybody != after.everybody;
    let [subgroups_before, subgroups_after] = [&before.subgroups, &after.subgroups];
    touched.groups.extend(differences(subgroups_before, subgroups_after));
    touched.users.extend(differences(members[0], members[1]));
}
