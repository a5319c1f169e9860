//! Runs of connectors: what a cloud says becomes a directory, whatever fails, is killed or lies meanwhile.

mod broken_off;
mod cases;
mod clocks;
mod command_history;
mod command_line;
mod disorder;
mod drills;
mod group_names;
mod guarding;
mod history;
mod interleaved;
mod leaving;
pub mod organisation;
mod previews;
mod retries;
mod scope;
mod storms;

use std::{collections::BTreeMap, sync::Arc};

use gatehouse::{
    clock::Clock,
    cloud::{ConnectorError, Member, Standing},
    config::ConnectorConfig,
    directory::{DirectoryId, InactiveReason, Issuer},
    provisioning::Policy,
    store::Store,
    sync::{Connector, Run, RunError, RunReport, RunRequest, UserRequest, sync_user},
};

use self::organisation::{Organisation, Reader, Way};
use crate::support::{
    databases::{Database, databases, sqlite},
    directory::{now, policy},
};

/// Usernames with what keeps them out, and their groups.
pub type People = BTreeMap<String, (Option<InactiveReason>, Vec<String>)>;

/// A database, an organisation, and what leads from one to the other.
pub struct World {
    pub database: Database,
    pub store: Store,
    pub directory: DirectoryId,
    pub organisation: Arc<Organisation>,
    pub clock: Clock,
    /// Whose people identity providers vouch for.
    pub domains: Vec<(Issuer, Vec<String>)>,
    config: String,
}

pub async fn worlds(way: Way) -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        worlds.push(World::of(database, way).await);
    }
    worlds
}

impl World {
    pub async fn of(database: Database, way: Way) -> Self {
        let store = database.store.clone();
        let directory = store.ensure_connector_directory("cloud", now()).await.unwrap();
        let organisation = Organisation::new(way);
        for id in ["ada", "bob", "cleo", "dan", "eve"] {
            organisation.hire(id, |_| {});
        }
        organisation.found("g1", "jira-users");
        organisation.found("g2", "wiki");
        organisation.join_users("g1", &["ada", "bob", "cleo"]);
        organisation.join_users("g2", &["dan"]);
        Self {
            database,
            store,
            directory,
            organisation,
            clock: Clock::System,
            domains: Vec::new(),
            config: String::new(),
        }
    }

    /// What the configuration says beside the cloud.
    pub fn configure(&mut self, config: &str) {
        config.clone_into(&mut self.config);
    }

    pub fn connector(&self) -> Arc<Connector> {
        let text = format!(
            "name = \"cloud\"\n{}\n[entra]\ntenant = \"t\"\nclient_id = \"c\"\nsecret = {{ file = \"x\" }}\n",
            self.config
        );
        let config: ConnectorConfig = toml::from_str(&text).unwrap();
        let policy = Policy { domains: self.domains.clone(), ..policy() };
        let source = Arc::new(Reader(self.organisation.clone()));
        Arc::new(Connector::new(&config, self.directory, policy, source).unwrap())
    }

    pub async fn try_run(
        &self,
        change: impl FnOnce(&mut RunRequest),
    ) -> Result<RunReport, RunError> {
        let mut request = RunRequest { asked_by: "test".to_owned(), ..RunRequest::default() };
        change(&mut request);
        for _ in 0..100 {
            let begun = Run::begin(&self.store, &self.clock, &self.connector(), &request).await?;
            if let Some(run) = begun {
                return run.finish().await;
            }
            // What a run that was dropped has under way is written to its end, and keeps its lease for it.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            self.give_lease_back().await;
        }
        panic!("somebody else runs it");
    }

    pub async fn run(&self) -> RunReport {
        self.try_run(|_| {}).await.unwrap()
    }

    /// A dry run, and then all of it.
    pub async fn begin(&self) -> RunReport {
        assert!(self.run().await.dry_run);
        self.apply().await
    }

    pub async fn apply(&self) -> RunReport {
        let report = self.try_run(|request| request.apply = true).await.unwrap();
        assert!(!report.dry_run, "{report:?}");
        report
    }

