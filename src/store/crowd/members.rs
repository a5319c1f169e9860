//! Who is in groups.

use super::{
    sight::{Sight, USERS},
    sql::{Sql, read_page},
};
use crate::{
    directory::{GroupId, UserId},
    store::{Store, StoreError},
};

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMember {
    /// Of which.
    pub group: GroupId,
    /// Which account.
    pub user: UserId,
    /// Its name.
    pub username: String,
}

/// A page of members.
#[derive(Clone, Debug)]
pub struct SeenMembers {
    /// In the order of the groups' numbers, then of the accounts'. By the word of how many sources ever, each once.
    pub members: Vec<SeenMember>,
    /// Whether there are no more.
    pub is_last: bool,
}

impl Store {
    /// Direct members of groups whom an application sees: all of few groups, or of one group so many at a time,
    /// after an account.
    pub async fn list_seen_members(
        &self,
        sight: &Sight,
        groups: &[GroupId],
        after: UserId,
        limit: i64,
    ) -> Result<SeenMembers, StoreError> {
        let mut sql = Sql::of(self);
        let page = sql.page("p.group_id, p.user_id, p.username");
        let (groups, seen) = (sql.list(groups.iter().map(|group| group.0)), sight.is_seen(USERS));
        let statement = format!(
            "SELECT {page}, COUNT(*) FROM (SELECT m.group_id, m.user_id, t.username \
             FROM group_members m JOIN users t ON t.id = m.user_id AND {seen} \
             WHERE m.group_id IN ({groups}) AND m.user_id > {} \
             ORDER BY m.group_id, m.user_id LIMIT {limit}) p",
            after.0
        );
        let (text, count): (Option<String>, i64) = sql.read_one(self, statement).await?;
        let rows = read_page::<(i64, i64, String)>(text.as_deref())?;
        let member = |(group, user, username)| SeenMember {
            group: GroupId(group),
            user: UserId(user),
            username,
        };
        let mut members: Vec<_> = rows.into_iter().map(member).collect();
        members.dedup_by_key(|member| (member.group, member.user));
        Ok(SeenMembers { members, is_last: count < limit })
    }

    /// How many memberships each of these groups has, if any; one that two sources know counts twice.
    pub async fn count_members(
        &self,
        groups: &[GroupId],
    ) -> Result<Vec<(GroupId, i64)>, StoreError> {
        let mut sql = Sql::of(self);
        let page = sql.page("p.group_id, p.members");
        let groups = sql.list(groups.iter().map(|group| group.0));
        let statement = format!(
            "SELECT {page} FROM (SELECT m.group_id, COUNT(*) AS members FROM group_members m \
             WHERE m.group_id IN ({groups}) GROUP BY m.group_id) p"
        );
        let (text,): (Option<String>,) = sql.read_one(self, statement).await?;
        let rows = read_page::<(i64, i64)>(text.as_deref())?;
        Ok(rows.into_iter().map(|(group, count)| (GroupId(group), count)).collect())
    }

    /// The groups that an account is directly in.
    pub async fn list_direct_groups(&self, user: UserId) -> Result<Vec<GroupId>, StoreError> {
        let mut sql = Sql::of(self);
        let page = sql.page("p.group_id");
        let user = sql.bind_number(user.0);
        let statement = format!(
            "SELECT {page} FROM \
             (SELECT DISTINCT m.group_id FROM memberships m WHERE m.user_id = {user}) p"
        );
        let (text,): (Option<String>,) = sql.read_one(self, statement).await?;
        let rows = read_page::<(i64,)>(text.as_deref())?;
        Ok(rows.into_iter().map(|(group,)| GroupId(group)).collect())
    }
}
