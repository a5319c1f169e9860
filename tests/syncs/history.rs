//! What is remembered of runs, and given out.

use std::collections::BTreeSet;

use gatehouse::{
    admin::{RunNumbers, RunView},
    sync::{ChangeState, PlanChange, RunFormat, RunRecord, RunReport, export_run, sync_user},
};

use super::{Way, World, look_at, user, worlds};

async fn history(world: &World) -> Vec<RunView> {
    let id = world.store.ensure_connector("cloud").await.unwrap();
    let runs = world.store.list_all_runs(id, 100).await.unwrap();
    runs.into_iter().map(RunView::from).collect()
}

async fn exported(world: &World, report: &RunReport, format: RunFormat) -> String {
    let (sender, mut pieces) = tokio::sync::mpsc::channel(4);
    let written = async move {
        export_run(&world.store, report, format, usize::MAX, &sender).await.unwrap();
    };
    let read = async {
        let mut text = String::new();
        while let Some(piece) = pieces.recv().await {
            text += &piece.unwrap();
        }
        text
    };
    tokio::join!(written, read).1
}

async fn changes(world: &World, report: &RunReport) -> Vec<PlanChange> {
    let text = exported(world, report, RunFormat::Ndjson).await;
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let change = |record| if let RunRecord::Change(change) = record { Some(*change) } else { None };
    records.filter_map(change).collect()
}

#[tokio::test]
async fn looks_at_one_user_are_among_the_runs_and_disturb_no_schedule() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.set("ada", "displayName", "Countess");
        let connector = world.connector();
        let looked =
            sync_user(&world.store, &world.clock, &connector, &look_at("ada")).await.unwrap();
        let all = history(&world).await;
        let kinds: Vec<_> = all.iter().map(|run| run.kind.as_str()).collect();
        assert_eq!(kinds, ["user", "changes", "everything"]);
        let one = &all[0];
        assert_eq!((one.user.as_deref(), one.asked_by.as_str()), (Some("ada"), "test"));
        assert_eq!((one.id, one.numbers.as_ref().unwrap().users_updated), (looked.run, 1));
        assert!(one.ended_at.is_some() && !one.dry_run && all[2].dry_run);
        let told = changes(&world, one.report.as_ref().unwrap()).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].after["display_name"], "Countess");
        // Neither a user who cannot be found nor one who is found is the last run.
        assert!(
            sync_user(&world.store, &world.clock, &connector, &look_at("nobody")).await.is_err()
        );
        assert_eq!(history(&world).await.len(), 3);
        assert_eq!(world.last_run().await.id.0, all[1].id);
    }
}

#[tokio::test]
async fn c27_a_run_is_counted_and_told_change_by_change_with_reasons_apart() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[users]\nmembers_of = [\"id:g1\", \"wiki\"]");
        world.begin().await;
        world.organisation.disable("ada");
        world.organisation.leave("g1", &user("bob"));
        world.organisation.fire("cleo");
        world.organisation.set("dan", "userPrincipalName", "daniel@example.com");
        world.organisation.found("g1", "jira-people");
        world.organisation.join_users("g2", &["eve"]);
        let report = world.try_run(|request| request.unguarded = true).await.unwrap();
        let numbers = RunNumbers::of(&report);
        assert_eq!((numbers.users_added, numbers.users_renamed), (1, 1), "{numbers:?}");
        let ended = &numbers.users_deactivated;
        let ended = [ended.disabled_at_source, ended.out_of_scope, ended.missing_at_source];
        assert_eq!(ended, [1, 1, 1], "{numbers:?}");
        assert_eq!((numbers.groups_renamed, numbers.memberships_begun), (1, 1), "{numbers:?}");
        assert!(numbers.memberships_ended >= 2 && numbers.pages > 0, "{numbers:?}");

        let told = changes(&world, &report).await;
        let reason = |name: &str| {
            let ends = told
                .iter()
                .find(|one| one.change == "deactivate_user" && one.user.as_deref() == Some(name));
            ends.unwrap().reason.unwrap().as_str()
        };
        assert_eq!(reason("ada@example.com"), "disabled_at_source");
        assert_eq!(reason("bob@example.com"), "out_of_scope");
        assert_eq!(reason("cleo@example.com"), "missing_at_source");
        let renamed = told.iter().find(|one| one.change == "rename_user").unwrap();
        assert_eq!(renamed.before["username"], "dan@example.com");
        assert_eq!(renamed.after["username"], "daniel@example.com");
        let group = told.iter().find(|one| one.change == "rename_group").unwrap();
        assert_eq!([&group.before["name"], &group.after["name"]], ["jira-users", "jira-people"]);
        assert!(told.iter().all(|one| one.state == ChangeState::Done), "{told:?}");
        // Who only leaves a group is called by name too.
        let leaves = told.iter().filter(|one| one.change == "remove_membership");
        let leaving: BTreeSet<_> = leaves.filter_map(|one| one.user.as_deref()).collect();
        assert!(leaving.contains("bob@example.com"), "{told:?}");
    }
}

