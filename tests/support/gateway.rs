//! A gateway in this process, with everything around it: two applications on hosts of their own, TLS,
//! and a clock that can be put forward.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use gatehouse::{
    app::{self, Gateway, StartError},
    clock::Clock,
    config::Config,
    store::{StoreError, StoreOptions},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, sync::oneshot, task::JoinHandle};

use super::{curl::Curl, databases, free_port, idp::Idp, kdc, upstream::Upstream};

/// What a gateway is to be made of.
pub struct Plan {
    directory: TempDir,
    port: u16,
    /// Where browsers find it, if that is another one.
    public_port: Option<u16>,
    /// Where browsers find a proxy that speaks TLS, if there is one: the gateway itself is spoken to in clear.
    front: Option<u16>,
    internal_port: u16,
    drain_seconds: u32,
    store: Option<String>,
    keytab: Option<PathBuf>,
    idp: Option<(String, String)>,
    idp_line: String,
    subject: &'static str,
    server: String,
    default_certificate: Option<String>,
    app: Option<(String, String)>,
    more: String,
}

/// A gateway that runs until it is stopped or dropped.
pub struct TestGateway {
    pub plan: Plan,
    pub clock: Clock,
    pub jira: Upstream,
    pub wiki: Upstream,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Plan {
    /// A gateway on SQLite, whose address is known before it is there.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_certificate(directory.path());
        write_secret(&directory.path().join("master.key"), &"k".repeat(64));
        Self {
            directory,
            port: free_port(),
            public_port: None,
            front: None,
            internal_port: free_port(),
            drain_seconds: 0,
            store: None,
            keytab: None,
            idp: None,
            idp_line: String::new(),
            subject: "uid",
            server: String::new(),
            default_certificate: None,
            app: None,
            more: String::new(),
        }
    }

    /// One for each database.
    pub async fn on_every_database() -> Vec<Self> {
        let mut plans = vec![Self::new()];
        if let Some(postgres) = databases::postgres().await {
            postgres.store.close().await;
            plans.push(Self { store: Some(postgres.options.url.clone()), ..Self::new() });
        }
        plans
    }

    /// Behind a proxy that browsers reach at a port, and that speaks TLS: the gateway itself is spoken to in clear.
    pub fn behind(mut self, port: u16) -> Self {
        self.front = Some(port);
        self
    }

    /// On a database of its own.
    pub fn with_store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    /// Behind something that browsers find at another port, and that is spoken to in TLS as they are.
    pub fn known_at(mut self, port: u16) -> Self {
        self.public_port = Some(port);
        self
    }

    /// With so much time to turn away from it before it ends.
    pub fn draining(mut self, seconds: u32) -> Self {
        self.drain_seconds = seconds;
        self
    }

    /// With logins by ticket.
    pub fn with_tickets(mut self, keytab: &Path) -> Self {
        self.keytab = Some(keytab.to_owned());
        self
    }

    /// With logins by assertion.
    pub fn with_idp(mut self, idp: &Idp) -> Self {
        self.idp = Some((idp.entity_id(), idp.metadata_url()));
        self
    }

