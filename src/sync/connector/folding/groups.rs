//! Groups, and who is in them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tokio::sync::mpsc;

use super::{
    FoldError, FoldedRound, Folding, MEMORY, Touched,
    edges::{Edge, Visit, Who, visits},
    group_table::{Entry, GroupTable},
    users::{FoldedUsers, Ids},
};
use crate::{
    cloud::{Extent, Item, Member, Members},
    store::{GroupHead, MirrorGroup, MirrorUser, StoreError, UserWrites},
    sync::{
        connector::{
            sets::{Bits, pack, unpack},
            staged::{StagedPage, staged_pages},
        },
        sorter::{Sorted, Sorter},
    },
};

/// Rows that are written in one transaction, and bytes of sets.
const AT_ONCE: usize = 200;
const BYTES_AT_ONCE: usize = 1 << 20;

/// Ids that are looked up at once, and rows of users that are written.
const USERS_AT_ONCE: usize = 1000;

/// What was said of groups and members, by numbers.
struct Heard {
    table: GroupTable,
    edges: Sorter<Edge>,
    order: u32,
    ids: Ids,
    /// Users who were named as members only.
    unknown: Vec<MirrorUser>,
    next_user: u32,
    marks: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
}

/// Folds what was said of groups, and what becomes of users who were not named.
pub(super) async fn fold_groups(
    folding: &Folding<'_>,
    users: FoldedUsers,
    next_group: i64,
) -> Result<FoldedRound, FoldError> {
    let FoldedUsers { touched, ids, unnamed, next } = users;
    let ids = match ids {
        Some(ids) => ids,
        None => find_ids(folding).await?,
    };
    let heads = folding.store.list_group_heads(folding.lease.connector).await?;
    let table = GroupTable::new(heads, u32::try_from(next_group).unwrap_or(u32::MAX));
    let pages = staged_pages(folding.store, folding.run, false).await?;
    let extent = folding.groups;
    let heard = tokio::task::spawn_blocking(move || hear(pages, table, ids, next, extent)).await;
    let (heard, edges) = heard.map_err(|_| StoreError::NotWritten)??;
    let Heard { table, unknown, next_user, marks, failed, .. } = heard;

    let mut sets = Sets { folding, table, touched, members: Bits::default(), writes: Vec::new() };
    // Sets name these by their numbers: first they have to have them for good.
    write_users(folding, unknown, next_user).await?;
    sets.write_new().await?;
    sets.fold(edges).await?;
    sets.forget_groups().await?;
    let gone = sets.end_unnamed(unnamed, next_user).await?;
    Ok(FoldedRound { touched: sets.touched, gone, marks, failed })
}

/// The numbers of those who are named as members, if the mirror has heard of them.
async fn find_ids(folding: &Folding<'_>) -> Result<Ids, FoldError> {
    let mut pages = staged_pages(folding.store, folding.run, false).await?;
    let mut named = HashSet::new();
    while let Some(page) = pages.recv().await {
        for item in page?.items {
            if let Item::Members(Members { joined, left, .. }) = item {
                named.extend(joined.into_iter().filter_map(user_id).chain(left));
            }
        }
    }
    let (mut ids, named) = (Ids::new(), named.into_iter().collect::<Vec<_>>());
    for some in named.chunks(USERS_AT_ONCE) {
        let found = folding.store.find_mirror_users(folding.lease.connector, some).await?;
        ids.extend(found.into_iter().map(|user| (user.external_id.into(), user.number)));
    }
    Ok(ids)
}

fn user_id(member: Member) -> Option<String> {
    if let Member::User(id) = member { Some(id) } else { None }
}