    pub async fn people(&self) -> People {
        let users = self.store.list_users(None, 100_000).await.unwrap();
        let shown = users.into_iter().map(|details| {
            let groups = details.memberships.into_iter().map(|(group, _)| group).collect();
            (details.user.profile.username, (details.user.inactive, groups))
        });
        shown.collect()
    }

    pub async fn groups_of(&self, name: &str) -> Vec<String> {
        self.people().await.remove(name).unwrap_or_default().1
    }

    pub async fn state_of(&self, name: &str) -> Option<InactiveReason> {
        self.people().await.remove(name).unwrap().0
    }

    pub async fn last_run(&self) -> gatehouse::store::ConnectorRun {
        let id = self.store.ensure_connector("cloud").await.unwrap();
        self.store.list_runs(id, 1).await.unwrap().remove(0)
    }
}

pub fn look_at(user: &str) -> UserRequest {
    UserRequest { user: user.to_owned(), asked_by: "test".to_owned(), ..UserRequest::default() }
}

pub fn user(id: &str) -> Member {
    Member::User(id.to_owned())
}

#[tokio::test]
async fn c06_the_first_run_and_the_first_under_new_filters_are_dry_runs() {
    for mut world in worlds(Way::Changes).await {
        let first = world.run().await;
        assert!(first.dry_run && first.forced.as_ref().unwrap().contains("first"), "{first:?}");
        assert_eq!(first.directory.unwrap().list.size.created, 5);
        assert!(world.people().await.is_empty());
        // Again and again, until somebody says so.
        assert!(world.run().await.dry_run);
        world.apply().await;
        assert_eq!(world.groups_of("ada@example.com").await, ["jira-users"]);
        assert!(!world.run().await.dry_run);

        world.configure("[users]\nmembers_of = [\"jira-users\"]");
        let looked = world.try_run(|request| request.apply = true).await.unwrap();
        // Nobody has seen yet what that would do.
        assert!(looked.dry_run && looked.forced.unwrap().contains("filters"));
        assert_eq!(world.state_of("dan@example.com").await, None);
        world.apply().await;
        assert_eq!(world.state_of("dan@example.com").await, Some(InactiveReason::OutOfScope));
    }
}

#[tokio::test]
async fn c06_other_domains_of_the_identity_provider_are_looked_at_first() {
    for mut world in worlds(Way::Changes).await {
        world.configure("saml = \"corp\"");
        world.begin().await;
        assert!(!world.run().await.dry_run);
        world.domains = vec![(Issuer("saml:corp".to_owned()), vec!["example.com".to_owned()])];
        assert!(world.run().await.forced.is_some(), "they say who may be taken for whom");
        world.apply().await;
        assert!(!world.run().await.dry_run);
    }
}

#[tokio::test]
async fn changes_are_asked_for_and_only_who_has_changed_is_compared() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.run().await;
        world.organisation.asked();
        let nothing = world.run().await;
        assert_eq!(world.organisation.asked().len(), 2);
        assert!(
            nothing.directory.is_none() && !nothing.full && !nothing.compared_all,
            "{nothing:?}"
        );

        world.organisation.set("ada", "displayName", "Ada L");
        world.organisation.leave("g1", &user("bob"));
        world.organisation.join("g2", user("cleo"));
        world.organisation.found("g2", "knowledge");
        world.organisation.hire("fay", |_| {});
        world.organisation.fire("eve");
        let some = world.run().await;
        assert!(!some.compared_all, "{some:?}");
        // Of those who are in the group with a new name, one has not changed.
        assert_eq!(some.users.seen, 6, "{some:?}");
        assert_eq!(world.groups_of("cleo@example.com").await, ["jira-users", "knowledge"]);
        assert_eq!(world.groups_of("dan@example.com").await, ["knowledge"]);
        assert!(world.groups_of("bob@example.com").await.is_empty());
        assert_eq!(world.state_of("fay@example.com").await, None);
        assert_eq!(world.state_of("eve@example.com").await, Some(InactiveReason::MissingAtSource));
    }
}

