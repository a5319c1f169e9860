//! Sessions last as long as they should and no longer, on both databases and on every replica.

use std::sync::Arc;

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    config::{LinkExisting, WithoutGroupClaim},
    directory::{Identity, Issuer, PersonId, Profile, Subject, SubjectKind},
    provisioning::{Claims, GroupClaim, ManagedGroups, Policy},
    secrets::{Hash, Sealer, sha256},
    session::{Login, SessionTimes, Sessions},
    store::{Provision, SessionId, Store},
};

use crate::support::databases::databases;

const JIRA: &str = "jira.example.com";

struct House {
    sessions: Sessions,
    store: Store,
    clock: Clock,
    person: PersonId,
}

/// A gateway on a store, with a master key that all replicas share.
async fn sessions(store: &Store, clock: &Clock) -> Sessions {
    let sealer = Sealer::new(&"k".repeat(32).into(), &[]).unwrap();
    let hours = TimeDelta::hours;
    let times = SessionTimes { idle: hours(1), absolute: hours(4), outage: hours(1) };
    Sessions::new(store.clone(), clock.clone(), &sealer, times).await.unwrap()
}

async fn house(store: &Store) -> House {
    let clock = Clock::adjustable();
    let directory = store.ensure_directory("Internal", clock.now()).await.unwrap();
    let subject = Subject { kind: SubjectKind::Nameid, value: "alice".to_owned() };
    let identity = Identity { issuer: issuer(), subject, match_key: None };
    let profile = Profile { username: "alice".to_owned(), ..Profile::default() };
    let policy = Policy {
        create_users: true,
        create_only_with_groups: false,
        required: Vec::new(),
        link_existing: LinkExisting::Never,
        default_groups: Vec::new(),
        max_active_users: None,
        max_new_groups: 20,
        without_group_claim: WithoutGroupClaim::Keep,
        update_users: true,
        reactivate_users: true,
        create_groups: false,
        managed_groups: ManagedGroups::default(),
        domains: Vec::new(),
    };
    let request = Provision {
        enabled_at_source: None,
        directory,
        claims: Claims { identity, profile, groups: GroupClaim::NotAsked },
        policy,
        actor: "login".to_owned(),
        reason: "test".to_owned(),
    };
    let person = store.provision(&request, clock.now()).await.unwrap().person;
    House { sessions: sessions(store, &clock).await, store: store.clone(), clock, person }
}

fn issuer() -> Issuer {
    Issuer("saml:corp".to_owned())
}

impl House {
    fn login(&self) -> Login {
        Login {
            person: self.person,
            issuer: issuer(),
            method: "saml",
            name_id: None,
            name_id_format: None,
            session_index: None,
            not_on_or_after: None,
            replaces: None,
        }
    }

    /// A login with a child on Jira's host: the parent, its cookie and the child's cookie.
    async fn logged_in(&self) -> (SessionId, String, String) {
        let (parent, cookie) = self.sessions.begin(self.login()).await.unwrap();
        let child = self.sessions.begin_child(parent.id, JIRA).await.unwrap().unwrap();
        (parent.id, cookie, child)
    }

    async fn is_in(&self, child: &str) -> bool {
        self.sessions.find(child, JIRA).await.unwrap().is_some()
    }
}

fn browser() -> Hash {
    sha256(b"browser")
}

#[tokio::test]
async fn a_session_survives_a_restart_and_its_cookie_works_on_its_host_only() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (parent, cookie, child) = house.logged_in().await;
        let found = house.sessions.find(&child, JIRA).await.unwrap().unwrap();
        assert_eq!((found.person, found.parent), (house.person, parent));
        assert!(house.sessions.find(&child, "wiki.example.com").await.unwrap().is_none());

        let restarted = sessions(&house.store, &house.clock).await;
        assert_eq!(restarted.cached(), 0);
        assert!(restarted.find(&child, "wiki.example.com").await.unwrap().is_none());
        assert!(restarted.find(&child, JIRA).await.unwrap().is_some());
        assert_eq!(restarted.find_parent(&cookie).await.unwrap().unwrap().id, parent);
        // A parent's cookie is no child's, and the other way round.
        assert!(restarted.find(&cookie, JIRA).await.unwrap().is_none());
        assert!(restarted.find_parent(&child).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn made_up_cookies_are_no_session_and_never_reach_the_store() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (_, _, child) = house.logged_in().await;
        // With the database gone, only what never asks it can be answered.
        house.store.close().await;
        let mut changed = child.clone().into_bytes();
        changed[3] = if changed[3] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        for made_up in ["", "x", "%00", changed.as_str(), &"A".repeat(64), &child[1..]] {
            assert!(house.sessions.find(made_up, JIRA).await.unwrap().is_none(), "{made_up}");
            assert!(house.sessions.find_parent(made_up).await.unwrap().is_none(), "{made_up}");
        }
        assert!(house.sessions.find(&child, JIRA).await.is_err(), "it was not in memory yet");
    }
}