    /// With a line in the identity provider's table.
    pub fn with_idp_line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.idp_line);
        self
    }

    /// With the attribute that says who somebody is, whatever else changes.
    pub fn with_subject(mut self, attribute: &'static str) -> Self {
        self.subject = attribute;
        self
    }

    /// With more lines in the `[server]` table.
    pub fn with_server(mut self, more: &str) -> Self {
        more.clone_into(&mut self.server);
        self
    }

    /// With more lines of configuration, at its end; `{jira}` stands for that application's URL.
    pub fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    /// Says something else in what [`Plan::with`] has added, from the next start on.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.more = self.more.replace(from, to);
    }

    /// With other certificates than the one for everybody.
    pub fn replace_default_certificate(&mut self, tables: &str) {
        self.default_certificate = Some(tables.to_owned());
    }

    /// With a line in an application's table.
    pub fn with_app(mut self, name: &str, line: &str) -> Self {
        self.app = Some((name.to_owned(), line.to_owned()));
        self
    }

    fn url(&self, host: &str) -> String {
        let port = self.front.or(self.public_port).unwrap_or(self.port);
        format!("https://{host}.localhost:{port}")
    }

    pub fn login(&self) -> String {
        self.url("login")
    }

    pub fn jira(&self) -> String {
        self.url("jira")
    }

    pub fn wiki(&self) -> String {
        self.url("wiki")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn internal(&self) -> String {
        format!("http://127.0.0.1:{}", self.internal_port)
    }

    /// Another gateway on the same database, which has to be PostgreSQL.
    pub fn beside(&self) -> Self {
        Self {
            store: self.store.clone(),
            public_port: self.public_port,
            drain_seconds: self.drain_seconds,
            keytab: self.keytab.clone(),
            server: self.server.clone(),
            app: self.app.clone(),
            more: self.more.clone(),
            idp: self.idp.clone(),
            idp_line: self.idp_line.clone(),
            ..Self::new()
        }
    }

    /// How its database is opened, while it does not run.
    pub fn store_options(&self) -> StoreOptions {
        let own = || format!("sqlite://{}", self.path("gatehouse.db").display());
        StoreOptions { url: self.store.clone().unwrap_or_else(own), password: None }
    }

    /// The certificate that clients have to trust.
    pub fn ca(&self) -> PathBuf {
        self.path("tls.pem")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration, for applications on these ports; also written to `gatehouse.toml`.
    pub fn configuration(&self, jira_port: u16, wiki_port: u16) -> String {
        let here = self.directory.path().display();
        let (login, jira, wiki) = (self.login(), self.jira(), self.wiki());
        let (port, internal, server) = (self.port, self.internal_port, &self.server);
        let drain = self.drain_seconds;
        let store = self.store.clone().unwrap_or_else(|| format!("sqlite://{here}/gatehouse.db"));
        let tls = match self.front {
            None => {
                format!("[server.tls]\ncertificate = \"{here}/tls.pem\"\nkey = \"{here}/tls.key\"")
            }
            Some(_) => "trusted_proxies = [\"127.0.0.1/32\"]".to_owned(),
        };
        let mut text = format!(
            r#"
[server]
login_url = "{login}"
listen = ["127.0.0.1:{port}"]
internal_listen = "127.0.0.1:{internal}"
shutdown_grace_seconds = 5
drain_seconds = {drain}
{server}
{tls}
[store]
url = "{store}"
[secrets]
master_key = {{ file = "{here}/master.key" }}
[admin]
socket = "{here}/control.sock"
[[app]]
name = "jira"
url = "{jira}"
upstream = "http://127.0.0.1:{jira_port}"
rule = [
    {{ path = "/status", methods = ["GET"], decision = "pass" }},
    {{ path = "/public/*", decision = "optional" }},
    {{ path = "/closed/*", decision = "deny" }},
]
[[app]]
name = "wiki"
url = "{wiki}"
upstream = "http://127.0.0.1:{wiki_port}"
[provisioning]
create_groups = true
managed_groups = ["jira-*", "wiki-*"]
"#
        );
        if let Some(tables) = &self.default_certificate {
            let usual = format!(
                "[server.tls]\ncertificate = \"{here}/tls.pem\"\nkey = \"{here}/tls.key\"\n"
            );
            assert!(text.contains(&usual));
            text = text.replace(&usual, tables);
        }
        if let Some((name, line)) = &self.app {
            let start = format!("[[app]]\nname = \"{name}\"\n");
            text = text.replace(&start, &format!("{start}{line}\n"));
        }
        if let Some(keytab) = &self.keytab {
            let _ = writeln!(
                text,
                "[kerberos]\nkeytab = \"{}\"\n[[kerberos.realm]]\nname = \"{}\"\ndomain = \"example.test\"",
                keytab.display(),
                kdc::REALM
            );
        }
        if let Some((entity_id, metadata)) = &self.idp {
            let (subject, line) = (self.subject, &self.idp_line);
            let _ = writeln!(
                text,
                r#"
[[saml]]
name = "corp"
title = "Example Corp"
entity_id = "{entity_id}"
metadata = {{ url = "{metadata}" }}
domains = ["example.test"]
{line}
[saml.claims]
subject = ["{subject}"]
username = ["uid"]
email = ["mail"]
display_name = ["displayName"]
groups = ["groups"]
match = ["mail"]"#
            );
        }
        text.push_str(&self.more.replace("{jira}", &jira));
        fs::write(self.path("gatehouse.toml"), &text).unwrap();
        text
    }

    /// Starts it, with applications.
    pub async fn start(self) -> TestGateway {
        let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
        let mut gateway =
            TestGateway { plan: self, clock: Clock::adjustable(), jira, wiki, running: None };
        gateway.run().await;
        gateway
    }
}

impl TestGateway {
    async fn run(&mut self) {
        self.try_run().await.unwrap();
    }

    /// Starts it once more, after [`TestGateway::stop`].
    pub async fn try_run(&mut self) -> Result<(), StartError> {
        let config = self.plan.configuration(self.jira.port, self.wiki.port);
        let config = Config::parse(&config).unwrap();
        let gateway = start_once_free(&config, &self.clock).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let running =
            tokio::spawn(async move { Box::pin(gateway.run_until(stopped)).await.unwrap() });
        self.running = Some((stop, running));
        self.wait_for_metadata().await;
        Ok(())
    }

    /// It asks the identity provider by itself, and nobody can be sent there before.
    async fn wait_for_metadata(&self) {
        if self.plan.idp.is_none() {
            return;
        }
        for _ in 0..200 {
            let metrics = self.plan.login() + "/_gatehouse/";
            let _ = self.browser().get(&metrics, &[]).await;
            if self.leads_to_idp().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the gateway does not know the identity provider");
    }

    async fn leads_to_idp(&self) -> bool {
        let browser = self.browser();
        let sent = browser.get(&self.plan.jira(), &[]).await;
        let login = sent.header("location").unwrap();
        let (_, flow) = login.split_once("flow=").unwrap();
        let start = format!("{}/_gatehouse/saml/start?idp=corp&flow={flow}", self.plan.login());
        browser.get(&start, &[]).await.status == 303
    }

    /// Lets it end as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some((stop, running)) = self.running.take() {
            let _ = stop.send(());
            running.await.unwrap();
        }
    }

    /// A new browser.
    pub fn browser(&self) -> Curl {
        Curl::new(&self.plan.ca())
    }

    pub fn login(&self) -> String {
        self.plan.login()
    }

    pub fn jira(&self) -> String {
        self.plan.jira()
    }

    pub fn wiki(&self) -> String {
        self.plan.wiki()
    }

    /// What a command of the command line prints, on this gateway.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.command_with(arguments, "").await
    }

    /// The same, of a command that reads something.
    pub async fn command_with(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"));
        command.arg("--config").arg(self.plan.path("gatehouse.toml")).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Whoever reads nothing may have ended already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        child.wait_with_output().await.unwrap()
    }
}

/// A file that only its owner can read.
pub fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A certificate for all hosts of the tests, `tls.pem` and `tls.key`.
pub fn write_certificate(directory: &Path) {
    let hosts = ["login", "jira", "wiki", "crowd"].map(|name| format!("{name}.localhost"));
    let names = hosts.into_iter().chain(["localhost".to_owned()]).collect::<Vec<_>>();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(directory.join("tls.pem"), made.cert.pem()).unwrap();
    write_secret(&directory.join("tls.key"), &made.signing_key.serialize_pem());
}

/// Starts a gateway. A child process that another test is just starting has a copy of the database's lock until
/// it runs its own program.
async fn start_once_free(config: &Config, clock: &Clock) -> Result<Gateway, StartError> {
    for _ in 0..100 {
        match Box::pin(app::start(config, clock.clone())).await {
            Err(StartError::Store(StoreError::InUse { .. })) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            started => return started,
        }
    }
    Box::pin(app::start(config, clock.clone())).await
}
