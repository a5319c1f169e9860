//! The groups that a list names, by name or by external id: which of the directory's they are, and which are made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::naming::{Fate, LONGEST_RING, Naming};
use crate::{
    directory::{DirectoryId, GroupId, GroupState, GroupStep, NameKey},
    provisioning::{ManagedGroups, is_plain},
    store::{ExternalGroup, Ids, Store, StoreError},
    sync::{
        import::ImportError,
        plan_writer::{PlanWriter, new_group},
        roster::{Conflict, Extent, RosterGroup, RosterRequest, Why},
    },
};

/// More directories than anybody has.
const MOST_DIRECTORIES: i64 = 10_000;

/// The groups that a list names: their numbers, those that are new included.
pub(in crate::sync) async fn number_groups(
    store: &Store,
    directory: DirectoryId,
    names: &[String],
    plan: &mut PlanWriter,
) -> Result<Vec<Option<GroupId>>, ImportError> {
    let known = store.list_groups_in(directory).await?;
    let known: HashMap<_, _> =
        known.into_iter().map(|(group, _)| (group.key(), group.id)).collect();
    let mut numbers: Vec<_> =
        names.iter().map(|name| known.get(&NameKey::of(name)).copied()).collect();
    let new: Vec<_> = (0..names.len()).filter(|place| numbers[*place].is_none()).collect();
    let new_names: Vec<_> = new.iter().map(|place| names[*place].as_str()).collect();
    let made = make_groups(store, &new_names, plan).await?;
    for (place, (id, _)) in new.into_iter().zip(made) {
        numbers[place] = Some(id);
    }
    Ok(numbers)
}

/// Puts new groups into a plan, and gives their numbers.
async fn make_groups(
    store: &Store,
    names: &[&str],
    plan: &mut PlanWriter,
) -> Result<Vec<(GroupId, Uuid)>, ImportError> {
    let first = match i64::try_from(names.len()).unwrap_or_default() {
        0 => 0,
        count => store.take_ids(Ids::Groups, count).await?,
    };
    let new: Vec<_> = (first..).zip(names).map(|(id, name)| new_group(id, name)).collect();
    let made = new.iter().map(|group| (group.id, group.uuid)).collect();
    plan.create_groups(new).await?;
    Ok(made)
}

/// The groups of a roster.
pub(in crate::sync) struct AlignedGroups {
    /// The number of each; none for one that cannot be used.
    pub(in crate::sync) numbers: Vec<Option<GroupId>>,
    pub(in crate::sync) conflicts: Vec<Conflict>,
    /// How many the source knew before.
    pub(in crate::sync) known: usize,
    /// How many of them the roster does not name any more.
    pub(in crate::sync) gone: u64,
}

/// Brings the groups of a directory in line with those of a roster.
pub(in crate::sync) async fn align_groups(
    store: &Store,
    request: &RosterRequest,
    groups: &[RosterGroup],
    plan: &mut PlanWriter,
) -> Result<AlignedGroups, ImportError> {
    let there = store.list_groups_in(request.directory).await?;
    let there = there.into_iter().map(|(group, uuid)| (group.id, (group.name, uuid))).collect();
    let known = store.list_external_groups(request.directory, &request.source).await?;
    let inside = list_inside_protected(store, &request.policy.managed_groups).await?;
    let known_before = known.iter().filter(|group| group.gone_at.is_none()).count();
    let gone_before = known.iter().filter(|group| group.gone_at.is_some()).map(|group| group.group);
    plan.remember_gone(gone_before.collect());
    let mut decided = Grouping::new(request, groups, &there, known, &inside).decide();
    let steps = decided.steps(request.extent, &there);
    let goes = |step: &&GroupStep| step.after.gone && !step.before.gone;
    let gone = steps.iter().filter(goes).count();
    plan.lose_groups(gone);
    plan.change_groups(steps).await?;
    let names: Vec<_> = decided.new.iter().map(|place| groups[*place].name.as_str()).collect();
    let made = make_groups(store, &names, plan).await?;
    let mut steps = Vec::with_capacity(made.len());
    for (place, (group, uuid)) in decided.new.iter().zip(made) {
        decided.numbers[*place] = Some(group);
        let RosterGroup { external_id, name } = groups[*place].clone();
        let before = GroupState { name, external_id: None, gone: false };
        let after = GroupState { external_id: Some(external_id), ..before.clone() };
        steps.push(GroupStep { group, uuid, before, after });
    }
    plan.change_groups(steps).await?;
    for (place, first) in decided.twice {
        decided.numbers[place] = decided.numbers[first];
    }
    let Decided { numbers, conflicts, .. } = decided;
    Ok(AlignedGroups { numbers, conflicts, known: known_before, gone: gone as u64 })
}