#[tokio::test]
async fn an_organisation_without_changes_is_listed_and_groups_that_are_the_same_are_not_read() {
    for world in worlds(Way::Lists).await {
        world.begin().await;
        world.organisation.asked();
        world.organisation.join("g2", user("eve"));
        world.organisation.fire("dan");
        world.organisation.fire("bob");
        world.run().await;
        let asked = world.organisation.asked();
        let members: Vec<_> = asked.iter().filter(|work| work.starts_with("members")).collect();
        assert_eq!(members, ["members g2 0", "members g1 0"], "{asked:?}");
        assert_eq!(world.groups_of("eve@example.com").await, ["wiki"]);
        assert_eq!(world.state_of("bob@example.com").await, Some(InactiveReason::MissingAtSource));
        assert_eq!(world.state_of("dan@example.com").await, Some(InactiveReason::MissingAtSource));
        let nothing = world.run().await;
        let asked = world.organisation.asked();
        assert!(asked.iter().all(|work| !work.starts_with("members")), "{asked:?}");
        assert!(nothing.directory.is_none(), "{nothing:?}");
        world.try_run(|request| request.full = true).await.unwrap();
        let asked = world.organisation.asked();
        assert_eq!(asked.iter().filter(|work| work.starts_with("members")).count(), 2, "{asked:?}");
    }
}

#[tokio::test]
async fn c09_and_c10_why_somebody_is_out_is_told_apart_and_whoever_comes_back_is_the_same() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[users]\nmembers_of = [\"jira-users\"]");
        world.begin().await;
        assert_eq!(
            world.people().await.len(),
            3,
            "who is out of scope from the beginning gets no account"
        );
        world.organisation.disable("ada");
        world.organisation.leave("g1", &user("bob"));
        world.organisation.fire("cleo");
        world.try_run(|request| request.unguarded = true).await.unwrap();
        let expected = [
            ("ada@example.com", InactiveReason::DisabledAtSource),
            ("bob@example.com", InactiveReason::OutOfScope),
            ("cleo@example.com", InactiveReason::MissingAtSource),
        ];
        for (name, reason) in expected {
            assert_eq!(world.state_of(name).await, Some(reason), "{name}");
        }
        world.organisation.hire("ada", |person| person.standing = Standing::Enabled);
        world.organisation.join("g1", user("bob"));
        world.organisation.hire("cleo", |_| {});
        world.organisation.join("g1", user("cleo"));
        world.run().await;
        assert_eq!(world.people().await.len(), 3);
        for (name, _) in expected {
            assert_eq!(world.state_of(name).await, None, "{name}");
            assert_eq!(world.groups_of(name).await, ["jira-users"], "{name}");
        }
    }
}

#[tokio::test]
async fn who_is_disabled_stays_in_their_groups_whoever_else_is_in_them() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.disable("ada");
        world.organisation.disable("dan");
        for full in [false, true] {
            let report = world.try_run(|request| request.full = full).await.unwrap();
            assert_eq!(report.compared_all, full, "{report:?}");
            assert_eq!(world.groups_of("ada@example.com").await, ["jira-users"], "{full}");
            // The only one in it.
            assert_eq!(world.groups_of("dan@example.com").await, ["wiki"], "{full}");
        }
    }
}

#[tokio::test]
async fn c23_a_user_is_brought_in_line_at_once() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[users]\nmembers_of = [\"jira-users\"]");
        let connector = world.connector();
        let sync = async |who: &str| {
            sync_user(&world.store, &Clock::System, &connector, &look_at(who)).await
        };
        assert!(sync("ada").await.unwrap().dry_run, "nothing has come true yet");
        world.begin().await;
        world.organisation.asked();
        world.organisation.set("ada", "userPrincipalName", "ada.l@example.com");
        world.organisation.join("g2", user("ada"));
        sync("ada@example.com").await.unwrap();
        assert_eq!(world.groups_of("ada.l@example.com").await, ["jira-users", "wiki"]);
        world.organisation.leave("g1", &user("bob"));
        sync("bob").await.unwrap();
        assert_eq!(world.state_of("bob@example.com").await, Some(InactiveReason::OutOfScope));
        world.organisation.fire("cleo");
        sync("cleo@example.com").await.unwrap();
        assert_eq!(world.state_of("cleo@example.com").await, Some(InactiveReason::MissingAtSource));
        // Who is out of scope, and never was in it, gets no account.
        sync("dan").await.unwrap();
        assert!(!world.people().await.contains_key("dan@example.com"));
        assert!(matches!(sync("nobody").await, Err(RunError::NoUser(_))));
        assert!(world.organisation.asked().is_empty());
        let after = world.run().await;
        assert_eq!(after.directory.unwrap().list.size.to_string(), "nothing");
    }
}

