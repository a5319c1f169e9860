//! Whatever happens in an organisation, and whatever goes wrong on the way: in the end everything is known, and nothing
//! else.

use std::cell::RefCell;

use gatehouse::cloud::{ConnectorError, Source, Task};
use serde_json::{Value, json};

use super::{
    entra_storms::{Lots, storms},
    organisation::Organisation,
    reading::Reading,
};
use crate::support::clouds::tenant::{Plan, Vendor};

const STATUSES: [&str; 5] = ["ACTIVE", "ACTIVE", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT"];

fn change(lots: &mut Lots, vendor: Vendor) -> Value {
    // Nothing becomes of the first one: they are the administrator for whom a connector asks Google.
    let (user, other, group) = (1 + lots.below(69), 1 + lots.below(69), lots.below(26));
    let members = if vendor == Vendor::Google && lots.below(4) == 0 {
        json!([{ "group": lots.below(26) }])
    } else {
        json!([{ "user": user }, { "user": other }])
    };
    let (name, login) =
        (format!("Name {}", lots.below(1_000)), format!("login-{}@example.com", lots.below(1_000)));
    let status = lots.one(&STATUSES);
    lots.one(&[
        json!({ "do": "add_user" }),
        json!({ "do": "change_user", "no": user, "set": { "display": name, "login": login } }),
        json!({ "do": "change_user", "no": user, "set": { "status": status } }),
        json!({ "do": "change_user", "no": other, "set": { "status": status } }),
        json!({ "do": "delete_user", "no": user }),
        json!({ "do": "restore_user", "no": user }),
        json!({ "do": "swap_logins", "one": user, "other": other }),
        json!({ "do": "add_group" }),
        json!({ "do": "change_group", "no": group, "set": { "name": name } }),
        json!({ "do": "delete_group", "no": group }),
        json!({ "do": "restore_group", "no": group }),
        json!({ "do": "add_members", "group": group, "members": members }),
        json!({ "do": "add_members", "group": group, "members": members }),
        json!({ "do": "remove_members", "group": group, "members": members }),
    ])
}

fn trouble(lots: &mut Lots) -> Value {
    let kind = lots.one(&[
        "reset_in_head",
        "reset_in_body",
        "close_in_body",
        "half_json",
        "html",
        "expired_token",
        "empty_page",
        "duplicate",
        "backwards",
        "loop",
        "status",
        "throttle",
    ]);
    match kind {
        "status" => json!({ "kind": kind, "status": lots.one(&[429, 500, 502, 503, 504]) }),
        "throttle" => json!({ "kind": kind, "retry_after": null }),
        _ => json!({ "kind": kind }),
    }
}

/// Fetches as a run does that is killed now and then before it has written down what it got.
async fn round(
    reading: &mut Reading,
    source: &dyn Source,
    lots: &RefCell<Lots>,
) -> Result<(), ConnectorError> {
    let fetch = async |task: &Task| {
        let page = source.fetch(task).await?;
        let killed = lots.borrow_mut().below(10) == 0;
        if killed { source.fetch(task).await } else { Ok(page) }
    };
    reading.round_with(source, fetch).await
}

async fn storm(vendor: Vendor, seed: u64) {
    let plan = Plan { seed, users: 60, groups: 24, ..Plan::default() };
    let organisation = Organisation::start_with(vendor, plan).await;
    let lots = RefCell::new(Lots(seed));
    organisation.behave(|manners| {
        let mut lots = lots.borrow_mut();
        manners.page = 3 + lots.below(20) as usize;
        manners.lag_seconds = i64::from(lots.below(250));
    });
    let (source, mut reading) = (organisation.source(), Reading::default());
    let places = ["/users", "/groups", "/members", "/token", "after=", "pageToken="];
    for _ in 0..8 {
        let changes = lots.borrow_mut().below(12);
        let troubles = lots.borrow_mut().below(4);
        for _ in 0..changes {
            let seconds = lots.borrow_mut().below(120);
            organisation.clouds.time.advance(seconds.into());
            // Not everything is possible at any time.
            let change = change(&mut lots.borrow_mut(), vendor);
            let _ = organisation.try_to_apply(change);
        }
        for _ in 0..troubles {
            let mut lots = lots.borrow_mut();
            let at = lots.one(&places);
            let what = trouble(&mut lots);
            organisation.fault(at, lots.below(6), 1 + lots.below(3), &what);
        }
        match round(&mut reading, &*source, &lots).await {
            Ok(()) => {}
            Err(ConnectorError::Restart(_)) => reading.mark = None,
            Err(error) => assert!(is_of_the_storm(&error), "seed {seed}: {error}"),
        }
    }
    organisation.cloud().faults.clear();
    // Who was deleted, and who took another's place, is only missed by a round of everything.
    reading.mark = None;
    reading.until_complete(&*source).await;
    organisation.assert_read(&reading);
    reading.until_complete(&*source).await;
    organisation.assert_read(&reading);
}

/// A token that has expired each time is a credential that is not taken.
fn is_of_the_storm(error: &ConnectorError) -> bool {
    error.is_passing()
        || matches!(
            error,
            ConnectorError::Malformed { .. }
                | ConnectorError::Loop(_)
                | ConnectorError::Credential { .. }
        )
}

#[tokio::test]
async fn after_every_storm_okta_is_known_and_nothing_else() {
    for seed in storms(12) {
        storm(Vendor::Okta, seed).await;
    }
}

#[tokio::test]
async fn after_every_storm_google_is_known_and_nothing_else() {
    for seed in storms(12) {
        storm(Vendor::Google, seed).await;
    }
}
