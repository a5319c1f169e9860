//! What administrators expect of a connector in each case. The numbers are those of the list in `docs/connectors.md`;
//! cases that have tests of their own elsewhere have the number in the name there.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{InactiveReason, Issuer, PersonId},
    secrets::{random, sha256},
    store::{CrowdEvent, NewSession},
};
use serde_json::{Value, json};

use super::{Way, World, command_line::House, user, worlds};
use crate::support::clouds::tenant::Vendor;

impl World {
    async fn person(&self, name: &str) -> PersonId {
        let users = self.store.list_users(None, 1000).await.unwrap();
        let user = users.into_iter().find(|one| one.user.profile.username == name);
        user.unwrap_or_else(|| panic!("nobody is called {name}")).user.person
    }

    /// A session of somebody's, by the hash of its secret.
    async fn sign_in(&self, name: &str) -> [u8; 32] {
        let secret_hash = sha256(&random::<32>());
        let now = Clock::System.now();
        let session = NewSession {
            secret_hash,
            person: self.person(name).await,
            issuer: Issuer("saml:corp".to_owned()),
            method: "saml",
            name_id: None,
            name_id_format: None,
            session_index: None,
            expires_at: now + TimeDelta::hours(8),
            replaces: None,
        };
        self.store.insert_session(session, now).await.unwrap();
        secret_hash
    }

    async fn is_signed_in(&self, session: &[u8; 32]) -> bool {
        self.store.find_session(session, Clock::System.now()).await.unwrap().is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_a_cloud_that_wants_a_pause_gets_it_and_the_run_says_how_long_it_waited() {
    let house = House::build().await;
    let pause = json!({ "kind": "throttle", "retry_after": 2 });
    let fault = json!({ "at": "/users/delta", "skip": 0, "times": 1, "what": pause });
    let cloud = house.clouds.cloud(Vendor::Graph);
    cloud.faults.add(serde_json::from_value(fault).unwrap());
    let report: Value = serde_json::from_str(&house.good(&["sync", "entra", "--json"])).unwrap();
    let waited = report["usage"]["waited_ms"].as_u64().unwrap();
    assert!((1_500..30_000).contains(&waited), "{report}");
    assert_eq!(
        report["usage"]["retries"],
        json!(1),
        "not at once, and not over and over: {report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_a_permission_that_is_lost_is_no_data_and_not_no_people() {
    let house = House::build().await;
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let before = house.exported();
    for at in ["/users", "/groups"] {
        let refused = json!({ "kind": "status", "status": 403 });
        let fault = json!({ "at": at, "skip": 0, "times": 100, "what": refused });
        let cloud = house.clouds.cloud(Vendor::Graph);
        cloud.faults.add(serde_json::from_value(fault).unwrap());
        for arguments in [&["sync", "entra", "--unguarded"][..], &["sync", "entra", "--full"]] {
            let (code, said, problems) = house.run(arguments);
            assert_eq!(code, 1, "{arguments:?}: {said}");
            assert!(problems.contains("grant"), "what to do is not said: {problems}");
            assert_eq!(house.exported(), before);
        }
        cloud.faults.clear();
    }
    let status = house.good(&["sync", "history", "entra"]);
    assert!(status.contains("failed"), "{status}");
    house.good(&["sync", "entra", "--full"]);
    assert_eq!(house.exported(), before);
}

#[tokio::test]
async fn c08_whom_the_cloud_disables_is_out_at_once_with_every_session() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let [one, other] =
            [world.sign_in("ada@example.com").await, world.sign_in("ada@example.com").await];
        let bobs = world.sign_in("bob@example.com").await;
        world.organisation.disable("ada");
        let report = world.run().await;
        assert_eq!(report.directory.unwrap().list.ended_sessions, 2);
        assert!(!world.is_signed_in(&one).await && !world.is_signed_in(&other).await);
        assert!(world.is_signed_in(&bobs).await, "nobody else's");
        let state = world.state_of("ada@example.com").await;
        assert_eq!(state, Some(InactiveReason::DisabledAtSource));
        // Sessions do not come back with the account.
        world
            .organisation
            .hire("ada", |person| person.standing = gatehouse::cloud::Standing::Enabled);
        world.run().await;
        assert!(!world.is_signed_in(&one).await);
    }
}

#[tokio::test]
async fn c11_a_new_name_a_new_address_and_another_spelling_keep_the_account_and_its_sessions() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let before = world.person("ada@example.com").await;
        let session = world.sign_in("ada@example.com").await;
        let name = "ada.lovelace@example.com";
        for (said, mail) in [
            (name, "lovelace@mail.example.com"),
            // The spelling that was there first stays, as after a login.
            ("Ada.Lovelace@Example.COM", "Lovelace@mail.example.com"),
        ] {
            world.organisation.set("ada", "userPrincipalName", said);
            world.organisation.set("ada", "mail", mail);
            world.run().await;
            assert_eq!(world.person(name).await, before);
            assert_eq!(world.groups_of(name).await, ["jira-users"]);
            let users = world.store.list_users(None, 1000).await.unwrap();
            let shown = users.iter().find(|one| one.user.person == before).unwrap();
            assert_eq!(shown.user.profile.email.as_deref(), Some(mail));
            assert_eq!(users.len(), 5, "nobody was made for it");
            assert!(world.is_signed_in(&session).await);
        }
    }
}

