//! The mirror's groups in memory, with everybody in them packed: which users are in which, nested or not.

use std::collections::HashMap;

use super::{
    known::{KnownGroup, unpack as unpack_known},
    sets::{Bits, unpack},
};
use crate::{
    cloud::GroupKind,
    store::{ConnectorId, Store, StoreError},
};

/// Sets that are read at once.
const SETS_AT_ONCE: usize = 200;

/// A group of the mirror.
#[derive(Clone, Debug)]
pub(super) struct MirroredGroup {
    pub(super) number: u32,
    pub(super) external_id: String,
    /// Nothing if it is not there (any more).
    pub(super) known: Option<KnownGroup>,
    pub(super) everybody: bool,
    subgroups: Vec<usize>,
    members: Vec<u8>,
}

/// All groups of the mirror.
#[derive(Debug, Default)]
pub(super) struct Organisation {
    pub(super) groups: Vec<MirroredGroup>,
    nested: bool,
}

/// Users who are in some groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) everybody: bool,
    pub(super) users: Bits,
}

impl MirroredGroup {
    fn stands_for_application(&self) -> bool {
        self.known.as_ref().is_some_and(KnownGroup::stands_for_application)
    }
}

impl Members {
    pub(super) fn contains(&self, user: u32) -> bool {
        self.everybody || self.users.contains(user)
    }

    fn add(&mut self, group: &MirroredGroup) {
        self.everybody |= group.everybody;
        self.users.extend(unpack(&group.members));
    }
}

impl Organisation {
    /// Reads all groups. `nested` says whether who is in a group of a group is in both.
    pub(super) async fn read(
        store: &Store,
        connector: ConnectorId,
        nested: bool,
    ) -> Result<Self, StoreError> {
        let heads = store.list_group_heads(connector).await?;
        let places: HashMap<_, _> =
            heads.iter().enumerate().map(|(place, head)| (head.number, place)).collect();
        let mut groups = Vec::with_capacity(heads.len());
        for head in heads {
            let subgroups = unpack(&head.subgroups).filter_map(|number| places.get(&number));
            groups.push(MirroredGroup {
                number: head.number,
                known: head.known.as_deref().map(unpack_known).transpose()?,
                everybody: head.everybody,
                subgroups: subgroups.copied().collect(),
                external_id: head.external_id,
                members: Vec::new(),
            });
        }
        let numbers: Vec<_> = groups.iter().map(|group| group.number).collect();
        for some in numbers.chunks(SETS_AT_ONCE) {
            for (number, members) in store.find_members(connector, some).await? {
                if let Some(place) = places.get(&number) {
                    groups[*place].members = members;
                }
            }
        }
        Ok(Self { groups, nested })
    }

    /// The places of groups of which something is true.
    pub(super) fn places_where(
        &self,
        is_meant: impl Fn(&MirroredGroup) -> bool,
    ) -> impl Iterator<Item = usize> {
        let all = self.groups.iter().enumerate();
        all.filter(move |(_, group)| is_meant(group)).map(|(place, _)| place)
    }

    /// The places of groups of one sort.
    pub(super) fn places_of(&self, kind: GroupKind) -> impl Iterator<Item = usize> {
        let kind_of = |group: &MirroredGroup| group.known.as_ref().and_then(|known| known.kind);
        self.places_where(move |group| kind_of(group) == Some(kind))
    }

    /// Everybody in the groups of which something is true.
    pub(super) fn members_where(&self, is_meant: impl Fn(&MirroredGroup) -> bool) -> Members {
        self.members(self.places_where(is_meant))
    }

    /// Everybody in some groups; of what stands for an application, who is assigned to it, by themselves or as a direct
    /// member of a group that is.
    pub(super) fn members(&self, places: impl IntoIterator<Item = usize>) -> Members {
        let (mut members, mut seen) = (Members::default(), vec![0; self.groups.len()]);
        for place in places {
            self.walk(place, (&mut seen, 1), &mut |group| members.add(group));
            if self.groups[place].stands_for_application() {
                let assigned =
                    self.groups[place].subgroups.iter().map(|place| &self.groups[*place]);
                assigned.filter(|group| group.known.is_some()).for_each(|group| members.add(group));
            }
        }
        members
    }

    /// Looks at a group and, if they count, at the groups in it; at each once, however they are in each other: `seen`
    /// has the mark of those that were looked at.
    fn walk(
        &self,
        place: usize,
        (seen, mark): (&mut [usize], usize),
        look: &mut impl FnMut(&MirroredGroup),
    ) {
        let mut left = vec![place];
        while let Some(place) = left.pop() {
            let group = &self.groups[place];
            // One that is not there has nobody in it, whatever was said of it when it was.
            if std::mem::replace(&mut seen[place], mark) != mark && group.known.is_some() {
                look(group);
                // Groups in groups that are assigned to an application are not.
                if self.nested && !group.stands_for_application() {
                    left.extend(&group.subgroups);
                }
            }
        }
    }

    /// For each user, which of some groups they are in: by the groups' places in the list.
    pub(super) fn groups_of_users(&self, shown: &[usize]) -> GroupsOfUsers {
        let mut of_users = GroupsOfUsers::default();
        // Once to count, once to write down: no list has to grow.
        self.each_membership(shown, |_, user| {
            let user = user as usize;
            if of_users.ends.len() <= user {
                of_users.ends.resize(user + 1, 0);
            }
            of_users.ends[user] += 1;
        });
        let mut sum = 0;
        for end in &mut of_users.ends {
            // Where the user's groups begin; each that is written down moves it on, at last to their end.
            sum += std::mem::replace(end, sum);
        }
        of_users.groups = vec![0; sum];
        self.each_membership(shown, |group, user| {
            let end = &mut of_users.ends[user as usize];
            of_users.groups[*end] = group;
            *end += 1;
        });
        of_users.of_everybody = self.groups_of_everybody(shown);
        of_users
    }

