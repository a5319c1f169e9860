//! What a round said of groups and of who is in them, by numbers.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::{
    FoldError, MEMORY,
    edges::{Edge, Who},
    group_table::GroupTable,
    users::Ids,
};
use crate::{
    cloud::{Extent, Item, Member, Members},
    store::{MirrorUser, StoreError},
    sync::{
        connector::staged::StagedPage,
        sorter::{Sorted, Sorter},
    },
};

/// What was said of groups and members, by numbers.
pub(super) struct Heard {
    pub(super) table: GroupTable,
    edges: Sorter<Edge>,
    order: u32,
    ids: Ids,
    /// Users who were named as members only.
    pub(super) unknown: Vec<MirrorUser>,
    pub(super) next_user: u32,
    pub(super) marks: BTreeMap<String, String>,
    pub(super) failed: BTreeMap<String, String>,
}

/// Gives numbers to all that was said, and sorts it by group. Blocks.
pub(super) fn hear(
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
