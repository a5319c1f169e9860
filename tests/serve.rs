//! The gateway as a process: how it starts, what it says of itself, how it ends, and what is left of it
//! when it is killed.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::{
    curl::{Curl, FOLLOW},
    gateway::Plan,
    kdc::Kdc,
    upstream::{Seen, Upstream},
    wait_for_port,
};

const SERVICE: &str = "HTTP/login.localhost";

/// `gatehouse serve`, killed when this is dropped.
pub struct Process(Child);

impl Process {
    pub async fn start(plan: &Plan) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
        command.stdin(Stdio::null());
        Self::start_by(command, plan).await
    }

    /// By a command that passes its arguments on to the gateway, or is the gateway.
    pub async fn start_by(mut command: Command, plan: &Plan) -> Self {
        let log = fs::File::create(plan.path("log")).unwrap();
        command.arg("--config").arg(plan.path("gatehouse.toml")).arg("serve").stderr(log);
        let process = command.spawn().unwrap();
        wait_for_port(plan.port(), "the gateway").await;
        let process = Self(process);
        for _ in 0..200 {
            let ready = format!("{}/readyz", plan.internal());
            if Curl::new(&plan.ca()).ask_in_vain(&ready, &[]).await.status == 200 {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}", fs::read_to_string(plan.path("log")).unwrap());
    }

    /// The most memory that it has had, in bytes.
    pub fn most_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    pub fn wait(mut self) -> std::process::ExitStatus {
        self.0.wait().unwrap()
    }

    /// Lets it end, and other tasks go on meanwhile.
    pub async fn ended(self) -> std::process::ExitStatus {
        tokio::task::spawn_blocking(move || self.wait()).await.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `serve` that is not expected to begin: its exit code and what it says.
fn serve_in_vain(plan: &Plan) -> (i32, String) {
    let output = Command::new("timeout")
        .arg("20")
        .arg(env!("CARGO_BIN_EXE_gatehouse"))
        .arg("--config")
        .arg(plan.path("gatehouse.toml"))
        .arg("serve")
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_between_login_and_answer() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let plan = plan.with_tickets(&kdc.keytab());
        let jira = Upstream::start("jira").await;
        plan.configuration(jira.port, jira.port);
        let ccache = kdc.login("alice");
        for round in 0..8 {
            let process = Process::start(&plan).await;
            let browser = Curl::new(&plan.ca());
            let sent = browser.get(&plan.jira(), &[]).await;
            let login = sent.header("location").unwrap();
            let ticket = kdc.authorization(&ccache, "login.localhost");
            let dir = tempfile::tempdir().unwrap();
            let (heads, jar) = (dir.path().join("heads"), dir.path().join("jar"));
            let mut client = tokio::process::Command::new("curl")
                .args([
                    "-sS",
                    "-m",
                    "5",
                    "-o",
                    "/dev/null",
                    "-H",
                    &format!("Authorization: {ticket}"),
                ])
                .args(["-H", "Accept: text/html", "--cacert"])
                .arg(plan.ca())
                .arg("-D")
                .arg(&heads)
                .arg("-c")
                .arg(&jar)
                .arg(&login)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(Duration::from_millis(8 * round)).await;
            process.kill();
            client.wait().await.unwrap();

            let process = Process::start(&plan).await;
            let heads = fs::read_to_string(&heads).unwrap_or_default();
            if heads.contains("gatehouse-login=") {
                // The browser was told that it is logged in, so it is.
                let answer = format!("{}/_gatehouse/", plan.login());
                let home = Command::new("curl")
                    .args(["-sS", "-b"])
                    .arg(&jar)
                    .arg("--cacert")
                    .arg(plan.ca())
                    .arg(&answer)
                    .output()
                    .unwrap();
                let home = String::from_utf8(home.stdout).unwrap();
                assert!(home.contains("Signed in as alice"), "round {round}: {home}");
            }
            let whole = Curl::new(&plan.ca()).with_env(kdc.client_env(&ccache));
            let seen: Seen = whole.get(&plan.jira(), &FOLLOW).await.json();
            assert_eq!(seen.headers["x-forwarded-user"], "alice", "round {round}");
            process.kill();
        }
        let shown = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .arg("--config")
            .arg(plan.path("gatehouse.toml"))
            .args(["user", "show", "alice"])
            .output()
            .unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.matches("username").count(), 1, "{shown}");
        assert_eq!(shown.matches("identity").count(), 1, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_asked_to_and_lets_requests_end_first() {
    let kdc = Kdc::start(&[SERVICE]);
    let plan = Plan::new().with_tickets(&kdc.keytab());
    let jira = Upstream::start("jira").await;
    plan.configuration(jira.port, jira.port);
    let process = Process::start(&plan).await;
    let browser = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(browser.get(&plan.jira(), &FOLLOW).await.status, 200);

    let ticks = format!("{}/ticks", plan.jira());
    let (answer, status) = tokio::join!(browser.get(&ticks, &[]), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        process.ask_to_stop();
        tokio::task::spawn_blocking(move || process.wait()).await.unwrap()
    });
    assert_eq!(answer.body.matches("data:").count(), 3, "the request went on to its end");
    assert!(status.success());

    let process = Process::start(&plan).await;
    assert_eq!(browser.get(&plan.jira(), &[]).await.status, 200, "the session is still there");
    process.ask_to_stop();
    assert!(process.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_told_how_it_is() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    alice.get(&gateway.jira(), &FOLLOW).await;
    let internal = gateway.plan.internal();
    let ask = async |path: &str| gateway.browser().ask(&format!("{internal}{path}"), &[]).await;
    assert_eq!(ask("/healthz").await.status, 200);
    assert_eq!(ask("/readyz").await.status, 200);
    let metrics = ask("/metrics").await.body;
    for line in [
        r#"gatehouse_logins_total{method="kerberos",outcome="accepted",reason="ok"} 1"#,
        r#"gatehouse_requests_total{app="jira",decision="forward",reason="ok",status="2xx"} 1"#,
        "gatehouse_cached_sessions 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    // Nothing of it is for browsers.
    for path in ["/healthz", "/metrics"] {
        assert_eq!(
            gateway.browser().get(&format!("{}{path}", gateway.login()), &[]).await.status,
            404
        );
    }
    let mode = fs::metadata(gateway.plan.path("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_start_is_named_with_a_remedy() {
    let kdc = Kdc::start(&[SERVICE]);
    let mut gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;

    // A second one on the same addresses, socket and database.
    let (code, said) = serve_in_vain(&gateway.plan);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in use by another gateway"), "{said}");

    let other = Plan::new().with_tickets(&kdc.keytab());
    other.configuration(1, 1);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", other.port())).unwrap();
    let (code, said) = serve_in_vain(&other);
    assert_eq!(code, 1, "{said}");
    let port = other.port().to_string();
    assert!(
        said.contains("server.listen") && said.contains(&port) && said.contains("another port"),
        "{said}"
    );

    gateway.stop().await;
    let config = fs::read_to_string(gateway.plan.path("gatehouse.toml")).unwrap();
    let bad = config
        .replace("[store]", "[store]\ncolour = 1")
        .replace("master.key", "nothing.key")
        .replace("http.keytab", "nothing.keytab");
    fs::write(gateway.plan.path("gatehouse.toml"), bad).unwrap();
    let (code, said) = serve_in_vain(&gateway.plan);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("store.colour: there is no such key"), "{said}");

    let bad = config.replace("master.key", "nothing.key").replace("http.keytab", "nothing.keytab");
    fs::write(gateway.plan.path("gatehouse.toml"), bad).unwrap();
    fs::write(gateway.plan.path("tls.pem"), "no certificate").unwrap();
    let (code, said) = serve_in_vain(&gateway.plan);
    assert_eq!(code, 2, "{said}");
    for named in
        ["secrets.master_key", "nothing.key", "kerberos.keytab", "nothing.keytab", "tls.pem"]
    {
        assert!(said.contains(named), "{named} is not in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_works_with_and_without_a_running_gateway() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let mut gateway = plan.with_tickets(&kdc.keytab()).start().await;
        let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
        alice.get(&gateway.jira(), &FOLLOW).await;
        for running in [true, false] {
            if !running {
                gateway.stop().await;
            }
            let said = async |arguments: &[&str]| {
                let output = gateway.command(arguments).await;
                let text = [output.stdout, output.stderr].concat();
                (output.status.code().unwrap(), String::from_utf8(text).unwrap())
            };
            let (code, listed) = said(&["session", "list"]).await;
            assert!(code == 0 && listed.contains(" alice "), "{listed}");
            let (code, shown) = said(&["user", "show", "ALICE"]).await;
            assert!(code == 0 && shown.contains("alice@example.test"), "{shown}");
            let (code, unknown) = said(&["user", "show", "no/body"]).await;
            assert!(code == 1 && unknown.contains("there is no user"), "{unknown}");
            let (code, unknown) = said(&["session", "end", "4711"]).await;
            assert!(code == 1 && unknown.contains("there is no session 4711"), "{unknown}");
            let (code, nothing) = said(&["session", "end"]).await;
            assert!(code == 2 && nothing.contains("required"), "{nothing}");
        }
        let ended = gateway.command(&["session", "end", "--user", "alice"]).await;
        assert!(ended.status.success());
        gateway.try_run().await.unwrap();
        assert_eq!(alice.get(&gateway.jira(), &[]).await.status, 303, "ended while nobody ran");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_look_change_and_take_back_with_and_without_a_running_gateway() {
    let kdc = Kdc::start(&[SERVICE]);
    let mut gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    alice.get(&gateway.jira(), &FOLLOW).await;
    for running in [true, false] {
        if !running {
            gateway.stop().await;
        }
        let run = async |arguments: &[&str]| {
            let output = gateway.command(arguments).await;
            let text = [output.stdout, output.stderr].concat();
            (output.status.code().unwrap(), String::from_utf8(text).unwrap())
        };
        let ok = async |arguments: &[&str]| {
            let (code, text) = run(arguments).await;
            assert_eq!(code, 0, "{arguments:?}: {text}");
            text
        };
        assert!(ok(&["group", "create", "board, red"]).await.contains("create the group"));
        let joined = ok(&["group", "join", "board, red", "alice", "--because", "HR-1"]).await;
        let batch =
            joined.split("changes undo ").nth(1).unwrap().split('`').next().unwrap().to_owned();
        let explained = ok(&["user", "explain", "alice"]).await;
        assert!(
            explained.contains("\"board, red\" by manual") && explained.contains("HR-1"),
            "{explained}"
        );
        ok(&["group", "create", "company"]).await;
        ok(&["group", "nest", "company", "board, red"]).await;
        assert!(ok(&["group", "show", "company"]).await.contains("are in \"company\" by manual"));
        let (code, cycle) = run(&["group", "nest", "board, red", "company"]).await;
        assert!(code == 1 && cycle.contains("cannot put the members"), "{cycle}");
        ok(&["group", "remove", "company"]).await;
        let (code, refused) = run(&["group", "join", "board, red", "alice"]).await;
        assert!(code == 1 && refused.contains("cannot join"), "{refused}");

        let dry = ok(&["user", "deactivate", "alice", "--dry-run"]).await;
        assert!(dry.contains("would deactivate (admin_block)"), "{dry}");
        assert!(ok(&["user", "show", "alice"]).await.contains("active        yes"));
        assert!(ok(&["changes", "undo", &batch, "--dry-run"]).await.contains("would leave"));
        assert!(ok(&["changes", "undo", &batch]).await.contains("leave \"board, red\" by manual"));
        let (code, twice) = run(&["changes", "undo", &batch]).await;
        assert!(code == 1 && twice.contains("undone already"), "{twice}");

        assert_eq!(ok(&["upkeep", "--dry-run"]).await, "nothing to change\n");
        let link = ["alice", "saml:partner", "nameid", "0815"];
        ok(&[&["user", "link"][..], &link].concat()).await;
        let json: serde_json::Value =
            serde_json::from_str(&ok(&["user", "show", "alice", "--json"]).await).unwrap();
        assert_eq!(json[0]["identities"].as_array().unwrap().len(), 2, "{json}");
        ok(&[&["user", "unlink"][..], &link].concat()).await;
        let (code, bad) = run(&["user", "link", "alice", "saml:partner", "colour", "x"]).await;
        assert!(code == 1 && bad.contains("no kind of subject"), "{bad}");

        ok(&["user", "remove", "alice"]).await;
        let (code, gone) = run(&["user", "show", "alice"]).await;
        assert!(code == 1 && gone.contains("there is no user"), "{gone}");
        let listed = ok(&["changes", "list", "--limit", "1"]).await;
        let batch = listed.split_whitespace().next().unwrap().to_owned();
        assert!(ok(&["changes", "undo", &batch]).await.contains("bring back the user \"alice\""));
        assert!(ok(&["group", "remove", "board, red"]).await.contains("remove the group"));
        assert!(ok(&["group", "list"]).await.contains("MEMBERS"));
        assert!(ok(&["user", "list"]).await.contains("alice"));
        assert!(ok(&["directory", "disable", "internal"]).await.contains("disabled since"));
        assert!(!ok(&["directory", "enable", "Internal"]).await.contains("disabled since"));
        let (code, refused) = run(&["directory", "remove", "internal"]).await;
        assert!(code == 1 && refused.contains("logins make accounts in"), "{refused}");
        let (code, refused) =
            run(&["directory", "purge", "internal", "--no-export", "--confirm", "no"]).await;
        assert!(code == 1 && refused.contains("gone for good"), "{refused}");
        let purge = ["directory", "purge", "internal", "--no-export", "--confirm", "internal"];
        let (code, refused) = run(&purge).await;
        assert!(code == 1 && refused.contains("directory remove"), "{refused}");

        let before = ok(&["changes", "follow", "--after", "0", "--once", "--json"]).await;
        let numbers = before.lines().map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            change["seq"].as_i64().unwrap()
        });
        let numbers: Vec<_> = numbers.collect();
        let last = *numbers.last().unwrap();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "no number is left out");
        let (after, follow) = (last.to_string(), ["changes", "follow", "--once", "--after"]);
        assert_eq!(ok(&[&follow[..], &[&after]].concat()).await, "");
        ok(&["group", "create", "followed"]).await;
        let followed = ok(&[&follow[..], &[&after]].concat()).await;
        assert!(followed.contains("create the group \"followed\""), "{followed}");
        ok(&["group", "remove", "followed"]).await;

        let (code, unknown) = run(&["directory", "disable", "nowhere"]).await;
        assert!(code == 1 && unknown.contains("there is no directory"), "{unknown}");
    }
    let completions = gateway.command(&["completions", "bash"]).await;
    assert!(String::from_utf8(completions.stdout).unwrap().contains("gatehouse"));
}
