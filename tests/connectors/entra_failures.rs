//! Entra ID, when something goes wrong.

use std::time::{Duration, Instant};

use gatehouse::cloud::ConnectorError;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{entra::assert_read, reading::Reading, tenant::Tenant};
use crate::support::clouds::ids::Sort;

const USERS: &str = "/users/delta";
const GROUPS: &str = "/groups/delta";

/// What a round does not even notice.
fn harmless() -> Vec<Value> {
    let status = |status: u16| json!({ "kind": "status", "status": status });
    let kind = |kind: &str| json!({ "kind": kind });
    let kinds = [
        "reset_in_head",
        "reset_in_body",
        "close_in_body",
        "half_json",
        "html",
        "wrong_content_type",
        "expired_token",
        "empty_page",
        "replay",
        "duplicate",
        "backwards",
        "loop",
    ];
    let statuses = [404, 408, 429, 500, 502, 503, 504].map(status);
    let slow = [
        json!({ "kind": "delay", "ms": 30 }),
        json!({ "kind": "slow", "bytes": 2_000, "pause_ms": 2 }),
    ];
    let throttle = json!({ "kind": "throttle", "retry_after": null });
    kinds.map(kind).into_iter().chain(statuses).chain(slow).chain([throttle]).collect()
}

#[tokio::test]
async fn a_round_survives_whatever_happens_once() {
    let tenant = Tenant::start().await;
    for what in harmless() {
        let (source, mut reading) = (tenant.source(), Reading::default());
        for at in [USERS, GROUPS] {
            tenant.fault(at, 1, 1, &what);
        }
        let read = reading.round(&*source).await;
        assert!(read.is_ok(), "{what}: {read:?}");
        assert_read(&reading, &tenant);
        tenant.apply(json!({ "do": "change_user", "no": 9, "set": { "title": what.to_string() } }));
        tenant.apply(
            json!({ "do": "change_group", "no": 9, "set": { "description": what.to_string() } }),
        );
        for at in [USERS, GROUPS] {
            tenant.fault(at, 0, 1, &what);
        }
        let read = reading.round(&*source).await;
        assert!(read.is_ok(), "changes, {what}: {read:?}");
        assert_read(&reading, &tenant);
        tenant.graph().faults.clear();
    }
}

#[tokio::test]
async fn a_pause_that_the_cloud_wants_is_everybodys() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let user = tenant.id(Sort::User, 3);
    source.find_user(&user).await.unwrap();
    tenant.fault(USERS, 0, 1, &json!({ "kind": "throttle", "retry_after": 1 }));
    let (begun, before) = (Instant::now(), source.meter().read());
    let round = source.begin(None);
    let throttled = source.fetch(&round.tasks[0]);
    let other = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        source.fetch(&round.tasks[1]).await.unwrap();
        begun.elapsed()
    };
    let (page, other) = tokio::join!(throttled, other);
    assert!(page.is_ok());
    assert!(other >= Duration::from_secs(1), "the other one waits as well: {other:?}");
    let usage = source.meter().read().since(&before);
    assert!(usage.waited_ms >= 1_500 && usage.retries == 1, "{usage:?}");
}

#[tokio::test]
async fn a_login_does_not_wait_for_long() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let user = tenant.id(Sort::User, 3);
    tenant.fault("getMemberGroups", 0, 1, &json!({ "kind": "throttle", "retry_after": 30 }));
    let begun = Instant::now();
    let refused = source.user_groups(&user).await.unwrap_err();
    assert_eq!(refused, ConnectorError::Throttled(Duration::from_secs(30)));
    assert!(source.user_groups(&user).await.unwrap_err().is_passing(), "the pause goes on");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_cloud_that_is_down_is_given_up_and_then_left_alone() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let user = tenant.id(Sort::User, 3);
    source.find_user(&user).await.unwrap();
    tenant.seen();
    tenant.fault("/users", 0, 1_000, &json!({ "kind": "status", "status": 503 }));
    let error = source.find_user(&user).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Failed { status: 503, .. }), "{error}");
    assert!(error.to_string().contains("(request "), "what the support asks for: {error}");
    assert_eq!(tenant.seen().len(), 8);
    let error = source.find_user(&user).await.unwrap_err();
    assert!(error.is_passing() && tenant.seen().len() == 2, "{error}");
    let error = source.find_user(&user).await.unwrap_err();
    assert!(error.to_string().contains("is tried again in"), "{error}");
    assert_eq!(tenant.seen().len(), 0, "nobody asks");
}

