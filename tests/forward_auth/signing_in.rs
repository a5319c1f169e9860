//! Signing in and out by way of each proxy.

use super::{Product, UNREAD, house, told};
use crate::support::{curl::FOLLOW, upstream::Seen};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_leads_by_way_of_each_proxy_to_the_page_that_was_wanted() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.browser("alice");
        let target = "/browse/X-1?a=%7Bb%7D&c";
        let answer = alice.get(&house.jira(target), &FOLLOW).await;
        assert_eq!(answer.status, 200, "{product:?} {} {}", answer.heads, answer.body);
        let seen: Seen = answer.json();
        assert_eq!((told(&seen, "x-forwarded-user"), seen.target.as_str()), ("alice", target));
        let assertion = told(&seen, "x-gatehouse-assertion");
        assert_eq!(assertion.split('.').count(), 3, "{product:?} {assertion}");
        assert_eq!(told(&seen, "cookie"), "", "{product:?}: ours are nobody else's");
        assert_eq!(seen.headers["x-forwarded-proto"], "https", "{product:?}");
        assert_eq!(seen.headers["host"], format!("jira.localhost:{}", house.port), "{product:?}");

        // A script, with a body that the gateway never sees.
        let url = house.jira("/rest/x");
        let again: Seen = alice.ask(&url, &["-X", "PUT", "-d", "a=1"]).await.json();
        assert_eq!(
            (told(&again, "x-forwarded-user"), again.body_bytes),
            ("alice", 3),
            "{product:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_why_by_the_gateway() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let nobody = house.gateway.browser();
        let before = house.gateway.jira.requests();
        let script = [UNREAD, "-X", "POST", "-d", "{}"];
        let script = nobody.ask(&house.jira("/rest/x"), &script).await;
        assert_eq!(script.status, 401, "{product:?}");
        assert_eq!(script.json::<serde_json::Value>()["error"]["code"], "login-required");

        let page = nobody.get(&house.jira("/page"), &[]).await;
        let location = page.header("location").unwrap_or_default();
        assert_eq!(page.status, 303, "{product:?}");
        assert!(location.starts_with(&house.gateway.login()), "{product:?} {location}");

        let alice = house.signed_in("alice").await;
        let closed = alice.get(&house.jira("/closed/x"), &[]).await;
        assert_eq!(closed.status, 403, "{product:?}");
        assert!(closed.body.contains("This address is closed."), "{product:?} {}", closed.body);
        assert!(closed.header("x-gatehouse-trace").is_some(), "{product:?}");
        assert_eq!(
            house.gateway.jira.requests(),
            before + 1,
            "only the page that was signed in to"
        );

        let public: Seen = nobody.get(&house.jira("/public/x"), &[]).await.json();
        assert_eq!(told(&public, "x-forwarded-user"), "", "{product:?}");
        let known: Seen = alice.get(&house.jira("/public/x"), &[]).await.json();
        assert_eq!(told(&known, "x-forwarded-user"), "alice", "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_is_out_at_every_proxy() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        let origin = format!("Origin: {}", house.gateway.jira());
        let url = house.jira("/_gatehouse/logout");
        let out = alice.get(&url, &["-X", "POST", "-H", &origin]).await;
        assert_eq!(out.status, 303, "{product:?}");
        assert_eq!(alice.ask(&house.jira("/rest/x"), &[]).await.status, 401, "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_session_is_there_again_where_it_is_handed_over() {
    let mut house = house().await;
    let origin = format!("Origin: {}", house.gateway.jira());
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.browser("alice");
        let form = [UNREAD, "-d", "summary=x", "-H", &origin];
        let sent =
            alice.get(&house.jira("/secure/Create.jspa"), &[&FOLLOW[..], &form].concat()).await;
        if product.hands_over() {
            let seen: Seen = sent.json();
            assert_eq!((seen.method.as_str(), seen.body_bytes), ("POST", 9), "{product:?}");
            assert_eq!(told(&seen, "x-forwarded-user"), "alice", "{product:?}");
        } else {
            assert_eq!(sent.status, 401, "{product:?}");
            assert!(sent.body.contains("Nothing of what you sent"), "{product:?} {}", sent.body);
        }
    }
}