/// The names of groups that are inside protected ones, at whatever distance, but for those that are named in full. In
/// whichever directory: to an application, groups of one name are one group.
pub(in crate::sync) async fn list_inside_protected(
    store: &Store,
    managed: &ManagedGroups,
) -> Result<HashSet<NameKey>, StoreError> {
    let may_be_touched = |name: &NameKey| managed.names_in_full(name);
    let protected = managed.protected().iter().filter(|name| !may_be_touched(name));
    let (mut inside, mut new) = (HashSet::new(), protected.cloned().collect::<Vec<_>>());
    while let Some(name) = new.pop() {
        for group in store.list_groups(Some(&name), MOST_DIRECTORIES).await? {
            let nestings = store.list_nestings(group.id).await?;
            let children = nestings.iter().filter(|nesting| NameKey::of(&nesting.parent) == name);
            let children = children.map(|nesting| NameKey::of(&nesting.child));
            let children = children.filter(|child| !may_be_touched(child));
            new.extend(children.filter(|child| inside.insert(child.clone())));
        }
    }
    Ok(inside)
}

/// The groups of a directory, with their names.
type There = BTreeMap<GroupId, (String, Uuid)>;

/// Decides which group each of a roster is. Pure.
struct Grouping<'a> {
    request: &'a RosterRequest,
    groups: &'a [RosterGroup],
    there: &'a There,
    /// The names of groups inside protected ones.
    inside: &'a HashSet<NameKey>,
    by_name: HashMap<NameKey, GroupId>,
    /// The places in the roster, by external id.
    places: HashMap<&'a str, usize>,
    known: HashMap<String, ExternalGroup>,
    decided: Decided,
}

/// What was decided.
#[derive(Default)]
struct Decided {
    numbers: Vec<Option<GroupId>>,
    /// The external id that each group has then, and had before; those that have none in either are left out.
    ids: BTreeMap<GroupId, [Option<String>; 2]>,
    was_gone: HashSet<GroupId>,
    /// External ids that the roster does not name.
    gone: BTreeSet<String>,
    renamed: HashMap<GroupId, String>,
    /// Places of groups that are made.
    new: Vec<usize>,
    /// Places of ids that have another place before.
    twice: Vec<(usize, usize)>,
    conflicts: Vec<Conflict>,
}

impl<'a> Grouping<'a> {
    fn new(
        request: &'a RosterRequest,
        groups: &'a [RosterGroup],
        there: &'a There,
        known: Vec<ExternalGroup>,
        inside: &'a HashSet<NameKey>,
    ) -> Self {
        let mut decided = Decided { numbers: vec![None; groups.len()], ..Decided::default() };
        let mut places = HashMap::new();
        for (place, group) in groups.iter().enumerate() {
            let first = *places.entry(group.external_id.as_str()).or_insert(place);
            if first != place {
                decided.twice.push((place, first));
            }
        }
        for group in &known {
            decided.ids.insert(
                group.group,
                [Some(group.external_id.clone()), Some(group.external_id.clone())],
            );
            decided.was_gone.extend(group.gone_at.map(|_| group.group));
            if !places.contains_key(group.external_id.as_str()) {
                decided.gone.insert(group.external_id.clone());
            }
        }
        let by_name = there.iter().map(|(id, (name, _))| (NameKey::of(name), *id)).collect();
        let known = known.into_iter().map(|group| (group.external_id.clone(), group)).collect();
        Self { request, groups, there, inside, by_name, places, known, decided }
    }

    fn decide(mut self) -> Decided {
        let twice: HashSet<_> = self.decided.twice.iter().map(|(place, _)| *place).collect();
        let (mut asking, mut leaving) = (Vec::new(), HashSet::new());
        for place in (0..self.groups.len()).filter(|place| !twice.contains(place)) {
            let own = self.own(place);
            if let Some(why) = self.objection(place, own) {
                self.complain(place, why);
                self.decided.numbers[place] = own.filter(|_| why == Why::NoName);
            } else if own.is_some_and(|own| self.has_name(own, place)) {
                self.decided.numbers[place] = own;
            } else {
                asking.push(place);
                leaving.extend(own);
            }
        }
        // Whom the source knows comes before whom it does not.
        asking.sort_by_key(|place| self.own(*place).is_none());
        let asking = self.join(asking, &mut leaving);
        self.name_all(asking, leaving);
        self.decided
    }

    /// The group that a place is known by already.
    fn own(&self, place: usize) -> Option<GroupId> {
        self.known.get(&self.groups[place].external_id).map(|known| known.group)
    }

    fn key(&self, place: usize) -> NameKey {
        NameKey::of(&self.groups[place].name)
    }

    fn has_name(&self, group: GroupId, place: usize) -> bool {
        self.there.get(&group).is_some_and(|(name, _)| NameKey::of(name) == self.key(place))
    }

