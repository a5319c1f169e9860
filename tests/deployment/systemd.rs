//! The unit: what systemd thinks of it, and a machine on which it runs with all that it forbids.

use std::{fs, process::Command, thread, time::Duration};

use crate::support::podman::{Container, machine_image, podman};

const UNIT: &str = "deploy/systemd/gatehouse.service";

/// Ten times the score of `systemd-analyze security`, as docs/deploy.md says it: what is left are the network, which a gateway
/// is about, and ports below 1024.
const EXPOSURE: &str = "14";

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let directory = tempfile::tempdir().unwrap();
    let (unit, socket) = (directory.path().join("gatehouse.service"), "gatehouse.socket");
    let text = fs::read_to_string(UNIT).unwrap();
    // On this machine the gateway is somewhere else.
    fs::write(&unit, text.replace("/usr/bin/gatehouse", env!("CARGO_BIN_EXE_gatehouse"))).unwrap();
    let verify = || {
        let output = Command::new("systemd-analyze").arg("verify").arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // Units of the machine are read too, and may have problems of their own.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("gatehouse.")).collect();
        assert!(ours.is_empty(), "{ours:#?}");
    };
    verify();
    // With the socket, which not everybody installs.
    fs::copy(format!("deploy/systemd/{socket}"), directory.path().join(socket)).unwrap();
    verify();
}

