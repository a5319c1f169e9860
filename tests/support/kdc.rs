//! A private MIT KDC: no root, nothing outside a temporary directory.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The realm.
pub const REALM: &str = "EXAMPLE.TEST";

/// A KDC that ends with the test.
pub struct Kdc {
    dir: TempDir,
    server: Child,
}

impl Kdc {
    /// Starts a KDC with the users alice and bob, and those services.
    pub fn start(services: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write_configuration(dir.path(), port);
        let run = |program: &str, arguments: &[&str]| {
            let output = tool(dir.path(), program).args(arguments).output().unwrap_or_else(|error| {
                panic!("{program}: {error}; run `make setup` (krb5-kdc, krb5-admin-server, krb5-user)")
            });
            assert!(output.status.success(), "{program}: {output:?}");
        };
        run("kdb5_util", &["create", "-s", "-r", REALM, "-P", "master"]);
        for user in ["alice", "bob"] {
            run("kadmin.local", &["addprinc", "-pw", user, user]);
        }
        for service in services {
            run("kadmin.local", &["addprinc", "-randkey", service]);
        }
        let server = tool(dir.path(), "krb5kdc")
            .args(["-n", "-r", REALM])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { dir, server }
    }

    /// Writes the current keys of services into a keytab. Those that it had stay.
    pub fn export(&self, keytab: &str, services: &[&str]) -> PathBuf {
        let path = self.dir.path().join(keytab);
        for service in services {
            let arguments = ["ktadd", "-norandkey", "-k", path.to_str().unwrap(), service];
            let output = tool(self.dir.path(), "kadmin.local").args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        path
    }

    /// Gives a service a new key.
    pub fn rekey(&self, service: &str) {
        let output = tool(self.dir.path(), "kadmin.local")
            .args(["cpw", "-randkey", service])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Logs a user in, and says where the tickets are.
    pub fn kinit(&self, user: &str) -> PathBuf {
        let tickets = self.dir.path().join(format!("tickets.{user}"));
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let mut kinit = tool(self.dir.path(), "kinit")
                .args(["-c", tickets.to_str().unwrap(), user])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            kinit.stdin.take().unwrap().write_all(user.as_bytes()).unwrap();
            if kinit.wait().unwrap().success() {
                return tickets;
            }
            assert!(Instant::now() < until, "the KDC did not come up");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The `Authorization` header that curl sends to `host` with a user's ticket.
    pub fn authorization(&self, tickets: &Path, host: &str) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut curl = Command::new("curl")
            .args(["-s", "-m", "10", "--negotiate", "-u", ":", "-o", "/dev/null"])
            .args(["--resolve", &format!("{host}:{port}:127.0.0.1")])
            .arg(format!("http://{host}:{port}/"))
            .env("KRB5_CONFIG", self.dir.path().join("krb5.conf"))
            .env("KRB5CCNAME", format!("FILE:{}", tickets.display()))
            .spawn()
            .unwrap();
        let mut header = None;
        // Curl asks once without a token if it has to be asked for one.
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 16384];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let length = connection.read(&mut buffer).unwrap();
                assert!(length > 0, "curl hung up");
                request.extend_from_slice(&buffer[..length]);
            }
            let text = String::from_utf8(request).unwrap();
            header = text
                .lines()
                .find_map(|line| line.strip_prefix("Authorization: "))
                .map(str::to_owned);
            let status = if header.is_some() { "200 OK" } else { "401 Unauthorized" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            connection.write_all(answer.as_bytes()).unwrap();
            if header.is_some() {
                break;
            }
        }
        let _ = curl.wait();
        header
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A program of Kerberos that knows this KDC only.
fn tool(dir: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("KRB5_CONFIG", dir.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", dir.join("kdc.conf"))
        .env_remove("KRB5CCNAME");
    command
}

fn write_configuration(dir: &Path, port: u16) {
    let here = dir.display();
    let client = format!(
        "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
         [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
         [domain_realm]\n .localhost = {REALM}\n localhost = {REALM}\n"
    );
    let server = format!(
        "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\n {REALM} = {{\n  database_name = {here}/principal\n  key_stash_file = {here}/stash\n  \
         acl_file = {here}/kadm5.acl\n  supported_enctypes = aes256-cts-hmac-sha1-96:normal\n }}\n\
         [logging]\n kdc = FILE:{here}/kdc.log\n admin_server = FILE:{here}/kadmin.log\n"
    );
    fs::write(dir.join("krb5.conf"), client).unwrap();
    fs::write(dir.join("kdc.conf"), server).unwrap();
    fs::write(dir.join("kadm5.acl"), "").unwrap();
}
