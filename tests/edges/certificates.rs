//! Certificates by name, and new ones while the gateway runs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use openssl::{
    hash::MessageDigest,
    ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion},
};

use crate::support::gateway::{Plan, TestGateway, write_secret};

/// Who is told of which host, and by which versions of TLS.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    host: Option<&'a str>,
    at_most: Option<SslVersion>,
}

impl<'a> Client<'a> {
    pub fn of(host: &'a str) -> Self {
        Self { host: Some(host), at_most: None }
    }

    /// The fingerprint of the certificate that it is shown, or what went wrong.
    pub async fn is_shown(self, plan: &Plan) -> Result<Vec<u8>, String> {
        let (port, host) = (plan.port(), self.host.map(str::to_owned));
        let at_most = self.at_most;
        let shaken = tokio::task::spawn_blocking(move || {
            let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
            connector.set_verify(SslVerifyMode::NONE);
            connector.set_max_proto_version(at_most).unwrap();
            // Without this, OpenSSL would not even ask in an old version.
            connector.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
            connector.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
            let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let configured = connector.build().configure().unwrap().verify_hostname(false);
            let configured = configured.use_server_name_indication(host.is_some());
            let shaken = configured.connect(host.as_deref().unwrap_or("nobody"), stream);
            let stream = shaken.map_err(|error| error.to_string())?;
            let certificate = stream.ssl().peer_certificate().unwrap();
            Ok(certificate.digest(MessageDigest::sha256()).unwrap().to_vec())
        });
        shaken.await.unwrap()
    }
}

/// Writes a certificate for some hosts, good until a year; its fingerprint.
pub fn write(directory: &Path, name: &str, hosts: &[&str], until: i32) -> Vec<u8> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut wanted = rcgen::CertificateParams::new(hosts).unwrap();
    wanted.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = wanted.self_signed(&key).unwrap();
    // As tools do it that know what they do: the key first, and each by a rename.
    let put = |end: &str, text: &str| {
        let (new, path) = (format!("{name}.{end}.new"), format!("{name}.{end}"));
        write_secret(&directory.join(&new), text);
        fs::rename(directory.join(&new), directory.join(path)).unwrap();
    };
    put("key", &key.serialize_pem());
    put("pem", &made.pem());
    gatehouse::secrets::sha256(made.der()).to_vec()
}