/// Gives numbers to all that was said, and sorts it by group. Blocks.
fn hear(
    mut pages: mpsc::Receiver<Result<StagedPage, StoreError>>,
    table: GroupTable,
    ids: Ids,
    next_user: u32,
    extent: Extent,
) -> Result<(Heard, Sorted<Edge>), FoldError> {
    let mut heard = Heard {
        table,
        edges: Sorter::new(MEMORY),
        order: 0,
        ids,
        unknown: Vec::new(),
        next_user,
        marks: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    while let Some(page) = pages.blocking_recv() {
        heard.hear_page(page?)?;
    }
    heard.table.end(extent);
    let edges = std::mem::replace(&mut heard.edges, Sorter::new(0)).finish()?;
    // They are many, and not needed any more.
    heard.ids = Ids::new();
    Ok((heard, edges))
}

impl Heard {
    fn hear_page(&mut self, page: StagedPage) -> Result<(), FoldError> {
        let StagedPage { items, marks, group, kept, failed } = page;
        self.marks.extend(marks);
        for id in kept {
            self.table.keep(&id);
        }
        for item in items {
            match item {
                Item::Group(group) => self.table.hear(group)?,
                Item::GroupGone(id) => self.table.lose(&id),
                Item::Members(members) => self.hear_members(members)?,
                Item::User(_) | Item::UserGone(_) => {}
            }
        }
        match (group, failed) {
            (Some((id, _)), Some(why)) => {
                self.table.fail(&id);
                self.failed.insert(id, why);
            }
            (Some((id, fingerprint)), None) => self.table.read(&id, fingerprint),
            (None, _) => {}
        }
        Ok(())
    }

    fn hear_members(&mut self, members: Members) -> Result<(), FoldError> {
        let Members { group: id, afresh, joined, left } = members;
        let (group, order) = (self.table.ensure(&id).before.number, self.order);
        self.order += 1;
        if afresh {
            self.table.begin_anew(&id, order);
        }
        for member in joined {
            let who = match member {
                Member::User(id) => Who::User(self.user(id)),
                Member::Group(id) => Who::Group(self.table.ensure(&id).before.number),
                Member::Everybody => Who::Everybody,
            };
            self.edges.push(Edge { group, who, order, joins: true })?;
        }
        for id in left {
            // It is not said what leaves.
            let group_left = self.table.number(&id).map(Who::Group);
            let user_left = self.ids.get(id.as_str()).copied().map(Who::User);
            for who in group_left.into_iter().chain(user_left) {
                self.edges.push(Edge { group, who, order, joins: false })?;
            }
        }
        Ok(())
    }

    /// A user's number. Who has not been named yet may be in a later round.
    fn user(&mut self, id: String) -> u32 {
        if let Some(number) = self.ids.get(id.as_str()) {
            return *number;
        }
        let number = self.next_user;
        self.next_user += 1;
        self.ids.insert(id.as_str().into(), number);
        self.unknown.push(MirrorUser { number, external_id: id, known: None });
        number
    }
}

async fn write_users(
    folding: &Folding<'_>,
    users: Vec<MirrorUser>,
    next: u32,
) -> Result<(), FoldError> {
    for some in users.chunks(USERS_AT_ONCE) {
        let writes = UserWrites { known: some.to_vec(), forgotten: Vec::new(), next };
        folding.store.write_mirror_users(folding.lease, writes, folding.now()).await?;
    }
    Ok(())
}

/// Folds sets of members.
struct Sets<'a> {
    folding: &'a Folding<'a>,
    table: GroupTable,
    touched: Touched,
    /// Everybody who is in a group.
    members: Bits,
    writes: Vec<MirrorGroup>,
}

impl Sets<'_> {
    async fn write_new(&mut self) -> Result<(), FoldError> {
        let new: Vec<_> = self.table.new_heads(self.folding.members).collect();
        for head in new {
            self.push(MirrorGroup { head, members: Vec::new() }).await?;
        }
        self.write().await
    }

    async fn fold(&mut self, edges: Sorted<Edge>) -> Result<(), FoldError> {
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
    async fn forget_groups(&self) -> Result<(), FoldError> {
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
    async fn end_unnamed(
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

/// A set after changes; both are in order.
fn merge(before: &[u8], changes: &[(u32, bool)]) -> Vec<u8> {
    let (mut before, mut news) = (unpack(before).peekable(), changes.iter().peekable());
    pack(std::iter::from_fn(move || {
        loop {
            match (before.peek(), news.peek()) {
                (Some(number), Some((other, _))) if number < other => return before.next(),
                (Some(_), None) => return before.next(),
                (number, Some((other, joins))) => {
                    if number == Some(other) {
                        before.next();
                    }
                    news.next();
                    if *joins {
                        return Some(*other);
                    }
                }
                (None, None) => return None,
            }
        }
    }))
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

/// Numbers that are in one of two sets only.
fn differences(one: &[u8], other: &[u8]) -> Vec<u32> {
    if one == other {
        return Vec::new();
    }
    let (mut one, mut other) = (unpack(one).peekable(), unpack(other).peekable());
    let mut different = Vec::new();
    loop {
        match (one.peek().copied(), other.peek().copied()) {
            (None, None) => return different,
            (Some(a), Some(b)) if a == b => {
                one.next();
                other.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                different.push(a);
                one.next();
            }
            (_, b) => {
                different.extend(b);
                other.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_change_as_they_are_told_to(
            before in prop::collection::btree_set(0_u32..50, 0..30),
            changes in prop::collection::btree_map(0_u32..50, any::<bool>(), 0..30),
        ) {
            let packed = pack(before.iter().copied());
            let listed: Vec<_> = changes.iter().map(|(number, joins)| (*number, *joins)).collect();
            let after = merge(&packed, &listed);
            let mut expected = before.clone();
            for (number, joins) in &changes {
                if *joins { expected.insert(*number); } else { expected.remove(number); }
            }
            prop_assert_eq!(unpack(&after).collect::<BTreeSet<_>>(), expected.clone());
            let different: BTreeSet<_> = before.symmetric_difference(&expected).copied().collect();
            prop_assert_eq!(differences(&packed, &after).into_iter().collect::<BTreeSet<_>>(), different);
        }
    }
}
