//! Applications behind TLS, with a CA of the house and a certificate for the gateway.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use super::{app, code, house, nginx::Nginx};
use crate::support::gateway::Plan;

/// The lines of an application's table; `{}` in them is the folder with the certificates.
fn lines(nginx: &Nginx, tls: &str) -> String {
    let tls = tls.replace("{}", &nginx.directory.path().display().to_string());
    format!("upstream = \"https://127.0.0.1:{}\"\n{tls}\n", nginx.port)
}

const WHOLE: &str = "upstream_tls = { ca = \"{}/ca.pem\", certificate = \"{}/gateway.pem\", key = \"{}/gateway.key\", \
                     server_name = \"app.internal\" }";

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_knows_the_application_and_the_application_the_gateway() {
    let nginx = Nginx::start().await;
    let apps = [
        ("whole", WHOLE),
        ("no-ca", "upstream_tls = { server_name = \"app.internal\" }"),
        ("no-table", ""),
        ("other-ca", "upstream_tls = { ca = \"{}/others.pem\", server_name = \"app.internal\" }"),
        ("other-name", "upstream_tls = { ca = \"{}/ca.pem\", server_name = \"gateway.internal\" }"),
        ("no-name", "upstream_tls = { ca = \"{}/ca.pem\" }"),
        ("nobody", "upstream_tls = { ca = \"{}/ca.pem\", server_name = \"app.internal\" }"),
    ];
    let apps: String = apps.iter().map(|(name, tls)| app(name, &lines(&nginx, tls))).collect();
    let house = house(&apps).await;
    for _ in 0..2 {
        let whole = house.get("/whole/x").await;
        assert_eq!(
            (whole.status, whole.body.as_str()),
            (200, "CN=gateway app.internal jira.localhost")
        );
    }
    for name in ["no-ca", "no-table", "other-ca", "other-name", "no-name"] {
        let refused = house.get(&format!("/{name}/x")).await;
        assert_eq!((refused.status, code(&refused).as_str()), (502, "upstream-tls"), "{name}");
    }
    let nobody = house.get("/nobody/x").await;
    assert!(nobody.status == 400 && nobody.body.contains("nginx"), "{}", nobody.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_have_changed_are_used_without_a_restart() {
    let nginx = Nginx::start().await;
    fs::copy(nginx.path("others.pem"), nginx.path("trusted.pem")).unwrap();
    let whole = WHOLE.replace("ca.pem", "trusted.pem");
    let house = house(&app("whole", &lines(&nginx, &whole))).await;
    assert_eq!(code(&house.get("/whole/x").await), "upstream-tls");
    fs::write(nginx.path("trusted.pem"), "nothing").unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(code(&house.get("/whole/x").await), "upstream-tls", "what was good stays");
    fs::copy(nginx.path("ca.pem"), nginx.path("trusted.pem")).unwrap();
    let began = Instant::now();
    while house.get("/whole/x").await.status != 200 {
        assert!(began.elapsed().as_secs() < 30, "the new one is not used");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_files_is_said_before_the_start() {
    let nginx = Nginx::start().await;
    fs::write(nginx.path("empty.pem"), "").unwrap();
    fs::copy(nginx.path("gateway.key"), nginx.path("open.key")).unwrap();
    fs::set_permissions(nginx.path("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
    for (tls, said) in [
        ("{ ca = \"{}/none.pem\" }", "none.pem has no usable certificate"),
        ("{ ca = \"{}/empty.pem\" }", "empty.pem has no usable certificate"),
        ("{ certificate = \"{}/gateway.pem\" }", "certificate and key belong together"),
        (
            "{ certificate = \"{}/gateway.pem\", key = \"{}/open.key\" }",
            "may be used by every user",
        ),
        ("{ certificate = \"{}/gateway.pem\", key = \"{}/app.key\" }", "cannot be used together"),
        ("{ server_name = \"a b\" }", "names no host"),
        ("{ verify = false }", "there is no such key"),
    ] {
        let tls = format!("upstream_tls = {tls}");
        let plan = Plan::new().with(&(app("whole", &lines(&nginx, &tls)) + super::NOBODY));
        plan.configuration(1, 2);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .arg("--config")
            .arg(plan.path("gatehouse.toml"))
            .arg("check")
            .output()
            .unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complained.contains(said), "{tls}: {complained}");
    }
    let clear = "upstream = \"http://127.0.0.1:1\"\nupstream_tls = {}\n";
    let plan = Plan::new().with(&(app("clear", clear) + super::NOBODY));
    let problems = gatehouse::config::Config::parse(&plan.configuration(1, 2)).unwrap_err();
    assert!(problems.to_string().contains("no address of the app begins with https://"));
}
