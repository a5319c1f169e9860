//! Okta and Google, when something goes wrong.

use std::time::{Duration, Instant};

use gatehouse::cloud::ConnectorError;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{organisation::Organisation, reading::Reading};
use crate::support::clouds::{ids::Sort, tenant::Vendor};

const BOTH: [Vendor; 2] = [Vendor::Okta, Vendor::Google];

/// Where the lists of users, of groups and of members are.
fn lists(vendor: Vendor) -> [&'static str; 3] {
    match vendor {
        Vendor::Okta => ["v1/users\\?", "v1/groups\\?", "v1/groups/[^/]+/users"],
        _ => ["v1/users\\?", "v1/groups\\?", "/members"],
    }
}

/// What a round does not even notice.
fn harmless() -> Vec<Value> {
    let kinds = [
        "reset_in_head",
        "reset_in_body",
        "close_in_body",
        "half_json",
        "html",
        "nothing",
        "no_links",
        "wrong_content_type",
        "expired_token",
        "empty_page",
        "replay",
        "duplicate",
        "backwards",
        "loop",
    ];
    let kinds = kinds.map(|kind| json!({ "kind": kind })).into_iter();
    let statuses =
        [408, 429, 500, 502, 503, 504].map(|it| json!({ "kind": "status", "status": it }));
    let others = [
        json!({ "kind": "delay", "ms": 30 }),
        json!({ "kind": "slow", "bytes": 2_000, "pause_ms": 2 }),
        json!({ "kind": "throttle", "retry_after": null }),
    ];
    kinds.chain(statuses).chain(others).collect()
}

#[tokio::test]
async fn a_round_survives_whatever_happens_once() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        for what in harmless() {
            let (source, mut reading) = (organisation.ready().await, Reading::default());
            for at in lists(vendor) {
                organisation.fault(at, 1, 1, &what);
            }
            let read = reading.round(&*source).await;
            assert!(read.is_ok(), "{vendor:?} {what}: {read:?}");
            organisation.assert_read(&reading);
            organisation.cloud().faults.clear();
        }
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_and_not_taken_for_a_missing_permission() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        for status in [429, 403] {
            let (source, mut reading) = (organisation.source(), Reading::default());
            // Okta's 403 is a missing permission, and Google's is not always one.
            if status == 403 && vendor == Vendor::Okta {
                continue;
            }
            organisation.fault("v1/users", 0, 3, &json!({ "kind": "status", "status": status }));
            let read = reading.round(&*source).await;
            assert!(read.is_ok(), "{vendor:?} {status}: {read:?}");
            let usage = source.meter().read();
            assert!(usage.retries >= 3, "{usage:?}");
        }
    }
}

