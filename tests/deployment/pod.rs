//! The sidecar's manifests, played: a pod whose application listens at 127.0.0.1, with the gateway before it.
//!
//! Podman plays no `Deployment` with sidecars and no Secrets: the pod is the manifest's, with the gateway as one more
//! container, and with directories that are like Secrets where the kubelet would mount them.

use std::{
    fs,
    net::{IpAddr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use gatehouse::secrets::hmac_sha256;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    kubernetes::{find, manifests},
    mounted_secret::MountedSecret,
};
use crate::support::{
    curl::{Answer, Curl, FOLLOW},
    free_port,
    gateway::write_certificate,
    kdc::{self, Kdc},
    podman::{BASE, gateway_image, podman, podman_in_vain},
};

const HOST: &str = "login.localhost";

/// Where the application posts what it is told, and with which secret.
const ALARM: &str = r#"
[[alarm]]
name = "ops"
[alarm.webhook]
url = "http://127.0.0.1:8080/alarms"
secret = { file = "/etc/gatehouse-secrets/ops" }
"#;

struct Pod {
    name: String,
    port: u16,
    directory: TempDir,
    secrets: MountedSecret,
    keytab: MountedSecret,
    file: PathBuf,
}

impl Pod {
    fn play(kdc: &Kdc) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        write_certificate(directory.path());
        let [certificate, key] = ["tls.pem", "tls.key"].map(|name| fs::read(place(name)).unwrap());
        let tls = place("gatehouse-tls");
        MountedSecret::new(&tls, &[("tls.crt", &certificate[..]), ("tls.key", &key[..])]);
        let keytab = fs::read(kdc.keytab()).unwrap();
        let keytab =
            MountedSecret::new(&place("gatehouse-kerberos"), &[("http.keytab", &keytab[..])]);
        let secrets = MountedSecret::new(&place("gatehouse-secrets"), &secrets("the first"));

        let port = free_port();
        let name = format!("gatehouse-test-{port}");
        let file = place("pod.json");
        fs::write(&file, playable(&name, port, directory.path())).unwrap();
        let pod = Self { name, port, directory, secrets, keytab, file };
        podman(&["kube", "play", pod.file.to_str().unwrap()]);
        pod
    }

    fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    fn browser(&self) -> Curl {
        Curl::new(&self.directory.path().join("tls.pem"))
    }

    fn url(&self) -> String {
        format!("https://{HOST}:{}/", self.port)
    }

    /// Waits until the probe says that it is ready.
    async fn wait(&self) {
        for _ in 0..200 {
            let probe = ["exec", &self.container("gatehouse"), "/usr/bin/gatehouse", "healthcheck"];
            if podman_in_vain(&probe).status.success() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{}", podman(&["logs", &self.container("gatehouse")]));
    }

    /// Somebody's first page, with the tickets that they have now.
    async fn open(&self, browser: &Curl) -> Answer {
        browser.get(&self.url(), &FOLLOW).await
    }

    /// An address that others in the cluster know.
    fn address(&self) -> IpAddr {
        let pod = podman(&["pod", "inspect", &self.name]);
        let infra = serde_json::from_str::<Value>(&pod).unwrap()["InfraContainerID"].clone();
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        podman(&["inspect", "--format", format, infra.as_str().unwrap()]).trim().parse().unwrap()
    }

    /// When the gateway was started, and as which process.
    fn life(&self) -> String {
        let format = "{{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}";
        podman(&["inspect", "--format", format, &self.container("gatehouse")])
    }

    /// What the application was told last, and whether that was signed with this secret.
    fn is_signed_with(&self, secret: &str) -> bool {
        podman(&["exec", &self.container("gatehouse"), "/usr/bin/gatehouse", "alarm", "test"]);
        let log = podman(&["logs", &self.container("jira")]);
        let posted = log.lines().rfind(|line| line.starts_with("posted ")).unwrap();
        let words: Vec<_> = posted.splitn(4, ' ').skip(1).collect();
        let [timestamp, signature, body] = words[..] else { panic!("{posted}") };
        let expected = hmac_sha256(secret.as_bytes(), format!("{timestamp}.{body}").as_bytes());
        signature == format!("sha256={expected}")
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = podman_in_vain(&["logs", &self.container("gatehouse")]);
            eprintln!("{}", String::from_utf8_lossy(&log.stderr));
        }
        podman_in_vain(&["pod", "rm", "-f", "-t", "1", &self.name]);
        let volumes =
            podman_in_vain(&["volume", "ls", "-q", "--filter", &format!("name={}", self.name)]);
        for volume in String::from_utf8_lossy(&volumes.stdout).lines() {
            podman_in_vain(&["volume", "rm", "-f", volume]);
        }
    }
}

static MASTER_KEY: [u8; 64] = [b'k'; 64];

fn secrets(webhook: &'static str) -> [(&'static str, &'static [u8]); 2] {
    [("master.key", &MASTER_KEY[..]), ("ops", webhook.as_bytes())]
}

