//! `gatehouse app test` and `gatehouse app setup`, with a stock application.

use serde_json::Value;

use super::{Office, PASSWORD, crowd_app, stock::Site};
use crate::support::{
    free_port,
    gateway::{Plan, write_secret},
    kdc::Kdc,
    upstream::Upstream,
    wait_for_port,
};

impl Site {
    /// What the command says, link by link: the outcome, and what to do next.
    async fn test(&self, arguments: &[&str]) -> (bool, Value) {
        let all = [&["app", "test", "crowd", "--json"], arguments].concat();
        let output = self.gateway.command(&all).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let view: Value = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(view["good"], output.status.success(), "{view}");
        (output.status.success(), view)
    }

    fn password_file(&self, password: &str) -> String {
        let path = self.gateway.plan.path("crowd.password");
        write_secret(&path, &format!("{password}\n"));
        path.display().to_string()
    }
}

/// The outcome of every link, in order.
fn outcomes(view: &Value) -> String {
    let links = view["links"].as_array().unwrap().iter();
    let line = |link: &Value| {
        format!("{} {}", link["link"].as_str().unwrap(), link["outcome"].as_str().unwrap())
    };
    links.map(line).collect::<Vec<_>>().join(", ")
}

fn next(view: &Value) -> String {
    let links = view["links"].as_array().unwrap().iter();
    links.filter_map(|link| link["next"].as_str()).collect::<Vec<_>>().join("\n")
}