#[tokio::test]
async fn a_cloud_that_answers_badly_is_not_taken_for_one_that_is_down() {
    let tenant = Tenant::start().await;
    let (source, user) = (tenant.source(), tenant.id(Sort::User, 3));
    for what in [json!({ "kind": "status", "status": 500 }), json!({ "kind": "half_json" })] {
        tenant.fault("/users/delta", 0, 16, &what);
        let task = &source.begin(None).tasks[0];
        for _ in 0..2 {
            let error = source.fetch(task).await.unwrap_err();
            assert!(!matches!(error, ConnectorError::Unreachable { .. }), "{what}: {error}");
        }
        let found = source.find_user(&user).await;
        assert!(matches!(found, Ok(Some(_))), "another question is answered: {found:?}");
    }
}

#[tokio::test]
async fn who_says_at_once_over_and_over_is_asked_more_and_more_slowly() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    tenant.fault(USERS, 0, 7, &json!({ "kind": "throttle", "retry_after": 0 }));
    source.fetch(&source.begin(None).tasks[0]).await.unwrap();
    let usage = source.meter().read();
    assert!(usage.retries == 7 && usage.waited_ms > 5, "{usage:?}");
}

#[tokio::test]
async fn somebody_on_the_way_who_says_404_does_not_know_who_is_there() {
    let tenant = Tenant::start().await;
    let (source, user) = (tenant.source(), tenant.id(Sort::User, 3));
    let nobody = tenant.id(Sort::User, 9_999);
    assert_eq!(source.find_user(&nobody).await, Ok(None), "Graph knows");
    tenant.fault("/v1.0/", 0, 3, &json!({ "kind": "html", "status": 404 }));
    let errors = [
        source.find_user(&user).await.unwrap_err(),
        source.user_groups(&user).await.unwrap_err(),
        source.fetch(&source.members(&tenant.id(Sort::Group, 3))).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ConnectorError::Failed { status: 404, .. }), "{error}");
    }
}

#[tokio::test]
async fn half_of_somebodys_groups_are_not_all_of_them() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let (user, group) = (tenant.id(Sort::User, 3), tenant.id(Sort::Group, 3));
    tenant.fault("getMemberGroups|getByIds", 0, 2, &json!({ "kind": "loop" }));
    let error = source.user_groups(&user).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Malformed { .. }), "{error}");
    let error = source.find_groups(&[group]).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn groups_without_their_names_are_an_error_and_not_groups_that_nobody_knows() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let groups = [3, 4].map(|no| tenant.id(Sort::Group, no));
    assert_eq!(source.find_groups(&groups).await.unwrap().len(), 2);
    tenant.fault("getByIds", 0, 1, &json!({ "kind": "limited" }));
    let error = source.find_groups(&groups).await.unwrap_err();
    let permission = "GroupMember.Read.All";
    assert_eq!(error, ConnectorError::Blank { what: "groups", count: 2, permission });
}

#[tokio::test]
async fn a_cloud_that_nobody_can_reach_is_said_to_be_that() {
    let tenant = Tenant::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let toml = tenant.toml(&tenant.secret()).replace(tenant.host("graph"), &address);
    let source = Tenant::open(&toml).unwrap();
    tenant.behave(|manners| manners.resource = address.clone());
    let error = source.fetch(&source.begin(None).tasks[0]).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, ConnectorError::Unreachable { .. }) && text.contains("refused"),
        "{text}"
    );
}

#[tokio::test]
async fn what_the_cloud_has_forgotten_is_read_anew() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    for what in ["gone", "lost_state"] {
        reading.round(&*source).await.unwrap();
        tenant.fault(GROUPS, 0, 1, &json!({ "kind": what }));
        let error = reading.round(&*source).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Restart(_)), "{what}: {error}");
        reading.until_complete(&*source).await;
        assert_read(&reading, &tenant);
    }
    reading.round(&*source).await.unwrap();
    tenant.apply(json!({ "do": "resync" }));
    assert!(matches!(reading.round(&*source).await, Err(ConnectorError::Restart(_))));
    reading.mark = None;
    reading.round(&*source).await.unwrap();
    tenant.clouds.time.advance(8 * 24 * 3_600);
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Restart(_)), "after eight days: {error}");
    let mut mark = reading.mark.clone().unwrap();
    mark.0.values_mut().for_each(|mark| mark.push('x'));
    let forged = source.fetch(&source.begin(Some(&mark)).tasks[0]).await.unwrap_err();
    assert!(matches!(forged, ConnectorError::Restart(_)), "a link that is none: {forged}");
}

