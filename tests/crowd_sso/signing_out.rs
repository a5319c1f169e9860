//! Who signs out of the application signs out of the gateway, and the other way round.

use super::{House, house_of, with_crowd, with_crowd_and};
use crate::support::{
    curl::{Answer, Curl},
    gateway::Plan,
};

const HOST: &str = "jira.localhost";
const SESSION: &str = "__Host-gatehouse-session";

/// What a browser says of somebody who clicks on a link in a page of Jira's own.
const CLICK: [(&str, &str); 4] = [
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-User", "?1"),
];

async fn send(
    house: &House,
    browser: &Curl,
    method: &str,
    path: &str,
    said: &[(&str, &str)],
) -> Answer {
    let said: Vec<String> = said.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut more = vec!["-X", method];
    for header in &said {
        more.extend(["-H", header]);
    }
    browser.get(&house.jira(path), &more).await
}

impl House {
    /// Whether somebody is still signed in there.
    async fn is_in(&self, browser: &Curl) -> bool {
        browser.ask(&self.jira("/x"), &[]).await.status == 200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_of_the_application_is_signed_out_everywhere() {
    for plan in Plan::on_every_database().await {
        let mut house = house_of(with_crowd(plan)).await;
        let alice = house.browser("alice");
        let token = house.token(&alice).await;
        house.shown(&alice, &house.jira("/own")).await;
        house.seen(&alice, &house.wiki("/x")).await;
        house.gateway.stop().await;
        house.gateway.try_run().await.unwrap();

        let answer = send(&house, &alice, "GET", "/logout", &CLICK).await;
        assert_eq!(answer.status, 303);
        let page = format!("{}/_gatehouse/logged-out", house.gateway.login());
        assert_eq!(answer.header("location").unwrap(), page);
        assert_eq!(alice.cookie(HOST, "last-board").unwrap(), "7", "what the application has set");
        for name in ["JSESSIONID", SESSION, "__Host-gatehouse-app-jira"] {
            assert_eq!(alice.cookie(HOST, name), None, "{name}");
        }
        assert_eq!(house.whose("jira", &token).await, None);
        assert_eq!(alice.ask(&house.wiki("/x"), &[]).await.status, 401);
        assert!(alice.get(&page, &[]).await.body.contains("You are signed out"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_or_a_form_signs_out_as_well() {
    let house = house_of(with_crowd(Plan::new())).await;
    let origin = house.gateway.jira();
    let own = ("Origin", origin.as_str());
    let script = [
        own,
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
    ];
    let alice = house.browser("alice");
    house.token(&alice).await;
    let answer = send(&house, &alice, "POST", "/logout", &script).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "signed out of the application"));
    assert_eq!(alice.cookie(HOST, "last-board").unwrap(), "7");
    assert_eq!(alice.cookie(HOST, SESSION), None);
    assert!(!house.is_in(&alice).await);

    house.token(&alice).await;
    let form = [own, CLICK[0], CLICK[1], CLICK[2]];
    assert_eq!(send(&house, &alice, "POST", "/logout", &form).await.status, 303);
    assert!(!house.is_in(&alice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_frames_and_other_sites_sign_nobody_out() {
    let house = house_of(with_crowd(Plan::new())).await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let how = |site, mode, dest| {
        [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)]
    };
    for said in [
        how("cross-site", "no-cors", "image"),
        how("same-origin", "no-cors", "image"),
        how("same-origin", "navigate", "iframe"),
        how("cross-site", "navigate", "document"),
        how("same-site", "navigate", "document"),
        how("none", "navigate", "document"),
    ] {
        let answer = send(&house, &alice, "GET", "/logout", &said).await;
        assert_eq!(answer.body, "signed out of the application", "{said:?}");
        assert!(house.is_in(&alice).await, "{said:?}");
    }
    let evil = [("Origin", "https://evil.example")];
    assert_eq!(send(&house, &alice, "POST", "/logout", &evil).await.status, 403);
    assert_eq!(send(&house, &alice, "GET", "/logout", &[]).await.status, 200);
    assert!(house.is_in(&alice).await);
    assert_eq!(house.token(&alice).await, token);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_application_does_not_let_go_stays_signed_in() {
    let house = house_of(with_crowd(Plan::new())).await;
    let alice = house.browser("alice");
    house.token(&alice).await;
    let answer = send(&house, &alice, "GET", "/logout?refuse", &CLICK).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "not signed out"));
    assert!(house.is_in(&alice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_may_be_left_without_leaving_the_gateway() {
    let line = "sessions = { sign_out = \"app\" }";
    let house = house_of(with_crowd_and(Plan::new(), line)).await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let answer = send(&house, &alice, "GET", "/logout", &CLICK).await;
    assert_eq!(answer.body, "signed out of the application");
    assert!(house.is_in(&alice).await);
    let answer = house.ask("jira", "DELETE", &format!("/session/{token}"), "").await;
    assert_eq!(answer.status, 204);
    assert!(house.is_in(&alice).await);
    assert!(house.whose("jira", &token).await.is_some(), "the gateway sends it all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_says_where_people_sign_out() {
    let line = "sessions = { sign_out_paths = [\"/x/bye\"] }";
    let house = house_of(with_crowd_and(Plan::new(), line)).await;
    let alice = house.browser("alice");
    house.token(&alice).await;
    assert_eq!(send(&house, &alice, "GET", "/logout", &CLICK).await.status, 200);
    assert!(house.is_in(&alice).await);
    assert_eq!(send(&house, &alice, "GET", "/x//BYE;jsessionid=1", &CLICK).await.status, 303);
    assert!(!house.is_in(&alice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_ends_a_token_ends_the_session() {
    for plan in Plan::on_every_database().await {
        let house = house_of(with_crowd(plan)).await;
        let (alice, other) = (house.browser("alice"), house.browser("alice"));
        let token = house.token(&alice).await;
        house.token(&other).await;
        assert_eq!(house.ask("jira", "DELETE", &format!("/session/{token}"), "").await.status, 204);
        assert!(!house.is_in(&alice).await);
        assert!(house.is_in(&other).await, "one session is meant");
        assert_eq!(house.whose("jira", &token).await, None);
        for unknown in [token.as_str(), "x", "unknown"] {
            let answer = house.ask("jira", "DELETE", &format!("/session/{unknown}"), "").await;
            assert_eq!(answer.status, 204, "{unknown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_can_end_all_sessions_of_somebody_but_one() {
    for plan in Plan::on_every_database().await {
        let house = house_of(with_crowd(plan)).await;
        let (here, there, bob) =
            (house.browser("alice"), house.browser("alice"), house.browser("bob"));
        let kept = house.token(&here).await;
        house.token(&there).await;
        house.token(&bob).await;
        let path = format!("/session?username=ALICE&exclude={kept}");
        assert_eq!(house.ask("jira", "DELETE", &path, "").await.status, 204);
        assert!(house.is_in(&here).await && !house.is_in(&there).await);
        assert!(house.is_in(&bob).await);
        assert_eq!(house.ask("jira", "DELETE", "/session?username=alice", "").await.status, 204);
        assert!(!house.is_in(&here).await && house.is_in(&bob).await);
        assert_eq!(house.whose("jira", &kept).await, None);
        let nobody = house.ask("jira", "DELETE", "/session?username=nobody", "").await;
        assert_eq!(nobody.status, 204);
    }
}