#[tokio::test]
async fn c14_a_group_with_a_new_name_is_the_same_group() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let id = async |name: &str| {
            let groups = world.store.list_groups(None, 100).await.unwrap();
            groups.into_iter().find(|group| group.name == name).map(|group| group.id)
        };
        let before = id("jira-users").await.unwrap();
        world.organisation.found("g1", "jira-people");
        let size = world.run().await.directory.unwrap().list.size;
        assert_eq!((size.groups_renamed, size.joined, size.left), (1, 0, 0), "{size:?}");
        assert_eq!(id("jira-people").await, Some(before));
        assert_eq!(id("jira-users").await, None);
    }
}

#[tokio::test]
async fn c26_applications_are_told_of_what_has_changed_and_of_nothing_else() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let directories = [world.directory];
        let place = world.store.find_log_place(&directories).await.unwrap();
        world.run().await;
        let events = world.store.read_crowd_events(&directories, &place).await.unwrap().unwrap();
        assert!(events.events.is_empty(), "{events:?}");
        world.organisation.set("ada", "displayName", "Ada L");
        world.organisation.join("g2", user("bob"));
        world.organisation.disable("cleo");
        world.run().await;
        let told = world.store.read_crowd_events(&directories, &place).await.unwrap().unwrap();
        let mut about = BTreeSet::new();
        for event in told.events {
            match event {
                CrowdEvent::User(user) => {
                    let name = user.seen.user.profile.username.clone();
                    about.insert(format!("{name} {}", user.seen.user.inactive.is_none()));
                }
                CrowdEvent::GroupsOfUser { username, groups } => {
                    about.insert(format!("{username} in {}", groups.join(" ")));
                }
                event => panic!("{event:?}"),
            }
        }
        for expected in
            ["ada@example.com true", "cleo@example.com false", "bob@example.com in jira-users wiki"]
        {
            assert!(about.contains(expected), "{expected}: {about:?}");
        }
        assert!(!about.iter().any(|one| one.contains("dan@") || one.contains("eve@")), "{about:?}");
    }
}

#[tokio::test]
async fn c27_a_report_counts_everything() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.hire("fay", |_| {});
        world.organisation.set("ada", "displayName", "Ada L");
        world.organisation.set("bob", "userPrincipalName", "bob.b@example.com");
        world.organisation.fire("eve");
        world.organisation.disable("dan");
        world.organisation.join("g2", user("cleo"));
        world.organisation.leave("g1", &user("ada"));
        world.organisation.found("g1", "jira-people");
        world.organisation.found("g3", "new");
        world.organisation.join("g3", user("fay"));
        let report = world.run().await;
        let directory = report.directory.as_ref().unwrap();
        let size = &directory.list.size;
        assert_eq!(
            (size.created, size.updated, size.deactivated, size.joined, size.left),
            (1, 2, 2, 2, 1),
            "{report:?}"
        );
        assert_eq!((size.groups, size.groups_renamed, directory.renamed), (1, 1, 1), "{report:?}");
        assert_eq!((report.users.disabled, report.users.missing), (1, 1), "{report:?}");
        assert!(report.pages >= 2 && report.items >= 9, "{report:?}");
        assert!(report.seconds.iter().all(|seconds| *seconds > 0.0), "{report:?}");
        assert!(directory.list.batch.is_some(), "by which it can be undone: {report:?}");
    }
}
