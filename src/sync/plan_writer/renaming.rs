//! In which order groups get names that others of them give up. Pure.

use std::collections::{BTreeMap, HashSet};

use crate::directory::{GroupStep, NameKey};

/// Renames in parts of up to so many, to be made one part after the other. A name is given up before or in the part in
/// which another group gets it; groups whose names go round in a ring are never parted, however many they are.
pub(super) fn in_turn(steps: Vec<GroupStep>, at_once: usize) -> Vec<Vec<GroupStep>> {
    let given_up: HashSet<_> = steps.iter().map(old_name).collect();
    let (mut free, mut waiting) = (Vec::new(), BTreeMap::new());
    for step in steps {
        let wanted = NameKey::of(&step.after.name);
        if given_up.contains(&wanted) {
            // Nobody decides that two get one name; if they did, the store would leave one out.
            free.extend(waiting.insert(wanted, step));
        } else {
            free.push(step);
        }
    }
    let mut chains = Vec::new();
    for step in free {
        chains.extend(followed(step, &mut waiting));
    }
    let mut parts: Vec<_> = chains.chunks(at_once).map(<[_]>::to_vec).collect();
    while let Some((_, step)) = waiting.pop_first() {
        let ring = followed(step, &mut waiting);
        match parts.last_mut() {
            Some(last) if last.len() + ring.len() <= at_once => last.extend(ring),
            _ => parts.push(ring),
        }
    }
    parts
}

fn old_name(step: &GroupStep) -> NameKey {
    NameKey::of(&step.before.name)
}

/// A rename, and those that wait for it, one for the other.
fn followed(first: GroupStep, waiting: &mut BTreeMap<NameKey, GroupStep>) -> Vec<GroupStep> {
    let mut chain = vec![first];
    while let Some(next) = chain.last().and_then(|last| waiting.remove(&old_name(last))) {
        chain.push(next);
    }
    chain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::directory::{GroupId, GroupState};

    fn rename(group: usize, to: usize) -> GroupStep {
        let named =
            |name: usize| GroupState { name: name.to_string(), external_id: None, gone: false };
        let id = GroupId(i64::try_from(group).unwrap());
        GroupStep { group: id, uuid: Uuid::nil(), before: named(group), after: named(to) }
    }

    proptest! {
        /// Groups have the names of their own numbers.
        #[test]
        fn a_name_is_given_up_before_it_is_given(
            to in Just((0_usize..24).collect::<Vec<_>>()).prop_shuffle(),
            groups in 0_usize..16,
            at_once in 1_usize..6,
        ) {
            let wants = to.into_iter().take(groups).enumerate();
            let mut wants: Vec<_> = wants.filter(|(group, to)| group != to).collect();
            // Nobody gets a name that somebody keeps.
            loop {
                let movers: HashSet<_> = wants.iter().map(|(group, _)| *group).collect();
                let count = wants.len();
                wants.retain(|(_, to)| *to >= groups || movers.contains(to));
                if wants.len() == count {
                    break;
                }
            }
            let steps = wants.iter().map(|(group, to)| rename(*group, *to)).collect();
            let mut taken: HashSet<_> = (0..groups).map(|group| group.to_string()).collect();
            let mut renamed = 0;
            for part in in_turn(steps, at_once) {
                renamed += part.len();
                let is_ring = part.iter().all(|step| {
                    part.iter().any(|other| other.before.name == step.after.name)
                });
                prop_assert!(part.len() <= at_once || is_ring);
                for step in &part {
                    prop_assert!(taken.remove(&step.before.name));
                }
                for step in part {
                    prop_assert!(taken.insert(step.after.name));
                }
            }
            prop_assert_eq!(renamed, wants.len());
        }
    }
}
