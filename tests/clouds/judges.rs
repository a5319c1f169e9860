//! Each library reads the whole organisation through its own authentication, pages and models, and finds what there is.

use crate::support::{
    clouds::{Clouds, Settings},
    judges::judge,
};

async fn judged(script: &'static str, tls: bool) -> Option<String> {
    let (_clouds, control) = Clouds::start(Settings { tls, ..Settings::default() }).await.unwrap();
    judge(script, &control).await
}

#[tokio::test(flavor = "multi_thread")]
async fn microsofts_library_reads_the_whole_directory_by_pages_and_by_delta() {
    let Some(said) = judged("graph_sdk.py", true).await else { return };
    for credential in ["secret", "certificate", "federated"] {
        assert!(said.contains(&format!("{credential}: 200 users and 40 groups")), "{said}");
    }
    assert!(said.contains("assignments: 2") && said.contains("'Jira.Admin'"), "{said}");
    assert!(said.contains("subscriptions: 2"), "{said}");
    assert!(said.contains("delta: 5 rounds"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oktas_library_reads_the_whole_organisation_with_a_token_and_with_proofs() {
    let Some(said) = judged("okta_sdk.py", true).await else { return };
    for credential in ["API token", "key with proofs", "key without proofs"] {
        assert!(said.contains(&format!("{credential}: 200 users, 40 groups")), "{said}");
    }
    assert!(said.contains("changes by time"), "{said}");
    assert!(said.contains("event hooks: 2 events"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_library_reads_the_whole_customer_for_an_administrator() {
    let Some(said) = judged("google_sdk.py", true).await else { return };
    assert!(said.contains("service account: 200 users, 40 groups, 5 units"), "{said}");
    assert!(said.contains("channels: 4"), "{said}");
    assert!(said.contains("refusals and deleted users"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_fit_the_descriptions_of_okta_and_google() {
    let Some(said) = judged("described.py", false).await else { return };
    assert!(said.contains("Okta: ") && said.contains("Google: "), "{said}");
}