#[tokio::test]
async fn an_export_is_whole_in_each_format_and_no_formula_for_spreadsheets() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\"]");
        world.organisation.set("ada", "displayName", "=HYPERLINK(\"http://x\")");
        world.organisation.found("g1", "@SUM(A1)");
        // Where semicolons end cells, this would be two.
        world.organisation.found("g2", "wiki;=SUM(A1)");
        world.organisation.hire("fay", |person| drop(person.attributes.remove("mail")));
        let looked = world.run().await;
        let csv = exported(&world, &looked, RunFormat::Csv).await;
        let header = csv.lines().next().unwrap();
        assert!(header.trim_start_matches('\u{feff}').starts_with("record,user,group"), "{header}");
        assert!(csv.contains(",'@SUM(A1),") && !csv.contains(",@SUM"), "{csv}");
        assert!(csv.contains("wiki;'=SUM(A1)") && !csv.contains(";=SUM"), "{csv}");
        assert!(csv.contains("conflict,,,fay,") && csv.contains(",would,"), "{csv}");
        let json = exported(&world, &looked, RunFormat::Json).await;
        let all: Vec<RunRecord> = serde_json::from_str(&json).unwrap();
        assert_eq!(all.len(), csv.lines().count() - 1);
        assert!(matches!(&all[0], RunRecord::Conflict { external_id, .. } if external_id == "fay"));
        let creates = all.iter().filter(
            |record| matches!(record, RunRecord::Change(change) if change.change == "create_user"),
        );
        assert_eq!(creates.count(), 5);
        // Of a run whose plan is not kept, that is said.
        let mut forgotten = looked.clone();
        forgotten.directory.as_mut().unwrap().list.plan = Some(999_999);
        let text = exported(&world, &forgotten, RunFormat::Ndjson).await;
        assert!(text.contains("is not kept any more"), "{text}");
    }
}

#[tokio::test]
async fn what_waits_for_an_administrator_is_told_as_waiting() {
    let world = World::of(crate::support::databases::sqlite().await, Way::Changes).await;
    world.organisation.hire_forty("g2");
    world.begin().await;
    for number in 0..30 {
        world.organisation.fire(&format!("u{number}"));
    }
    world.organisation.hire("new", |_| {});
    let held = world.run().await;
    assert!(held.directory.as_ref().unwrap().list.held.is_some(), "{held:?}");
    let told = changes(&world, &held).await;
    let of = |change: &str| {
        let states = told.iter().filter(|one| one.change == change).map(|one| one.state);
        states.collect::<Vec<_>>()
    };
    assert_eq!(of("create_user"), [ChangeState::Done]);
    assert_eq!(of("deactivate_user"), [ChangeState::Waits; 30]);
}
