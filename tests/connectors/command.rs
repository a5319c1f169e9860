//! `gatehouse connector test`.

use std::process::Output;

use serde_json::{Value, json};

use super::tenant::Tenant;
use crate::cli::{gatehouse, text};

/// Runs the command with a whole configuration, without a gateway.
fn test(tenant: &Tenant, connector: &str, arguments: &[&str]) -> Output {
    tenant.file("master.key", &"k".repeat(64));
    let folder = tenant.secret();
    let folder = folder.split('"').nth(1).unwrap().trim_end_matches("/secret").to_owned();
    let connector = connector.replace("[entra]", "[connector.entra]");
    let config = format!(
        r#"
        [server]
        login_url = "https://login.example.com"
        listen = ["127.0.0.1:8443"]
        [store]
        url = "sqlite://{folder}/gatehouse.db"
        [secrets]
        master_key = {{ file = "{folder}/master.key" }}
        [[app]]
        name = "jira"
        url = "https://jira.example.com"
        upstream = "http://127.0.0.1:8080"
        [kerberos]
        keytab = "{folder}/http.keytab"
        [[kerberos.realm]]
        name = "EXAMPLE.COM"
        [[connector]]
        {connector}
        "#
    );
    let config = tenant.file("gatehouse.toml", &config);
    let all = ["--config", config.to_str().unwrap(), "connector", "test"];
    gatehouse(&[&all, arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_run_needs_is_tried_and_shown_with_what_a_mapping_can_use() {
    let tenant = Tenant::start().await;
    let toml = tenant.toml(&tenant.secret());
    let output = test(&tenant, &toml, &["corp"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    for step in [
        "get a token",
        "compare clocks",
        "reach Graph",
        "read users",
        "follow users",
        "read groups of a user",
        "read groups",
        "follow groups",
        "read members of groups",
        "look at the credential   the client secret expires on ",
    ] {
        assert!(said.contains(&format!("ok      {step}")), "{step} is not in:\n{said}");
    }
    let user = &tenant.truth().users[&tenant.id(crate::support::clouds::ids::Sort::User, 1)];
    assert!(said.contains(&user.values["userPrincipalName"][0]), "{said}");
    assert!(said.contains("    mailNickname ") && said.contains("(Security)"), "{said}");
    let folder_has = std::fs::exists(tenant.file("x", "").with_file_name("gatehouse.db"));
    assert!(!folder_has.unwrap(), "no store is opened");
    assert!(!said.contains(tenant.credential("client_secret")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_the_rest_is_tried_all_the_same() {
    let tenant = Tenant::start().await;
    tenant.behave(|manners| manners.granted = vec!["GroupMember.Read.All".to_owned()]);
    let toml = tenant.toml(&tenant.secret());
    let output = test(&tenant, &toml, &["corp", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["connector"], &said["good"]), (&json!("corp"), &json!(false)));
    let problem = |step: &str| {
        let all = said["findings"].as_array().unwrap();
        let found = all.iter().find(|finding| finding["step"] == step);
        found.unwrap_or_else(|| panic!("no {step} in {said}"))["problem"].as_str()
    };
    assert!(problem("read users").unwrap().contains("grant the application User.Read.All"));
    assert_eq!(problem("read groups"), None);
    assert_eq!(said["groups"].as_array().unwrap().len(), 20);
    tenant.behave(|manners| manners.granted = vec!["User.Read.All".to_owned()]);
    let said = text(&test(&tenant, &toml, &["corp"]).stdout);
    assert!(said.contains("missing read groups  "), "{said}");
    assert!(said.contains("missing read groups of a user"), "{said}");
    assert!(said.contains("GroupMember.Read.All"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_not_taken_ends_it() {
    let tenant = Tenant::start().await;
    let other = tenant.file("other", tenant.credential("expired_secret"));
    let toml = tenant.toml(&format!("secret = {{ file = \"{}\" }}", other.display()));
    let output = test(&tenant, &toml, &["corp"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("missing get a token") && said.contains("has expired"), "{said}");
    assert!(!said.contains("read users"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_found_out() {
    let tenant = Tenant::start().await;
    tenant.clouds.time.advance(600);
    let toml = tenant.toml(&tenant.secret());
    let said = text(&test(&tenant, &toml, &["corp"]).stdout);
    assert!(said.contains("missing compare clocks"), "{said}");
    assert!(said.contains("s ahead of the gateway's"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_is_not_there_is_the_arguments_fault() {
    let tenant = Tenant::start().await;
    let toml = tenant.toml(&tenant.secret());
    let output = test(&tenant, &toml, &["nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is: corp"), "{}", text(&output.stderr));
    let help = text(&gatehouse(&["connector", "test", "--help"]).stdout);
    assert!(help.contains("Exits with 1 if something is missing"), "{help}");
}
