//! Passwords of the gateway's own: who may try one, how often, and what comes of it.

pub mod signing_in;

use std::{net::IpAddr, sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, Version};
use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    config::{LinkExisting, PasswordsConfig},
    directory::{Change, InactiveReason, NameKey, User},
    passwords::{PasswordProblem, Passwords, SetPasswordError, Verdict},
    provisioning::{GroupClaim, Unlisted},
    store::{Provision, ProvisionError, Store},
    telemetry::Metrics,
};

use crate::{
    imports::houses,
    support::directory::{claims, edit, now, policy},
};

const RIGHT: &str = "correct horse";
const FOR_EMERGENCIES: &str = "battery staple on tuesday";

fn passwords(store: &Store, clock: &Clock) -> Passwords {
    let config = PasswordsConfig { threads: Some(2), ..PasswordsConfig::default() };
    Passwords::new(&config, store.clone(), clock.clone(), Metrics::default()).unwrap()
}

async fn user(store: &Store, name: &str) -> User {
    let found = store.list_users_by_name(&NameKey::of(name)).await.unwrap();
    found.into_iter().next().unwrap().user
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Alice with a password, and root with one for emergencies, on every database.
async fn everywhere() -> Vec<(crate::imports::House, Passwords, Clock)> {
    let mut found = Vec::new();
    for house in houses().await {
        house.try_import("username\nalice\nroot\n", |_| {}).await.unwrap();
        let clock = Clock::adjustable();
        let passwords = passwords(&house.store, &clock);
        passwords.set(&user(&house.store, "alice").await, RIGHT, false).await.unwrap();
        passwords.set(&user(&house.store, "root").await, FOR_EMERGENCIES, true).await.unwrap();
        found.push((house, passwords, clock));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fifth_wrong_password_locks_an_account_on_every_replica_and_longer_each_time() {
    for (house, here, clock) in everywhere().await {
        let alice = user(&house.store, "alice").await;
        let check = async |passwords: &Passwords, text: &str| {
            passwords.check(&alice, text, Some(address("192.0.2.1"))).await.unwrap()
        };
        for _ in 0..4 {
            assert_eq!(check(&here, "wrong horse").await, Verdict::Wrong);
        }
        assert_eq!(check(&here, RIGHT).await, Verdict::Right, "four are free");
        for _ in 0..5 {
            assert_eq!(check(&here, "wrong horse").await, Verdict::Wrong);
        }
        let elsewhere = passwords(&house.store, &clock);
        for replica in [&here, &elsewhere] {
            assert!(matches!(check(replica, RIGHT).await, Verdict::LockedUntil(_)));
        }
        clock.advance(TimeDelta::seconds(31));
        assert_eq!(check(&elsewhere, "wrong horse").await, Verdict::Wrong);
        clock.advance(TimeDelta::seconds(31));
        assert!(matches!(check(&here, RIGHT).await, Verdict::LockedUntil(_)), "a minute now");
        clock.advance(TimeDelta::seconds(31));
        assert_eq!(check(&here, RIGHT).await, Verdict::Right);
        assert_eq!(check(&here, "wrong horse").await, Verdict::Wrong);
        assert_eq!(check(&here, RIGHT).await, Verdict::Right, "what was before is forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tries_at_once_are_no_more_than_a_few() {
    for (house, passwords, _) in everywhere().await {
        let alice = Arc::new(user(&house.store, "alice").await);
        let tries = (0..40).map(|number| {
            let (passwords, alice) = (passwords.clone(), alice.clone());
            tokio::spawn(async move {
                let text = format!("wrong horse {number}");
                passwords.check(&alice, &text, Some(address("192.0.2.1"))).await.unwrap()
            })
        });
        let mut wrong = 0;
        for tried in tries.collect::<Vec<_>>() {
            let verdict = tried.await.unwrap();
            wrong += usize::from(verdict == Verdict::Wrong);
            assert_ne!(verdict, Verdict::Right);
        }
        assert!((5..=6).contains(&wrong), "{wrong} were tried");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_has_tried_all_the_same() {
    for (house, passwords, _) in everywhere().await {
        let alice = user(&house.store, "alice").await;
        let check = passwords.check(&alice, "wrong horse", None);
        assert!(tokio::time::timeout(Duration::from_millis(5), check).await.is_err());
        for _ in 0..100 {
            if !house.store.list_password_failures(alice.id).await.unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let failures = house.store.list_password_failures(alice.id).await.unwrap();
        assert_eq!(failures.first().map(|failures| failures.count), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_out_an_account_for_emergencies_from_elsewhere() {
    for (house, passwords, clock) in everywhere().await {
        let root = user(&house.store, "root").await;
        let check = async |text: &str, from: &str| {
            passwords.check(&root, text, Some(address(from))).await.unwrap()
        };
        for _ in 0..5 {
            assert_eq!(check("wrong", "192.0.2.66").await, Verdict::Wrong);
        }
        assert!(matches!(check(FOR_EMERGENCIES, "192.0.2.66").await, Verdict::LockedUntil(_)));
        assert_eq!(check(FOR_EMERGENCIES, "192.0.2.1").await, Verdict::Right);
        let locked = check(FOR_EMERGENCIES, "192.0.2.66").await;
        assert!(
            matches!(locked, Verdict::LockedUntil(_)),
            "a right one there forgets nothing here"
        );
        // A password that is set anew does.
        passwords.set(&root, "another staple on monday", false).await.unwrap();
        assert_eq!(check("another staple on monday", "192.0.2.66").await, Verdict::Right);
        let stored = house.store.find_password(root.id).await.unwrap().unwrap();
        assert!(stored.break_glass, "it stays one for emergencies");
        clock.advance(TimeDelta::hours(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attacker_from_everywhere_fills_nothing() {
    for (house, _, clock) in everywhere().await {
        let root = user(&house.store, "root").await;
        for number in 0..1100_u16 {
            let network = number.to_be_bytes().to_vec();
            house.store.note_wrong_password(root.id, network, clock.now()).await.unwrap();
        }
        assert_eq!(house.store.list_password_failures(root.id).await.unwrap().len(), 1000);
        clock.advance(TimeDelta::days(2));
        house.store.delete_expired(clock.now(), clock.now()).await.unwrap();
        assert!(house.store.list_password_failures(root.id).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_other_parameters_is_made_anew_when_the_password_is_right() {
    let params = Params::new(8 * 1024, 1, 1, None).unwrap();
    let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let old: PasswordHash = weaker.hash_password_with_salt(RIGHT.as_bytes(), &[7; 16]).unwrap();
    for (house, passwords, clock) in everywhere().await {
        let alice = user(&house.store, "alice").await;
        let hash = async || house.store.find_password(alice.id).await.unwrap().unwrap().hash;
        house.store.set_password(&alice, old.to_string(), false, clock.now()).await.unwrap();
        assert_eq!(passwords.check(&alice, "wrong", None).await.unwrap(), Verdict::Wrong);
        assert_eq!(hash().await, old.to_string());
        assert_eq!(passwords.check(&alice, RIGHT, None).await.unwrap(), Verdict::Right);
        let new = hash().await;
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        assert_eq!(passwords.check(&alice, RIGHT, None).await.unwrap(), Verdict::Right);
        assert_eq!(hash().await, new);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_of_an_account_that_may_not_be_used_is_not_enough() {
    for (house, passwords, _) in everywhere().await {
        let check = async |name: &str, text: &str| {
            passwords.check(&user(&house.store, name).await, text, None).await.unwrap()
        };
        let alice = user(&house.store, "alice").await;
        let reason = InactiveReason::Idle;
        edit(&house.store, &alice, vec![Change::DeactivateUser { reason }]).await.unwrap();
        assert_eq!(check("alice", RIGHT).await, Verdict::Inactive);
        assert_eq!(check("alice", "wrong").await, Verdict::Wrong);
        edit(&house.store, &alice, vec![Change::ReactivateUser { reason }]).await.unwrap();
        assert_eq!(check("alice", RIGHT).await, Verdict::Right);

        assert_eq!(passwords.expire_all(&[alice.directory]).await.unwrap(), 1);
        assert_eq!(check("alice", RIGHT).await, Verdict::Expired);
        assert_eq!(check("root", FOR_EMERGENCIES).await, Verdict::Right);
        passwords.set(&alice, "a new horse, perhaps", false).await.unwrap();
        assert_eq!(check("alice", "a new horse, perhaps").await, Verdict::Right);

        assert_eq!(passwords.remove(&alice).await.unwrap(), Some(0));
        assert_eq!(passwords.remove(&alice).await.unwrap(), None);
        assert_eq!(check("alice", RIGHT).await, Verdict::NoPassword);
        assert_eq!(passwords.check_nobody(RIGHT).await.unwrap(), Verdict::NoPassword);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_long_enough_for_what_it_is_for() {
    for (house, passwords, _) in everywhere().await {
        let (alice, root) = (user(&house.store, "alice").await, user(&house.store, "root").await);
        let problem = async |user: &User, text: &str| match passwords.set(user, text, false).await {
            Err(SetPasswordError::Problem(problem)) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(&alice, "short").await, PasswordProblem::TooShort(12));
        assert_eq!(problem(&alice, "alice in wonderland").await, PasswordProblem::LikeName);
        assert_eq!(problem(&root, "battery staple").await, PasswordProblem::TooShort(16));
        let gone = User { id: gatehouse::directory::UserId(4711), ..alice };
        let set = passwords.set(&gone, RIGHT, false).await;
        assert!(matches!(set, Err(SetPasswordError::NotOwn)), "{set:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_and_no_idleness_takes_away_an_account_for_emergencies() {
    for (house, passwords, clock) in everywhere().await {
        let list = "username,active\nbob,yes\nroot,no\n";
        let deactivate = |request: &mut gatehouse::sync::ImportRequest| {
            (request.unlisted, request.unguarded) = (Unlisted::Deactivate, true);
        };
        house.try_import(list, deactivate).await.unwrap();
        assert!(user(&house.store, "alice").await.inactive.is_some());
        assert_eq!(user(&house.store, "root").await.inactive, None);
        house.try_import("username\nbob\n", deactivate).await.unwrap();
        let root = user(&house.store, "root").await;
        assert_eq!(root.inactive, None);

        // Who comes with a password is as little idle as who comes with an assertion.
        let bob = user(&house.store, "bob").await;
        passwords.set(&bob, RIGHT, false).await.unwrap();
        for (user, text) in [(&bob, RIGHT), (&root, FOR_EMERGENCIES)] {
            assert_eq!(passwords.check(user, text, None).await.unwrap(), Verdict::Right);
        }
        let idle = async || {
            let since = clock.now() - TimeDelta::days(90);
            house.store.plan_idle(bob.directory, since, &[]).await.unwrap()
        };
        assert_eq!(idle().await.len(), 0);
        clock.advance(TimeDelta::days(91));
        let steps = idle().await;
        assert_eq!(steps.iter().map(|step| step.user).collect::<Vec<_>>(), [Some(bob.id)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_for_emergencies_is_meant_before_its_namesakes() {
    for (house, passwords, _) in everywhere().await {
        let root = user(&house.store, "root").await;
        let other = house.store.ensure_directory("Contractors", now()).await.unwrap();
        house.try_import("username\nroot\nalice\n", |list| list.directory = other).await.unwrap();
        let named = async |name: &str| {
            let found = house.store.list_users_by_name(&NameKey::of(name)).await.unwrap();
            found.into_iter().map(|found| found.user).find(|user| user.directory == other).unwrap()
        };
        for name in ["root", "alice"] {
            passwords.set(&named(name).await, RIGHT, false).await.unwrap();
        }
        let meant = async |name: &str, first| {
            let found = house.store.find_user_with_password(&NameKey::of(name), first, false).await;
            found.unwrap().unwrap().directory
        };
        for first in [root.directory, other] {
            assert_eq!(meant("root", first).await, root.directory);
            assert_eq!(meant("alice", first).await, first, "others as the configuration says");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_newcomer_is_linked_to_an_account_whose_password_is_in_use() {
    for (house, passwords, _) in everywhere().await {
        let provision = async |name: &str| {
            let claims = claims("saml:corp", name, GroupClaim::Absent);
            let policy = gatehouse::provisioning::Policy {
                link_existing: LinkExisting::Username,
                ..policy()
            };
            let directory = user(&house.store, "alice").await.directory;
            let (actor, reason) = (String::new(), String::new());
            let request =
                Provision { directory, claims, policy, enabled_at_source: None, actor, reason };
            house.store.provision(&request, now()).await
        };
        let refused = provision("root").await;
        assert!(matches!(refused, Err(ProvisionError::Refused(_))), "{refused:?}");
        let alice = user(&house.store, "alice").await;
        assert_eq!(passwords.check(&alice, RIGHT, None).await.unwrap(), Verdict::Right);
        let refused = provision("alice").await;
        assert!(matches!(refused, Err(ProvisionError::Refused(_))), "{refused:?}");
        house.try_import("username\ncarol\n", |_| {}).await.unwrap();
        let carol = user(&house.store, "carol").await;
        assert_eq!(provision("carol").await.unwrap().user, carol.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_becomes_somebodys_loses_the_password_that_nobody_has_used() {
    for (house, passwords, _) in everywhere().await {
        let alice = user(&house.store, "alice").await;
        assert_eq!(passwords.check(&alice, "wrong horse", None).await.unwrap(), Verdict::Wrong);
        let policy =
            gatehouse::provisioning::Policy { link_existing: LinkExisting::Username, ..policy() };
        let request = Provision {
            enabled_at_source: None,
            directory: alice.directory,
            claims: claims("saml:corp", "alice", GroupClaim::Absent),
            policy,
            actor: String::new(),
            reason: String::new(),
        };
        let linked = house.store.provision(&request, now()).await.unwrap();
        assert_eq!((linked.user, linked.removed_passwords), (alice.id, 1));
        assert_eq!(passwords.check(&alice, RIGHT, None).await.unwrap(), Verdict::NoPassword);
        assert!(house.store.list_password_failures(alice.id).await.unwrap().is_empty());

        // One that is set afterwards is an administrator's word, and stays.
        passwords.set(&alice, RIGHT, false).await.unwrap();
        let again = house.store.provision(&request, now()).await.unwrap();
        assert_eq!((again.user, again.removed_passwords), (alice.id, 0));
        assert_eq!(passwords.check(&alice, RIGHT, None).await.unwrap(), Verdict::Right);
    }
}
