//! Only who is assigned to an enterprise application comes: by themselves, or as a direct member of a group.

use std::{collections::BTreeSet, sync::Arc};

use gatehouse::{
    clock::Clock,
    cloud::Source,
    config::ConnectorConfig,
    directory::{DirectoryId, InactiveReason, Issuer},
    provisioning::Policy,
    store::Store,
    sync::{Connector, Run, RunError, RunReport, RunRequest, UserRequest, sync_user},
};
use serde_json::json;

use super::tenant::Tenant;
use crate::support::{
    clouds::ids::Sort,
    databases::{Database, databases},
    directory::{now, policy},
};

/// A tenant, and the directory that follows one of its applications.
struct Assigned<'a> {
    tenant: &'a Tenant,
    store: Store,
    directory: DirectoryId,
    connector: Arc<Connector>,
    _database: Database,
}

/// The table of a connector whose people are assigned to an application.
fn table(tenant: &Tenant, application: &str, more: &str) -> String {
    format!("{}application = \"{application}\"\n{more}", tenant.toml(&tenant.secret()))
}

/// The application id of an application.
fn application_id(tenant: &Tenant, no: u32) -> String {
    tenant.id(Sort::App, no + 1_000)
}

impl<'a> Assigned<'a> {
    async fn of(tenant: &'a Tenant, database: Database, table: &str) -> Self {
        let store = database.store.clone();
        let directory = store.ensure_connector_directory("corp", now()).await.unwrap();
        let config: ConnectorConfig = toml::from_str(table).unwrap();
        let policy = Policy { domains: Vec::new(), ..policy() };
        let source: Arc<dyn Source> = Tenant::open(table).unwrap();
        let connector = Arc::new(Connector::new(&config, directory, policy, source).unwrap());
        Self { tenant, store, directory, connector, _database: database }
    }

    async fn try_run(&self) -> Result<RunReport, RunError> {
        let request = RunRequest { apply: true, unguarded: true, ..RunRequest::default() };
        let run = Run::begin(&self.store, &Clock::System, &self.connector, &request).await?;
        run.unwrap().finish().await
    }

    async fn run(&self) -> RunReport {
        self.try_run().await.unwrap()
    }

    async fn look_at(&self, no: u32) {
        let (user, asked_by) = (self.tenant.id(Sort::User, no), "test".to_owned());
        let request = UserRequest { user, asked_by, ..UserRequest::default() };
        sync_user(&self.store, &Clock::System, &self.connector, &request).await.unwrap();
    }

    /// What the account of a user is: why it may not be used, and the role that it shows.
    async fn account(&self, no: u32) -> Option<(Option<InactiveReason>, Option<String>)> {
        let ids = [self.tenant.id(Sort::User, no)];
        let issuer = Issuer("connector:corp".to_owned());
        let named = self.store.find_usernames_by_id(self.directory, &issuer, &ids).await.unwrap();
        let (_, name) = named.into_iter().next()?;
        let users = self.store.list_users(None, 10_000).await.unwrap();
        let user = users.into_iter().find(|one| one.user.profile.username == name).unwrap().user;
        Some((user.inactive, user.profile.attributes.get("role").cloned()))
    }

    /// The numbers of those who may use their accounts.
    async fn active(&self) -> BTreeSet<u32> {
        let mut active = BTreeSet::new();
        let count = self.tenant.graph().tenant().users;
        for no in 0..count {
            if matches!(self.account(no).await, Some((None, _))) {
                active.insert(no);
            }
        }
        active
    }
}

/// Those who are assigned to the first application, and may work.
fn expected(tenant: &Tenant) -> BTreeSet<u32> {
    let tenant = tenant.graph().tenant();
    let app = &tenant.apps[0];
    let groups = app.groups.iter().filter_map(|no| tenant.group(*no));
    let by_groups = groups.flat_map(|group| group.users.iter().copied());
    let all = app.users.iter().copied().chain(by_groups);
    all.filter(|no| tenant.user(*no).is_some_and(|user| user.is_active())).collect()
}

