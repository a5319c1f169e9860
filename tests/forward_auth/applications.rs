//! Applications with sessions of their own, and such as know people by Crowd's cookie.

use super::{FOLLOW, House, PEERS, Product, house_with};
use crate::support::{
    curl::{Answer, Curl},
    gateway::Plan,
    own_sessions::{Shown, cookie},
};

const TOKEN: &str = "crowd.token_key";

/// What a browser says of somebody who clicks on a link in a page of Jira's own.
const CLICK: [&str; 8] = [
    "-H",
    "Sec-Fetch-Site: same-origin",
    "-H",
    "Sec-Fetch-Mode: navigate",
    "-H",
    "Sec-Fetch-Dest: document",
    "-H",
    "Sec-Fetch-User: ?1",
];

/// Jira, which keeps sessions of its own and knows people by Crowd's cookie.
async fn house() -> House {
    let password = gatehouse::config::CredentialHash(gatehouse::secrets::sha256(b"secret")).text();
    let line = format!(
        "kind = \"jira\"\ncrowd = [{{ credentials = [\"{password}\"], single_sign_on = true }}]"
    );
    house_with(Plan::new().with_app("jira", &line).with(PEERS)).await
}

async fn shown(house: &House, browser: &Curl) -> Shown {
    browser.get(&house.jira("/own"), &FOLLOW).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_session_of_the_applications_that_somebody_else_has_begun() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.browser("alice");
        let first = shown(&house, &alice).await;
        assert_eq!((first.owner.as_str(), first.user.as_str()), ("alice", "alice"), "{product:?}");
        let token = cookie(&first.cookies, TOKEN).unwrap_or_default();
        assert!(token.len() > 40, "{product:?}: Crowd's cookie is in {:?}", first.cookies);
        assert!(!first.cookies.contains("gatehouse"), "{product:?} {:?}", first.cookies);
        let marker = alice.cookie("jira.localhost", "__Host-gatehouse-app-jira");
        assert_eq!(
            marker.is_some(),
            product != Product::Caddy,
            "whose the cookies are: {product:?}"
        );
        // Caddy passes no cookie on with what may pass: the browser is sent round once for it.
        let first = if marker.is_none() { shown(&house, &alice).await } else { first };
        assert_eq!(shown(&house, &alice).await.session, first.session, "{product:?}");

        // Somebody else sits down at the same browser, whose sessions have ended.
        let bob = house.browser("bob");
        bob.copy_cookies(&alice);
        let ended = house.gateway.command(&["session", "end", "--user", "alice"]).await;
        assert!(ended.status.success());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        bob.forget_cookie("login.localhost", "__Host-gatehouse-no-ticket");
        let second = shown(&house, &bob).await;
        assert_eq!((second.owner.as_str(), second.user.as_str()), ("bob", "bob"), "{product:?}");
        assert_ne!(second.session, first.session, "{product:?}");
        assert_ne!(cookie(&second.cookies, TOKEN).unwrap(), token, "{product:?}");
        assert_eq!(shown(&house, &bob).await.session, second.session, "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crowds_cookie_is_not_a_clients_to_send() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        alice.set_cookie("jira.localhost", TOKEN, "made-up");
        alice.set_cookie("jira.localhost", "last-board", "7");
        let seen = shown(&house, &alice).await;
        assert!(!seen.cookies.contains("made-up"), "{product:?} {}", seen.cookies);
        assert_eq!(cookie(&seen.cookies, "last-board").as_deref(), Some("7"), "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_of_the_application_is_signed_out_of_the_gateway() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.browser("alice");
        shown(&house, &alice).await;
        let out: Answer = alice.get(&house.jira("/logout"), &CLICK).await;
        assert_eq!(out.status, 303, "{product:?} {} {}", out.heads, out.body);
        let page = format!("{}/_gatehouse/logged-out", house.gateway.login());
        assert_eq!(out.header("location").unwrap(), page, "{product:?}");
        for name in ["JSESSIONID", "__Host-gatehouse-session", "__Host-gatehouse-app-jira"] {
            assert_eq!(alice.cookie("jira.localhost", name), None, "{product:?} {name}");
        }
        assert_eq!(alice.ask(&house.jira("/x"), &[]).await.status, 401, "{product:?}");
    }
}
