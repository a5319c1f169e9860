//! A look at the size of a plan before anything is taken away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::directory::{Change, GroupId};

/// A plan that takes away more than anybody would want without looking at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it would take away {found} of {total} {what}{}, and more than {limit} need an administrator's word",
    lately(*before)
)]
pub struct GuardError {
    what: &'static str,
    found: usize,
    total: usize,
    limit: usize,
    /// How many of those that were found went before.
    before: usize,
}

fn lately(before: usize) -> String {
    if before == 0 { String::new() } else { format!(" ({before} of them have gone lately)") }
}

/// How much may be taken away without an administrator's word: so many, or so many of a hundred if that is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many: a small directory must not be stuck.
    pub count: usize,
    /// Or so many of a hundred.
    pub percent: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { count: 10, percent: 5 }
    }
}

/// How much of a single group may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimit {
    /// Groups up to this size may lose everybody.
    pub size: usize,
    /// Larger ones may lose so many of a hundred.
    pub percent: usize,
}

impl Default for GroupLimit {
    fn default() -> Self {
        Self { size: 20, percent: 50 }
    }
}

/// How much may be taken away without an administrator's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of accounts that may be used.
    pub users: Limit,
    /// Of groups.
    pub groups: Limit,
    /// Of memberships.
    pub memberships: Limit,
    /// Of each group.
    pub group: GroupLimit,
}

/// What was taken away, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Taken {
    /// Accounts.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Memberships, by the number of the group.
    pub of_groups: BTreeMap<GroupId, usize>,
}

impl Taken {
    /// How many memberships.
    #[must_use]
    pub fn memberships(&self) -> usize {
        self.of_groups.values().sum()
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.users += other.users;
        self.groups += other.groups;
        for (group, count) in other.of_groups {
            *self.of_groups.entry(group).or_default() += count;
        }
    }
}

/// What there is that could be taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Accounts that may be used.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Memberships.
    pub memberships: usize,
    /// Members of those groups that lose some.
    pub of_groups: BTreeMap<GroupId, usize>,
}

impl Limits {
    /// Refuses what would take away too much of what there is, with what has gone lately: it was there too, and many
    /// small steps lead as far as a large one.
    pub fn check(&self, taken: &Taken, whole: &Whole, lately: &Taken) -> Result<(), GuardError> {
        let check = |what, limit: Limit, taken, whole, lately: usize| {
            let (found, total): (usize, usize) = (taken + lately, whole + lately);
            let limit = limit.count.max(part(total, limit.percent));
            refuse_if(taken > 0 && found > limit, what, found, (total, limit, lately))
        };
        check("users", self.users, taken.users, whole.users, lately.users)?;
        check("groups", self.groups, taken.groups, whole.groups, lately.groups)?;
        let (taken_memberships, lately_memberships) = (taken.memberships(), lately.memberships());
        let memberships = self.memberships;
        check(
            "memberships",
            memberships,
            taken_memberships,
            whole.memberships,
            lately_memberships,
        )?;
        let of = |counts: &BTreeMap<GroupId, usize>, group| counts.get(group).copied().unwrap_or(0);
        for (group, count) in &taken.of_groups {
            let lately = of(&lately.of_groups, group);
            let (found, total) = (count + lately, of(&whole.of_groups, group) + lately);
            let limit = part(total, self.group.percent);
            let is_large = total > self.group.size;
            refuse_if(
                is_large && found > limit,
                "members of one group",
                found,
                (total, limit, lately),
            )?;
        }
        Ok(())
    }

    /// Whether so little is allowed whatever there is, so that nobody needs to count that.
    #[must_use]
    pub fn always_allow(&self, taken: &Taken, lately: &Taken) -> bool {
        let of_group = part(self.group.size, self.group.percent);
        let lately_of = |group| lately.of_groups.get(group).copied().unwrap_or_default();
        taken.users + lately.users <= self.users.count
            && taken.groups + lately.groups <= self.groups.count
            && taken.memberships() + lately.memberships() <= self.memberships.count
            && taken.of_groups.iter().all(|(group, count)| count + lately_of(group) <= of_group)
    }
}

/// So many of a hundred.
fn part(total: usize, percent: usize) -> usize {
    total.saturating_mul(percent) / 100
}

