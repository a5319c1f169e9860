//! Proxies that pass requests on by themselves, and ask the gateway of each whether they may (forward-auth). All of them
//! are real, and set up by the samples of `deploy/forward-auth`.

mod applications;
mod attacks;
mod proxy;
mod questions;
mod signing_in;

use self::proxy::{Product, Proxy};
use crate::support::{
    curl::{Answer, Curl, FOLLOW},
    free_port,
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    upstream::Seen,
};

const SERVICE: &str = "HTTP/login.localhost";
const PEERS: &str = "\n[forward_auth]\npeers = [\"127.0.0.1/32\"]\n";

/// For what is sent with a body to somebody who may refuse it unread. Over HTTP/2 its stream is ended then, and curl, if it has
/// not sent everything by that time, takes the answer for none.
const UNREAD: &str = "--http1.1";

/// A gateway behind a proxy.
struct House {
    gateway: TestGateway,
    kdc: Kdc,
    port: u16,
    proxy: Option<Proxy>,
}

async fn house() -> House {
    house_with(Plan::new().with(PEERS)).await
}

async fn house_with(plan: Plan) -> House {
    let (kdc, port) = (Kdc::start(&[SERVICE]), free_port());
    let gateway = plan.behind(port).with_tickets(&kdc.keytab()).start().await;
    House { gateway, kdc, port, proxy: None }
}

impl House {
    /// Puts a proxy before the gateway, in the place of the one that was there.
    async fn put(&mut self, product: Product) {
        self.proxy = None;
        self.proxy = Some(Proxy::start(product, &self.gateway, self.port).await);
    }

    /// A browser with a ticket.
    fn browser(&self, user: &str) -> Curl {
        self.gateway.browser().with_env(self.kdc.client_env(&self.kdc.login(user)))
    }

    /// Somebody who has signed in at Jira by way of the proxy.
    async fn signed_in(&self, user: &str) -> Curl {
        let browser = self.browser(user);
        let answer = browser.get(&self.jira("/"), &FOLLOW).await;
        assert_eq!(answer.status, 200, "{} {}", answer.heads, answer.body);
        browser
    }

    fn jira(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.jira())
    }

    /// What a question of a product's is answered.
    async fn ask(&self, browser: &Curl, address: &str, headers: &[&str]) -> Answer {
        let url = format!("{}/_gatehouse/authorize/{address}", self.gateway.plan.internal());
        let headers: Vec<&str> = headers.iter().flat_map(|header| ["-H", *header]).collect();
        browser.ask(&url, &headers).await
    }
}

/// The cookie of somebody's session at Jira.
fn session_of(browser: &Curl) -> String {
    let name = "__Host-gatehouse-session";
    format!("Cookie: {name}={}", browser.cookie("jira.localhost", name).unwrap())
}

/// What an application was told in a header; nothing if it is empty or not there, which is the same to it.
fn told<'a>(seen: &'a Seen, name: &str) -> &'a str {
    seen.headers.get(name).map_or("", String::as_str)
}
