//! A PostgreSQL server of a test's own, which can be stopped and started.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::free_port;

/// A server that ends when this is dropped.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    pub port: u16,
}

impl Postgres {
    /// Makes one and starts it. It trusts everybody, and a database `gatehouse` is there.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("gatehouse-postgres").tempdir().unwrap();
        let postgres = Self { directory, programs: programs(), port: free_port() };
        if is_root() {
            // The server refuses to be root's.
            let owned = Command::new("chown").arg("nobody").arg(postgres.path("")).status();
            assert!(owned.unwrap().success());
        }
        let data = postgres.path("data").display().to_string();
        postgres.run(
            "initdb",
            &["-D", &data, "-U", "gatehouse", "-A", "trust", "-E", "UTF8", "--no-sync"],
        );
        postgres.begin();
        let port = postgres.port.to_string();
        postgres.run("createdb", &["-h", "127.0.0.1", "-p", &port, "-U", "gatehouse", "gatehouse"]);
        postgres
    }

    /// Where to reach it, at this port or at one that leads there.
    pub fn url(port: u16) -> String {
        format!("postgres://gatehouse@127.0.0.1:{port}/gatehouse")
    }

    /// Starts it once more.
    pub fn begin(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            self.path("").display()
        );
        self.control(&[
            "-w",
            "-l",
            &self.path("log").display().to_string(),
            "-o",
            &options,
            "start",
        ]);
    }

    /// Stops it as a crash would.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    fn control(&self, arguments: &[&str]) {
        let data = self.path("data").display().to_string();
        self.run("pg_ctl", &[&["-s", "-D", &data], arguments].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let done = command.args(arguments).current_dir(self.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.path("data/postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Where Debian has the newest server.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap();
    let newest = versions.map(|version| version.unwrap().path()).max();
    newest.unwrap().join(Path::new("bin"))
}
