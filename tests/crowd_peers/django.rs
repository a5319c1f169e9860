//! Django with `django-crowd-auth`: an application that is signed in to by Crowd's cookie, and by nothing else.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use super::{PASSWORD, crowd_app, crowd_url, url};
use crate::{
    login::{post, to_form},
    support::{
        curl::{Curl, FOLLOW},
        django::{Django, python},
        free_port,
        gateway::{Plan, TestGateway},
        idp::Idp,
        kdc::Kdc,
    },
};

/// The application's own session, and where it lets people out.
const SESSIONS: &str = "sessions = { cookies = [\"sessionid\"], sign_out_paths = [\"/logout/\"] }";

/// A gateway in front of Django, with tickets and an identity provider.
struct Workplace {
    gateway: TestGateway,
    url: String,
    kdc: Kdc,
    idp: Idp,
    _django: Django,
}

impl Workplace {
    /// One for each database; none if there is no Django.
    async fn open_all() -> Vec<Self> {
        let Some(python) = python() else { return Vec::new() };
        let mut places = Vec::new();
        for plan in Plan::on_every_database().await {
            places.push(Self::open(plan, &python).await);
        }
        places
    }

    async fn open(plan: Plan, python: &PathBuf) -> Self {
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let idp = Idp::start(&plan.login()).await;
        let (port, url) = (free_port(), url(&plan));
        let app = crowd_app(&plan, port, SESSIONS, "");
        let plan = plan.with_tickets(&kdc.keytab()).with_idp(&idp).with(&app);
        let gateway = plan.start().await;
        let django = Django::start(python, port, &crowd_url(&gateway), "crowd", PASSWORD);
        Self { gateway, url, kdc, idp, _django: django }
    }

    /// Somebody with a ticket.
    fn with_ticket(&self, user: &str) -> Curl {
        self.gateway.browser().with_env(self.kdc.client_env(&self.kdc.login(user)))
    }

    /// Signs in with the identity provider's form, and says what Django shows then.
    async fn sign_in_by_assertion(&self, browser: &Curl, user: &str) -> Value {
        let form = to_form(&self.gateway, browser, &format!("{}/whoami", self.url)).await;
        let posted = self.idp.fill_in(browser, &form, user).await;
        post(&self.gateway, browser, &posted, &["-L"]).await.json()
    }

    /// What Django shows to a script with the browser's cookies: nothing if the gateway wants a login.
    async fn whoami(&self, browser: &Curl) -> Option<Value> {
        let answer = browser.ask(&format!("{}/whoami", self.url), &[]).await;
        (answer.status == 200).then(|| answer.json())
    }

