//! What applications change that know the gateway as a Crowd server, and whose passwords they check.

mod accounts;
mod memberships;
mod permission;

use gatehouse::{config::CredentialHash, secrets::sha256};
use serde_json::{Value, json};

use crate::{
    cli::text,
    support::{
        curl::{Answer, Curl},
        gateway::{Plan, TestGateway},
    },
};

const PASSWORD: &str = "a-password-of-an-application";

/// A gateway that an application asks.
struct Office {
    gateway: TestGateway,
    client: Curl,
}

impl Office {
    /// With lines in the application's `[[app.crowd]]` table.
    async fn open(plan: Plan, more: &str) -> Self {
        let hash = CredentialHash(sha256(PASSWORD.as_bytes())).text();
        let crowd = format!("crowd = [{{ credentials = [\"{hash}\"], {more} }}]");
        let plan = plan.with_app("jira", &crowd).with("[passwords]\nsign_in = \"everybody\"\n");
        let gateway = plan.start().await;
        let client = gateway.browser();
        Self { gateway, client }
    }

    /// One for each database, whose application may write.
    async fn everywhere() -> Vec<Self> {
        let mut offices = Vec::new();
        for plan in Plan::on_every_database().await {
            offices.push(Self::open(plan, "writable = true").await);
        }
        offices
    }

    async fn send(&self, method: &str, resource: &str, body: &str, kind: &str) -> Answer {
        let url = format!("{}/rest/usermanagement/1{resource}", self.gateway.plan.internal());
        let (user, sent) = (format!("jira:{PASSWORD}"), format!("Content-Type: {kind}"));
        let wanted = format!("Accept: {kind}");
        let mut arguments = vec!["-u", &user, "-X", method, "-H", &wanted];
        if !body.is_empty() {
            arguments.extend(["-H", &sent, "--data-raw", body]);
        }
        self.client.ask(&url, &arguments).await
    }

    /// Asks in JSON.
    async fn ask(&self, method: &str, resource: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, resource, &body, "application/json").await
    }

    /// Asks in XML.
    async fn ask_in_xml(&self, method: &str, resource: &str, body: &str) -> Answer {
        self.send(method, resource, body, "application/xml").await
    }

    /// The status, and the reason of an error.
    async fn outcome(&self, method: &str, resource: &str, body: &Value) -> (u16, String) {
        let answer = self.ask(method, resource, body).await;
        assert!(answer.header("x-embedded-crowd-version").is_some());
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, said["reason"].as_str().unwrap_or_default().to_owned())
    }

    async fn user(&self, name: &str) -> Value {
        let resource = format!("/user?username={name}&expand=attributes");
        self.ask("GET", &resource, &Value::Null).await.json()
    }

    async fn create_user(&self, name: &str) {
        let made = self.outcome("POST", "/user", &json!({ "name": name })).await;
        assert_eq!(made, (201, String::new()));
    }

    async fn create_group(&self, name: &str) {
        let made = self.outcome("POST", "/group", &json!({ "name": name, "type": "GROUP" })).await;
        assert_eq!(made, (201, String::new()));
    }

    /// What an administrator does.
    async fn command(&self, arguments: &[&str]) -> String {
        let output = self.gateway.command(arguments).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// A failure as it is compared.
fn refused(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

fn done(status: u16) -> (u16, String) {
    (status, String::new())
}
