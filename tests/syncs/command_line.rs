//! `gatehouse sync` against a fake of Entra ID, killed at any point.

use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use gatehouse::{
    clock::Clock,
    store::{Store, StoreOptions},
    sync::{go_on, left_plans},
};
use serde_json::{Value, json};

use crate::{
    cli::{configured, gatehouse, text},
    saml::Vectors,
    support::{
        clouds::{Clouds, Settings, tenant::Vendor},
        databases::postgres,
    },
};

/// A configuration with a connector of a fake cloud.
pub struct House {
    vectors: Vectors,
    pub clouds: Arc<Clouds>,
    pub config: String,
}

impl House {
    pub async fn build() -> Self {
        let (clouds, _) = Clouds::start(Settings::default()).await.unwrap();
        let addresses = clouds.addresses();
        let graph = &addresses["credentials"]["graph"];
        let vectors = Vectors::generate(&["signatures.py"]);
        let secret = vectors.path().join("secret");
        std::fs::write(&secret, graph["client_secret"].as_str().unwrap()).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let config = configured(&vectors);
        let connector = format!(
            "\n[[connector]]\nname = \"entra\"\n[connector.entra]\ntenant = {}\nclient_id = {}\n\
             secret = {{ file = \"{}\" }}\nauthority = {}\ngraph = {}\n[connector.groups]\nsame_name = \"suffix\"\n",
            graph["tenant"],
            graph["client_id"],
            secret.display(),
            addresses["hosts"]["login"],
            addresses["hosts"]["graph"],
        );
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text + connector.as_str()).unwrap();
        Self { vectors, clouds, config }
    }

    pub fn change(&self, mutation: Value) -> u32 {
        let cloud = self.clouds.cloud(Vendor::Graph);
        let now = cloud.now();
        cloud.tenant_mut().apply(serde_json::from_value(mutation).unwrap(), now).unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        Self::run_with(&self.config, arguments)
    }

    /// With another file than its own.
    pub fn run_with(config: &str, arguments: &[&str]) -> (i32, String, String) {
        let output = gatehouse(&[&["--config", config], arguments].concat());
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    pub fn good(&self, arguments: &[&str]) -> String {
        let (code, said, problems) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}{problems}");
        said
    }

    /// Runs the connector and kills that after a while; says whether it was still running.
    fn kill(&self, after: Duration) -> bool {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .args(["--config", &self.config, "sync", "entra", "--unguarded"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(after);
        let was_running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        was_running
    }

    /// Everybody who may use their account, as the directory has them.
    pub fn exported(&self) -> BTreeSet<(String, String)> {
        let said = self.good(&["export", "--directory", "entra", "--format", "json"]);
        let people = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let active = people.filter(|one| one["active"] == json!(true));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        active.map(|one| (text(&one["username"]), text(&one["display_name"]))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_runs_connectors_and_shows_what_came_of_it() {
    let house = House::build().await;
    assert!(house.good(&["sync", "status"]).contains("it has not run yet"));
    let said = house.good(&["sync", "entra"]);
    assert!(said.contains("this was a dry run, for it is the connector's first"), "{said}");
    assert!(said.contains("gatehouse sync entra --apply"), "{said}");
    let plan = said.split("plan show ").nth(1).unwrap().split('`').next().unwrap();
    assert!(house.good(&["plan", "show", plan]).contains("create the user"));
    let said = house.good(&["sync", "entra", "--apply"]);
    assert!(said.contains("changed: ") && said.contains("users created"), "{said}");
    let said = house.good(&["sync", "entra"]);
    assert!(said.contains("nothing has changed"), "{said}");

    let display = json!({ "display": "Somebody Else" });
    house.change(json!({ "do": "change_user", "no": 3, "set": display }));
    let (name, _) = house.exported().into_iter().next().unwrap();
    let one: Value =
        serde_json::from_str(&house.good(&["sync", "entra", "--user", &name, "--json"])).unwrap();
    assert_eq!(one["users"]["seen"], json!(1), "{one}");
    let said = house.good(&["sync", "entra", "--dry-run"]);
    assert!(said.contains("would change: 1 user"), "{said}");
    // Looking has cost nothing: it is still to be done.
    let report: Value = serde_json::from_str(&house.good(&["sync", "entra", "--json"])).unwrap();
    assert_eq!(report["directory"]["size"]["updated"], json!(1), "{report}");
    assert!(house.exported().iter().any(|(_, shown)| shown == "Somebody Else"));
    let history = house.good(&["sync", "history", "entra"]);
    assert_eq!(history.lines().count(), 6, "{history}");
    assert!(history.contains(&format!("user {name} by administrator")), "{history}");
    assert!(
        history.contains("dry run: ") && history.contains("changes    by administrator"),
        "{history}"
    );
    assert!(house.good(&["sync", "status", "entra"]).starts_with("entra: in line\n"));

    for (arguments, expected) in [
        (vec!["sync", "okta"], "there is no connector \"okta\""),
        (vec!["sync", "entra", "--user", "nobody"], "nobody is called \"nobody\""),
        (vec!["sync", "status", "okta"], "there is no connector \"okta\""),
        (vec!["import", "--directory", "entra", "/dev/null"], "belongs to its connector"),
    ] {
        let (code, _, problems) = house.run(&arguments);
        assert!(code == 1 && problems.contains(expected), "{arguments:?}: {problems}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_nobody_follows_any_more_is_written_down_and_forgotten() {
    let house = House::build().await;
    house.good(&["sync", "entra"]);
    house.good(&["sync", "entra", "--apply"]);
    let remove = ["directory", "remove", "entra"];
    let (code, _, problems) = house.run(&remove);
    assert!(code == 1 && problems.contains("follows connector \"entra\""), "{problems}");
    let text = std::fs::read_to_string(&house.config).unwrap();
    std::fs::write(&house.config, text.split("\n[[connector]]").next().unwrap()).unwrap();
    assert!(house.good(&remove).contains("removed since"));
    let purge = ["directory", "purge", "entra", "--confirm", "entra"];
    let (code, _, problems) = house.run(&purge);
    assert!(code == 2 && problems.contains("--export <FILE>"), "{problems}");
    let file = house.vectors.path().join("entra.json");
    let export = ["--export", file.to_str().unwrap()];
    house.good(&[&purge[..], &export].concat());
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"username\""));
    assert!(!house.good(&["directory", "list"]).contains("entra"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_is_gone_on_with_and_decides_nothing_by_half() {
    const KILLS: u32 = 12;
    let house = House::build().await;
    let text = std::fs::read_to_string(&house.config).unwrap();
    let own = text.lines().find(|line| line.contains("url = \"sqlite:")).unwrap();
    let shared = postgres().await;
    let urls = shared.iter().map(|database| database.options.url.clone());
    let mut killed = 0;
    for url in std::iter::once(None).chain(urls.map(Some)) {
        if let Some(url) = url {
            std::fs::write(&house.config, text.replace(own, &format!("url = \"{url}\""))).unwrap();
        }
        house.good(&["sync", "entra"]);
        let begun = Instant::now();
        house.good(&["sync", "entra", "--apply", "--full"]);
        let takes = begun.elapsed();
        for round in 1..=KILLS {
            let before = house.exported();
            let shown = format!("Round {round} of {}", house.vectors.path().display());
            let group = house.change(json!({ "do": "add_group", "set": { "name": shown } }));
            for no in 10..60 {
                house.change(json!({ "do": "change_user", "no": no, "set": { "display": shown } }));
                house.change(
                    json!({ "do": "add_members", "group": group, "members": [{ "user": no }] }),
                );
            }
            killed += u32::from(house.kill(takes * round / (KILLS + 1)));
            // Whoever held the lease is gone; on a database that others share, that takes a minute to be believed.
            bury(&house.config).await;
            let between = house.exported();
            house.good(&["sync", "entra", "--unguarded"]);
            let after = house.exported();
            let changed = after.iter().filter(|(_, display)| *display == shown).count();
            assert!(changed >= 40, "{changed}");
            assert!(between == before || between == after, "round {round}");
        }
        let said = house.good(&["sync", "entra", "--full"]);
        assert!(said.contains("nothing"), "{said}");
    }
    assert!(killed >= KILLS / 2, "only {killed} were killed in time");
}

/// Takes from whoever was killed what they held, as if minutes had gone by.
async fn bury(config: &str) {
    use sqlx::Connection as _;
    let text = std::fs::read_to_string(config).unwrap();
    let url = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("url = \"postgres"))
        .map(|rest| format!("postgres{}", rest.trim_end_matches('"')));
    if let Some(url) = url {
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::query("UPDATE connectors SET lease_until = 0")
            .execute(&mut connection)
            .await
            .unwrap();
        let store = Store::open(&StoreOptions { url, password: None }).await.unwrap();
        let left = left_plans(&store, &Clock::System, true).await.unwrap();
        go_on(&store, &Clock::System, left).await.unwrap();
        store.close().await;
    }
}