const GOOD: &str = "upstream ok, crowd ok, credential ok, cookie ok, users ok, account ok, token ok, application ok";

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_holds_is_good_and_leaves_nothing_behind() {
    for plan in Plan::on_every_database().await {
        let site = Site::open(plan, |_| (), "").await;
        site.sign_in("alice").await;
        let password = site.password_file(PASSWORD);
        let (good, view) = site.test(&["--as", "alice", "--password-file", &password]).await;
        assert!(good, "{view:#}");
        assert_eq!(outcomes(&view), GOOD);
        let sessions = site.gateway.command(&["session", "list"]).await;
        let sessions = String::from_utf8(sessions.stdout).unwrap();
        let of_alice = sessions.lines().filter(|line| line.contains(" alice ")).count();
        assert_eq!(of_alice, 1, "only the one that alice began: {sessions}");
        // Without the password and without somebody, what can be seen.
        let (good, view) = site.test(&[]).await;
        let expected = "upstream ok, crowd ok, credential skipped, users ok, application skipped";
        assert_eq!((good, outcomes(&view).as_str()), (true, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_is_named_with_what_to_do_next() {
    let site =
        Site::open(Plan::new(), |settings| settings.token_key = Some("other".to_owned()), "").await;
    site.sign_in_in_vain("alice").await;
    let wrong = site.password_file("wrong");
    let (good, view) = site.test(&["--as", "alice", "--password-file", &wrong]).await;
    let expected = "upstream ok, crowd ok, credential broken, users ok, account ok, token broken, application broken";
    assert_eq!(
        (good, outcomes(&view).as_str()),
        (false, expected),
        "the application looks for another cookie"
    );
    assert!(next(&view).contains("gatehouse app credential"), "{view:#}");
    assert!(next(&view).contains("gatehouse app setup crowd"), "{view:#}");

    let nobody = Upstream::start("nobody").await;
    let elsewhere = format!("http://127.0.0.1:{}/crowd", nobody.port);
    let (_, view) = site.test(&["--crowd-url", &elsewhere]).await;
    assert!(outcomes(&view).contains("crowd broken"), "{view:#}");
    assert!(view.to_string().contains("is no Crowd server"), "{view:#}");

    let done = site.gateway.command(&["user", "deactivate", "alice"]).await;
    assert!(done.status.success());
    let (_, view) = site.test(&["--as", "alice"]).await;
    assert!(outcomes(&view).ends_with("account broken"), "{view:#}");

    let unknown = site.gateway.command(&["app", "test", "nothing"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    let text = site.gateway.command(&["app", "test", "crowd"]).await;
    assert!(String::from_utf8(text.stdout).unwrap().contains("ok      upstream"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_does_not_know_the_token_is_found_out() {
    let site = Site::open(Plan::new(), |_| (), "").await;
    site.sign_in("alice").await;
    // Another one, where the application has the same name and password.
    let other = Office::open(Plan::new(), "").await;
    let list = other.gateway.plan.path("people.csv");
    std::fs::write(&list, "username\nalice\n").unwrap();
    let imported = other.gateway.command(&["import", list.to_str().unwrap()]).await;
    assert!(imported.status.success());
    let password = site.password_file(PASSWORD);
    let there = ["--as", "alice", "--password-file", &password, "--crowd-url", &other.crowd_url()];
    let (good, view) = site.test(&there).await;
    let expected = GOOD.replace("token ok", "token broken");
    assert_eq!((good, outcomes(&view)), (false, expected), "{view:#}");
    assert!(next(&view).contains("Another gateway answers"), "{view:#}");

    // The same of the gateway itself, without the application's password.
    let gone =
        "CREATE TRIGGER gone AFTER INSERT ON crowd_tokens BEGIN DELETE FROM crowd_tokens; END";
    let pool = sqlx::SqlitePool::connect(&site.gateway.plan.store_options().url).await.unwrap();
    sqlx::query(gone).execute(&pool).await.unwrap();
    pool.close().await;
    let (good, view) = site.test(&["--as", "alice"]).await;
    assert!(!good && outcomes(&view).contains("token broken"), "{view:#}");
}

/// A gateway that speaks TLS to machines, and trusts who has signed its certificate.
struct Serving(std::process::Child);

impl Serving {
    async fn start(plan: &Plan) -> Self {
        plan.configuration(1, 1);
        let serving = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .arg("--config")
            .arg(plan.path("gatehouse.toml"))
            .arg("serve")
            .env("SSL_CERT_FILE", plan.ca())
            .stderr(std::process::Stdio::null())
            .spawn();
        wait_for_port(plan.port(), "the gateway").await;
        Self(serving.unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_address_has_to_be_one_of_the_certificates() {
    let plan = Plan::new();
    let files = [plan.path("tls.pem"), plan.path("tls.key")].map(|path| path.display().to_string());
    let tls = format!("internal_tls = {{ certificate = {:?}, key = {:?} }}", files[0], files[1]);
    let table = crowd_app(&plan, free_port(), "", "");
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let plan = plan.with_server(&tls).with_tickets(&kdc.keytab()).with(&table);
    let _serving = Serving::start(&plan).await;
    let password = plan.path("crowd.password");
    write_secret(&password, PASSWORD);
    let test = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"));
        command.arg("--config").arg(plan.path("gatehouse.toml")).args(["app", "test", "crowd"]);
        command.args(["--json", "--password-file"]).arg(&password).args(more);
        let output = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str::<Value>(&text)
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    };
    // The configuration has an address only, and the certificate has names.
    let view = test(&[]).await;
    assert!(outcomes(&view).contains("crowd broken"), "{view:#}");
    assert!(next(&view).contains("the certificate"), "{view:#}");
    let url = plan.internal().replace("http://127.0.0.1", "https://localhost") + "/crowd";
    let view = test(&["--crowd-url", &url]).await;
    assert!(outcomes(&view).contains("crowd ok, credential ok, cookie ok"), "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_serves_is_said_to_be_so() {
    let mut site = Site::open(Plan::new(), |_| (), "").await;
    site.sign_in("alice").await;
    site.gateway.stop().await;
    let (good, view) = site.test(&["--as", "alice"]).await;
    assert!(!good && outcomes(&view).contains("gateway broken"), "{view:#}");
    assert!(outcomes(&view).contains("crowd broken"), "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_is_filled_in_from_the_configuration() {
    let site = Site::open(Plan::new(), |_| (), "cookie = \"gatehouse.jira\"").await;
    let guide = site.gateway.command(&["app", "setup", "crowd", "--version", "10.3"]).await;
    let text = String::from_utf8(guide.stdout).unwrap();
    for expected in [
        "cookie.tokenkey=gatehouse.jira".to_owned(),
        "application.name=crowd".to_owned(),
        format!("crowd.base.url={}/crowd/", site.gateway.plan.internal()),
        format!("proxyPort=\"{}\"", site.gateway.plan.port()),
        "proxyName=\"crowd.localhost\"".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} is not in {text}");
    }
    let json = site.gateway.command(&["app", "setup", "bitbucket", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["kind"], "bitbucket");
    let unknown = site.gateway.command(&["app", "setup", "nothing"]).await;
    assert_eq!(unknown.status.code(), Some(2));
}
