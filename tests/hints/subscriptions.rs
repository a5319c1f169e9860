//! What the gateway asks clouds for: it is prolonged in time, asked for again when it is lost, and ended.

use serde_json::json;

use super::house::{House, Which};
use crate::support::clouds::graph;

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_prolonged_before_they_end() {
    for which in [Which::Entra, Which::Google] {
        let house = House::build(which).await;
        let first: Vec<_> = house.cloud().hooks.listeners().iter().map(|it| it.until).collect();
        let hours = if which == Which::Entra { 40 } else { 14 };
        house.clock_forward(hours * 3600);
        let latest = *first.iter().max().unwrap();
        house
            .wait_until(async || {
                let listeners = house.cloud().hooks.listeners().clone();
                listeners.len() == which.wanted() && listeners.iter().all(|it| it.until > latest)
            })
            .await;
        let seen = house.cloud().seen().clone();
        let of = |method: &str, path: &str| {
            let good = seen.iter().filter(|it| it.status < 400 && it.method == method);
            good.filter(|it| it.uri.contains(path)).count()
        };
        match which {
            Which::Entra => assert_eq!(of("PATCH", "subscriptions"), 2),
            _ => assert_eq!((of("POST", "users/watch"), of("POST", "channels/stop")), (8, 4)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cloud_says_of_its_subscriptions_is_heard() {
    let house = House::build(Which::Entra).await;
    let cloud = house.cloud().clone();
    graph::subscriptions::tell(&cloud, "reauthorizationRequired");
    let renewed = async || cloud.seen().iter().filter(|it| it.method == "PATCH").count() == 2;
    house.wait_until(renewed).await;

    let runs = house.runs().await;
    house.clock_forward(15);
    graph::subscriptions::tell(&cloud, "missed");
    house.wait_until(async || house.runs().await > runs).await;

    let runs = house.runs().await;
    house.clock_forward(15);
    graph::subscriptions::tell(&cloud, "subscriptionRemoved");
    house.wait_until(async || house.listeners() == 2 && house.runs().await > runs).await;
    house.wait_until(async || house.status().await.contains("good until")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_nobody_has_written_down_is_replaced() {
    let mut house = House::build(Which::Entra).await;
    house.gateway.stop().await;
    house.forget_subscriptions().await;
    house.gateway.try_run().await.unwrap();
    house.wait_for_subscriptions().await;
    assert_eq!(house.listeners(), 2);
    // The new ones are whose word is believed.
    let browser = house.sign_in("alice").await;
    house.suspend_alice();
    house.wait_until(async || !house.is_in(&browser).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_any_more_is_ended() {
    for which in [Which::Entra, Which::Google] {
        let mut house = House::build(which).await;
        house.gateway.stop().await;
        house.without_hints();
        house.gateway.try_run().await.unwrap();
        house.wait_until(async || house.listeners() == 0).await;
        assert!(!house.status().await.contains("  hints "));
        let browser = house.gateway.browser();
        let answer = browser.ask(&house.address(), &["-X", "POST", "-d", "{}"]).await;
        assert_eq!(answer.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_cloud_has_not_agreed_is_shown_and_it_is_asked_again() {
    let house = House::without_trust(Which::Entra).await;
    house.wait_until(async || house.status().await.contains("hints are missing")).await;
    let status = house.status().await;
    assert!(status.contains("Subscription validation request failed"), "{status}");
    assert!(status.contains("the cloud has not agreed yet"), "{status}");
    house.trust();
    house.clock_forward(3600);
    house.wait_until(async || house.status().await.contains("good until")).await;
    assert!(!house.status().await.contains("hints are missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_of_a_connector_tries_hints_as_well() {
    for (which, expected) in [
        (Which::Entra, "Graph will tell of users and groups, and can reach the gateway"),
        (Which::Okta, "an administrator makes the event hook with it"),
        (Which::Google, "Google will tell of users; it cannot tell of groups"),
    ] {
        let house = House::without_runs(which).await;
        house.wait_until(async || house.listeners() >= which.wanted()).await;
        let there = house.listeners();
        let said = house.command(&["connector", "test", "cloud"]).await;
        assert!(said.contains(expected), "{which:?}: {said}");
        assert!(said.contains(&format!("{}, by https", house.address())), "{said}");
        assert_eq!(house.listeners(), there, "nothing is left over");
    }
    let house = House::without_runs(Which::Entra).await;
    house.wait_until(async || house.listeners() == 2).await;
    let mut manners = house.cloud().manners();
    manners.granted.retain(|it| it != "GroupMember.Read.All");
    house.cloud().set_manners(manners);
    house.cloud().hooks.listeners().clear();
    let output = house.gateway.command(&["connector", "test", "cloud", "--json"]).await;
    assert!(!output.status.success(), "{}", json!(String::from_utf8_lossy(&output.stdout)));
}