    fn each_membership(&self, shown: &[usize], mut found: impl FnMut(u32, u32)) {
        let mut marks: Vec<u32> = Vec::new();
        let mut seen = vec![0; self.groups.len()];
        for (index, place) in (0_u32..).zip(shown) {
            self.walk(*place, (&mut seen, index as usize + 1), &mut |group| {
                for user in unpack(&group.members) {
                    let at = user as usize;
                    if marks.len() <= at {
                        marks.resize(at + 1, u32::MAX);
                    }
                    if std::mem::replace(&mut marks[at], index) != index {
                        found(index, user);
                    }
                }
            });
        }
    }

    fn groups_of_everybody(&self, shown: &[usize]) -> Vec<u32> {
        let has_everybody = |place: usize| {
            let (mut found, mut seen) = (false, vec![0; self.groups.len()]);
            self.walk(place, (&mut seen, 1), &mut |group| found |= group.everybody);
            found
        };
        // Hardly any organisation has one.
        if !self.groups.iter().any(|group| group.everybody) {
            return Vec::new();
        }
        let all = (0_u32..).zip(shown);
        all.filter(|(_, place)| has_everybody(**place)).map(|(index, _)| index).collect()
    }
}

/// Which groups users are in, by the groups' places in a list.
#[derive(Debug, Default)]
pub(super) struct GroupsOfUsers {
    /// Where each user's groups end; they begin where those of the one before end.
    ends: Vec<usize>,
    groups: Vec<u32>,
    of_everybody: Vec<u32>,
}

impl GroupsOfUsers {
    /// The groups of a user, but for those that everybody is in.
    fn own(&self, user: u32) -> &[u32] {
        let user = user as usize;
        let end = self.ends.get(user).copied().unwrap_or_default();
        let begin = user.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.groups.get(begin.unwrap_or_default()..end).unwrap_or_default()
    }

    /// All groups that one of some users is in.
    pub(super) fn of_any(&self, users: impl Iterator<Item = u32>) -> Bits {
        let mut groups = Bits::default();
        groups.extend(self.of_everybody.iter().copied());
        for user in users {
            groups.extend(self.own(user).iter().copied());
        }
        groups
    }

    /// The groups of a user, in order and each once.
    pub(super) fn of(&self, user: u32) -> Vec<u32> {
        let own = self.own(user);
        if self.of_everybody.is_empty() {
            return own.to_vec();
        }
        let mut all = [own, &self.of_everybody].concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::sync::connector::sets::pack;

    fn organisation(nested: bool, groups: &[(BTreeSet<u32>, Vec<usize>, bool)]) -> Organisation {
        let group = |(place, (members, subgroups, everybody)): (
            usize,
            &(BTreeSet<u32>, Vec<usize>, bool),
        )| {
            MirroredGroup {
                number: u32::try_from(place).unwrap() + 10,
                external_id: place.to_string(),
                known: Some(KnownGroup::default()),
                everybody: *everybody,
                subgroups: subgroups.iter().map(|sub| sub % groups.len()).collect(),
                members: pack(members.iter().copied()),
            }
        };
        let groups: Vec<_> = groups.iter().enumerate().map(group).collect();
        Organisation { groups, nested }
    }

    proptest! {
        #[test]
        fn groups_in_circles_come_to_what_can_be_reached(
            groups in prop::collection::vec(
                (prop::collection::btree_set(0_u32..30, 0..8), prop::collection::vec(0_usize..6, 0..3), prop::bool::weighted(0.1)),
                1..6,
            ),
            nested in any::<bool>(),
        ) {
            let all = organisation(nested, &groups);
            let shown: Vec<_> = (0..groups.len()).collect();
            let of_users = all.groups_of_users(&shown);
            for user in 0..30 {
                let in_them: Vec<u32> = (0_u32..)
                    .zip(&shown)
                    .filter(|(_, place)| all.members([**place]).contains(user))
                    .map(|(index, _)| index)
                    .collect();
                prop_assert_eq!(of_users.of(user), in_them);
            }
        }
    }

    #[test]
    fn only_direct_members_of_assigned_groups_are_assigned() {
        let groups = [
            (BTreeSet::from([1]), vec![1], false),
            (BTreeSet::from([2]), vec![2], false),
            (BTreeSet::from([3]), vec![], false),
        ];
        for nested in [true, false] {
            let mut all = organisation(nested, &groups);
            let kind = Some(GroupKind::Application);
            all.groups[0].known = Some(KnownGroup { kind, ..KnownGroup::default() });
            let assigned = all.members(all.places_of(GroupKind::Application));
            assert_eq!(assigned.users.iter().collect::<Vec<_>>(), [1, 2], "{nested}");
            // A group that is named beside it counts as it would by itself.
            let both = all.members([0, 1]).users.iter().collect::<Vec<_>>();
            assert_eq!(both, if nested { vec![1, 2, 3] } else { vec![1, 2] });
        }
    }

    #[test]
    fn only_what_counts_as_nested_is_followed() {
        let groups = [
            (BTreeSet::from([1]), vec![1], false),
            (BTreeSet::from([2]), vec![2], false),
            (BTreeSet::from([3]), vec![0], false),
        ];
        let nested = organisation(true, &groups).members([1]);
        assert_eq!(nested.users.iter().collect::<Vec<_>>(), [1, 2, 3]);
        let direct = organisation(false, &groups).members([1]);
        assert_eq!(direct.users.iter().collect::<Vec<_>>(), [2]);
    }
}
