//! A gateway in a process of its own, with people in it.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use gatehouse::{config::CredentialHash, secrets::sha256};
use tempfile::TempDir;

use crate::{people, support::crowd_client::CrowdClient};

const PASSWORD: &str = "a-password-of-an-application";

/// It ends when this is dropped.
pub struct Server {
    directory: TempDir,
    pub port: u16,
    pub users: u64,
    process: Child,
}

impl Server {
    pub async fn start(users: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        write_configuration(&directory, port);
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let process = gatehouse(&directory, &["serve"]).stdout(log).spawn().unwrap();
        let server = Self { directory, port, users, process };
        wait_for(port).await;
        server.import(0);
        server
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Takes in everybody, with another address for so many of them.
    pub fn import(&self, changed: u64) {
        let list = self.path("people.csv");
        people::write(&list, self.users, changed);
        self.run(&["import", "--source", "bench", list.to_str().unwrap()]);
    }

    fn run(&self, arguments: &[&str]) {
        let output = gatehouse(&self.directory, arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn client(&self) -> CrowdClient {
        CrowdClient::new(&format!("http://127.0.0.1:{}/crowd", self.port), "bench", PASSWORD)
    }

    /// What requests of the application have.
    pub fn authorization() -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
        format!("Basic {}", BASE64.encode(format!("bench:{PASSWORD}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub async fn wait_for(port: u16) {
    for _ in 0..400 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody listens at {port}");
}

fn gatehouse(directory: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command.arg("--config").arg(directory.path().join("gatehouse.toml")).args(arguments);
    command.stdin(Stdio::null());
    command
}

fn write_configuration(directory: &TempDir, port: u16) {
    let key = directory.path().join("master.key");
    fs::write(&key, "k".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let (here, hash) = (directory.path().display(), CredentialHash(sha256(PASSWORD.as_bytes())));
    let (public, nobody, hash) = (free_port(), free_port(), hash.text());
    let text = format!(
        r#"
[server]
login_url = "http://login.localhost:{public}"
listen = ["127.0.0.1:{public}"]
internal_listen = "127.0.0.1:{port}"
[store]
url = "sqlite://{here}/gatehouse.db"
[secrets]
master_key = {{ file = "{here}/master.key" }}
[admin]
socket = "{here}/control.sock"
[telemetry]
log_level = "error"
[[app]]
name = "bench"
url = "http://bench.localhost:{public}"
upstream = "http://127.0.0.1:{nobody}"
[[app.crowd]]
credentials = ["{hash}"]
writable = true
sessions_without_password = true
[[saml]]
name = "nobody"
title = "Nobody"
entity_id = "nobody"
metadata = {{ url = "http://127.0.0.1:{nobody}/" }}
[saml.claims]
username = ["uid"]
[provisioning]
create_groups = true
managed_groups = ["group-*"]
"#
    );
    fs::write(directory.path().join("gatehouse.toml"), text).unwrap();
}