fn refuse_if(
    is_too_much: bool,
    what: &'static str,
    found: usize,
    (total, limit, before): (usize, usize, usize),
) -> Result<(), GuardError> {
    let error = GuardError { what, found, total, limit, before };
    if is_too_much { Err(error) } else { Ok(()) }
}

/// Refuses a plan that deactivates or removes more users, or ends more memberships, than the larger of 10
/// and 5 %.
pub fn guard<'a>(
    changes: impl Iterator<Item = &'a Change>,
    users: usize,
    memberships: usize,
) -> Result<(), GuardError> {
    let (mut ended_users, mut ended_memberships) = (0, 0);
    for change in changes {
        match change {
            Change::DeactivateUser { .. } | Change::RemoveUser { .. } => ended_users += 1,
            Change::RemoveMembership { .. } => ended_memberships += 1,
            _ => {}
        }
    }
    let check = |what, found, total| {
        let Limit { count, percent } = Limit::default();
        let limit = count.max(part(total, percent));
        refuse_if(found > limit, what, found, (total, limit, 0))
    };
    check("users", ended_users, users)?;
    check("memberships", ended_memberships, memberships)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::InactiveReason;

    #[test]
    fn the_larger_of_ten_and_five_percent_is_the_limit() {
        let deactivations =
            |count| vec![Change::DeactivateUser { reason: InactiveReason::Idle }; count];
        let refused = |count, users| guard(deactivations(count).iter(), users, 0).is_err();
        assert!(!refused(10, 10) && refused(11, 10));
        assert!(!refused(1000, 20_000) && refused(1001, 20_000));
        let (group, source) = ("g".to_owned(), "manual".to_owned());
        let leave = vec![Change::RemoveMembership { group, source }; 11];
        assert!(guard(leave.iter(), 0, 100).is_err());
        assert_eq!(guard(leave.iter(), 0, 220), Ok(()));
    }

    fn users(count: usize) -> Taken {
        Taken { users: count, ..Taken::default() }
    }

    fn members(count: usize) -> Taken {
        Taken { of_groups: BTreeMap::from([(GroupId(1), count)]), ..Taken::default() }
    }

    fn whole(users: usize, members: usize) -> Whole {
        let of_groups = BTreeMap::from([(GroupId(1), members)]);
        Whole { users, groups: 30, memberships: 1000, of_groups }
    }

    #[test]
    fn a_large_plan_is_looked_at_by_users_groups_and_each_group() {
        let limits = Limits::default();
        let check = |taken: Taken, there| limits.check(&taken, &there, &Taken::default()).is_err();
        assert!(!check(users(10), whole(100, 0)) && check(users(11), whole(100, 0)));
        assert!(!check(users(11), whole(220, 0)));
        assert!(!check(members(20), whole(0, 20)), "a small group may lose everybody");
        assert!(!check(members(11), whole(0, 22)) && check(members(12), whole(0, 22)));
        assert!(check(members(51), whole(0, 900)), "more than 5 % of all");
        let groups = |groups| Taken { groups, ..Taken::default() };
        assert!(!check(groups(10), whole(0, 0)) && check(groups(11), whole(0, 0)));
        let own = Limits { users: Limit { count: 2, percent: 50 }, ..limits };
        let check = |count| own.check(&users(count), &whole(10, 0), &Taken::default()).is_err();
        assert!(!check(5) && check(6));
    }

    #[test]
    fn what_has_gone_lately_counts() {
        let limits = Limits::default();
        let check = |taken: Taken, there, lately: Taken| {
            limits.check(&taken, &there, &lately).map_err(|error| error.to_string())
        };
        assert_eq!(check(users(4), whole(94, 0), users(6)), Ok(()));
        let error = check(users(5), whole(94, 0), users(6)).unwrap_err();
        assert!(error.contains("11 of 100 users (6 of them have gone lately)"), "{error}");
        assert_eq!(check(users(0), whole(94, 0), users(60)), Ok(()), "nothing is taken away now");
        assert!(check(members(6), whole(0, 16), members(6)).is_err());
        assert!(limits.always_allow(&members(4), &members(6)));
        assert!(!limits.always_allow(&members(5), &members(6)));
    }

    #[test]
    fn what_was_taken_adds_up() {
        let mut taken = members(2);
        taken += members(3);
        taken += users(1);
        assert_eq!((taken.memberships(), taken.users, taken.is_empty()), (5, 1, false));
    }
}