#[tokio::test]
async fn sessions_in_memory_go_on_while_the_store_is_away() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (_, _, child) = house.logged_in().await;
        assert!(house.is_in(&child).await);
        house.store.close().await;
        assert!(house.is_in(&child).await);
    }
}

#[tokio::test]
async fn sessions_in_memory_and_their_accounts_are_believed_without_the_store_for_so_long_only() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (_, _, child) = house.logged_in().await;
        let live = house.sessions.find(&child, JIRA).await.unwrap().unwrap();
        let now = house.clock.now();
        let directories = Arc::from([house.store.ensure_directory("Internal", now).await.unwrap()]);
        let account = async || house.sessions.find_account(&live, &directories, "jira", &[]).await;
        assert!(account().await.unwrap().is_some());
        house.sessions.forget_ended().await.unwrap();
        house.store.close().await;

        house.clock.advance(TimeDelta::minutes(59));
        assert!(house.sessions.forget_ended().await.is_err());
        assert!(!house.sessions.forget_unchecked() && house.is_in(&child).await);
        assert!(account().await.unwrap().is_some());

        house.clock.advance(TimeDelta::minutes(1));
        for _ in 0..2 {
            assert!(account().await.is_err(), "whatever is under way");
        }
        assert!(house.sessions.forget_unchecked());
        assert!(house.sessions.find(&child, JIRA).await.is_err(), "nobody knows whether it ended");
    }
}