    /// Whether the browser has to sign in again, at once or in a moment.
    async fn is_out_soon(&self, browser: &Curl) -> bool {
        for _ in 0..40 {
            if self.whoami(browser).await.is_none() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

fn user(seen: &Value) -> &str {
    seen["user"].as_str().unwrap_or("nobody")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_at_the_gateway_is_known_to_django_with_groups() {
    for place in Workplace::open_all().await {
        let alice = place.with_ticket("alice");
        let seen: Value = alice.get(&format!("{}/whoami", place.url), &FOLLOW).await.json();
        assert_eq!(user(&seen), "alice");
        assert!(seen["cookies"].as_array().unwrap().contains(&"crowd.token_key".into()), "{seen}");
        assert!(
            alice.cookie("crowd.localhost", "crowd.token_key").is_none(),
            "it is not the browser's"
        );

        let bob = place.gateway.browser();
        let seen = place.sign_in_by_assertion(&bob, "bob").await;
        assert_eq!((user(&seen), &seen["groups"]), ("bob", &serde_json::json!(["jira-users"])));
        assert_eq!(seen["email"], "bob@example.test");
        // By page as by script.
        let page = bob.get(&place.url, &[]).await.body;
        assert!(page.contains("<strong id=\"user\">bob</strong>"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_browser_brings_is_worth_nothing() {
    for place in Workplace::open_all().await {
        let alice = place.gateway.browser();
        place.sign_in_by_assertion(&alice, "alice").await;
        let bob = place.gateway.browser();
        place.sign_in_by_assertion(&bob, "bob").await;
        for cookie in ["crowd.token_key=made-up", "Crowd.Token_Key=x", "crowd%2Etoken_key=x"] {
            let header = format!("Cookie: {cookie}");
            let answer = place
                .gateway
                .browser()
                .ask(&format!("{}/whoami", place.url), &["-H", &header])
                .await;
            assert_eq!(answer.status, 401, "{cookie}");
            bob.set_cookie("crowd.localhost", cookie.split('=').next().unwrap(), "made-up");
            let seen = place.whoami(&bob).await.unwrap();
            assert_eq!(user(&seen), "bob", "{cookie}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_of_django_is_signing_out_everywhere_and_the_other_way() {
    for place in Workplace::open_all().await {
        let browser = place.gateway.browser();
        place.sign_in_by_assertion(&browser, "bob").await;
        let jira = browser.get(&place.gateway.jira(), &["-L"]).await;
        assert_eq!(jira.status, 200, "one login opens both");
        let origin = format!("Referer: {}/", place.url);
        let same =
            ["-H", &origin, "-H", "Sec-Fetch-Site: same-origin", "-H", "Sec-Fetch-Mode: navigate"];
        let out = browser.get(&format!("{}/logout/", place.url), &same).await;
        assert!(matches!(out.status, 302 | 303), "{} {}", out.heads, out.body);
        assert!(place.is_out_soon(&browser).await, "of Django");
        let jira = browser.ask(&place.gateway.jira(), &[]).await;
        assert_eq!(jira.status, 401, "and of what has no Crowd");

        let browser = place.gateway.browser();
        place.sign_in_by_assertion(&browser, "bob").await;
        let before = place.whoami(&browser).await.unwrap();
        let origin = format!("Origin: {}", place.gateway.jira());
        browser.get(&place.gateway.jira(), &["-L"]).await;
        let logout = format!("{}/_gatehouse/logout", place.gateway.jira());
        let out = browser.get(&logout, &["-X", "POST", "-H", &origin]).await;
        assert_eq!(out.status, 303, "{}", out.body);
        assert!(place.is_out_soon(&browser).await);
        // The session that Django had begun is worth nothing to whoever comes next.
        let seen = place.sign_in_by_assertion(&browser, "bob").await;
        assert_eq!(user(&seen), "bob");
        assert_ne!(seen["session"], before["session"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_out_within_two_seconds() {
    for place in Workplace::open_all().await {
        let browser = place.gateway.browser();
        place.sign_in_by_assertion(&browser, "bob").await;
        assert!(place.whoami(&browser).await.is_some());
        let done = place.gateway.command(&["user", "deactivate", "bob"]).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(place.is_out_soon(&browser).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_in_the_same_browser_is_another_person_to_django() {
    for place in Workplace::open_all().await {
        let browser = place.gateway.browser();
        let alice = place.sign_in_by_assertion(&browser, "alice").await;
        assert_eq!(user(&alice), "alice");
        // She leaves without signing out of Django; somebody else sits down.
        for host in ["crowd.localhost", "login.localhost"] {
            for name in ["session", "login", "browser"] {
                browser.forget_cookie(host, &format!("__Host-gatehouse-{name}"));
            }
        }
        forget_idp(&browser);
        let bob = place.sign_in_by_assertion(&browser, "bob").await;
        assert_eq!(user(&bob), "bob", "although Django's cookie is still there");
        assert_ne!(alice["session"], bob["session"]);
    }
}

/// The identity provider's own session.
fn forget_idp(browser: &Curl) {
    for name in ["SimpleSAML", "SimpleSAMLSessionID", "SimpleSAMLAuthToken"] {
        browser.forget_cookie("idp.localhost", name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_after_the_gateway_has_been_started_again() {
    for mut place in Workplace::open_all().await {
        let browser = place.gateway.browser();
        let before = place.sign_in_by_assertion(&browser, "bob").await;
        place.gateway.stop().await;
        place.gateway.try_run().await.unwrap();
        let after = place.whoami(&browser).await.unwrap();
        assert_eq!(user(&after), "bob");
        assert_eq!(before["session"], after["session"], "Django has noticed nothing");
        // Whom it has never seen is let in with a token that was made before.
        browser.forget_cookie("crowd.localhost", "sessionid");
        assert_eq!(user(&place.whoami(&browser).await.unwrap()), "bob");
    }
}
