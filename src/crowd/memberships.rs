//! `/group/membership`: every group with all its members, as a full synchronisation reads it. In XML only, as
//! from every Crowd server.

use std::{collections::HashMap, sync::Arc};

use axum::extract::State;

use super::{
    Crowd, asking::Asking, failure::Failure, format::Format, listing::Listing, writer::Writer,
};
use crate::{
    directory::{GroupId, UserId},
    http::Response,
    store::{Condition, Cut, SeenGroup, SeenMembers, Sight, Store, StoreError},
};

/// So many groups are looked at together.
const GROUPS: i64 = 500;

/// So many members are read at a time.
const MEMBERS: i64 = 20_000;

/// `GET /group/membership`.
pub(super) async fn list_memberships(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
) -> Result<Response, Failure> {
    crowd.store.note_crowd_reading(&asking.application.name).await?;
    let mut writer = Writer::new(Format::Xml);
    writer.begin_document("memberships");
    let memberships = Memberships {
        sight: crowd.store.look(&asking.application.directories).await?,
        after: String::new(),
        waiting: Vec::new(),
        open: None,
        is_last: false,
    };
    crowd.answer_listing(writer, memberships).await
}

/// All memberships that an application sees.
struct Memberships {
    sight: Sight,
    /// The last group that has been looked at, by its name's key.
    after: String,
    /// Groups that have been looked at, the next one last.
    waiting: Vec<Counted>,
    /// A group of which a part has been written.
    open: Option<Open>,
    /// There are no more groups.
    is_last: bool,
}

/// A group, and how many members it has.
struct Counted {
    group: SeenGroup,
    members: i64,
}

/// A group whose members are too many for one page.
struct Open {
    group: SeenGroup,
    /// The directories' groups of that name that have not been read to their end.
    ids: Vec<GroupId>,
    after: UserId,
}

impl Listing for Memberships {
    async fn step(&mut self, store: &Store, writer: &mut Writer) -> Result<bool, StoreError> {
        if let Some(open) = self.open.take() {
            self.open = self.write_more(store, writer, open).await?;
        } else if self.waiting.is_empty() && self.is_last {
            writer.end("memberships");
            return Ok(true);
        } else if self.waiting.is_empty() {
            self.look_further(store).await?;
        } else {
            self.write_next(store, writer).await?;
        }
        Ok(false)
    }
}

impl Memberships {
    async fn look_further(&mut self, store: &Store) -> Result<(), StoreError> {
        let cut = Cut { after: std::mem::take(&mut self.after), skip: 0, limit: GROUPS };
        let page = store.list_seen_groups(&self.sight, &cut, &Condition::Everything).await?;
        let Some(last) = page.last else {
            self.is_last = true;
            return Ok(());
        };
        self.after = last;
        let ids: Vec<_> = page.entries.iter().flat_map(|group| group.ids.clone()).collect();
        let counts: HashMap<_, _> = store.count_members(&ids).await?.into_iter().collect();
        let counted = |group: SeenGroup| {
            let members = group.ids.iter().filter_map(|id| counts.get(id)).sum();
            Counted { group, members }
        };
        self.waiting = page.entries.into_iter().rev().map(counted).collect();
        Ok(())
    }

    /// As many groups as fit into a page of members; or the first part of one that does not.
    async fn write_next(&mut self, store: &Store, writer: &mut Writer) -> Result<(), StoreError> {
        let (mut groups, mut members) = (Vec::new(), 0);
        while let Some(next) =
            self.waiting.pop_if(|next| groups.is_empty() || members + next.members <= MEMBERS)
        {
            members += next.members;
            groups.push(next.group);
        }
        if members <= MEMBERS {
            return self.write_groups(store, writer, &groups).await;
        }
        if let Some(group) = groups.pop() {
            begin(writer, &group.name);
            let ids = group.ids.clone();
            self.open = Some(Open { group, ids, after: UserId(0) });
        }
        Ok(())
    }

    async fn write_groups(
        &self,
        store: &Store,
        writer: &mut Writer,
        groups: &[SeenGroup],
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = groups.iter().flat_map(|group| group.ids.clone()).collect();
        // Whoever has come since they were counted comes too.
        let read = store.list_seen_members(&self.sight, &ids, UserId(0), i64::MAX).await?;
        let mut members: HashMap<GroupId, Vec<String>> = HashMap::new();
        for member in read.members {
            members.entry(member.group).or_default().push(member.username);
        }
        let mut children = self.children(store, &ids).await?;
        for group in groups {
            begin(writer, &group.name);
            for id in &group.ids {
                let names = members.remove(id).unwrap_or_default();
                write_names(writer, "user", names);
            }
            finish(writer, group, &mut children);
        }
        Ok(())
    }

    /// The next part of a group; the group, if that was not the last.
    async fn write_more(
        &self,
        store: &Store,
        writer: &mut Writer,
        mut open: Open,
    ) -> Result<Option<Open>, StoreError> {
        let Some(id) = open.ids.last() else {
            let mut children = self.children(store, &open.group.ids).await?;
            finish(writer, &open.group, &mut children);
            return Ok(None);
        };
        let read = store.list_seen_members(&self.sight, &[*id], open.after, MEMBERS).await?;
        let SeenMembers { members, is_last } = read;
        let last = members.last().map(|member| member.user);
        write_names(writer, "user", members.into_iter().map(|member| member.username));
        open.after = last.unwrap_or(UserId(0));
        if is_last {
            open.ids.pop();
            open.after = UserId(0);
        }
        Ok(Some(open))
    }

    async fn children(
        &self,
        store: &Store,
        ids: &[GroupId],
    ) -> Result<HashMap<GroupId, Vec<String>>, StoreError> {
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for (parent, child) in store.list_child_names(&self.sight, ids).await? {
            children.entry(parent).or_default().push(child);
        }
        Ok(children)
    }
}

fn begin(writer: &mut Writer, group: &str) {
    writer.begin("membership");
    writer.attribute("group", group);
    writer.begin("users");
}

fn finish(writer: &mut Writer, group: &SeenGroup, children: &mut HashMap<GroupId, Vec<String>>) {
    writer.end("users");
    writer.begin("groups");
    // Two directories may know the same groups.
    let names = group.ids.iter().filter_map(|id| children.remove(id));
    let mut names: Vec<_> = names.flatten().collect();
    names.sort_unstable();
    names.dedup();
    write_names(writer, "group", names);
    writer.end("groups");
    writer.end("membership");
}

fn write_names(writer: &mut Writer, kind: &str, names: impl IntoIterator<Item = String>) {
    for name in names {
        writer.begin(kind);
        writer.attribute("name", &name);
        writer.end(kind);
    }
}