#[tokio::test]
async fn oktas_limit_is_waited_for_by_oktas_clock() {
    let organisation = Organisation::start(Vendor::Okta).await;
    organisation.behave(|manners| manners.limit = 4);
    // Okta's clock is a day ahead, so that nothing is known from this machine's.
    organisation.clouds.time.advance(86_400);
    let source = organisation.source();
    let mut task = source.begin(None).tasks[0].clone();
    let mut error = None;
    for _ in 0..6 {
        match source.fetch(&task).await {
            Ok(page) => task = page.next.into_iter().next().unwrap(),
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    let Some(ConnectorError::Throttled(time)) = error else { panic!("{error:?}") };
    assert!((30..=62).contains(&time.as_secs()), "the rest of a minute: {time:?}");
}

#[tokio::test]
async fn a_part_of_the_limit_is_left_to_others() {
    let organisation = Organisation::start(Vendor::Okta).await;
    organisation.behave(|manners| manners.limit = 10);
    let table = organisation.toml();
    let half = "quota_percent = 50";
    let source = organisation.open_with(half, &table).unwrap();
    let mut reading = Reading::default();
    let begun = Instant::now();
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Throttled(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it is known beforehand");
    let refused = organisation.seen().iter().filter(|seen| seen.status == 429).count();
    assert_eq!(refused, 0, "nobody had to say so");
}

#[tokio::test]
async fn somebody_who_waits_is_not_kept_waiting_for_others() {
    let organisation = Organisation::start(Vendor::Okta).await;
    organisation.behave(|manners| manners.limit = 20);
    let source = organisation.open_with("quota_percent = 50", &organisation.toml()).unwrap();
    let groups = source.begin(None).tasks[1].clone();
    let mut read = Ok(());
    for _ in 0..12 {
        read = read.and(source.fetch(&groups).await.map(drop));
    }
    assert!(matches!(read, Err(ConnectorError::Throttled(_))), "half is for others: {read:?}");
    let group = organisation.id(Sort::Group, 3);
    let found = source.find_groups(std::slice::from_ref(&group)).await.unwrap();
    assert_eq!(found[0].id, group);
}

#[tokio::test]
async fn a_group_that_is_gone_is_no_failure_and_a_wrong_turn_is() {
    let organisation = Organisation::start(Vendor::Okta).await;
    let source = organisation.source();
    let groups = source.fetch(&source.begin(None).tasks[1]).await.unwrap();
    let task = groups.next.iter().find(|task| task.group.is_some()).unwrap();
    let (group, no) = (organisation.id(Sort::Group, 0), 0);
    assert_eq!(task.group.as_ref(), Some(&group));
    organisation.apply(json!({ "do": "delete_group", "no": no }));
    let error = source.fetch(task).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Gone(_)), "{error}");
    assert_eq!(source.find_groups(&[group]).await, Ok(Vec::new()));
    // Somebody else on the way who says 404 does not know what Okta has.
    let error = source.find_user("00u1%2F..%2Fx").await;
    assert_eq!(error, Ok(None));
}

#[tokio::test]
async fn a_place_in_a_list_that_is_forgotten_begins_the_round_anew() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        let source = organisation.ready().await;
        let first = source.fetch(&source.begin(None).tasks[0]).await.unwrap();
        organisation.fault("v1/users", 0, 1, &json!({ "kind": "status", "status": 400 }));
        let error = source.fetch(&first.next[0]).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Restart(_)), "{vendor:?}: {error}");
        organisation.fault("v1/users", 0, 1, &json!({ "kind": "status", "status": 400 }));
        let error = source.fetch(&source.begin(None).tasks[0]).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Failed { status: 400, .. }), "{vendor:?}: {error}");
    }
    let organisation = Organisation::start(Vendor::Google).await;
    let source = organisation.ready().await;
    let first = source.fetch(&source.begin(None).tasks[0]).await.unwrap();
    organisation.clouds.time.advance(4 * 86_400);
    let error = source.fetch(&first.next[0]).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Restart(_)), "after four days: {error}");
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        for at in lists(vendor) {
            organisation.fault(at, 0, 1_000, &json!({ "kind": "loop" }));
            let (source, mut reading) = (organisation.ready().await, Reading::default());
            let error = reading.round(&*source).await.unwrap_err();
            assert!(matches!(error, ConnectorError::Loop(_)), "{vendor:?} {at}: {error}");
            organisation.cloud().faults.clear();
        }
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let organisation = Organisation::start(Vendor::Okta).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", elsewhere.local_addr().unwrap());
    for at in lists(Vendor::Okta) {
        let (source, mut reading) = (organisation.ready().await, Reading::default());
        organisation.fault(at, 0, 1, &json!({ "kind": "foreign_next", "origin": origin }));
        let error = reading.round(&*source).await.unwrap_err();
        assert_eq!(error, ConnectorError::ForeignLink(origin.clone()), "{at}");
        organisation.cloud().faults.clear();
    }
    let asked = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(asked.is_err(), "nobody was asked there");
}

#[tokio::test]
async fn what_may_not_be_read_is_an_error_and_not_people_without_names() {
    for (vendor, permission) in
        [(Vendor::Okta, "okta.users.read"), (Vendor::Google, "privilege to read users")]
    {
        let organisation = Organisation::start(vendor).await;
        for at in &lists(vendor)[..2] {
            organisation.fault(at, 1, 1, &json!({ "kind": "limited" }));
            let (source, mut reading) = (organisation.ready().await, Reading::default());
            let error = reading.round(&*source).await.unwrap_err();
            assert!(matches!(error, ConnectorError::Blank { .. }), "{vendor:?} {at}: {error}");
            if at.contains("users") {
                assert!(error.to_string().contains(permission), "{error}");
            }
            organisation.cloud().faults.clear();
        }
    }
}

#[tokio::test]
async fn a_list_that_ends_too_early_is_not_noticed_here() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        let (source, mut reading) = (organisation.ready().await, Reading::default());
        organisation.fault(lists(vendor)[0], 0, 1, &json!({ "kind": "truncated" }));
        reading.round(&*source).await.unwrap();
        assert!(reading.mirror.users.len() < 120, "who guards against it is above");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        let source = organisation.ready().await;
        organisation.fault("v1/users", 0, 1, &json!({ "kind": "enormous", "bytes": 65 << 20 }));
        let error = source.fetch(&source.begin(None).tasks[0]).await.unwrap_err();
        assert!(matches!(error, ConnectorError::TooLarge { .. }), "{vendor:?}: {error}");
    }
}

#[tokio::test]
async fn a_login_does_not_wait_for_long() {
    for vendor in BOTH {
        let organisation = Organisation::start(vendor).await;
        let source = organisation.source();
        let user = organisation.id(Sort::User, 40);
        source.find_user(&user).await.unwrap();
        let throttle = match vendor {
            Vendor::Okta => json!({ "kind": "status", "status": 503 }),
            _ => json!({ "kind": "throttle", "retry_after": 30 }),
        };
        organisation.fault("v1/users/|userKey=", 0, 1_000, &throttle);
        let begun = Instant::now();
        let error = source.user_groups(&user).await.unwrap_err();
        assert!(error.is_passing(), "{vendor:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{vendor:?}");
    }
}
