//! Which groups are shown, and what they are called.

use std::collections::{BTreeSet, HashSet};

use super::Nameless;
use crate::{
    config::SameName,
    directory::NameKey,
    sync::{
        connector::{
            Rules,
            kept_names::Names,
            organisation::{GroupsOfUsers, Organisation},
            sets::Bits,
        },
        roster::RosterGroup,
    },
};

/// How much of an id is added to a name that another group has.
const SUFFIX: usize = 8;

/// The groups that are shown, and where they are in the roster's table.
#[derive(Debug, Default)]
pub(super) struct ShownGroups {
    /// Their places in the organisation.
    pub(super) places: Vec<usize>,
    groups: Vec<RosterGroup>,
    /// Which of them are shown although nobody is shown in them.
    empty: Bits,
    /// Where each of them is in the table, if it is.
    in_table: Vec<Option<u32>>,
    pub(super) nameless: Vec<Nameless>,
}

/// Of groups that could not have their names last time, those whose name another one still has: nothing is new about
/// them, and who is in them need not be looked at again.
pub(in crate::sync::connector) fn overshadowed(
    organisation: &Organisation,
    rules: &Rules,
    kept: &Names,
    again: &BTreeSet<String>,
) -> HashSet<String> {
    let groups = ShownGroups::new(organisation, rules, kept).groups;
    let (left_out, there): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| again.contains(&group.external_id));
    let taken: HashSet<_> = there.iter().map(|group| NameKey::of(&group.name)).collect();
    let has_none = left_out.into_iter().filter(|group| taken.contains(&NameKey::of(&group.name)));
    has_none.map(|group| group.external_id).collect()
}

impl ShownGroups {
    /// Groups keep the names that are kept for them, by their ids.
    pub(super) fn new(organisation: &Organisation, rules: &Rules, kept: &Names) -> Self {
        let (mut shown, mut names) = (Self::default(), HashSet::new());
        let there = organisation.groups.iter().filter(|group| group.known.is_some());
        names
            .extend(there.filter_map(|it| kept.get(&it.external_id)).map(|name| NameKey::of(name)));
        for (place, group) in organisation.groups.iter().enumerate() {
            let Some(known) = &group.known else {
                continue;
            };
            let id = &group.external_id;
            let Some(said) = known.name.as_ref().filter(|_| rules.scope.shows(id, known)) else {
                continue;
            };
            match rules.mapping.group_name(id, said) {
                Ok(Some(name)) => {
                    let name = kept.get(id).cloned().unwrap_or_else(|| {
                        tell_apart(name, id, rules.scope.same_name(), &mut names)
                    });
                    if rules.scope.shows_empty(id, known) {
                        shown.empty.extend(u32::try_from(shown.places.len()));
                    }
                    shown.places.push(place);
                    shown.groups.push(RosterGroup { external_id: id.clone(), name });
                }
                Ok(None) => {}
                Err(error) => shown.nameless.push(Nameless {
                    external_id: id.clone(),
                    name: said.clone(),
                    why: error.to_string(),
                }),
            }
        }
        shown
    }

    /// Leaves out groups that none of some users is in.
    pub(super) fn keep_used(&mut self, of_users: &GroupsOfUsers, users: &Bits) {
        let mut used = of_users.of_any(users.iter());
        used.extend(self.empty.iter());
        let mut next = 0..;
        let groups = std::mem::take(&mut self.groups);
        for (place, group) in (0_u32..).zip(groups) {
            let is_used = used.contains(place);
            self.in_table.push(if is_used { next.next() } else { None });
            self.groups.extend(is_used.then_some(group));
        }
    }

    /// Where groups are in the table.
    pub(super) fn in_table(&self, groups: Vec<u32>) -> Vec<u32> {
        let place = |group: u32| self.in_table.get(group as usize).copied().flatten();
        groups.into_iter().filter_map(place).collect()
    }

    /// The roster's table.
    pub(super) fn into_table(self) -> Vec<RosterGroup> {
        self.groups
    }
}

/// A name of the group's own, if that is wanted; else whoever has it keeps it.
fn tell_apart(name: String, id: &str, same_name: SameName, names: &mut HashSet<NameKey>) -> String {
    if names.insert(NameKey::of(&name)) || same_name == SameName::Conflict {
        return name;
    }
    let suffix: String = id.chars().filter(char::is_ascii_alphanumeric).take(SUFFIX).collect();
    let own = format!("{name}-{suffix}");
    names.insert(NameKey::of(&own));
    own
}