    /// Whoever can name a group at a source shall not become an administrator by it.
    fn objection(&self, place: usize, own: Option<GroupId>) -> Option<Why> {
        let managed = &self.request.policy.managed_groups;
        let is_protected = |key: &NameKey| managed.is_protected(key) && !managed.contains(key);
        let key = self.key(place);
        let own_name = own.and_then(|own| self.there.get(&own)).map(|(name, _)| NameKey::of(name));
        // Whoever put a group into a protected one that was the source's already has meant its people.
        let comes_inside = self.inside.contains(&key) && own_name.as_ref() != Some(&key);
        if comes_inside || is_protected(&key) || own_name.as_ref().is_some_and(is_protected) {
            return Some(Why::ProtectedGroup);
        }
        (!is_plain(&self.groups[place].name)).then_some(Why::NoName)
    }

    fn complain(&mut self, place: usize, why: Why) {
        let RosterGroup { external_id, name } = self.groups[place].clone();
        self.decided.conflicts.push(Conflict { external_id, name, why });
    }

    /// Lets those join a group that is there under the name they should have, if no other of the roster's is known by
    /// it. Gives the others.
    fn join(&mut self, mut asking: Vec<usize>, leaving: &mut HashSet<GroupId>) -> Vec<usize> {
        let everything = self.request.extent == Extent::Everything;
        let mut taken: HashSet<GroupId> = self.known.values().map(|known| known.group).collect();
        for known in self.known.values() {
            let is_named = self.places.contains_key(known.external_id.as_str());
            // What the source had under that name is gone there, so it is as good as nobody's.
            if everything && !is_named {
                taken.remove(&known.group);
            }
        }
        loop {
            let (mut left, mut joined) = (Vec::new(), false);
            for place in asking {
                let holder = self.by_name.get(&self.key(place)).copied();
                let Some(holder) = holder.filter(|holder| !taken.contains(holder)) else {
                    left.push(place);
                    continue;
                };
                joined = true;
                taken.insert(holder);
                self.know(place, holder);
                if let Some(own) = self.own(place) {
                    // It stays for those whom others have put into it.
                    leaving.remove(&own);
                    taken.remove(&own);
                }
            }
            if !joined {
                return left;
            }
            asking = left;
        }
    }

    /// From now on the source knows a group by the external id of a place.
    fn know(&mut self, place: usize, group: GroupId) {
        let id = &self.groups[place].external_id;
        if let Some(own) = self.own(place)
            && let Some([_, after]) = self.decided.ids.get_mut(&own)
            && after.as_ref() == Some(id)
        {
            *after = None;
        }
        let [_, after] = self.decided.ids.entry(group).or_default();
        if let Some(before) = after.replace(id.clone()) {
            self.decided.gone.remove(&before);
        }
        self.decided.numbers[place] = Some(group);
    }

    fn name_all(&mut self, asking: Vec<usize>, leaving: HashSet<GroupId>) {
        let mut naming = Naming::new(leaving);
        let mut given = HashSet::new();
        for place in asking {
            let (key, own) = (self.key(place), self.own(place));
            let holder = self.by_name.get(&key).copied();
            let fates = if given.insert(key) {
                naming.ask(place, own, holder)
            } else {
                naming.refuse(place, own)
            };
            for fate in fates {
                match fate {
                    Fate::Gets(place, _) => self.name(place),
                    Fate::Stays(place) => self.stay(place),
                }
            }
        }
        for ring in naming.rings() {
            let is_too_long = ring.len() > LONGEST_RING;
            for place in ring {
                if is_too_long { self.stay(place) } else { self.name(place) }
            }
        }
        self.decided.new.sort_unstable();
    }

    /// A place does not get the name that it asks for.
    fn stay(&mut self, place: usize) {
        self.complain(place, Why::GroupNameTaken);
        self.decided.numbers[place] = self.own(place);
    }

    fn name(&mut self, place: usize) {
        let own = self.own(place);
        self.decided.numbers[place] = own;
        match own {
            Some(own) => drop(self.decided.renamed.insert(own, self.groups[place].name.clone())),
            None => self.decided.new.push(place),
        }
    }
}

impl Decided {
    /// What becomes of the groups that are there.
    fn steps(&self, extent: Extent, there: &There) -> Vec<GroupStep> {
        let step = |(group, [id_before, id_after]): (&GroupId, &[Option<String>; 2])| {
            let (name, uuid) = there.get(group)?;
            let was_gone = self.was_gone.contains(group);
            let is_gone = id_after.as_ref().is_some_and(|id| self.gone.contains(id));
            let before =
                GroupState { name: name.clone(), external_id: id_before.clone(), gone: was_gone };
            let after = GroupState {
                name: self.renamed.get(group).unwrap_or(name).clone(),
                external_id: id_after.clone(),
                gone: match extent {
                    Extent::Everything => is_gone,
                    Extent::Only => was_gone && is_gone,
                },
            };
            let step = GroupStep { group: *group, uuid: *uuid, before, after };
            (step.before != step.after).then_some(step)
        };
        self.ids.iter().filter_map(step).collect()
    }
}