#[tokio::test]
async fn groups_count_for_one_user_as_they_do_for_all() {
    for mut world in worlds(Way::Changes).await {
        world.organisation.join("g1", Member::Group("g2".to_owned()));
        world.organisation.join_users("g2", &["ada"]);
        world.configure("[users]\nmembers_of = [\"jira-users\"]\nnested = false");
        world.begin().await;
        let sync = async |world: &World, id: &str| {
            let connector = world.connector();
            sync_user(&world.store, &Clock::System, &connector, &look_at(id)).await.unwrap()
        };
        // In the group by way of the other one only.
        sync(&world, "dan").await;
        assert!(!world.people().await.contains_key("dan@example.com"));
        // In both.
        sync(&world, "ada").await;
        assert_eq!(world.state_of("ada@example.com").await, None);
        assert_eq!(world.groups_of("ada@example.com").await, ["jira-users", "wiki"]);

        world.organisation.found("g3", "all");
        world.organisation.join("g3", Member::Everybody);
        world.organisation.found("g4", "outer");
        world.organisation.join("g4", Member::Group("g3".to_owned()));
        world.configure("[users]\nmembers_of = [\"outer\"]");
        world.begin().await;
        sync(&world, "eve").await;
        assert_eq!(world.state_of("eve@example.com").await, None);
        assert_eq!(world.groups_of("eve@example.com").await, ["all", "outer"]);
    }
}

#[tokio::test]
async fn who_is_disabled_at_once_needs_no_name() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\"]");
        world.begin().await;
        world.organisation.hire("ada", |person| {
            person.standing = Standing::Disabled;
            person.attributes.remove("mail");
        });
        let connector = world.connector();
        sync_user(&world.store, &Clock::System, &connector, &look_at("ada")).await.unwrap();
        let state = world.state_of("ada@mail.example.com").await;
        assert_eq!(state, Some(InactiveReason::DisabledAtSource));
        assert_eq!(world.groups_of("ada@mail.example.com").await, ["jira-users"]);
    }
}

#[tokio::test]
async fn c05_too_much_that_would_be_taken_away_waits_and_the_next_run_looks_again() {
    let world = World::of(sqlite().await, Way::Changes).await;
    world.organisation.hire_forty("g2");
    world.begin().await;
    for number in 0..30 {
        world.organisation.fire(&format!("u{number}"));
    }
    world.organisation.hire("new", |_| {});
    let held = world.run().await;
    let directory = held.directory.unwrap();
    assert!(directory.list.held.is_some(), "{directory:?}");
    // What adds is there.
    assert_eq!(world.state_of("new@example.com").await, None);
    assert_eq!(world.state_of("u1@example.com").await, None);
    // Until somebody decides, everybody is compared, without a question to the cloud that is not about changes.
    world.organisation.asked();
    let again = world.run().await;
    assert!(again.compared_all && !again.full, "{again:?}");
    assert_eq!(world.organisation.asked().len(), 2);
    let plans = world.store.list_open_plans().await.unwrap();
    assert_eq!(plans.len(), 1, "the old one is replaced");
    for number in 0..30 {
        world.organisation.hire(&format!("u{number}"), |_| {});
    }
    let back = world.run().await;
    assert!(back.directory.unwrap().list.held.is_none());
    assert!(world.store.list_open_plans().await.unwrap().is_empty());
}

