//! Lists of people become plans, and plans come true: all of a list or nothing, whatever fails or is killed.

use std::{
    collections::BTreeMap,
    io::Cursor,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{Change, DirectoryId, InactiveReason, NameKey, UserStep},
    provisioning::{Unlisted, plan_deactivation, plan_joining, plan_removal},
    store::{
        Applier, Chunk, NewPlan, PlanId, PlanState, Provision, Seal, Store, StoreOptions,
        StoredPlan, UserDetails,
    },
    sync::{
        Events, Format, ImportError, ImportReport, ImportRequest, go_on, import, left_plans,
        undo_plan,
    },
};

use crate::{
    cli::{configured, gatehouse, text},
    saml::Vectors,
    support::{
        databases::{Database, databases, postgres, sqlite},
        directory::{claims, edit, groups, now, policy},
        faults::Faults,
    },
};

/// One database with a directory.
pub struct House {
    pub url: String,
    /// Gone with this.
    _database: Option<Database>,
    pub store: Store,
    pub internal: DirectoryId,
}

pub async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for database in databases().await {
        houses.push(House::of(database).await);
    }
    houses
}

impl House {
    pub async fn of(database: Database) -> Self {
        let store = database.store.clone();
        let internal = store.ensure_directory("Internal", now()).await.unwrap();
        Self { url: database.options.url.clone(), _database: Some(database), store, internal }
    }

    fn request(&self) -> ImportRequest {
        ImportRequest {
            directory: self.internal,
            source: "import:list".to_owned(),
            actor: "administrator".to_owned(),
            reason: "test".to_owned(),
            format: Format::Csv,
            unlisted: Unlisted::Keep,
            leave_out: false,
            dry_run: false,
            unguarded: false,
        }
    }

    pub async fn try_import(
        &self,
        list: &str,
        change: impl FnOnce(&mut ImportRequest),
    ) -> Result<ImportReport, ImportError> {
        let mut request = self.request();
        change(&mut request);
        let list = Cursor::new(list.to_owned().into_bytes());
        import(&self.store, &Clock::System, &request, list, &Events::default()).await
    }

    pub async fn import(&self, list: &str) -> ImportReport {
        self.try_import(list, |_| {}).await.unwrap()
    }

    pub async fn go_on(&self) -> Result<(), gatehouse::store::StoreError> {
        let left = left_plans(&self.store, &Clock::System, true).await?;
        go_on(&self.store, &Clock::System, left).await
    }

    async fn log_in(&self, name: &str, said: &[&str]) {
        assert!(self.try_log_in(name, said).await);
    }

