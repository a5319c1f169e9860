//! Whatever fails or comes in between, a roster is all there or not at all.

use gatehouse::{
    directory::{InactiveReason, NameKey},
    store::PlanState,
    sync::{RosterRequest, RosterUser},
};

use super::{absent, person};
use crate::{
    imports::{House, houses},
    support::{databases::sqlite, faults::Faults},
};

const FIRST: [(&str, &str); 2] = [("g0", "tea"), ("g1", "coffee")];
const SECOND: [(&str, &str); 3] = [("g0", "coffee"), ("g1", "tea"), ("g2", "milk")];

fn first() -> Vec<RosterUser> {
    let names = ["ada", "bob", "carl", "dora", "eve"];
    let people = names.iter().enumerate();
    people.map(|(id, name)| person(&format!("e{id}"), name, &[0])).collect()
}

/// Two swap, one moves on and another takes the name, one leaves, one is out of scope under another name.
fn second() -> Vec<RosterUser> {
    vec![
        person("e0", "bob", &[0, 1]),
        person("e1", "ada", &[0]),
        person("e2", "charles", &[2]),
        absent("e3", "dolores", InactiveReason::OutOfScope),
        person("e5", "carl", &[1]),
        person("e6", "dora", &[1, 2]),
    ]
}

impl House {
    /// Aligns until the database fails right behind the seal, and gives how often it failed before.
    async fn align_until_sealed(&self, faults: &Faults) -> usize {
        for n in 1.. {
            faults.fail_at(n).await;
            let outcome = self.try_align_groups(&second(), &SECOND, unguarded).await;
            faults.fail_at(0).await;
            assert!(outcome.is_err(), "a write failed, and nobody noticed");
            let open = self.store.list_open_plans().await.unwrap();
            if open.iter().any(|plan| plan.state == PlanState::Sealed) {
                return usize::try_from(n).unwrap();
            }
            self.go_on().await.unwrap();
        }
        0
    }
}

fn unguarded(request: &mut RosterRequest) {
    request.unguarded = true;
}

#[tokio::test]
async fn a_failure_at_every_write_of_a_roster_loses_nothing() {
    let undisturbed = House::of(sqlite().await).await;
    undisturbed.align_groups(&first(), &FIRST).await;
    let report = undisturbed.try_align_groups(&second(), &SECOND, unguarded).await.unwrap();
    assert_eq!((report.renamed, report.conflicts), (4, vec![]));
    let expected = undisturbed.state().await;
    for house in houses().await {
        house.align_groups(&first(), &FIRST).await;
        let before = house.state().await;
        let faults = Faults::plant(&house.url).await;
        assert!(house.align_until_sealed(&faults).await >= 5);
        let sealed = house.store.list_open_plans().await.unwrap()[0].id;
        let (mut failures, mut n) = (0, 0);
        loop {
            n += 1;
            faults.fail_at(n).await;
            let outcome = house.go_on().await;
            faults.fail_at(0).await;
            if outcome.is_ok() {
                break;
            }
            failures += 1;
            let plan = house.store.find_plan(sealed).await.unwrap().unwrap();
            if plan.next_chunk == 0 {
                assert_eq!(house.state().await, before);
            }
        }
        assert!(failures >= 20, "{failures}");
        assert_eq!(house.state().await, expected);
        // Taking it back fails at every write too, and goes on.
        let plan = house.store.find_plan(sealed).await.unwrap().unwrap();
        faults.fail_at(30).await;
        let clock = gatehouse::clock::Clock::System;
        let undone = gatehouse::sync::undo_plan(&house.store, &clock, &plan, "admin", false).await;
        faults.fail_at(0).await;
        assert!(undone.is_err());
        house.go_on().await.unwrap();
        if house.state().await == expected {
            gatehouse::sync::undo_plan(&house.store, &clock, &plan, "admin", false).await.unwrap();
        }
        assert_eq!(house.state().await, before);
    }
}

#[tokio::test]
async fn what_others_change_while_a_roster_waits_stays() {
    for house in houses().await {
        house.align_groups(&first(), &FIRST).await;
        let other = house.store.ensure_directory("Other", crate::support::directory::now()).await;
        let faults = Faults::plant(&house.url).await;
        house.align_until_sealed(&faults).await;
        // Meanwhile: one of those who swap is renamed by hand, a newcomer logs in, here or elsewhere, and somebody takes
        // the name that another one is to have.
        house
            .edit("bob", |bob| {
                let before = bob.user.profile.clone();
                let username = "robert".to_owned();
                let after = gatehouse::directory::Profile { username, ..before.clone() };
                vec![gatehouse::directory::Change::UpdateUser { before, after }]
            })
            .await;
        assert!(house.log_in_by_id(house.internal, "e5", "fresh").await);
        assert!(house.log_in_by_id(other.unwrap(), "e6", "dora").await);
        assert!(house.try_log_in("charles", &[]).await);
        house.go_on().await.unwrap();
        house.snapshot().await;
        for (name, id) in [("robert", "e1"), ("fresh", "e5"), ("carl", "e2")] {
            assert_eq!(house.find(name).await.unwrap().identities[0].2, id, "{name}");
        }
        // The swap went half: the one who was to give up a name has given up another.
        let ada = house.store.list_users_by_name(&NameKey::of("ada")).await.unwrap();
        let bob = house.store.list_users_by_name(&NameKey::of("bob")).await.unwrap();
        assert_eq!((ada.len(), bob.len()), (0, 1));
        // The next one sees everybody as they are.
        let report = house.try_align_groups(&second(), &SECOND, unguarded).await.unwrap();
        assert_eq!(report.conflicts.len(), 2, "{report:?}");
        assert_eq!(house.find("ada").await.unwrap().identities[0].2, "e1");
        let again = house.try_align_groups(&second(), &SECOND, unguarded).await.unwrap();
        assert_eq!(again.list.plan, None);
    }
}