/// The sidecar's pod, with the names of this test, as Podman plays it.
fn playable(name: &str, port: u16, secrets: &Path) -> String {
    let manifests = manifests("sidecar");
    let mut configuration = find(manifests, "ConfigMap", "").clone();
    configuration["metadata"]["name"] = json!(format!("{name}-config"));
    let text = configuration["data"]["gatehouse.toml"].as_str().unwrap();
    let text = text
        .replace("https://jira.example.com", &format!("https://{HOST}:{port}"))
        .replace("AD.EXAMPLE.COM", kdc::REALM);
    configuration["data"]["gatehouse.toml"] = json!(text + ALARM);

    let mut spec = find(manifests, "Deployment", "")["spec"]["template"]["spec"].clone();
    let [mut gateway, mut app] =
        ["initContainers", "containers"].map(|key| spec[key].as_array_mut().unwrap().remove(0));
    spec.as_object_mut().unwrap().remove("initContainers");
    gateway.as_object_mut().unwrap().remove("restartPolicy");
    gateway["image"] = json!(gateway_image());
    gateway["ports"][0]["hostPort"] = json!(port);
    gateway["ports"][0]["hostIP"] = json!("127.0.0.1");
    let program = fs::read_to_string("tests/deployment/app.pl").unwrap();
    app["image"] = json!(BASE);
    app["command"] = json!(["/usr/bin/perl", "-e", program]);
    app["securityContext"]["runAsUser"] = json!(1000);
    // They are Kubernetes' own: a request by the kubelet, and a pause before the end.
    app.as_object_mut()
        .unwrap()
        .retain(|key, _| !["readinessProbe", "lifecycle"].contains(&key.as_str()));
    spec["containers"] = json!([gateway, app]);
    let mut claim = find(manifests, "PersistentVolumeClaim", "").clone();
    claim["metadata"]["name"] = json!(format!("{name}-data"));
    mount(&mut spec, name, secrets);

    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
    [configuration, claim, pod].map(|manifest| manifest.to_string()).join("\n---\n")
}

/// Gives volumes the names of this test, and puts directories in the place of Secrets.
fn mount(spec: &mut Value, name: &str, secrets: &Path) {
    let own = |volume: &str| format!("{name}-{volume}");
    for volume in spec["volumes"].as_array_mut().unwrap() {
        let short = volume["name"].as_str().unwrap().to_owned();
        volume["name"] = json!(own(&short));
        if let Some(secret) = volume["secret"]["secretName"].as_str() {
            let path = secrets.join(secret);
            *volume = json!({"name": own(&short), "hostPath": {"path": path, "type": "Directory"}});
        } else if volume["configMap"].is_object() {
            volume["configMap"]["name"] = json!(own("config"));
        } else if volume["persistentVolumeClaim"].is_object() {
            volume["persistentVolumeClaim"]["claimName"] = json!(own("data"));
        }
        // null entries are nothing that Podman reads.
        volume.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    for container in spec["containers"].as_array_mut().unwrap() {
        for mount in container["volumeMounts"].as_array_mut().into_iter().flatten() {
            mount["name"] = json!(own(mount["name"].as_str().unwrap()));
        }
    }
}

fn connects(address: IpAddr, port: u16) -> bool {
    let address = SocketAddr::new(address, port);
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_lets_nobody_in_around_its_gateway_and_takes_new_secrets_as_it_runs() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let mut pod = Pod::play(&kdc);
    pod.wait().await;
    let life = pod.life();

    // The application is there, and nobody reaches it but by the gateway.
    let address = pod.address();
    assert!(connects(address, 8443), "the gateway is open to the cluster");
    assert!(!connects(address, 8080), "the application is not");
    assert!(!connects(address, 9090), "nor is what machines ask");
    let nobody = pod.browser().get(&pod.url(), &[]).await;
    assert_eq!(nobody.status, 303, "{}", nobody.body);
    let alice = pod.browser().with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(pod.open(&alice).await.body, "you are alice\n");
    is_confined(&pod);

    // The KDC has a new key: whoever comes with a ticket for it is let in once the keytab has followed.
    let keytab = kdc.directory().join("new.keytab");
    kdc.admin(&[format!("ktadd -k {} HTTP/login.localhost", keytab.display())]);
    let tickets = kdc.client_env(&kdc.login("bob"));
    let in_vain = pod.browser().with_env(tickets.clone());
    assert!(!pod.open(&in_vain).await.body.contains("bob"), "the new key is not known yet");
    pod.keytab.exchange(&[("http.keytab", &fs::read(&keytab).unwrap()[..])]);
    let bob = pod.browser().with_env(tickets);
    assert_eq!(pod.open(&bob).await.body, "you are bob\n");

    assert!(pod.is_signed_with("the first"));
    pod.secrets.exchange(&secrets("the second"));
    assert!(pod.is_signed_with("the second"));

    assert_eq!(alice.get(&pod.url(), &[]).await.body, "you are alice\n");
    assert_eq!(pod.life(), life, "nothing of it needed a restart");
}

/// The manifest's security context has come true.
fn is_confined(pod: &Pod) {
    let gateway = pod.container("gatehouse");
    let status = podman(&["exec", &gateway, "cat", "/proc/1/status"]);
    for line in [
        "Uid:\t65532",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let mounts = podman(&["exec", &gateway, "cat", "/proc/1/mountinfo"]);
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().starts_with("ro"), "{root}");
}