/// Waits until a client is shown a certificate.
async fn wait_until_shown(client: Client<'_>, plan: &Plan, fingerprint: &[u8]) {
    for _ in 0..60 {
        if client.is_shown(plan).await.as_deref() == Ok(fingerprint) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("it is not shown");
}

async fn metrics(gateway: &TestGateway) -> String {
    gateway.browser().ask(&format!("{}/metrics", gateway.plan.internal()), &[]).await.body
}

async fn wait_for_metric(gateway: &TestGateway, line: &str) {
    for _ in 0..60 {
        if metrics(gateway).await.lines().any(|found| found == line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{line} is not in {}", metrics(gateway).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_without_a_restart_and_one_that_cannot_be_used_never_is() {
    let plan = Plan::new().with("[passwords]\nsign_in = \"everybody\"\n");
    let directory = plan.path("");
    let first = write(&directory, "tls", &["jira.localhost"], 2090);
    let gateway = plan.start().await;
    let (plan, client) = (&gateway.plan, Client::of("jira.localhost"));
    assert_eq!(client.is_shown(plan).await.unwrap(), first);
    let mut open = super::connect(plan).await;

    let second = write(&directory, "tls", &["jira.localhost"], 2091);
    wait_until_shown(client, plan, &second).await;
    assert!(super::ask(&mut open, plan, "/status").await.contains("200 ok"), "it goes on");
    wait_for_metric(
        &gateway,
        r#"gatehouse_certificate_expires_timestamp_seconds{certificate="server.tls"} 3818448000"#,
    )
    .await;

    // Each of these is refused, and what was there stays.
    let key = fs::read_to_string(directory.join("tls.key")).unwrap();
    let pem = fs::read_to_string(directory.join("tls.pem")).unwrap();
    let mut refused = 0;
    let breaks: [&dyn Fn(); 5] = [
        &|| {
            // Also a good one, while everybody could take its key.
            write(&directory, "tls", &["jira.localhost"], 2094);
            let everybody = fs::Permissions::from_mode(0o644);
            fs::set_permissions(directory.join("tls.key"), everybody).unwrap();
        },
        &|| fs::write(directory.join("tls.pem"), "-----BEGIN CERTIFICATE-----\nhalf").unwrap(),
        &|| drop(write(&directory, "tls", &["jira.localhost"], 2001)),
        &|| {
            write(&directory, "other", &["jira.localhost"], 2092);
            fs::copy(directory.join("other.pem"), directory.join("tls.pem")).unwrap();
        },
        &|| fs::remove_file(directory.join("tls.pem")).unwrap(),
    ];
    for spoil in breaks {
        spoil();
        refused += 1;
        let count =
            "gatehouse_certificate_reloads_total{certificate=\"server.tls\",outcome=\"refused\"}";
        wait_for_metric(&gateway, &format!("{count} {refused}")).await;
        wait_for_metric(&gateway, r#"gatehouse_certificate_stale{certificate="server.tls"} 1"#)
            .await;
        assert_eq!(client.is_shown(plan).await.unwrap(), second);
        write_secret(&directory.join("tls.key"), &key);
    }
    write_secret(&directory.join("tls.key"), &key);
    fs::write(directory.join("tls.pem"), pem).unwrap();
    wait_for_metric(&gateway, r#"gatehouse_certificate_stale{certificate="server.tls"} 0"#).await;
    let third = write(&directory, "tls", &["jira.localhost"], 2093);
    wait_until_shown(client, plan, &third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_shown_the_certificate_of_the_host_that_they_ask_for() {
    let plan = Plan::new();
    let directory = plan.path("");
    let default = write(&directory, "tls", &["login.localhost"], 2090);
    let exact = write(&directory, "jira", &["jira.localhost"], 2090);
    let wild = write(&directory, "wild", &["*.localhost", "*.example.test"], 2090);
    let here = directory.display();
    let more = format!(
        "[[server.certificate]]\ncertificate = \"{here}/wild.pem\"\nkey = \"{here}/wild.key\"\n\
         [[server.certificate]]\ncertificate = \"{here}/jira.pem\"\nkey = \"{here}/jira.key\"\n\
         [passwords]\nsign_in = \"everybody\"\n"
    );
    let gateway = plan.with(&more).start().await;
    let nobody = Client { host: None, at_most: None };
    for (client, expected) in [
        (Client::of("login.localhost"), &default),
        (Client::of("jira.localhost"), &exact),
        (Client::of("JIRA.localhost"), &exact),
        (Client::of("wiki.localhost"), &wild),
        (Client::of("a.example.test"), &wild),
        (Client::of("a.b.example.test"), &default),
        (Client::of("elsewhere.test"), &default),
        (nobody, &default),
        (Client { at_most: Some(SslVersion::TLS1_2), ..Client::of("jira.localhost") }, &exact),
    ] {
        let shown = client.is_shown(&gateway.plan).await;
        assert_eq!(shown.as_ref(), Ok(expected), "{:?}", client.host);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_who_asks_for_a_host_that_no_certificate_names_is_refused_with_an_alert()
{
    let plan = Plan::new();
    let here = plan.path("").display().to_string();
    let more = "[passwords]\nsign_in = \"everybody\"\n";
    let mut plan = plan.with(more);
    plan.replace_default_certificate(&format!(
        "[[server.certificate]]\ncertificate = \"{here}/tls.pem\"\nkey = \"{here}/tls.key\"\n"
    ));
    let gateway = plan.start().await;
    assert!(Client::of("jira.localhost").is_shown(&gateway.plan).await.is_ok());
    let refused = Client::of("elsewhere.test").is_shown(&gateway.plan).await.unwrap_err();
    assert!(refused.contains("alert access denied"), "{refused}");
    wait_for_metric(&gateway, r#"gatehouse_refused_total{reason="tls-host-unknown"} 1"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_an_old_tls_or_none_is_told_so_and_counted() {
    let gateway = Plan::new().with("[passwords]\nsign_in = \"everybody\"\n").start().await;
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        let old = Client { at_most: Some(version), ..Client::of("jira.localhost") };
        let refused = old.is_shown(&gateway.plan).await.unwrap_err();
        // Which of the two depends on what else an old client does not say.
        let alerts = ["alert protocol version", "alert handshake failure"];
        assert!(alerts.iter().any(|alert| refused.contains(alert)), "{refused}");
    }
    wait_for_metric(&gateway, r#"gatehouse_refused_total{reason="tls-too-old"} 2"#).await;
    let plain = format!("http://127.0.0.1:{}/", gateway.plan.port());
    gateway.browser().ask_in_vain(&plain, &[]).await;
    wait_for_metric(&gateway, r#"gatehouse_refused_total{reason="tls-not-spoken"} 1"#).await;
}

#[test]
fn at_the_start_a_certificate_that_cannot_be_used_is_refused_by_its_file() {
    let plan = Plan::new().with("[passwords]\nsign_in = \"everybody\"\n");
    let directory = plan.path("");
    let check = || {
        plan.configuration(1, 1);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .arg("--config")
            .arg(plan.path("gatehouse.toml"))
            .arg("check")
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    write(&directory, "tls", &["jira.localhost"], 2001);
    let said = check();
    assert!(
        said.contains("server.tls: ")
            && said.contains("tls.pem has a certificate that expired on 2001-01-01"),
        "{said}"
    );

    write(&directory, "tls", &["jira.localhost"], 2090);
    write(&directory, "other", &["jira.localhost"], 2090);
    fs::copy(directory.join("other.pem"), directory.join("tls.pem")).unwrap();
    let said = check();
    assert!(said.contains("tls.pem and") && said.contains("cannot be used together"), "{said}");
}
