//! Clouds that say by themselves what happens: whoever is named is looked at within seconds, and nobody else is believed.

mod hostile;
mod house;
mod lasting;
mod subscriptions;

use serde_json::json;

use self::house::{House, Which, houses};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_in_the_cloud_loses_every_session_within_seconds() {
    for which in Which::ALL {
        for house in houses(which).await {
            let browser = house.sign_in("alice").await;
            assert!(house.is_in(&browser).await);
            let runs = house.runs().await;
            house.suspend_alice();
            house.wait_until(async || !house.is_in(&browser).await).await;
            // Nobody else was looked at: there was no run.
            assert_eq!(house.runs().await, runs, "{which:?}");
            let counted = house.counted("looked").await;
            assert!(counted >= 1, "{which:?}: {counted}");
            assert!(house.status().await.contains("last heard 2"), "{}", house.status().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_group_is_in_it_within_seconds() {
    // Google does not tell of groups.
    for which in [Which::Entra, Which::Okta] {
        let house = House::build(which).await;
        let group = house.happen(json!({ "do": "add_group", "set": { "name": "jira-users" } }));
        let members = json!([{ "user": house::ALICE }]);
        house.happen(json!({ "do": "add_members", "group": group, "members": members }));
        let browser = house.sign_in("alice").await;
        house.clock_forward(120);
        house.wait_until(async || house.groups(&browser).await.contains("jira-users")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_people_at_once_a_run_finds_out_and_its_guard_looks_at_all_of_them() {
    let house = House::build(Which::Okta).await;
    let runs = house.runs().await;
    house.clock_forward(120);
    let suspend =
        |no: u32| json!({ "do": "change_user", "no": no, "set": { "status": "SUSPENDED" } });
    house.happen_all((20..80).map(suspend).collect());
    house.wait_until(async || house.runs().await > runs).await;
    let history = house.command(&["sync", "history", "cloud"]).await;
    assert!(history.lines().next().unwrap().contains("by hints"), "{history}");
    house.wait_until(async || house.history().await.contains("waits for approval")).await;
    // Of those, nobody was taken away one by one beyond what a run always may.
    let inactive = house.inactive().await;
    assert!(inactive <= house.inactive_at_first + 10, "{inactive}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_of_which_nothing_has_come_true_does_nothing() {
    let house = House::without_runs(Which::Okta).await;
    house.make_hook().await;
    house.happen(json!({ "do": "change_user", "no": 3, "set": { "display": "Somebody Else" } }));
    house.wait_until(async || house.counted("heard").await >= 1).await;
    house.wait_until(async || house.status().await.contains("waiting: 0")).await;
    assert_eq!(house.counted("looked").await, 0);
    assert!(!house.history().await.contains("by hints"));
}
