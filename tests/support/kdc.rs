//! A real MIT KDC for one test, with nothing of the machine's own Kerberos in it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::free_port;

/// The realm, which `*.localhost` belongs to.
pub const REALM: &str = "EXAMPLE.TEST";

/// A KDC with the users alice, bob and carol, whose passwords are `alice-pw` and so on. It ends when
/// this is dropped.
///
/// Its settings reach child processes by their environment, never this one: tests share it.
pub struct Kdc {
    directory: TempDir,
    process: Child,
}

impl Kdc {
    /// Starts one with these services, such as `HTTP/login.localhost`, and their keys in a keytab.
    pub fn start(services: &[&str]) -> Self {
        for tool in ["krb5kdc", "kdb5_util", "kadmin.local", "kinit"] {
            let is_there = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
                .iter()
                .any(|directory| Path::new(directory).join(tool).exists());
            assert!(is_there, "{tool}: apt install krb5-kdc krb5-admin-server krb5-user");
        }
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        write_configuration(directory.path(), port);
        command(directory.path(), "kdb5_util", &["create", "-s", "-r", REALM, "-P", "master-pw"]);

        let mut script: Vec<_> =
            ["alice", "bob", "carol"].map(|user| format!("addprinc -pw {user}-pw {user}")).into();
        script.extend(services.iter().map(|service| format!("addprinc -randkey {service}")));
        let keytab = directory.path().join("http.keytab");
        script.extend(services.iter().map(|name| format!("ktadd -k {} {name}", keytab.display())));
        run_kadmin(directory.path(), &script);

        let process = krb5(directory.path(), "krb5kdc").args(["-n", "-r", REALM]).spawn().unwrap();
        let kdc = Self { directory, process };
        kdc.wait_for(port);
        kdc
    }

    /// The keys of the services.
    pub fn keytab(&self) -> PathBuf {
        self.directory.path().join("http.keytab")
    }

    /// A place for other files of the test.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs commands of `kadmin.local`, one a line.
    pub fn admin(&self, script: &[String]) {
        run_kadmin(self.directory.path(), script);
    }

    /// Logs a user in: the new ticket cache, as `KRB5CCNAME` wants it after `FILE:`.
    pub fn login(&self, user: &str) -> PathBuf {
        let ccache = tempfile::Builder::new()
            .prefix("cc.")
            .tempfile_in(self.directory.path())
            .unwrap()
            .into_temp_path()
            .keep()
            .unwrap();
        let mut kinit = krb5(self.directory.path(), "kinit")
            .arg("-c")
            .arg(&ccache)
            .arg(user)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        kinit.stdin.take().unwrap().write_all(format!("{user}-pw\n").as_bytes()).unwrap();
        assert!(kinit.wait().unwrap().success(), "kinit {user}");
        ccache
    }

    /// What a client needs in its environment to use these tickets.
    pub fn client_env(&self, ccache: &Path) -> Vec<(String, String)> {
        let configuration = self.directory.path().join("krb5.conf");
        vec![
            ("KRB5_CONFIG".to_owned(), configuration.display().to_string()),
            ("KRB5CCNAME".to_owned(), format!("FILE:{}", ccache.display())),
        ]
    }

    /// The `Authorization` header that curl sends to that host. It asks for mutual authentication.
    pub fn authorization(&self, ccache: &Path, host: &str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = Command::new("curl")
            .args(["-s", "-m", "10", "--negotiate", "-u", ":", "--resolve"])
            .arg(format!("{host}:{port}:127.0.0.1"))
            .arg(format!("http://{host}:{port}/"))
            .envs(self.client_env(ccache))
            .stdout(Stdio::null())
            .spawn();
        let mut client = client.unwrap();
        let header = serve_until_authorized(&listener);
        client.wait().unwrap();
        header
    }

    fn wait_for(&self, port: u16) {
        for _ in 0..200 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        let log = fs::read_to_string(self.directory.path().join("kdc.log")).unwrap_or_default();
        panic!("the KDC did not start: {log}");
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks for `Negotiate` until a token comes. curl may open a connection for each try.
fn serve_until_authorized(listener: &TcpListener) -> String {
    for _ in 0..3 {
        let (mut connection, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            connection.read_exact(&mut octet).unwrap();
            head.push(octet[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let header = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
        let status = if header.is_some() { "204 No Content" } else { "401 Unauthorized" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nWWW-Authenticate: Negotiate\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(answer.as_bytes()).unwrap();
        if let Some(header) = header {
            return header.to_owned();
        }
    }
    panic!("curl sent no token");
}

fn krb5(directory: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("KRB5_CONFIG", directory.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", directory.join("kdc.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn command(directory: &Path, program: &str, arguments: &[&str]) {
    let output = krb5(directory, program).args(arguments).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn run_kadmin(directory: &Path, script: &[String]) {
    let mut kadmin = krb5(directory, "kadmin.local").stdin(Stdio::piped()).spawn().unwrap();
    let script = format!("{}\nquit\n", script.join("\n"));
    kadmin.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(kadmin.wait().unwrap().success(), "kadmin.local");
}

fn write_configuration(directory: &Path, port: u16) {
    let place = directory.display();
    let client = format!(
        "[libdefaults]
  default_realm = {REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {REALM} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  .localhost = {REALM}
  localhost = {REALM}
  .example.test = {REALM}
"
    );
    let server = format!(
        "[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {REALM} = {{
    database_name = {place}/principal
    key_stash_file = {place}/stash
    acl_file = {place}/kadm5.acl
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{place}/kdc.log
"
    );
    fs::write(directory.join("krb5.conf"), client).unwrap();
    fs::write(directory.join("kdc.conf"), server).unwrap();
    fs::write(directory.join("kadm5.acl"), "").unwrap();
}
