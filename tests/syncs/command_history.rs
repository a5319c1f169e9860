//! `gatehouse sync history`, `undo`, `preview` and `--retry`, as an administrator types them.

use serde_json::{Value, json};

use super::command_line::House;

/// The number of the latest run.
fn latest(house: &House) -> String {
    let history = house.good(&["sync", "history", "entra"]);
    history.lines().next().unwrap().split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_written_for_spreadsheets_and_taken_back() {
    let house = House::build().await;
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let run = latest(&house);
    let shown = house.good(&["sync", "history", "entra", &run, "--limit", "500"]);
    for expected in [
        "users created",
        "200 seen",
        "deactivated: 0 disabled_at_source, 0 out_of_scope, 0 missing_at_source",
        "pauses; reading",
        "done      ",
        "create the group",
    ] {
        assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.csv");
    let file = file.to_str().unwrap();
    house.good(&["sync", "history", "entra", &run, "--export", "csv", "--output", file]);
    let csv = std::fs::read_to_string(file).unwrap();
    assert!(csv.contains("create_user") && csv.lines().count() > 200, "{csv}");
    let (code, _, said) =
        house.run(&["sync", "history", "entra", &run, "--export", "csv", "--output", file]);
    assert!(code == 1 && said.contains("run.csv"), "a file is never overwritten: {said}");
    let json = house.good(&["sync", "history", "entra", &run, "--export", "json"]);
    let all: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(all.len(), csv.lines().count() - 1);
    let view: Value =
        serde_json::from_str(&house.good(&["sync", "history", "entra", &run, "--json"])).unwrap();
    assert!(view["numbers"]["users_added"].as_u64().unwrap() > 100, "{view}");
    assert_eq!(view["kind"], "changes");

    let said = house.good(&["sync", "undo", "entra", &run, "--dry-run"]);
    assert!(said.contains("would "), "{said}");
    assert!(house.exported().len() > 100);
    let said = house.good(&["sync", "undo", "entra", &run]);
    assert!(said.contains("takes it back") && said.contains("does it again"), "{said}");
    assert!(house.exported().is_empty());
    let (code, _, said) = house.run(&["sync", "history", "entra", "999"]);
    assert!(code == 1 && said.contains("there is no run 999"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_has_let_go_on_is_taken_back_with_its_run() {
    let house = House::build().await;
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let before = house.exported();
    for no in 30..90 {
        house.change(json!({ "do": "change_user", "no": no, "set": { "status": "SUSPENDED" } }));
    }
    let said = house.good(&["sync", "entra"]);
    let plan = said.split("plan approve ").nth(1).unwrap().split('`').next().unwrap();
    let run = latest(&house);
    let shown = house.good(&["sync", "history", "entra", &run]);
    assert!(shown.contains("  waits     "), "{shown}");
    let (code, _, problem) = house.run(&["sync", "undo", "entra", &run]);
    assert!(code == 1 && problem.contains("has changed nothing"), "{problem}");
    house.good(&["plan", "approve", plan]);
    assert!(house.exported().len() < before.len());
    let shown = house.good(&["sync", "history", "entra", &run]);
    assert!(shown.contains("  done      "), "{shown}");
    house.good(&["sync", "undo", "entra", &run]);
    assert_eq!(house.exported(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_names_are_tried_before_they_are_the_gateways() {
    let house = House::build().await;
    let (code, _, said) = house.run(&["sync", "preview", "entra"]);
    assert!(code == 1 && said.contains("gatehouse sync entra --dry-run"), "{said}");
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let said = house.good(&["sync", "preview", "entra", "--users", "2"]);
    assert!(said.contains("from userPrincipalName") && !said.contains("warning"), "{said}");

    let text = std::fs::read_to_string(&house.config).unwrap();
    let other = format!("{}.other", house.config);
    let changed = "[connector.users]\nkind = \"members\"\n[connector.claims]\nusername = [\"mailNickname\"]\n\
                   [connector.groups]\nprefix_add = \"corp-\"\n";
    std::fs::write(&other, text.replace("[connector.groups]\n", changed)).unwrap();
    let (code, said, problems) = House::run_with(&other, &["sync", "preview", "entra"]);
    assert_eq!(code, 0, "{problems}");
    for expected in [
        "kind members: keeps ",
        "accounts would be renamed: ",
        "accounts would be put out of scope by filters: ",
        "groups would be renamed: ",
        " members  corp-",
        "from mailNickname",
        "the next run is a dry run",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    // Nothing has changed, and the gateway's own configuration is what it was.
    assert!(house.good(&["sync", "preview", "entra"]).contains("0 new accounts"));
    assert!(house.exported().iter().any(|(name, _)| name.contains('@')));
    let (_, said, _) = House::run_with(&other, &["sync", "entra"]);
    assert!(said.contains("warning: ") && said.contains("would be renamed: "), "{said}");

    std::fs::write(
        &other,
        text.replace("[connector.groups]\n", "[connector.groups]\nnames = [\"re:(\"]\n"),
    )
    .unwrap();
    let (code, _, said) = House::run_with(&other, &["sync", "preview", "entra"]);
    assert!(code == 2 && said.contains("connector[0].groups.names"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_undone_is_asked_for_again() {
    let house = House::build().await;
    let (code, _, said) = house.run(&["sync", "entra", "--retry"]);
    assert_eq!(code, 0, "{said}");
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let report: Value =
        serde_json::from_str(&house.good(&["sync", "entra", "--retry", "--json"])).unwrap();
    assert!(report.is_null() || report["run"].is_i64(), "{report}");
    house.change(json!({ "do": "change_user", "no": 3, "set": { "display": "New" } }));
    let (code, _, said) = house.run(&["sync", "entra", "--retry", "--full"]);
    assert!(code == 2 && said.contains("cannot be used with"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_of_group_names_are_tried_by_check() {
    let house = House::build().await;
    let text = std::fs::read_to_string(&house.config).unwrap();
    let with = |example: &str| {
        let groups = format!(
            "[connector.groups]\nprefix_strip = \"app-\"\n[[connector.groups.example]]\n{example}\n"
        );
        let own = text.replace("[connector.groups]\nsame_name = \"suffix\"\n", &groups);
        std::fs::write(&house.config, own).unwrap();
        house.run(&["check"])
    };
    let (code, _, said) = with("name = \"app-jira\"\nbecomes = \"jira\"");
    assert!(code == 0, "{said}");
    let (code, _, said) = with("name = \"app-jira\"\nbecomes = \"wiki\"");
    assert!(
        code == 2
            && said.contains(
                "connector[0].groups.example[0]: \"app-jira\" becomes \"jira\", and not \"wiki\""
            ),
        "{said}"
    );
    let (code, _, said) = with("name = \"app-jira\"");
    assert!(code == 2 && said.contains("and not left out"), "{said}");
}
