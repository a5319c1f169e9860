//! The clients that scripts are written with, and their ways to say who they are.

use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    clients::{Tracker, python},
    gateway::{Plan, TestGateway},
    kdc::Kdc,
};

/// A gateway in front of a Jira with accounts.
struct Office {
    python: PathBuf,
    gateway: TestGateway,
    url: String,
    kdc: Kdc,
    _tracker: Tracker,
}

impl Office {
    /// None if there is no Python with these clients.
    async fn open() -> Option<Self> {
        let python = python()?;
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let (tracker, plan) = (Tracker::start(&python), Plan::new());
        let url = format!("https://localhost:{}", plan.port());
        let app = format!(
            "[[app]]\nname = \"tracker\"\nkind = \"jira\"\nurl = \"{url}\"\nupstream = \"http://127.0.0.1:{}\"\n\
             rule = [\n{{ path = \"/rest/api/2/serverInfo\", decision = \"pass\" }},\n\
             {{ path = \"/rest/*\", decision = \"pass\", with_credentials = true }},\n\
             {{ path = \"/secure/attachment/*\", decision = \"pass\", with_credentials = true }},\n\
             {{ path = \"/secure/Dashboard.jspa\", decision = \"optional\" }} ]\n",
            tracker.port
        );
        let gateway = plan.with_tickets(&kdc.keytab()).with(&app).start().await;
        Some(Self { python, gateway, url, kdc, _tracker: tracker })
    }

    /// What `talk.py` has seen.
    async fn talk(&self, way: &str) -> Value {
        let output = Command::new(&self.python)
            .args(["tests/clients/talk.py", way, &self.url])
            .env("REQUESTS_CA_BUNDLE", self.gateway.plan.ca())
            .envs(self.kdc.client_env(&self.kdc.login("alice")))
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{way}: {errors}"))
    }
}

/// What everybody sees who makes an issue.
fn worked_as(name: &str) -> Value {
    json!({
        "me": name, "summary": "from outside: ä|[]", "comments": ["said"], "attachment": true, "found": true,
    })
}

fn with(mut seen: Value, more: &Value) -> Value {
    seen.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tokens_are_the_applications_business() {
    let Some(office) = Office::open().await else { return };
    let expected = with(worked_as("alice"), &json!({ "other": "alice" }));
    assert_eq!(office.talk("basic").await, expected);
    assert_eq!(office.talk("bearer").await, with(worked_as("bob"), &json!({ "other": "bob" })));
    let refused = office.talk("wrong").await;
    assert_eq!(refused["status"], 401);
    assert!(refused["text"].as_str().unwrap().contains("AUTHENTICATED_FAILED"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_a_session_for_scripts_and_a_token_beside_it_says_who() {
    let Some(office) = Office::open().await else { return };
    let more = json!({
        "page": 200,
        "cookies": [
            "__Host-gatehouse-app-tracker",
            "__Host-gatehouse-browser",
            "__Host-gatehouse-login",
            "__Host-gatehouse-session",
        ],
        "with_session": "alice",
        "beside": "bob",
        "dashboard": ["alice", "anonymous"],
    });
    assert_eq!(office.talk("kerberos").await, with(worked_as("alice"), &more));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_without_anything_are_told_so_and_not_sent_to_a_login() {
    let Some(office) = Office::open().await else { return };
    let expected = json!({ "script": 401, "challenge": null, "page": 303, "info": 200 });
    assert_eq!(office.talk("anonymous").await, expected);
}