#[tokio::test]
async fn a_page_that_stays_away_begins_the_round_anew_and_the_first_one_does_not() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    tenant.fault("skiptoken", 0, 8, &json!({ "kind": "status", "status": 404 }));
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Restart(_)), "{error}");
    reading.until_complete(&*source).await;
    assert_read(&reading, &tenant);
    tenant.fault(USERS, 0, 8, &json!({ "kind": "status", "status": 404 }));
    let source = tenant.source();
    let error = source.fetch(&source.begin(None).tasks[0]).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Failed { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end() {
    let tenant = Tenant::start().await;
    tenant.fault(USERS, 1, 1_000, &json!({ "kind": "loop" }));
    let (source, mut reading) = (tenant.source(), Reading::default());
    let error = reading.round(&*source).await.unwrap_err();
    assert_eq!(error, ConnectorError::Loop("users".to_owned()));
    tenant.graph().faults.clear();
    reading.round(&*source).await.unwrap();
    tenant.apply(json!({ "do": "change_user", "no": 9, "set": { "display": "Nine" } }));
    tenant.fault(USERS, 0, 1_000, &json!({ "kind": "loop" }));
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Restart(_)), "everything may go well: {error}");
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let tenant = Tenant::start().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", elsewhere.local_addr().unwrap());
    let foreign = json!({ "kind": "foreign_next", "origin": origin });
    for (at, skip) in [(USERS, 0), (GROUPS, 0), (GROUPS, 1), ("members", 0)] {
        tenant.fault(at, skip, 1, &foreign);
        let (source, mut reading) = (tenant.source(), Reading::default());
        let error = if at == "members" {
            tenant.graph().faults.clear();
            tenant.fault("/members", 0, 1, &foreign);
            let mut forged = source.members(&tenant.id(Sort::Group, 0));
            let link = format!("\"link\":\"{origin}/v1.0/groups/x/members\"");
            forged.work = forged.work.replace("\"link\":null", &link);
            source.fetch(&forged).await.unwrap_err()
        } else {
            reading.round(&*source).await.unwrap_err()
        };
        assert_eq!(error, ConnectorError::ForeignLink(origin.clone()), "{at}");
    }
    let asked = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(asked.is_err(), "nobody was asked there");
}

#[tokio::test]
async fn objects_that_may_not_be_read_are_an_error_and_not_people_without_names() {
    let tenant = Tenant::start().await;
    let (source, mut reading) = (tenant.source(), Reading::default());
    let limited = json!({ "kind": "limited" });
    tenant.fault(USERS, 1, 1, &limited);
    let error = reading.round(&*source).await.unwrap_err();
    let blank = ConnectorError::Blank { what: "users", count: 25, permission: "User.Read.All" };
    assert_eq!(error, blank);
    tenant.fault(GROUPS, 0, 1, &limited);
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Blank { what: "groups", .. }), "{error}");
    reading.round(&*source).await.unwrap();
    tenant.apply(json!({ "do": "change_user", "no": 9, "set": { "display": "Nine" } }));
    tenant.fault(USERS, 0, 1, &limited);
    let error = reading.round(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Blank { what: "users", count: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let tenant = Tenant::start().await;
    let read = async |granted: &[&str]| {
        let granted = granted.iter().map(|it| (*it).to_owned()).collect();
        tenant.behave(|manners| manners.granted = granted);
        Reading::default().round(&*tenant.source()).await.unwrap_err().to_string()
    };
    let error = read(&["GroupMember.Read.All"]).await;
    assert!(error.contains("may not read users") && error.contains("User.Read.All"), "{error}");
    assert!(error.contains("Authorization_RequestDenied"), "{error}");
    let error = read(&["User.Read.All"]).await;
    assert!(error.contains("groups") && error.contains("GroupMember.Read.All"), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let tenant = Tenant::start().await;
    tenant.fault(USERS, 0, 1, &json!({ "kind": "enormous", "bytes": 65 << 20 }));
    // The fake takes its time to write so much.
    let toml =
        tenant.toml(&tenant.secret()).replace("timeout_seconds = 5", "timeout_seconds = 120");
    let source = Tenant::open(&toml).unwrap();
    let error = source.fetch(&source.begin(None).tasks[0]).await.unwrap_err();
    assert!(matches!(error, ConnectorError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn the_limits_are_shared_with_others() {
    let tenant = Tenant::start().await;
    tenant.behave(|manners| manners.limit = 6);
    let toml = tenant.toml(&tenant.secret()).replace("quota_percent = 100", "quota_percent = 70");
    let source = Tenant::open(&toml).unwrap();
    let first = source.begin(None).tasks.remove(0);
    for _ in 0..5 {
        source.fetch(&first).await.unwrap();
    }
    assert_eq!(source.meter().read().waited_ms, 0);
    let begun = Instant::now();
    source.fetch(&first).await.unwrap();
    // Eight tenths are in use: it waits until one is given back.
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
    assert!(tenant.seen().iter().all(|seen| seen.status == 200), "nothing was refused");
}
