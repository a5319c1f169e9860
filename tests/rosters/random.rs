//! Random rosters and random directories: what is wanted is reached, or named as a conflict.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gatehouse::{
    clock::Clock,
    directory::{Change, InactiveReason, NameKey, Profile},
    provisioning::{plan_deactivation, plan_joining, plan_removal},
    store::UserDetails,
    sync::{Extent, RosterReport, RosterRequest, RosterUser, Why, undo_plan},
};

use super::{SOURCE, addressed};
use crate::{
    imports::{House, houses},
    last_lists::Dice,
    support::directory::now,
};

const IDS: u64 = 10;
const NAMES: u64 = 12;

impl Dice {
    fn id(&mut self) -> String {
        format!("e{}", self.below(IDS))
    }

    fn user_name(&mut self) -> String {
        format!("{}{}", if self.below(9) == 0 { "Name" } else { "name" }, self.below(NAMES))
    }

    fn absence(&mut self) -> Option<InactiveReason> {
        match self.below(8) {
            0 => Some(InactiveReason::DisabledAtSource),
            1 => Some(InactiveReason::OutOfScope),
            _ => None,
        }
    }

    /// People who mostly have the names of before, in some of the groups.
    fn roster(&mut self, groups: u32) -> Vec<RosterUser> {
        let (turn, left_out) = (self.below(3), self.below(6));
        let mut users = Vec::new();
        for id in 0..IDS {
            if self.below(20) < left_out {
                continue;
            }
            let name = match self.below(6) {
                0 => self.user_name(),
                // All of them go round.
                _ => format!("name{}", (id + turn) % IDS),
            };
            let mut user = addressed(&format!("e{id}"), &name);
            user.match_key = user.match_key.filter(|_| self.below(3) == 0);
            user.absence = self.absence();
            user.groups = (0..groups).filter(|_| self.below(3) == 0).collect();
            users.push(user);
        }
        users
    }

    fn groups_table(&mut self) -> Vec<(String, String)> {
        let turn = self.below(4);
        let mut table = Vec::new();
        for id in 0..4 {
            if self.below(8) == 0 {
                continue;
            }
            let name = match self.below(12) {
                0 => "admins".to_owned(),
                1 => format!("Group{}", self.below(6)),
                _ => format!("group{}", (id + turn) % 4),
            };
            table.push((format!("g{id}"), name));
        }
        table
    }
}

/// What others do between two rosters.
async fn meddle(house: &House, dice: &mut Dice) {
    let (what, name, id) = (dice.below(9), dice.user_name(), dice.id());
    let group = format!("group{}", dice.below(6));
    let there = house.find(&name).await.is_some();
    match what {
        0 => drop(house.log_in_by_id(house.internal, &id, &name).await),
        1 => drop(house.try_log_in(&name, &[&group]).await),
        2 if there => house.try_edit(&name, |_| vec![plan_joining(&group)]).await,
        3 if there => house.try_edit(&name, |there| plan_deactivation(&there.user)).await,
        4 if there => {
            house.try_edit(&name, |there| plan_removal(&there.user, &there.memberships)).await;
        }
        5 if there => {
            let rename = |before: &Profile| Change::UpdateUser {
                before: before.clone(),
                after: Profile { username: format!("{}x", before.username), ..before.clone() },
            };
            house.try_edit(&name, |there| vec![rename(&there.user.profile)]).await;
        }
        6 if there => {
            house.try_edit(&name, |_| vec![Change::RemoveGroup { group: group.clone() }]).await;
        }
        7 => {
            let other = house.store.ensure_directory("Other", now()).await.unwrap();
            house.log_in_by_id(other, &id, &name).await;
        }
        8 => {
            let plans = house.store.list_plans(1).await.unwrap();
            if let Some(plan) = plans.first().filter(|plan| plan.batch.is_some()) {
                undo_plan(&house.store, &Clock::System, plan, "admin", false).await.unwrap();
            }
        }
        _ => {}
    }
}

/// Accounts of the directory by the external ids of their people.
async fn by_id(house: &House) -> HashMap<String, UserDetails> {
    let users = house.store.list_users(Some(house.internal), 1000).await.unwrap();
    let mut found = HashMap::new();
    for details in users {
        for (issuer, kind, subject) in &details.identities {
            if issuer == super::ISSUER && kind == "attribute" {
                found.insert(subject.clone(), details.clone());
            }
        }
    }
    found
}

/// Memberships by others' words, and the accounts of another directory: none of a roster's business.
async fn of_others(house: &House) -> BTreeSet<String> {
    let mut state = BTreeSet::new();
    for details in house.store.list_users(None, 1000).await.unwrap() {
        if details.directory == "Other" {
            state.insert(format!("{:?} {:?}", details.user, details.memberships));
        }
        let by_others = details.memberships.iter().filter(|(_, by)| by != SOURCE);
        // Groups may have got other names.
        let mut by_others: Vec<_> = by_others.map(|(_, by)| by).collect();
        by_others.sort();
        state.insert(format!("{} {by_others:?}", details.user.uuid));
    }
    state
}

