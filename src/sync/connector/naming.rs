//! Who gets a username that several want. Nobody gets one by chance.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::judge::digest;
use crate::{directory::NameKey, sync::roster::RosterUser};

/// Somebody who wants a name that others want too.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    pub(super) user: RosterUser,
    /// Every name that they could have, the first choice first.
    pub(super) names: Vec<String>,
    /// Whether an alias says so.
    pub(super) keeps: bool,
}

/// Who has a name now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// What the cloud calls them.
    pub(super) id: String,
    /// Whether nothing is said of them now, so that they stay who they are.
    pub(super) stays: bool,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// With the names that they get.
    pub(super) named: Vec<RosterUser>,
    /// Who gets none, with the name that they wanted.
    pub(super) conflicts: Vec<(RosterUser, String)>,
}

/// Whoever has a name keeps it, and the others take the next one that their sources give. If nobody has it, nobody gets
/// it, but who is left alone with it. `holders` are by names, as they are compared; `taken` are the digests of the names
/// that all users want first.
pub(super) fn settle(
    contenders: Vec<Contender>,
    holders: &HashMap<String, Holder>,
    taken: &HashSet<u64>,
) -> Settled {
    let mut by_name: BTreeMap<String, Vec<Contender>> = BTreeMap::new();
    for contender in contenders {
        let key = key(&contender.user.profile.username);
        by_name.entry(key).or_default().push(contender);
    }
    let mut settled = Settled::default();
    let mut others = Vec::new();
    for (name, mut contenders) in by_name {
        let holder = holders.get(&name);
        let has = |contender: &Contender| {
            holder.is_some_and(|holder| holder.id == contender.user.external_id)
        };
        let by_alias = contenders.iter().position(|contender| contender.keeps);
        let keeps = by_alias.or_else(|| contenders.iter().position(has));
        let stays = holder.is_some_and(|holder| holder.stays);
        if let Some(place) = keeps.or_else(|| left_alone(&contenders).filter(|_| !stays)) {
            settled.named.push(contenders.swap_remove(place).user);
        }
        others.extend(contenders);
    }
    take_others(others, taken, &mut settled);
    settled
}

/// The place of the only one, or of the only one who could have no other name.
fn left_alone(contenders: &[Contender]) -> Option<usize> {
    if contenders.len() == 1 {
        return Some(0);
    }
    let mut without = contenders.iter().enumerate().filter(|(_, one)| one.names.len() < 2);
    let first = without.next().map(|(place, _)| place);
    first.filter(|_| without.next().is_none())
}

/// Everybody takes another name, unless somebody else wants that too.
fn take_others(others: Vec<Contender>, taken: &HashSet<u64>, settled: &mut Settled) {
    let is_free = |name: &&String| !taken.contains(&digest(name));
    let free = |contender: &Contender| contender.names.iter().skip(1).find(is_free).cloned();
    let (mut wanted, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for name in others.iter().filter_map(free) {
        if !wanted.insert(key(&name)) {
            twice.insert(key(&name));
        }
    }
    for contender in others {
        let name = free(&contender).filter(|name| !twice.contains(&key(name)));
        let mut user = contender.user;
        let first = user.profile.username.clone();
        match name {
            Some(name) => {
                user.profile.username = name;
                settled.named.push(user);
            }
            None => settled.conflicts.push((user, first)),
        }
    }
}

fn key(name: &str) -> String {
    NameKey::of(name).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Profile;

    fn contender(id: &str, names: &[&str]) -> Contender {
        let profile = Profile { username: names[0].to_owned(), ..Profile::default() };
        let user = RosterUser { external_id: id.to_owned(), profile, ..RosterUser::default() };
        let names = names.iter().map(ToString::to_string).collect();
        Contender { user, names, keeps: false }
    }

    fn settled(contenders: Vec<Contender>, holder: Option<&str>) -> BTreeMap<String, String> {
        let taken = contenders.iter().map(|contender| digest(&contender.names[0])).collect();
        let holder = holder.map(|id| Holder { id: id.to_owned(), stays: id == "stays" });
        let holders = holder.map(|holder| ("ada".to_owned(), holder)).into_iter().collect();
        let Settled { named, conflicts } = settle(contenders, &holders, &taken);
        let named = named.into_iter().map(|user| (user.external_id, user.profile.username));
        let conflicts =
            conflicts.into_iter().map(|(user, name)| (user.external_id, format!("no {name}")));
        named.chain(conflicts).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn whoever_has_the_name_keeps_it() {
        let two = || vec![contender("1", &["ada", "ada@a"]), contender("2", &["Ada", "ada@b"])];
        assert_eq!(settled(two(), Some("2")), expected(&[("1", "ada@a"), ("2", "Ada")]));
        assert_eq!(settled(two(), None), expected(&[("1", "ada@a"), ("2", "ada@b")]));
        assert_eq!(settled(two(), Some("3")), expected(&[("1", "ada@a"), ("2", "ada@b")]));
        let mut two = two();
        two[0].keeps = true;
        assert_eq!(settled(two, Some("2")), expected(&[("1", "ada"), ("2", "ada@b")]));
    }

    #[test]
    fn nobody_gets_a_name_by_chance() {
        let two = vec![contender("1", &["ada"]), contender("2", &["ada"])];
        assert_eq!(settled(two, None), expected(&[("1", "no ada"), ("2", "no ada")]));
        let one_left = vec![contender("1", &["ada"]), contender("2", &["ada", "bob"])];
        assert_eq!(settled(one_left, None), expected(&[("1", "ada"), ("2", "bob")]));
        let stays = vec![contender("1", &["ada"])];
        assert_eq!(settled(stays.clone(), Some("stays")), expected(&[("1", "no ada")]));
        assert_eq!(settled(stays, Some("goes")), expected(&[("1", "ada")]));
        let same = vec![contender("1", &["ada", "bob"]), contender("2", &["ada", "BOB"])];
        assert_eq!(settled(same, None), expected(&[("1", "no ada"), ("2", "no ada")]));
        let taken = vec![
            contender("1", &["ada", "bob"]),
            contender("2", &["ada"]),
            contender("3", &["bob"]),
        ];
        let found = settled(taken, Some("2"));
        assert_eq!(found["1"], "no ada", "{found:?}");
    }
}
