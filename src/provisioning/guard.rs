//! A look at the size of a plan before anything is taken away.

use crate::directory::Change;

/// So many objects may always be touched: a small directory must not be stuck.
pub const ALWAYS: usize = 10;

/// One in so many may be touched: 5 %.
const ONE_IN: usize = 20;

/// A plan that takes away more than anybody would want without looking at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it would take away {found} of {total} {what}, and more than {limit} need an administrator's word"
)]
pub struct GuardError {
    what: &'static str,
    found: usize,
    total: usize,
    limit: usize,
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
    check("users", ended_users, users)?;
    check("memberships", ended_memberships, memberships)
}

/// What a large plan would take away of what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// How many it would end.
    pub ended: usize,
    /// How many there are.
    pub total: usize,
}

/// The same for a large plan, which counts while it is computed. A group of more than 20 members does not
/// lose more than half of them either.
pub fn guard_size(
    users: Ending,
    memberships: Ending,
    groups: impl IntoIterator<Item = Ending>,
) -> Result<(), GuardError> {
    const SMALL_GROUP: usize = 20;
    check("users", users.ended, users.total)?;
    check("memberships", memberships.ended, memberships.total)?;
    for Ending { ended, total } in groups {
        let limit = total / 2;
        if total > SMALL_GROUP && ended > limit {
            return Err(GuardError { what: "members of one group", found: ended, total, limit });
        }
    }
    Ok(())
}

fn check(what: &'static str, found: usize, total: usize) -> Result<(), GuardError> {
    let limit = ALWAYS.max(total / ONE_IN);
    if found > limit { Err(GuardError { what, found, total, limit }) } else { Ok(()) }
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
        let ending = |ended, total| Ending { ended, total };
        let size = |group| guard_size(ending(0, 100), ending(11, 1000), [group]).is_err();
        assert!(!size(ending(10, 20)) && !size(ending(20, 20)));
        assert!(!size(ending(11, 22)) && size(ending(12, 22)));
        assert!(guard_size(ending(11, 100), ending(0, 0), []).is_err());
        let leave = vec![Change::RemoveMembership { group, source }; 11];
        assert!(guard(leave.iter(), 0, 100).is_err());
        assert_eq!(guard(leave.iter(), 0, 220), Ok(()));
    }
}