#[test]
fn the_unit_is_hardly_exposed() {
    let threshold = format!("--threshold={EXPOSURE}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold, UNIT];
    let output = Command::new("systemd-analyze").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string("docs/deploy.md").unwrap();
    let score = said.lines().rfind(|line| line.contains("Overall exposure level")).unwrap();
    let score = score.split(": ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(page.contains(&format!("`{score}`")), "docs/deploy.md does not say {score}");
}

/// What docs/deploy.md has somebody do on a new machine: packages, binary, user and unit, the master key, the certificate.
fn steps() -> String {
    let page = fs::read_to_string("docs/deploy.md").unwrap();
    let (_, section) = page.split_once("\n## One machine\n").unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let steps: Vec<_> = blocks.take(3).collect();
    let certificate = "openssl req -x509 -newkey rsa:2048 -nodes -days 300 -subj /CN=login.localhost \
        -addext subjectAltName=DNS:login.localhost,DNS:jira.localhost -keyout privkey.pem -out fullchain.pem";
    format!("set -e\ncd /root\n{certificate}\n{}\n{CONFIGURE}", steps.concat())
}

/// What comes of the example, once somebody has changed what is theirs.
const CONFIGURE: &str = r#"
cat >gatehouse.toml <<END
[server]
login_url = "https://login.localhost"
listen = ["0.0.0.0:443"]
[server.tls]
certificate = "/etc/gatehouse/tls/fullchain.pem"
key = "/etc/gatehouse/tls/privkey.pem"
[store]
url = "sqlite:///var/lib/gatehouse/gatehouse.db"
[secrets]
master_key = { file = "/run/credentials/gatehouse.service/master.key" }
[passwords]
sign_in = "everybody"
[[app]]
name = "jira"
url = "https://jira.localhost"
upstream = "http://127.0.0.1:8080"
END
install -m 0640 -g gatehouse gatehouse.toml /etc/gatehouse/gatehouse.toml
systemctl enable --now gatehouse
"#;

/// A machine with an init system, which has booted.
fn machine() -> Container {
    let checkout = fs::canonicalize(".").unwrap();
    let files = format!("{}/deploy:/root/deploy:ro", checkout.display());
    let binary = concat!(env!("CARGO_BIN_EXE_gatehouse"), ":/root/target/release/gatehouse:ro");
    let name = format!("gatehouse-machine-{}", std::process::id());
    let machine = Container(name.clone());
    // An init system mounts, and takes system calls away from services by itself; tests look into their namespaces.
    let may =
        ["--systemd=always", "--cap-add=SYS_ADMIN,SYS_PTRACE", "--security-opt=seccomp=unconfined"];
    let options = [&["run", "-d", "--name", &name][..], &may].concat();
    podman(&[&options[..], &["-v", &files, "-v", binary, machine_image()]].concat());
    wait("the machine", || machine.run_in_vain(&["systemctl", "is-active", "multi-user.target"]));
    machine
}

fn wait(what: &str, is_there: impl Fn() -> bool) {
    for _ in 0..100 {
        if is_there() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{what} is not there");
}

#[test]
fn a_machine_runs_the_gateway_with_everything_that_the_unit_forbids() {
    let machine = machine();
    machine.run(&["bash", "-c", &steps()]);
    let is_ready = || machine.run_in_vain(&["gatehouse", "healthcheck"]);
    wait("the gateway", is_ready);

    let first = machine.run(&["systemctl", "show", "-P", "MainPID", "gatehouse"]);
    let status = machine.run(&["cat", &format!("/proc/{}/status", first.trim())]);
    let user = format!("Uid:\t{}", machine.run(&["id", "-u", "gatehouse"]).trim());
    // CAP_NET_BIND_SERVICE, and no other.
    for line in [user.as_str(), "NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000400"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    for place in ["/usr/bin/x", "/etc/x", "/root/x"] {
        let write = ["nsenter", "-t", first.trim(), "-m", "touch", place];
        assert!(!machine.run_in_vain(&write), "even root cannot write to {place} where it is");
    }
    let as_a_browser = ["-H", "Accept: text/html", "-w", "%{http_code}", "https://jira.localhost/"];
    let page = [&["curl", "-sk", "-o", "/dev/null"][..], &as_a_browser].concat();
    assert_eq!(machine.run(&page), "303");

    // A list makes accounts: the database, the control socket and /tmp can be written to.
    machine.run(&[
        "bash",
        "-c",
        "printf 'username\\nalice\\n' >/tmp/people.csv && gatehouse import /tmp/people.csv",
    ]);
    assert!(machine.run(&["gatehouse", "user", "list"]).contains("alice"));

    reload(&machine);
    assert_eq!(machine.run(&["systemctl", "show", "-P", "MainPID", "gatehouse"]), first);

    machine.run(&["systemctl", "kill", "-s", "KILL", "gatehouse"]);
    let is_another = || machine.run(&["systemctl", "show", "-P", "MainPID", "gatehouse"]) != first;
    wait("another gateway", || is_another() && is_ready());
    assert!(machine.run(&["gatehouse", "user", "list"]).contains("alice"));

    restart_on_a_socket(&machine);
    machine.run(&["systemctl", "stop", "gatehouse.socket", "gatehouse"]);
    let result = machine.run(&["systemctl", "show", "-P", "Result", "gatehouse"]);
    assert_eq!(result.trim(), "success", "{}", machine.run(&["journalctl", "-u", "gatehouse"]));
}

/// What is wrong with a new configuration is said, and what is good is taken.
fn reload(machine: &Container) {
    let change = |from: &str, to: &str| {
        let edit = format!("s/^{from}/{to}/");
        machine.run(&["sed", "-i", &edit, "/etc/gatehouse/gatehouse.toml"]);
    };
    change("sign_in = ", "sign_inn = ");
    assert!(!machine.run_in_vain(&["systemctl", "reload", "gatehouse"]));
    let log = machine.run(&["journalctl", "-u", "gatehouse", "-o", "cat"]);
    assert!(log.contains("passwords.sign_inn: there is no such key"), "{log}");
    change("sign_inn = .*", "sign_in = \"everybody\"\\nmin_length = 13");
    machine.run(&["systemctl", "reload", "gatehouse"]);
    let log = machine.run(&["journalctl", "-u", "gatehouse", "-o", "cat"]);
    assert!(log.contains("different from now on: passwords"), "{log}");
    let state = machine.run(&["systemctl", "show", "-P", "ActiveState", "gatehouse"]);
    assert_eq!(state.trim(), "active");
}

/// Whoever comes while the gateway starts again is served.
fn restart_on_a_socket(machine: &Container) {
    let page = fs::read_to_string("docs/deploy.md").unwrap();
    let (_, step) = page.split_once("install -m 0644 deploy/systemd/gatehouse.socket").unwrap();
    let step = step.split("```").next().unwrap();
    let step = format!("cd /root && install -m 0644 deploy/systemd/gatehouse.socket{step}");
    machine.run(&["bash", "-ec", &step]);
    let before = machine.run(&["systemctl", "show", "-P", "MainPID", "gatehouse"]);
    let come = "systemctl restart gatehouse & end=$((SECONDS + 9)); while [ $SECONDS -lt $end ]; do \
        curl -sk -m 20 -o /dev/null -H 'Accept: text/html' -w '%{http_code}\\n' https://jira.localhost/ || echo refused; \
        sleep 0.05; done | sort -u; wait";
    assert_eq!(machine.run(&["bash", "-c", come]), "303\n");
    assert_ne!(machine.run(&["systemctl", "show", "-P", "MainPID", "gatehouse"]), before);
}
