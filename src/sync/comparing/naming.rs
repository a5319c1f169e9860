//! Who gets a name that others have: only if they give it up, and only if they get one themselves. Pure.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
};

/// The names of a ring change in one transaction, for which everybody else waits: no more of them than a chunk has.
pub(super) const LONGEST_RING: usize = 400;

/// Decides about claims, one after the other, at most one for each name. Whoever has a name and claims another one is
/// said to leave; whether they do shows when the other one is decided about.
#[derive(Debug)]
pub(super) struct Naming<I, C> {
    leaving: HashSet<I>,
    moved: HashSet<I>,
    stayed: HashSet<I>,
    /// Claims by whoever has the name, with whoever gives up another one for it.
    waiting: BTreeMap<I, (Option<I>, C)>,
}

/// What becomes of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate<C> {
    /// It is granted; whether the name was somebody's until now.
    Gets(C, bool),
    /// The name stays somebody else's.
    Stays(C),
}

impl<I: Copy + Eq + Ord + Hash, C> Naming<I, C> {
    /// With everybody who leaves.
    pub(super) fn new(leaving: HashSet<I>) -> Self {
        let (moved, stayed) = (HashSet::new(), HashSet::new());
        Self { leaving, moved, stayed, waiting: BTreeMap::new() }
    }

    /// A claim to a name that `holder` has, by `mover`, if that is somebody who has another one. Gives all fates that
    /// are known by it, those first on which others depend.
    pub(super) fn ask(&mut self, claim: C, mover: Option<I>, holder: Option<I>) -> Vec<Fate<C>> {
        match holder {
            None => self.decide(claim, mover, true, false),
            Some(holder) if self.moved.contains(&holder) => self.decide(claim, mover, true, true),
            Some(holder) if self.leaving.contains(&holder) && !self.stayed.contains(&holder) => {
                self.waiting.insert(holder, (mover, claim));
                Vec::new()
            }
            Some(_) => self.decide(claim, mover, false, false),
        }
    }

    /// A claim that comes to nothing, whoever has the name.
    pub(super) fn refuse(&mut self, claim: C, mover: Option<I>) -> Vec<Fate<C>> {
        self.decide(claim, mover, false, false)
    }

    fn decide(&mut self, claim: C, mover: Option<I>, gets: bool, taken: bool) -> Vec<Fate<C>> {
        let fate = |claim, taken| if gets { Fate::Gets(claim, taken) } else { Fate::Stays(claim) };
        let mut fates = vec![fate(claim, taken)];
        let mut known = mover;
        while let Some(mover) = known {
            (if gets { &mut self.moved } else { &mut self.stayed }).insert(mover);
            let next = self.waiting.remove(&mover);
            known = next.as_ref().and_then(|(mover, _)| *mover);
            fates.extend(next.map(|(_, claim)| fate(claim, true)));
        }
        fates
    }

    /// What is left when all have asked: rings of claims, each to the name that the next one gives up. They can be
    /// granted all at once, or, if they are too many for that, not at all.
    pub(super) fn rings(mut self) -> Vec<Vec<C>> {
        let mut rings = Vec::new();
        while let Some((_, (mut mover, claim))) = self.waiting.pop_first() {
            let mut ring = vec![claim];
            while let Some((next, claim)) = mover.and_then(|mover| self.waiting.remove(&mover)) {
                ring.push(claim);
                mover = next;
            }
            rings.push(ring);
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Accounts have the names of their own numbers. Each may want another name; for each name, one claim counts.
        #[test]
        fn nobody_gets_a_name_that_somebody_keeps(
            wants in prop::collection::hash_map(0_usize..12, 0_usize..16, 0..12),
            order in any::<u64>(),
        ) {
            let mut wants: Vec<_> = wants.into_iter().filter(|(user, name)| user != name).collect();
            wants.sort_unstable();
            let first = usize::try_from(order % 13).unwrap() % wants.len().max(1);
            wants.rotate_left(first);
            let leaving = wants.iter().map(|(user, _)| *user).collect();
            let mut naming = Naming::new(leaving);
            let (mut names, mut claimed) = (HashMap::new(), HashSet::new());
            names.extend((0..12).map(|user| (user, user)));
            let mut stays = HashSet::new();
            let mut apply = |names: &mut HashMap<_, _>, fates: Vec<Fate<(usize, usize)>>| {
                for fate in fates {
                    match fate {
                        Fate::Gets((user, name), taken) => {
                            // One after the other: the name is free by now.
                            assert!(names.values().all(|other| *other != name));
                            assert_eq!(taken, name < 12);
                            names.insert(user, name);
                        }
                        Fate::Stays((user, _)) => drop(stays.insert(user)),
                    }
                }
            };
            for claim @ (user, name) in wants.clone() {
                let holder = Some(name).filter(|name| *name < 12);
                let fates = if claimed.insert(name) {
                    naming.ask(claim, Some(user), holder)
                } else {
                    naming.refuse(claim, Some(user))
                };
                apply(&mut names, fates);
            }
            for ring in naming.rings() {
                prop_assert!(ring.len() > 1);
                for (user, name) in ring {
                    names.insert(user, name);
                }
            }
            let all: HashSet<_> = names.values().collect();
            prop_assert_eq!(all.len(), 12);
            for (user, name) in wants {
                let has = names[&user] == name;
                prop_assert_ne!(has, stays.contains(&user));
                prop_assert!(has || all.contains(&name), "{} is free, and {} wants it", name, user);
            }
        }
    }
}
