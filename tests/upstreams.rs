//! Applications at several addresses, behind TLS, down, half down and overworked.

mod affinity;
mod drains;
mod early;
mod health;
mod nginx;
mod node;
mod pages;
mod places;
mod repeats;
mod tls;

use std::time::{Duration, Instant};

use gatehouse::proxy::{AddressStatus, UpstreamStatus};

use self::node::Node;
use crate::support::{
    curl::{Answer, Curl},
    gateway::{Plan, TestGateway},
};

/// Nobody logs in here: the identity provider need not be there.
const NOBODY: &str = "[[saml]]\nname = \"nobody\"\ntitle = \"Nobody\"\nentity_id = \"https://idp.example.test/metadata\"\n\
                      metadata = { file = \"src/saml/self_test/metadata.xml\" }\ndomains = [\"example.test\"]\n\
                      [saml.claims]\nsubject = [\"uid\"]\nusername = [\"uid\"]\n";

/// A gateway with an application that is looked at without a login.
struct House {
    gateway: TestGateway,
    browser: Curl,
}

/// An application below `/cluster`, with lines of its table.
fn app(name: &str, lines: &str) -> String {
    format!(
        "[[app]]\nname = \"{name}\"\nurl = \"{{jira}}/{name}\"\nrule = [{{ path = \"/{name}/*\", decision = \"pass\" }}]\n\
         {lines}\n"
    )
}

/// The addresses of nodes, as a line of the table.
fn at(nodes: &[&Node]) -> String {
    let urls: Vec<_> =
        nodes.iter().map(|node| format!("\"http://127.0.0.1:{}\"", node.port)).collect();
    format!("upstreams = [{}]\n", urls.join(", "))
}

async fn house(apps: &str) -> House {
    let gateway = Plan::new().with(&format!("{apps}{NOBODY}")).start().await;
    let browser = gateway.browser();
    House { gateway, browser }
}

impl House {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.jira())
    }

    async fn get(&self, path: &str) -> Answer {
        self.browser.ask(&self.url(path), &[]).await
    }

    /// Asks as somebody who has never been here.
    async fn get_anew(&self, path: &str) -> Answer {
        self.gateway.browser().ask(&self.url(path), &[]).await
    }

    async fn post(&self, path: &str) -> Answer {
        self.browser.ask(&self.url(path), &["-d", "a=1"]).await
    }

    /// How an application's addresses are doing, as machines see it.
    async fn status(&self, app: &str) -> Vec<AddressStatus> {
        let url = format!("{}/upstreams", self.gateway.plan.internal());
        let all: Vec<UpstreamStatus> = self.browser.ask(&url, &[]).await.json();
        all.into_iter().find(|found| found.app == app).unwrap().addresses
    }

    /// Waits until a node is `in` or `out`.
    async fn wait_until(&self, node: &Node, state: &str) {
        let (address, began) = (node.address(), Instant::now());
        loop {
            let status = self.status("cluster").await;
            let found = status.iter().find(|found| found.address == address).unwrap();
            if found.state == state {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(40), "not {state}: {status:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until no connection is idle any more.
    async fn wait_until_unused(&self) {
        let began = Instant::now();
        while self.status("cluster").await[0].idle > 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "a connection is kept");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The value of a metric.
    async fn metric(&self, line: &str) -> u64 {
        let url = format!("{}/metrics", self.gateway.plan.internal());
        let text = self.browser.ask(&url, &[]).await.body;
        let found = text.lines().find_map(|text| text.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    async fn command(&self, arguments: &[&str]) -> String {
        let output = self.gateway.command(arguments).await;
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}{complained}");
        said.into_owned()
    }
}

/// The code of an error that a script was answered.
fn code(answer: &Answer) -> String {
    answer.json::<serde_json::Value>()["error"]["code"].as_str().unwrap_or_default().to_owned()
}