    pub async fn try_log_in(&self, name: &str, said: &[&str]) -> bool {
        let request = Provision {
            enabled_at_source: None,
            directory: self.internal,
            claims: claims("saml:corp", name, groups(said)),
            policy: policy(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        self.store.provision(&request, now()).await.is_ok()
    }

    pub async fn find(&self, name: &str) -> Option<UserDetails> {
        self.store.list_users_by_name(&NameKey::of(name)).await.unwrap().into_iter().next()
    }

    async fn memberships(&self, name: &str) -> Vec<(String, String)> {
        self.find(name).await.map_or_else(Vec::new, |details| details.memberships)
    }

    pub async fn edit(&self, name: &str, changes: impl Fn(&UserDetails) -> Vec<Change>) {
        let details = self.find(name).await.unwrap();
        edit(&self.store, &details.user, changes(&details)).await.unwrap();
    }

    /// What may not be possible at the moment.
    pub async fn try_edit(&self, name: &str, changes: impl Fn(&UserDetails) -> Vec<Change>) {
        if let Some(details) = self.find(name).await {
            let _ = edit(&self.store, &details.user, changes(&details)).await;
        }
    }

    /// Everybody with what they show and are in, and every group with its members: read in both orders,
    /// which must say the same.
    pub async fn snapshot(&self) -> Snapshot {
        let mut by_user = BTreeMap::new();
        let mut members: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for details in self.store.list_users(None, 100_000).await.unwrap() {
            let name = details.user.profile.username.clone();
            for (group, source) in &details.memberships {
                members.entry(group.clone()).or_default().push((name.clone(), source.clone()));
            }
            let shown = (details.user.profile, details.user.inactive, details.memberships);
            by_user.insert(name, format!("{shown:?}"));
        }
        let mut by_group = Vec::new();
        for group in self.store.list_groups(None, 100_000).await.unwrap() {
            let listed = self.store.list_members(group.id).await.unwrap();
            let mut listed: Vec<_> =
                listed.into_iter().map(|member| (member.username, member.source)).collect();
            listed.sort();
            let mut expected = members.remove(&group.name).unwrap_or_default();
            expected.sort();
            assert_eq!(listed, expected, "the members of {}", group.name);
            by_group.push(group.name);
        }
        assert!(members.is_empty(), "groups that are not there: {members:?}");
        (by_user, by_group)
    }
}

pub type Snapshot = (BTreeMap<String, String>, Vec<String>);

const LIST: &str = "username,email,display_name,groups\n\
    Zoe,zoe@example.com,Zoe Z,jira-users|wiki\n\
    ada,ada@example.com,Ada L,Jira-Users\n\
    bob,,,\n";

fn membership(group: &str, source: &str) -> (String, String) {
    (group.to_owned(), source.to_owned())
}

#[tokio::test]
async fn a_list_comes_true_and_then_changes_nothing() {
    for house in houses().await {
        let report = house.import(LIST).await;
        assert_eq!((report.rows, report.size.created, report.size.joined), (3, 3, 3));
        assert_eq!(report.size.groups, 2, "two spellings are one group");
        let zoe = house.find("zoe").await.unwrap();
        assert_eq!(zoe.user.profile.email.as_deref(), Some("zoe@example.com"));
        let by = "import:list";
        assert_eq!(zoe.memberships, [membership("jira-users", by), membership("wiki", by)]);
        house.snapshot().await;

        let again = house.import(LIST).await;
        assert_eq!((again.plan, again.unchanged), (None, 3));
        // Other columns are none of this list's business, and the order of rows is nobody's.
        let other =
            house.import("groups;USERNAME\nwiki|jira-users;ZOE\n;BOB\njira-users;ADA").await;
        assert_eq!((other.plan, other.unchanged), (None, 3));
    }
}

#[tokio::test]
async fn a_list_changes_what_it_says_and_nothing_that_others_gave() {
    for house in houses().await {
        house.import(LIST).await;
        house.edit("zoe", |_| vec![plan_joining("wiki")]).await;
        house.log_in("carl", &["wiki"]).await;
        let report = house
            .import("username,email,active,groups\nzoe,new@example.com,,jira-users\nada,,no,jira-users\n")
            .await;
        assert_eq!((report.size.updated, report.size.deactivated, report.size.left), (1, 1, 1));
        let zoe = house.find("zoe").await.unwrap();
        assert_eq!(zoe.user.profile.display_name.as_deref(), Some("Zoe Z"), "was not said");
        let expected = [membership("jira-users", "import:list"), membership("wiki", "manual")];
        assert_eq!(zoe.memberships, expected);
        let ada = house.find("ada").await.unwrap().user;
        assert_eq!(ada.inactive, Some(InactiveReason::DisabledAtSource));
        assert_eq!(house.memberships("carl").await, [membership("wiki", "jit:saml:corp")]);
        house.snapshot().await;
    }
}

#[tokio::test]
async fn who_is_not_listed_stays_or_is_out_and_comes_back() {
    for house in houses().await {
        house.import(LIST).await;
        let shorter = "username,groups\nzoe,jira-users|wiki\n";
        assert_eq!(house.import(shorter).await.plan, None);
        let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;
        let report = house.try_import(shorter, end).await.unwrap();
        assert_eq!((report.size.deactivated, report.size.left, report.held), (2, 1, None));
        let ada = house.find("ada").await.unwrap();
        assert_eq!(ada.user.inactive, Some(InactiveReason::MissingAtSource));
        assert_eq!(ada.memberships, []);
        let report = house.import(LIST).await;
        assert_eq!((report.size.updated, report.size.joined), (2, 1));
        assert_eq!(house.find("ada").await.unwrap().user.inactive, None);

        let nobody = house.try_import("username\n", end).await;
        assert!(matches!(nobody, Err(ImportError::Nobody)));
    }
}

/// A list of so many people in the same groups.
fn list_of_many(count: usize, groups: &str) -> String {
    let row = |number| format!("user{number},{groups}");
    let rows: Vec<_> =
        ["username,groups".to_owned()].into_iter().chain((0..count).map(row)).collect();
    rows.join("\n") + "\n"
}

#[tokio::test]
async fn a_directory_of_several_pages_is_read_to_its_end() {
    for house in houses().await {
        let list = list_of_many(2500, "all");
        assert_eq!(house.import(&list).await.size.created, 2500);
        let again = house.import(&list).await;
        assert_eq!((again.plan, again.unchanged), (None, 2500));
        // Who comes last is not in the list, and neither is who comes first.
        let less = list.replace("user0,all\n", "").replace("user999,all\n", "");
        let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;
        let ended = house.try_import(&less, end).await.unwrap();
        assert_eq!((ended.size.deactivated, ended.size.left, ended.unchanged), (2, 2, 2498));
    }
}

#[tokio::test]
async fn two_who_take_up_the_same_plan_apply_each_part_once() {
    for house in houses().await {
        let faults = Faults::plant(&house.url).await;
        let list = list_of_many(1200, "all|some");
        let mut n = 1;
        let sealed = loop {
            faults.fail_at(n).await;
            assert!(house.try_import(&list, |_| {}).await.is_err());
            faults.fail_at(0).await;
            let open = house.store.list_open_plans().await.unwrap();
            if let Some(plan) = open.iter().find(|plan| plan.state == PlanState::Sealed) {
                break plan.clone();
            }
            house.go_on().await.unwrap();
            n += 1;
        };
        assert!(sealed.chunks > 3, "{sealed:?}");
        let (one, other) = tokio::join!(house.go_on(), house.go_on());
        one.unwrap();
        other.unwrap();
        let logged = house.store.list_changes(0, 1000).await.unwrap();
        let numbers = logged.into_iter().filter_map(|logged| match logged.change {
            Change::Chunk { number, .. } => Some(number),
            _ => None,
        });
        let numbers: Vec<_> = numbers.collect();
        assert!(numbers.len() > 3 && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(house.store.list_users(None, 10_000).await.unwrap().len(), 1200);
        house.snapshot().await;
    }
}

#[tokio::test]
async fn attributes_are_kept_changed_and_taken_back() {
    for house in houses().await {
        let room = async |name: &str| {
            let user = house.find(name).await?.user;
            user.profile.attributes.get("room").cloned()
        };
        house.import("username,attributes.room,attributes.floor\nzoe,7,\nada,,2\n").await;
        let (zoe, ada) = (room("zoe").await, room("ada").await);
        assert_eq!((zoe.as_deref(), ada), (Some("7"), None));
        let names = house.store.list_attribute_names(house.internal).await.unwrap();
        assert_eq!(names, ["floor", "room"]);

        let again = house.import("username,attributes.room\nzoe,7\nada,\n").await;
        assert_eq!((again.plan, again.unchanged), (None, 2));
        let before = house.snapshot().await;
        let moved = house.import("username,attributes.room\nzoe,8\n").await;
        assert_eq!((moved.size.updated, room("zoe").await.as_deref()), (1, Some("8")));
        let plan = house.store.list_plans(1).await.unwrap().remove(0);
        assert_eq!(plan.batch, moved.batch);
        undo_plan(&house.store, &Clock::System, &plan, "admin", false).await.unwrap();
        assert_eq!(house.snapshot().await, before);

        // A login says it too, once with an account that is there and once with a new one.
        for (name, said) in [("zoe", "9"), ("new", "1")] {
            let mut claims =
                claims("saml:corp", name, gatehouse::provisioning::GroupClaim::NotAsked);
            claims.profile.attributes.insert("room".to_owned(), said.to_owned());
            let request = Provision {
                enabled_at_source: None,
                directory: house.internal,
                claims,
                policy: gatehouse::provisioning::Policy {
                    link_existing: gatehouse::config::LinkExisting::Username,
                    ..policy()
                },
                actor: "login".to_owned(),
                reason: "trace".to_owned(),
            };
            house.store.provision(&request, now()).await.unwrap();
            assert_eq!(room(name).await.as_deref(), Some(said));
        }
        let refused = house.try_import("username,attributes.a b\nzoe,1\n", |_| {}).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with("line 2, attributes.a b: cannot be used"), "{refused}");
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_can_be_looked_at() {
    for house in houses().await {
        let before = house.snapshot().await;
        let report = house.try_import(LIST, |request| request.dry_run = true).await.unwrap();
        assert_eq!((report.size.created, report.batch), (3, None));
        assert_eq!(house.snapshot().await, before);
        let plan = PlanId(report.plan.unwrap());
        let stored = house.store.find_plan(plan).await.unwrap().unwrap();
        assert_eq!(stored.state, PlanState::DryRun);
        house.go_on().await.unwrap();
        assert_eq!(house.snapshot().await, before, "a dry run is never taken up");
        let real = house.import(LIST).await;
        assert_eq!(real.size, report.size, "a dry run is what the real one does");
    }
}

#[tokio::test]
async fn bad_rows_are_all_named_and_nothing_is_applied() {
    for house in houses().await {
        let before = house.snapshot().await;
        let list = "username,active\nada,yes\n\"\",yes\nbob,maybe\nzoe,yes,no\n";
        let problems = house.try_import(list, |_| {}).await.unwrap_err().to_string();
        for (line, part) in problems.lines().zip(["line 3, username", "line 4, active", "line 5"]) {
            assert!(line.starts_with(part), "{problems}");
        }
        let twice = house.try_import("username\nada\nbob\nADA\n", |_| {}).await.unwrap_err();
        assert!(
            twice.to_string().contains("line 4, username: \"ADA\" is in the list twice"),
            "{twice}"
        );
        assert_eq!(house.snapshot().await, before);
        assert!(house.store.list_open_plans().await.unwrap().is_empty());

        let (sender, mut rejected) = tokio::sync::mpsc::channel(100);
        let request = ImportRequest { leave_out: true, ..house.request() };
        let list = Cursor::new(format!("{list}ADA,no\n").into_bytes());
        let events = Events::to(sender);
        let report = import(&house.store, &Clock::System, &request, list, &events).await.unwrap();
        drop(events);
        assert_eq!((report.rejected, report.size.created), (4, 1));
        let mut rows = Vec::new();
        while let Some(event) = rejected.recv().await {
            if let gatehouse::sync::Event::Rejected(row) = event {
                rows.push((row.line, row.row));
            }
        }
        let expected = [(3, ",yes"), (4, "bob,maybe"), (5, "zoe,yes,no"), (6, "ADA")];
        assert_eq!(rows, expected.map(|(line, row)| (line, row.to_owned())));
    }
}

#[tokio::test]
async fn the_name_of_a_removed_person_is_not_given_away() {
    for house in houses().await {
        house.log_in("ada", &[]).await;
        house.edit("ada", |details| plan_removal(&details.user, &details.memberships)).await;
        let refused = house.try_import(LIST, |_| {}).await.unwrap_err().to_string();
        assert!(refused.contains("line 3") && refused.contains("user release"), "{refused}");
        assert!(house.find("zoe").await.is_none());
    }
}

#[tokio::test]
async fn an_import_can_be_undone_and_that_too() {
    for house in houses().await {
        house.log_in("ada", &["wiki"]).await;
        let before = house.snapshot().await;
        let report = house.import(LIST).await;
        let after = house.snapshot().await;
        let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;
        let ended = house.try_import("username,groups\nada,\n", end).await.unwrap();
        assert_ne!(house.snapshot().await, after);

        for (plan, expected) in [(ended.plan, &after), (report.plan, &before)] {
            let plan = house.store.find_plan(PlanId(plan.unwrap())).await.unwrap().unwrap();
            let (size, _) =
                undo_plan(&house.store, &Clock::System, &plan, "admin", true).await.unwrap();
            let (real, applied) =
                undo_plan(&house.store, &Clock::System, &plan, "admin", false).await.unwrap();
            assert_eq!((size, applied.skipped), (real, 0));
            assert_eq!(house.snapshot().await, *expected);
        }
        // The undoing of the import is a plan too.
        let undoing = house.store.list_plans(1).await.unwrap().remove(0);
        undo_plan(&house.store, &Clock::System, &undoing, "admin", false).await.unwrap();
        assert_eq!(house.snapshot().await, after);
    }
}

#[tokio::test]
async fn a_later_list_replaces_what_waits_also_if_it_changes_nothing() {
    for house in houses().await {
        let list = |count: usize| {
            let rows = (0..count).map(|number| format!("user{number}\n"));
            format!("username\n{}", rows.collect::<String>())
        };
        let import = async |count, dry_run| {
            let change = |request: &mut ImportRequest| {
                (request.unlisted, request.dry_run) = (Unlisted::Deactivate, dry_run);
            };
            house.try_import(&list(count), change).await.unwrap()
        };
        import(40, false).await;
        assert!(import(5, false).await.held.is_some());
        let open = async || house.store.list_open_plans().await.unwrap().len();
        assert_eq!(import(40, true).await.plan, None);
        assert_eq!(open().await, 1, "somebody has only looked");
        assert_eq!(import(40, false).await.plan, None);
        assert_eq!(open().await, 0);
    }
}

/// A plan that takes back what a plan of one chunk of accounts has done, ready to be applied; and its chunk.
async fn undoing(house: &House, undone: &StoredPlan) -> (PlanId, Chunk) {
    let new = NewPlan {
        directory: house.internal,
        source: "import:list".to_owned(),
        actor: "admin".to_owned(),
        reason: "test".to_owned(),
        undoes: undone.batch,
    };
    let plan = house.store.begin_plan(new, now()).await.unwrap();
    let packed = house.store.find_chunk(undone.id, 0).await.unwrap();
    let Chunk::Users(steps) = Chunk::unpack(&packed).unwrap() else {
        panic!("it began with something else than accounts");
    };
    let chunk = Chunk::Endings(steps.iter().map(UserStep::inverse).collect());
    house.store.add_chunk(plan, 0, chunk.pack().unwrap(), now()).await.unwrap();
    let seal = Seal { chunks: 1, first_ending: 0, ..Seal::default() };
    house.store.seal_plan(plan, seal, now()).await.unwrap();
    (plan, chunk)
}

/// A plan from long ago has the whole log behind it: what others have done since is read while everybody else
/// can write, and not in the transaction that they wait for.
#[tokio::test]
async fn what_was_logged_since_a_plan_is_read_before_it_is_undone() {
    for house in houses().await {
        house.import("username,email\nann,ann@example.com\nben,ben@example.com\n").await;
        let undone = house.store.list_plans(1).await.unwrap().remove(0);
        house.edit("ann", |ann| plan_deactivation(&ann.user)).await;
        let (plan, chunk) = undoing(&house, &undone).await;
        let applier = Applier::take_up(&house.store, plan).await.unwrap();
        // Nothing of it is read once more.
        house.store.delete_changes_before(Clock::System.now() + TimeDelta::days(1)).await.unwrap();
        let applier = house.store.apply_chunk(applier, chunk, now()).await.unwrap();
        assert_eq!(applier.skipped(), 1);
        assert!(house.find("ann").await.is_some(), "somebody has changed her since");
        assert!(house.find("ben").await.is_none());
    }
}

#[tokio::test]
async fn undoing_an_import_leaves_alone_whom_a_later_one_has_changed() {
    for house in houses().await {
        let list = async |rows: &str| house.import(&format!("username,email,groups\n{rows}")).await;
        list("bob,bob@example.com,tea\nada,ada@example.com,\n").await;
        let left = list("bob,bob@example.org,\nada,ada@example.org,\n").await;
        list("bob,bob@example.net,tea\nada,ada@example.org,\n").await;
        let plan = house.store.find_plan(PlanId(left.plan.unwrap())).await.unwrap().unwrap();
        let undone = undo_plan(&house.store, &Clock::System, &plan, "admin", false).await;
        let (_, applied) = undone.unwrap();
        let email = async |name: &str| house.find(name).await.unwrap().user.profile.email;
        assert_eq!(email("bob").await.as_deref(), Some("bob@example.net"));
        assert_eq!(
            email("ada").await.as_deref(),
            Some("ada@example.com"),
            "nobody else changed her"
        );
        assert_eq!(applied.skipped, 1);
        // What cannot be applied would be tried again for ever.
        assert!(house.store.list_open_plans().await.unwrap().is_empty());
    }
}

fn many(count: usize, changed: impl Fn(usize) -> Option<String>) -> String {
    let row = |user: usize| changed(user).map(|rest| format!("user{user:05},{rest}\n"));
    let rows: String = (0..count).filter_map(row).collect();
    format!("username,groups\n{rows}")
}

#[tokio::test]
async fn a_list_that_takes_away_too_much_waits_for_an_administrator() {
    for house in houses().await {
        house.import(&many(100, |_| Some("a|b".to_owned()))).await;
        let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;
        let half = many(100, |user| (user % 2 == 0).then(|| "a|b|c".to_owned()));
        let report = house.try_import(&half, end).await.unwrap();
        let held = report.held.unwrap();
        assert!(held.contains("50 of 100 users"), "{held}");
        assert_eq!(house.find("user00001").await.unwrap().user.inactive, None);
        let by = "import:list";
        let added = ["a", "b", "c"].map(|group| membership(group, by));
        assert_eq!(house.memberships("user00000").await, added, "what it adds does not wait");

        house.go_on().await.unwrap();
        assert_eq!(house.find("user00001").await.unwrap().user.inactive, None, "still waits");
        let plan = PlanId(report.plan.unwrap());
        house.store.approve_plan(plan, now()).await.unwrap();
        house.go_on().await.unwrap();
        let ended = house.find("user00001").await.unwrap();
        assert_eq!(ended.user.inactive, Some(InactiveReason::MissingAtSource));
        assert_eq!(house.store.find_plan(plan).await.unwrap().unwrap().state, PlanState::Applied);
        house.snapshot().await;

        // A later list has looked later: what an earlier one would still take away is forgotten.
        let few = many(100, |user| (user < 10).then(|| "a|b|c".to_owned()));
        let waiting = house.try_import(&few, end).await.unwrap();
        let waiting = PlanId(waiting.plan.unwrap());
        house.import(&many(10, |_| Some("a|b|c|d".to_owned()))).await;
        let state = house.store.find_plan(waiting).await.unwrap().unwrap().state;
        assert_eq!(state, PlanState::Discarded);
        assert!(house.store.approve_plan(waiting, now()).await.is_err());
        let unguarded = |request: &mut ImportRequest| {
            request.unlisted = Unlisted::Deactivate;
            request.unguarded = true;
        };
        let report = house.try_import(&few, unguarded).await.unwrap();
        assert_eq!((report.held, report.size.deactivated), (None, 45));
    }
}

/// What an import makes of a database on which nothing fails.
async fn undisturbed(first: &str, second: &str) -> Snapshot {
    let house = House::of(sqlite().await).await;
    house.import(first).await;
    let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;
    house.try_import(second, end).await.unwrap();
    house.snapshot().await
}

#[tokio::test]
async fn a_failure_at_every_write_of_an_import_loses_nothing_and_decides_nothing_by_half() {
    let second = "username,email,groups\nada,other@example.com,wiki|new\ncarl,,new\nzoe,,wiki\n";
    let expected = undisturbed(LIST, second).await;
    for house in houses().await {
        house.import(LIST).await;
        let before = house.snapshot().await;
        let faults = Faults::plant(&house.url).await;
        let end = |request: &mut ImportRequest| request.unlisted = Unlisted::Deactivate;

        // Until the seal a failure leaves nothing behind; after it, all comes true.
        let (mut refused, mut n) = (0, 0);
        let sealed = loop {
            n += 1;
            faults.fail_at(n).await;
            let outcome = house.try_import(second, end).await;
            faults.fail_at(0).await;
            let open = house.store.list_open_plans().await.unwrap();
            if open.iter().any(|plan| plan.state == PlanState::Sealed) {
                assert!(outcome.is_err());
                break open[0].id;
            }
            assert!(outcome.is_err(), "a write failed, and nobody noticed");
            assert_eq!(house.snapshot().await, before);
            house.go_on().await.unwrap();
            refused += 1;
        };
        assert!(refused >= 5, "{refused}");

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
            // Each chunk is applied once, and whole.
            let plan = house.store.find_plan(sealed).await.unwrap().unwrap();
            assert_eq!(plan.state, PlanState::Sealed);
            if plan.next_chunk == 0 {
                assert_eq!(house.snapshot().await, before);
            }
        }
        assert!(failures >= 10, "{failures}");
        assert_eq!(house.snapshot().await, expected);
    }
}

#[tokio::test]
async fn what_others_change_while_a_plan_waits_stays() {
    for house in houses().await {
        house.import("username,email,groups\nada,,wiki\nbob,,wiki\nold,,gone\nidle,,wiki\n").await;
        house.import("username,groups\nold,\n").await;
        let faults = Faults::plant(&house.url).await;
        // The plan is sealed, and its first chunk fails.
        let list = "username,email,groups\n\
            ada,ada@example.com,wiki|jira\nbob,bob@example.com,jira\nnew,,jira\nidle,,gone|jira\n";
        let mut n = 1;
        loop {
            faults.fail_at(n).await;
            assert!(house.try_import(list, |_| {}).await.is_err());
            faults.fail_at(0).await;
            let open = house.store.list_open_plans().await.unwrap();
            if open.iter().any(|plan| plan.state == PlanState::Sealed) {
                break;
            }
            house.go_on().await.unwrap();
            n += 1;
        }
        // Meanwhile: somebody comes by that name, somebody is blocked, a group comes and one goes.
        house.log_in("new", &["jira"]).await;
        house.edit("ada", |details| plan_deactivation(&details.user)).await;
        let group = house.store.list_groups(Some(&NameKey::of("gone")), 1).await.unwrap().remove(0);
        let remove = Change::RemoveGroup { group: group.name };
        let somebody = house.find("bob").await.unwrap().user;
        edit(&house.store, &somebody, vec![remove]).await.unwrap();

        house.go_on().await.unwrap();
        let ada = house.find("ada").await.unwrap();
        assert_eq!(ada.user.inactive, Some(InactiveReason::AdminBlock));
        assert_eq!(ada.user.profile.email, None, "left as it is");
        let by = "import:list";
        assert_eq!(ada.memberships, [membership("wiki", by)]);
        assert_eq!(house.memberships("new").await, [membership("jira", "jit:saml:corp")]);
        let idle = house.memberships("idle").await;
        assert_eq!(idle, [membership("jira", by)], "and of the group that is gone, nothing");
        house.snapshot().await;
        // The next list sees it as it is.
        let report = house.import(list).await;
        assert_eq!((report.size.updated, report.skipped), (1, 0));
        house.snapshot().await;
        assert_eq!(house.import(list).await.plan, None);
    }
}

#[tokio::test]
async fn two_lists_at_once_wait_for_each_other() {
    for house in houses().await {
        let long = many(3000, |_| Some("a".to_owned()));
        let (one, other) = tokio::join!(house.try_import(&long, |_| {}), async {
            let mut refused = 0;
            loop {
                match house.try_import("username\nx\n", |_| {}).await {
                    Ok(report) if report.size.created == 1 && refused > 0 => break refused,
                    // It came before the other one.
                    Ok(_) => refused += 1,
                    Err(ImportError::Plan(error)) => {
                        assert!(error.to_string().contains("plan list"), "{error}");
                        refused += 1;
                    }
                    Err(error) => match error.to_string() {
                        text if text.contains("plan list") => refused += 1,
                        text => panic!("{text}"),
                    },
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                if refused > 2000 {
                    break refused;
                }
            }
        });
        // One of them may have been refused outright, and says so.
        assert!(one.is_ok() || one.unwrap_err().to_string().contains("plan list"));
        assert!(other > 0);
        house.snapshot().await;
    }
}

/// Imports with the command line, and kills it after a while; says whether it was still running.
fn import_and_kill(config: &str, list: &Path, after: Option<Duration>) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .args(["--config", config, "import", "--unlisted", "deactivate", "--unguarded"])
        .arg(list)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let Some(after) = after else {
        assert!(child.wait().unwrap().success());
        return false;
    };
    std::thread::sleep(after);
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

#[tokio::test]
async fn an_import_that_is_killed_is_finished_or_was_never_begun() {
    const USERS: usize = 1000;
    const KILLS: u32 = 10;
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let text = std::fs::read_to_string(&config).unwrap();
    let own = text.lines().find(|line| line.contains("url = \"sqlite:")).unwrap();
    let mut all = vec![own.trim().trim_start_matches("url = ").trim_matches('"').to_owned()];
    let shared = postgres().await;
    all.extend(shared.as_ref().map(|database| database.options.url.clone()));
    for url in all {
        std::fs::write(&config, text.replace(own, &format!("url = \"{url}\""))).unwrap();
        let options = &StoreOptions { url, password: None };
        let (mut killed, mut state) = (0, [0, 0]);
        let mut takes = Duration::ZERO;
        // The first is let live, and says how long it takes.
        for round in 0..=KILLS {
            let group = format!("round-{round}");
            let list = vectors.path().join("list.csv");
            std::fs::write(&list, many(USERS, |_| Some(group.clone()))).unwrap();
            let (begun, after) = (Instant::now(), takes * round / (KILLS + 1));
            killed += u32::from(import_and_kill(&config, &list, (round > 0).then_some(after)));
            if round == 0 {
                takes = begun.elapsed();
            }

            let store = Store::open(options).await.unwrap();
            let left = left_plans(&store, &Clock::System, true).await.unwrap();
            go_on(&store, &Clock::System, left).await.unwrap();
            let internal = store.ensure_directory("Internal", now()).await.unwrap();
            let house = House { url: options.url.clone(), store, internal, _database: None };
            let (users, _) = house.snapshot().await;
            assert!(users.is_empty() || users.len() == USERS, "{}", users.len());
            // Everybody is in the group of this round, or everybody in that of a round before.
            let in_it = users.values().filter(|user| user.contains(&group)).count();
            assert!(in_it == 0 || in_it == USERS, "{in_it}");
            state[usize::from(in_it == USERS)] += 1;
            house.store.close().await;
        }
        assert!(killed >= 5, "only {killed} were killed in time");
        eprintln!("killed {killed} of {KILLS}; never begun and finished: {state:?}");
    }
}

#[test]
fn the_command_line_imports_exports_and_undoes() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let run = |arguments: &[&str]| {
        let arguments = [&["--config", &config], arguments].concat();
        let output = gatehouse(&arguments);
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let file = |name: &str| vectors.path().join(name).display().to_string();
    let list = file("people.csv");
    std::fs::write(&list, LIST).unwrap();
    let (code, said, problems) = run(&["import", &list, "--dry-run"]);
    assert_eq!((code, problems.as_str()), (0, ""), "{said}");
    assert!(
        said.contains("would change: 2 groups, 3 users created, 3 memberships begun"),
        "{said}"
    );
    let (_, said, _) = run(&["plan", "show", "1"]);
    assert!(said.contains("ada: create the user \"ada\""), "{said}");
    assert!(said.contains("ada: join \"jira-users\" by import:list"), "{said}");
    let (code, said, _) = run(&["import", &list]);
    assert!(code == 0 && said.contains("changes undo 1"), "{said}");

    let (_, csv, _) = run(&["export"]);
    assert!(csv.contains("\r\nZoe,zoe@example.com,Zoe Z,,,true,jira-users|wiki\r\n"), "{csv}");
    for format in ["csv", "json"] {
        let exported = file(&format!("export.{format}"));
        let (code, ..) = run(&["export", "--format", format, "--output", &exported]);
        assert_eq!(code, 0);
        let (code, said, problems) = run(&["import", &exported]);
        assert_eq!(code, 0, "{problems}");
        assert!(said.contains("3 unchanged") && said.contains("changed: nothing"), "{said}");
        let (code, _, problems) = run(&["export", "--output", &exported]);
        assert!(code == 1 && problems.contains("File exists"), "{problems}");
    }

    std::fs::write(&list, "username,active\nzoe,yes\nada,perhaps\n").unwrap();
    let (code, _, problems) = run(&["import", &list]);
    let expected = format!("{list}: line 3, active: \"perhaps\" is neither true nor false\n");
    assert_eq!((code, problems), (1, expected));
    let bad = file("bad.csv");
    let (code, said, _) = run(&["import", &list, "--continue-on-error", &bad]);
    assert!(code == 0 && said.contains("1 left out"), "{said}");
    assert_eq!(std::fs::read_to_string(&bad).unwrap(), "username,active\nada,perhaps\n");

    std::fs::write(&list, "username,attributes.room\nzoe,B 7\n").unwrap();
    let (_, said, _) = run(&["import", &list]);
    let batch = said.split("changes undo ").nth(1).unwrap().split('`').next().unwrap();
    let (_, shown, _) = run(&["user", "show", "zoe"]);
    assert!(shown.contains("attribute     room \"B 7\""), "{shown}");
    for format in ["csv", "json"] {
        let exported = file(&format!("rooms.{format}"));
        run(&["export", "--format", format, "--output", &exported]);
        let written = std::fs::read_to_string(&exported).unwrap();
        assert!(written.contains("B 7"), "{written}");
        let (_, said, problems) = run(&["import", &exported]);
        assert!(said.contains("changed: nothing"), "{said} {problems}");
    }
    run(&["changes", "undo", batch]);

    let (code, said, problems) = run(&["changes", "undo", "1"]);
    assert!(code == 0 && said.contains("3 users removed"), "{said} {problems}");
    let (_, csv, _) = run(&["export"]);
    assert_eq!(csv.lines().count(), 1, "{csv}");
    let (code, _, problems) = run(&["import", &file("nobody.csv")]);
    assert!(code == 1 && problems.contains("nobody.csv: No such file"), "{problems}");
    let (code, _, problems) = run(&["import", &list, "--directory", "Nowhere"]);
    assert!(code == 1 && problems.contains("directory \"Nowhere\""), "{problems}");
}
