//! Groups, and who is in them.

use std::collections::HashSet;

use super::{
    FoldError, FoldedRound, Folding,
    group_table::GroupTable,
    hearing::{Heard, hear},
    member_sets::Sets,
    users::{FoldedUsers, Ids},
};
use crate::{
    cloud::{Item, Member, Members},
    store::{MirrorUser, StoreError, UserWrites},
    sync::connector::staged::staged_pages,
};

/// Ids that are looked up at once, and rows of users that are written.
pub(super) const USERS_AT_ONCE: usize = 1000;

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

    let mut sets = Sets::new(folding, table, touched);
    // Sets name these by their numbers: first they have to have them for good.
    write_users(folding, unknown, next_user).await?;
    sets.write_new().await?;
    sets.fold(edges).await?;
    sets.forget_groups().await?;
    let gone = sets.end_unnamed(unnamed, next_user).await?;
    Ok(FoldedRound { touched: sets.into_touched(), gone, marks, failed })
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

/// Writes users, and the number that the next new one gets.
pub(super) async fn write_users(
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