#[tokio::test]
async fn a_clock_that_is_put_back_makes_no_outage_longer() {
    let database = databases().await.remove(0);
    let house = house(&database.store).await;
    house.clock.advance(TimeDelta::hours(2));
    house.sessions.forget_ended().await.unwrap();
    house.store.close().await;
    assert!(!house.sessions.forget_unchecked());
    house.clock.advance(TimeDelta::hours(-2));
    assert!(house.sessions.forget_unchecked());
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_at_its_absolute_end() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (_, _, child) = house.logged_in().await;
        for _ in 0..4 {
            house.clock.advance(TimeDelta::minutes(59));
            assert!(house.is_in(&child).await);
            house.sessions.write_seen().await.unwrap();
        }
        house.clock.advance(TimeDelta::minutes(5));
        assert!(!house.is_in(&child).await, "four hours are over");

        let (_, cookie, child) = house.logged_in().await;
        assert!(house.is_in(&child).await);
        house.clock.advance(TimeDelta::minutes(61));
        assert!(!house.is_in(&child).await, "nobody was there for an hour");
        assert!(house.sessions.find_parent(&cookie).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_request_on_one_replica_keeps_the_session_alive_on_another() {
    for database in databases().await {
        let house = house(&database.store).await;
        let other = sessions(&house.store, &house.clock).await;
        let (_, _, child) = house.logged_in().await;
        assert!(other.find(&child, JIRA).await.unwrap().is_some());
        for _ in 0..2 {
            house.clock.advance(TimeDelta::minutes(40));
            assert!(house.is_in(&child).await);
            house.sessions.write_seen().await.unwrap();
        }
        assert!(other.find(&child, JIRA).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_ending_reaches_other_replicas_and_counts_once() {
    for database in databases().await {
        let house = house(&database.store).await;
        let other = sessions(&house.store, &house.clock).await;
        let (parent, cookie, child) = house.logged_in().await;
        assert!(other.find(&child, JIRA).await.unwrap().is_some());
        assert!(house.sessions.end(parent).await.unwrap());
        assert!(!house.is_in(&child).await);
        assert!(house.sessions.find_parent(&cookie).await.unwrap().is_none());
        other.forget_ended().await.unwrap();
        assert!(other.find(&child, JIRA).await.unwrap().is_none());

        let (_, _, child) = house.logged_in().await;
        assert!(other.find(&child, JIRA).await.unwrap().is_some());
        house.sessions.end_all_of(house.person).await.unwrap();
        assert!(!house.is_in(&child).await);
        other.forget_ended().await.unwrap();
        assert!(other.find(&child, JIRA).await.unwrap().is_none());

        let (_, _, child) = house.logged_in().await;
        assert!(other.find(&child, JIRA).await.unwrap().is_some());
        other.forget_ended().await.unwrap();
        assert_eq!(other.cached(), 1, "an ending of before concerns no later login");
    }
}

#[tokio::test]
async fn the_number_of_a_session_that_has_ended_is_never_another_ones() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (ended, ..) = house.logged_in().await;
        // A gateway that has not heard of the end would end somebody else's session under that number.
        house.sessions.end(ended).await.unwrap();
        let (next, ..) = house.logged_in().await;
        assert!(next > ended, "{next:?} came after {ended:?}");
    }
}

#[tokio::test]
async fn a_code_begins_a_child_once_for_its_host_and_browser_only() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (parent, _) = house.sessions.begin(house.login()).await.unwrap();
        let code = async || house.sessions.hand_over(parent.id, JIRA, browser()).await.unwrap();
        let redeem = async |code: &str, host: &str, browser: Hash| {
            house.sessions.redeem(code, host, &browser).await.unwrap()
        };
        let good = code().await;
        let child = redeem(&good, JIRA, browser()).await.unwrap();
        assert!(house.is_in(&child).await);
        assert_eq!(redeem(&good, JIRA, browser()).await, None, "used twice");
        assert_eq!(redeem(&code().await, "wiki.example.com", browser()).await, None);
        assert_eq!(redeem(&code().await, JIRA, sha256(b"another browser")).await, None);
        assert_eq!(redeem("no code", JIRA, browser()).await, None);

        let late = code().await;
        house.clock.advance(TimeDelta::seconds(31));
        assert_eq!(redeem(&late, JIRA, browser()).await, None, "too late");
        let orphaned = code().await;
        house.sessions.end(parent.id).await.unwrap();
        assert_eq!(redeem(&orphaned, JIRA, browser()).await, None, "the parent has ended");
    }
}

#[tokio::test]
async fn a_new_login_ends_the_session_that_the_browser_had() {
    for database in databases().await {
        let house = house(&database.store).await;
        let (parent, cookie, child) = house.logged_in().await;
        assert!(house.is_in(&child).await);
        let login = Login { replaces: Some(parent), ..house.login() };
        let (_, new_cookie) = house.sessions.begin(login).await.unwrap();
        assert_ne!(cookie, new_cookie);
        assert!(!house.is_in(&child).await);
        assert!(house.sessions.find_parent(&cookie).await.unwrap().is_none());
        assert!(house.sessions.find_parent(&new_cookie).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_identity_provider_may_end_a_session_earlier_but_not_later() {
    for database in databases().await {
        let house = house(&database.store).await;
        let until = |hours| {
            let end = house.clock.now() + TimeDelta::hours(hours);
            Login { not_on_or_after: Some(end), ..house.login() }
        };
        let now = house.clock.now();
        let (early, _) = house.sessions.begin(until(2)).await.unwrap();
        assert!(early.expires_at <= now + TimeDelta::hours(2) + TimeDelta::minutes(1));
        let (late, _) = house.sessions.begin(until(9)).await.unwrap();
        assert!(late.expires_at <= now + TimeDelta::hours(4) + TimeDelta::minutes(1));
    }
}

#[tokio::test]
async fn many_requests_at_once_find_the_same_session() {
    for database in databases().await {
        let house = Arc::new(house(&database.store).await);
        let (_, _, child) = house.logged_in().await;
        let requests = (0..100).map(|_| {
            let (house, child) = (house.clone(), child.clone());
            tokio::spawn(async move { house.is_in(&child).await })
        });
        for request in requests.collect::<Vec<_>>() {
            assert!(request.await.unwrap());
        }
        assert_eq!(house.sessions.cached(), 1);
    }
}

#[tokio::test]
async fn an_end_that_an_identity_provider_sets_is_kept_but_is_never_past() {
    for database in databases().await {
        let house = house(&database.store).await;
        let now = house.clock.now();
        for (end, seconds) in [(600, 600), (-30, 60), (48 * 3600, 4 * 3600)] {
            let not_on_or_after = Some(now + TimeDelta::seconds(end));
            let login = Login { not_on_or_after, ..house.login() };
            let (session, _) = house.sessions.begin(login).await.unwrap();
            let lasts = (session.expires_at - now).num_seconds();
            assert!((seconds - 1..seconds + 60).contains(&lasts), "{end}: {lasts}");
        }
    }
}