#[tokio::test]
async fn c04_zero_users_are_never_believed() {
    for world in worlds(Way::Lists).await {
        world.begin().await;
        let before = world.people().await;
        let everybody: Vec<_> = world.organisation.people().into_keys().collect();
        for id in &everybody {
            world.organisation.fire(id);
        }
        let error = world.try_run(|request| request.unguarded = true).await.unwrap_err();
        assert!(error.to_string().contains("no users at all"), "{error}");
        assert_eq!(world.people().await, before);
        assert_eq!(world.last_run().await.error, Some(error.to_string()));
        for id in &everybody {
            world.organisation.hire(id, |_| {});
        }
        world.organisation.join_users("g1", &["ada", "bob", "cleo"]);
        world.organisation.join_users("g2", &["dan"]);
        let back = world.run().await.directory.unwrap();
        assert_eq!(back.list.size.to_string(), "nothing");
    }
}

#[tokio::test]
async fn c04_a_filter_that_lets_nobody_come_is_not_believed_either() {
    for dissolved in [false, true] {
        for mut world in worlds(Way::Changes).await {
            world.configure("[users]\nmembers_of = [\"jira-users\"]");
            world.begin().await;
            let before = world.people().await;
            if dissolved {
                world.organisation.dissolve("g1");
            } else {
                for id in ["ada", "bob", "cleo"] {
                    world.organisation.leave("g1", &user(id));
                }
            }
            // Three are few enough to be taken away without a question; not if they are all.
            for full in [false, true] {
                let error = world.try_run(|request| request.full = full).await.unwrap_err();
                assert!(error.to_string().contains("let nobody come"), "{error}");
                assert_eq!(world.people().await, before, "{dissolved} {full}");
            }
        }
    }
}

#[tokio::test]
async fn a_few_of_whom_it_is_not_said_whether_they_may_work_stay_as_they_are() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.disable("ada");
        world.run().await;
        // As if they had their accounts by somebody else's word.
        world
            .execute("UPDATE connector_users SET known = NULL WHERE external_id IN ('ada', 'dan')")
            .await;
        for id in ["ada", "dan", "new"] {
            world.organisation.hire(id, |person| person.standing = Standing::Unsaid);
        }
        for full in [false, true] {
            let report = world.try_run(|request| request.full = full).await.unwrap();
            assert!(report.warnings[0].contains("of 3 users whether they may"), "{report:?}");
            assert_eq!(world.groups_of("ada@example.com").await, ["jira-users"], "{full}");
            assert_eq!(world.groups_of("dan@example.com").await, ["wiki"], "{full}");
        }
        let people = world.people().await;
        assert!(!people.contains_key("new@example.com"), "{people:?}");
        assert_eq!(people["ada@example.com"].0, Some(InactiveReason::DisabledAtSource));
        assert_eq!(people["dan@example.com"].0, None);

        for number in 0..11 {
            let standing = Standing::Unsaid;
            world.organisation.hire(&format!("u{number}"), |person| person.standing = standing);
        }
        let error = world.run_error().await;
        assert!(error.contains("of 11 users"), "{error}");
    }
}

#[tokio::test]
async fn c20_two_runs_at_once_are_one() {
    for world in worlds(Way::Changes).await {
        let request = RunRequest::default();
        let connector = world.connector();
        let first = Run::begin(&world.store, &Clock::System, &connector, &request).await.unwrap();
        let second = Run::begin(&world.store, &Clock::System, &connector, &request).await.unwrap();
        assert!(first.is_some() && second.is_none());
        first.unwrap().finish().await.unwrap();
        assert!(world.run().await.dry_run, "the next one may");
    }
}

#[tokio::test]
async fn c03_a_credential_that_is_not_taken_ends_nobodys_account() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let before = world.people().await;
        let (reason, remedy) = ("AADSTS7000222".to_owned(), "make a new one".to_owned());
        world.organisation.fail("groups", ConnectorError::Credential { reason, remedy });
        world.organisation.fire("ada");
        let error = world.run_error().await;
        assert!(error.contains("AADSTS7000222"), "{error}");
        assert_eq!(world.people().await, before);
        // Nothing of it was lost either.
        world.run().await;
        assert_eq!(world.state_of("ada@example.com").await, Some(InactiveReason::MissingAtSource));
    }
}

impl World {
    pub async fn run_error(&self) -> String {
        self.try_run(|_| {}).await.unwrap_err().to_string()
    }
}