/// Somebody who may work, is not assigned, and is in none of the groups that are.
fn stranger(tenant: &Tenant, not: &[u32]) -> u32 {
    let assigned = expected(tenant);
    let tenant = tenant.graph().tenant();
    let is_free = |no: &u32| {
        !assigned.contains(no)
            && !not.contains(no)
            && tenant.user(*no).is_some_and(|user| user.is_active())
    };
    (20..tenant.users).find(is_free).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_decide_who_comes_and_each_change_of_them_is_noticed() {
    for database in databases().await {
        let tenant = Tenant::start().await;
        let more =
            "[groups]\nsame_name = \"suffix\"\n[claims]\nattributes = { role = [\"app.roles\"] }\n";
        let table = table(&tenant, &application_id(&tenant, 0), more);
        let assigned = Assigned::of(&tenant, database, &table).await;
        assert!(assigned.run().await.dry_run);
        assigned.run().await;
        let before = expected(&tenant);
        assert!(before.len() > 12, "people and groups are assigned: {before:?}");
        assert_eq!(assigned.active().await, before);

        let direct = *before
            .iter()
            .find(|no| {
                let tenant = tenant.graph().tenant();
                let in_groups = tenant.apps[0].groups.iter().filter_map(|no| tenant.group(*no));
                in_groups.flat_map(|group| group.users.clone()).all(|user| user != **no)
            })
            .unwrap();
        let [one, other, third] = {
            let one = stranger(&tenant, &[]);
            let other = stranger(&tenant, &[one]);
            [one, other, stranger(&tenant, &[one, other])]
        };
        for change in [
            json!({ "do": "unassign", "app": 0, "member": { "user": direct } }),
            json!({ "do": "assign", "app": 0, "member": { "user": one }, "role": 1 }),
            json!({ "do": "add_members", "group": 3, "members": [{ "user": other }] }),
            // Groups in groups that are assigned are not: 4 is in 3.
            json!({ "do": "add_members", "group": 4, "members": [{ "user": third }] }),
            json!({ "do": "unassign", "app": 0, "member": { "group": 8 } }),
            json!({ "do": "assign", "app": 0, "member": { "group": 12 } }),
        ] {
            tenant.apply(change);
        }
        let report = assigned.run().await;
        assert!(!report.compared_all && !report.full, "{report:?}");
        let after = expected(&tenant);
        assert!(after != before && !after.contains(&third));
        assert_eq!(assigned.active().await, after);
        let (reason, _) = assigned.account(direct).await.unwrap();
        assert_eq!(reason, Some(InactiveReason::OutOfScope), "they are not missing");
        assert_eq!(assigned.account(one).await.unwrap().1.as_deref(), Some("Jira.Admin"));
        assert_eq!(assigned.account(other).await.unwrap().1.as_deref(), Some("Jira.User"));
        let groups = assigned.store.list_groups(None, 1000).await.unwrap();
        assert!(groups.iter().all(|group| !group.name.starts_with("Jira")), "{groups:?}");
        let nothing = assigned.run().await;
        assert!(nothing.directory.is_none(), "{nothing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_comes_or_not_by_the_same_assignments() {
    for database in databases().await {
        let tenant = Tenant::start().await;
        let more = "[claims]\nattributes = { role = [\"app.roles\"] }\n";
        // By its object id.
        let table = table(&tenant, &tenant.id(Sort::App, 0), more);
        let assigned = Assigned::of(&tenant, database, &table).await;
        assigned.run().await;
        assigned.run().await;
        let one = stranger(&tenant, &[]);
        assigned.look_at(one).await;
        assert_eq!(assigned.account(one).await, None);
        tenant.apply(json!({ "do": "add_members", "group": 4, "members": [{ "user": one }] }));
        assigned.look_at(one).await;
        assert_eq!(assigned.account(one).await, None, "the group that is assigned has another one");
        tenant.apply(json!({ "do": "add_members", "group": 3, "members": [{ "user": one }] }));
        assigned.look_at(one).await;
        assert_eq!(assigned.account(one).await, Some((None, Some("Jira.User".to_owned()))));
        tenant.apply(json!({ "do": "unassign", "app": 0, "member": { "group": 3 } }));
        assigned.look_at(one).await;
        let (reason, _) = assigned.account(one).await.unwrap();
        assert_eq!(reason, Some(InactiveReason::OutOfScope));
        // What the whole run makes of it is the same.
        assigned.run().await;
        assert_eq!(assigned.active().await, expected(&tenant));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_that_cannot_be_read_or_are_none_are_not_believed() {
    for database in databases().await {
        let tenant = Tenant::start().await;
        let table = |no| table(&tenant, &application_id(&tenant, no), "");
        let assigned = Assigned::of(&tenant, database, &table(0)).await;
        assigned.run().await;
        assigned.run().await;
        let before = assigned.active().await;
        tenant.behave(|manners| manners.granted.retain(|it| it != "Application.Read.All"));
        tenant.clouds.time.advance(7200);
        let refused = assigned.try_run().await.unwrap_err().to_string();
        assert!(refused.contains("Application.Read.All"), "{refused}");
        let probe = Tenant::open(&table(0)).unwrap().probe().await;
        let step = probe.findings.iter().find(|it| it.step == "find the application").unwrap();
        assert!(step.problem.as_ref().unwrap().contains("Application.Read.All"), "{step:?}");
        tenant.behave(|manners| manners.granted.push("Application.Read.All".to_owned()));
        tenant.clouds.time.advance(7200);
        let probe = Tenant::open(&table(0)).unwrap().probe().await;
        let step = probe.findings.iter().find(|it| it.step == "read who is assigned").unwrap();
        assert_eq!(step.problem, None);

        let all: Vec<_> = {
            let tenant = tenant.graph().tenant();
            let app = &tenant.apps[0];
            let users = app.users.iter().map(|no| json!({ "user": no }));
            users.chain(app.groups.iter().map(|no| json!({ "group": no }))).collect()
        };
        for member in all {
            tenant.apply(json!({ "do": "unassign", "app": 0, "member": member }));
        }
        let refused = assigned.try_run().await.unwrap_err().to_string();
        assert!(refused.contains("nobody come"), "{refused}");
        assert_eq!(assigned.active().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_not_there_is_named_and_one_without_roles_is_read() {
    for database in databases().await {
        let tenant = Tenant::start().await;
        let unknown = table(&tenant, &tenant.id(Sort::User, 0), "");
        let source = Tenant::open(&unknown).unwrap();
        let task = source.begin(None).tasks.pop().unwrap();
        let refused = source.fetch(&task).await.unwrap_err().to_string();
        assert!(refused.contains("connector.entra.application"), "{refused}");

        tenant.apply(json!({ "do": "assign", "app": 1, "member": { "user": 21 } }));
        let table = table(&tenant, &application_id(&tenant, 1), "");
        let assigned = Assigned::of(&tenant, database, &table).await;
        assigned.run().await;
        assigned.run().await;
        assert_eq!(assigned.active().await, BTreeSet::from([21]));
    }
}
