//! `gatehouse healthcheck`: a probe where there is nothing else to ask with.

use std::fs;

use crate::support::gateway::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_whether_the_gateway_is_ready() {
    let mut gateway = Plan::new().with(PASSWORDS).start().await;
    let ready = gateway.command(&["healthcheck"]).await;
    assert!(ready.status.success(), "{}", String::from_utf8_lossy(&ready.stderr));
    assert_eq!(ready.stdout, b"ready\n");
    assert_eq!(gateway.command(&["healthcheck", "--alive"]).await.stdout, b"ok\n");

    // The next configuration may be bad; this gateway is well.
    let file = gateway.plan.path("gatehouse.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{good}\n[nonsense]\n[[saml]]\n")).unwrap();
    assert!(gateway.command(&["healthcheck", "--alive"]).await.status.success());

    gateway.stop().await;
    for probe in [&["healthcheck"][..], &["healthcheck", "--alive"]] {
        assert_eq!(gateway.command(probe).await.status.code(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_speaks_tls_to_a_gateway_that_does() {
    let plan = Plan::new().with(PASSWORDS);
    let (certificate, key) = (plan.ca(), plan.path("tls.key"));
    let line = format!(
        "internal_tls = {{ certificate = \"{}\", key = \"{}\" }}",
        certificate.display(),
        key.display()
    );
    let gateway = plan.with_server(&line).start().await;
    // Its certificate is for names, and none of them is 127.0.0.1.
    assert!(gateway.command(&["healthcheck"]).await.status.success());
}

const PASSWORDS: &str = "[passwords]\nsign_in = \"everybody\"\n";
