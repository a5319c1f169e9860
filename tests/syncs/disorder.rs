//! Anything may happen to an organisation, and anything may fail: in the end the directory is as the organisation is.

use std::collections::BTreeMap;

use gatehouse::{
    cloud::{ConnectorError, Member, Standing},
    directory::InactiveReason,
    sync::RunError,
};

use super::{People, Way, World};
use crate::support::databases::{postgres, sqlite};

/// Numbers that are the same for the same seed.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn id(&mut self, what: char, end: u64) -> String {
        format!("{what}{}", self.below(end))
    }

    fn member(&mut self) -> Member {
        match self.below(6) {
            0 => Member::Group(self.id('g', 6)),
            _ => Member::User(self.id('u', 12)),
        }
    }
}

pub fn happen(world: &World, chance: &mut Chance) {
    let organisation = &world.organisation;
    let (user, group) = (chance.id('u', 12), chance.id('g', 6));
    let has_group = organisation.teams().contains_key(&group);
    match chance.below(10) {
        0 | 1 => organisation.hire(&user, |person| person.standing = Standing::Enabled),
        2 => organisation.disable(&user),
        3 => organisation.fire(&user),
        4 => organisation.set(&user, "displayName", &chance.below(1000).to_string()),
        5 => organisation.set(&user, "userPrincipalName", &format!("{user}.{}", chance.below(3))),
        6 => organisation.found(&group, &format!("{group} {}", chance.below(2))),
        7 if has_group && chance.below(3) == 0 => organisation.dissolve(&group),
        8 if has_group => organisation.leave(&group, &chance.member()),
        _ if has_group => {
            let member = chance.member();
            let is_there = match &member {
                Member::User(id) => organisation.people().contains_key(id),
                Member::Group(id) => organisation.teams().contains_key(id),
                Member::Everybody => true,
            };
            if is_there {
                organisation.join(&group, member);
            }
        }
        _ => organisation.found(&group, &group),
    }
}

pub fn break_something(world: &World, chance: &mut Chance) {
    let work = ["users", "groups", "members"][usize::try_from(chance.below(3)).unwrap()];
    let failed =
        ConnectorError::Failed { host: "h".to_owned(), status: 500, reason: "x".to_owned() };
    match chance.below(8) {
        0 | 1 => world.organisation.fail(work, failed),
        2 => world.organisation.fail(work, ConnectorError::Restart("410".to_owned())),
        3 => world.organisation.forget(),
        _ => {}
    }
}

/// Who may use their account, with what they are in, as the organisation is now.
pub fn expected(world: &World) -> BTreeMap<String, Vec<String>> {
    let people = world.organisation.people();
    let active = people.iter().filter(|(_, person)| person.standing == Standing::Enabled);
    let teams = world.organisation.teams();
    active
        .map(|(id, person)| {
            let all = teams
                .iter()
                .filter(|(group, _)| world.organisation.everybody_in(group).contains(id));
            let mut groups: Vec<_> = all.map(|(_, team)| team.name.clone()).collect();
            groups.sort();
            (person.attributes["userPrincipalName"].clone(), groups)
        })
        .collect()
}

pub fn active(people: People) -> BTreeMap<String, Vec<String>> {
    let active = people.into_iter().filter(|(_, (inactive, _))| inactive.is_none());
    active
        .map(|(name, (_, mut groups))| {
            groups.sort();
            (name, groups)
        })
        .collect()
}

async fn go_through(world: World, seed: u64, rounds: usize) {
    let chance = &mut Chance(seed);
    world.begin().await;
    let mut is_behind = false;
    for round in 0..rounds {
        for _ in 0..chance.below(8) {
            happen(&world, chance);
        }
        break_something(&world, chance);
        let before = world.people().await;
        let full = chance.below(6) == 0;
        let run = world.try_run(|request| (request.full, request.unguarded) = (full, true)).await;
        world.organisation.heal();
        match run {
            // What was read before the last one broke off is not read again.
            Ok(report) if report.warnings.is_empty() && is_behind => {
                is_behind = false;
                continue;
            }
            Ok(report) if report.warnings.is_empty() => {}
            // What could not be read stays as it was, and nobody else is out for it.
            Ok(_) => continue,
            Err(RunError::Interrupted(_)) => {
                assert_eq!(world.people().await, before, "seed {seed}, round {round}");
                is_behind = true;
                continue;
            }
            Err(error) => panic!("seed {seed}, round {round}: {error}"),
        }
        // Of a group that is back nobody says who was in it: the next run asks.
        world.try_run(|request| request.unguarded = true).await.unwrap();
        let found = active(world.people().await);
        assert_eq!(found, expected(&world), "seed {seed}, round {round}");
    }
    for _ in 0..2 {
        world.try_run(|request| request.unguarded = true).await.unwrap();
    }
    assert_eq!(active(world.people().await), expected(&world), "seed {seed}");
    let last = world.try_run(|request| request.full = true).await.unwrap();
    let changed = last.directory.map(|directory| directory.list.size.to_string());
    assert_eq!(
        changed.as_deref(),
        Some("nothing"),
        "seed {seed}: a round of everything finds nothing to mend"
    );
    let gone = world.people().await.into_values().filter_map(|(inactive, _)| inactive);
    let reasons = [InactiveReason::DisabledAtSource, InactiveReason::MissingAtSource];
    assert!(gone.into_iter().all(|reason| reasons.contains(&reason)), "seed {seed}");
}

#[tokio::test]
async fn whatever_happens_and_fails_the_directory_becomes_as_the_organisation_is() {
    for seed in 0..4 {
        let way = if seed % 2 == 0 { Way::Changes } else { Way::Lists };
        go_through(World::of(sqlite().await, way).await, seed, 25).await;
    }
    for seed in 100..101 {
        if let Some(database) = postgres().await {
            let way = if seed % 2 == 0 { Way::Changes } else { Way::Lists };
            go_through(World::of(database, way).await, seed, 15).await;
        }
    }
}