/// What a roster wants and what is there: the same, but for what is named as a conflict.
async fn check(
    house: &House,
    users: &[RosterUser],
    groups: &[(String, String)],
    report: &RosterReport,
    seed: u64,
) {
    let (found, about) = (by_id(house).await, format!("seed {seed}"));
    let mut in_the_way: BTreeMap<&str, Vec<Why>> = BTreeMap::new();
    for conflict in &report.conflicts {
        in_the_way.entry(&conflict.external_id).or_default().push(conflict.why);
    }
    let names: Vec<_> = house
        .store
        .list_users(Some(house.internal), 1000)
        .await
        .unwrap()
        .iter()
        .map(|details| NameKey::of(&details.user.profile.username))
        .collect();
    let there = house.store.list_groups_in(house.internal).await.unwrap();
    let group_names: HashMap<_, _> =
        there.into_iter().map(|(group, _)| (group.id, group.name)).collect();
    let known = house.store.list_external_groups(house.internal, SOURCE).await.unwrap();
    let known: HashMap<_, _> = known
        .into_iter()
        .map(|known| (known.external_id, group_names[&known.group].clone()))
        .collect();
    for user in users {
        let id = user.external_id.as_str();
        let why = in_the_way.get(id).cloned().unwrap_or_default();
        let Some(details) = found.get(id) else {
            assert!(why.iter().any(|why| *why != Why::NameElsewhere), "{about}: {id} is missing");
            continue;
        };
        let (name, wanted) =
            (NameKey::of(&details.user.profile.username), NameKey::of(&user.profile.username));
        if name != wanted {
            assert!(!why.is_empty(), "{about}: {id} is {name}");
        }
        if why.contains(&Why::NameTaken) {
            assert!(names.contains(&wanted) && name != wanted, "{about}: {wanted} was free");
        }
        match details.user.inactive {
            Some(InactiveReason::AdminBlock | InactiveReason::Idle) => {}
            inactive => assert_eq!(inactive, user.absence, "{about}: {id}"),
        }
        let wanted: BTreeSet<_> = user
            .groups
            .iter()
            .filter_map(|place| {
                let (id, _) = &groups[usize::try_from(*place).unwrap()];
                let why = in_the_way.get(id.as_str()).cloned().unwrap_or_default();
                known.get(id).filter(|_| !why.contains(&Why::ProtectedGroup)).cloned()
            })
            .collect();
        let given = details.memberships.iter().filter(|(_, by)| by == SOURCE);
        let given: BTreeSet<_> = given.map(|(group, _)| group.clone()).collect();
        assert_eq!(given, wanted, "{about}: {id}");
    }
}

#[tokio::test]
async fn a_roster_is_reached_or_says_why_not_and_can_be_taken_back() {
    // The same happens in two houses, and one of them never knows what the last roster said.
    for (house, forgetful) in houses().await.into_iter().zip(houses().await) {
        let rounds = if house.url.starts_with("sqlite:") { 80 } else { 25 };
        let (mut renamed, mut in_the_way, mut taken_back) = (0, 0, 0);
        for seed in 0..rounds {
            let mut reports = Vec::new();
            for house in [&house, &forgetful] {
                let mut dice = Dice(seed);
                for _ in 0..dice.below(3) {
                    meddle(house, &mut dice).await;
                }
                let groups = dice.groups_table();
                let users = dice.roster(u32::try_from(groups.len()).unwrap());
                let extent = if dice.below(4) == 0 { Extent::Only } else { Extent::Everything };
                let change = |request: &mut RosterRequest| {
                    request.extent = extent;
                    request.unguarded = true;
                };
                let table: Vec<_> =
                    groups.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
                let (before, others) = (house.state().await, of_others(house).await);
                let ids = by_id(house).await;
                let report = house.try_align_groups(&users, &table, change).await.unwrap();
                check(house, &users, &groups, &report, seed).await;
                assert!(of_others(house).await.is_superset(&others), "seed {seed}");
                let named: BTreeSet<_> = users.iter().map(|user| &user.external_id).collect();
                for (id, after) in by_id(house).await.iter().filter(|(id, _)| !named.contains(id)) {
                    let unchanged = ids.get(id).is_some_and(|before| before.user == after.user);
                    let is_out = after.user.inactive.is_some();
                    assert!(
                        if extent == Extent::Only { unchanged } else { is_out },
                        "seed {seed}: {id}"
                    );
                }
                let after = house.state().await;
                let again = house.try_align_groups(&users, &table, change).await.unwrap();
                assert_eq!(again.list.plan, None, "seed {seed}: {again:?}");
                assert_eq!(house.state().await, after);
                if report.list.plan.is_some() && dice.below(4) == 0 {
                    house.undo(&report).await;
                    assert_eq!(house.state().await, before, "seed {seed}");
                    taken_back += 1;
                }
                let list = &report.list;
                reports.push((list.size, list.unchanged, report.renamed, report.conflicts));
            }
            forgetful.forget_lists().await;
            assert_eq!(reports[0], reports[1], "seed {seed}");
            renamed += reports[0].2;
            in_the_way += reports[0].3.len();
        }
        assert!(
            renamed > 20 && in_the_way > 20 && taken_back > 2,
            "{renamed} {in_the_way} {taken_back}"
        );
    }
}
