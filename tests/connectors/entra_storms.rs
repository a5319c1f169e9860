//! Whatever happens in the tenant, and whatever goes wrong on the way: in the end everything is known, and nothing else.

use std::{cell::RefCell, ops::RangeInclusive};

use gatehouse::cloud::{ConnectorError, Source, Task};
use serde_json::{Value, json};

use super::{entra::assert_read, reading::Reading, tenant::Tenant};
use crate::support::clouds::{Settings, tenant::Plan};

fn said(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "it is a test's")]
    let said = std::env::var(name);
    said.ok()?.parse().ok()
}

/// As many as one likes: `STORMS=1000` tries a thousand, and not as many as usual.
pub fn seeds(usual: u64) -> u64 {
    said("STORMS").unwrap_or(usual)
}

/// The seeds of so many storms, from 1; `STORM=455` tries that one again.
pub fn storms(usual: u64) -> RangeInclusive<u64> {
    said("STORM").map_or(1..=seeds(usual), |seed| seed..=seed)
}

/// A number that looks like any other (Knuth's MMIX).
pub struct Lots(pub u64);

impl Lots {
    pub fn below(&mut self, most: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(most)).unwrap()
    }

    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).unwrap()) as usize].clone()
    }

    fn change(&mut self) -> Value {
        let (user, other) = (self.below(70), self.below(70));
        let (group, inner) = (self.below(26), self.below(26));
        let member = self.one(&[
            json!({ "user": user }),
            json!({ "user": other }),
            json!({ "group": inner }),
        ]);
        let name = format!("Name {}", self.below(1_000));
        let login = format!("login-{}@example.com", self.below(1_000));
        self.one(&[
            json!({ "do": "add_user" }),
            json!({ "do": "change_user", "no": user, "set": { "display": name, "login": login } }),
            json!({ "do": "change_user", "no": user, "set": { "mail": null, "active": false } }),
            json!({ "do": "delete_user", "no": user }),
            json!({ "do": "restore_user", "no": user }),
            json!({ "do": "purge_user", "no": user }),
            json!({ "do": "swap_logins", "one": user, "other": other }),
            json!({ "do": "add_group" }),
            json!({ "do": "change_group", "no": group, "set": { "name": name } }),
            json!({ "do": "delete_group", "no": group }),
            json!({ "do": "restore_group", "no": group }),
            json!({ "do": "purge_group", "no": group }),
            json!({ "do": "add_members", "group": group, "members": [member] }),
            json!({ "do": "add_members", "group": group, "members": [member] }),
            json!({ "do": "remove_members", "group": group, "members": [member] }),
            json!({ "do": "remove_members", "group": group, "members": [member] }),
            json!({ "do": "resync" }),
        ])
    }

    fn trouble(&mut self) -> Value {
        let kind = self.one(&[
            "reset_in_head",
            "reset_in_body",
            "close_in_body",
            "half_json",
            "html",
            "expired_token",
            "gone",
            "lost_state",
            "empty_page",
            "replay",
            "duplicate",
            "backwards",
            "loop",
            "status",
            "throttle",
        ]);
        match kind {
            "status" => json!({ "kind": kind, "status": self.one(&[404, 429, 500, 503]) }),
            "throttle" => json!({ "kind": kind, "retry_after": self.one(&[None, Some(0)]) }),
            _ => json!({ "kind": kind }),
        }
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

async fn storm(seed: u64) {
    let plan = Plan { seed, users: 60, groups: 24, ..Plan::default() };
    let tenant = Tenant::start_with(Settings { plan, ..Settings::default() }).await;
    let lots = RefCell::new(Lots(seed));
    tenant.behave(|manners| {
        let mut lots = lots.borrow_mut();
        manners.delta_page = 3 + lots.below(20) as usize;
        manners.members_per_item = 1 + lots.below(10) as usize;
        manners.empty_page_every = lots.one(&[0, 2, 3]);
        manners.leavers_stay_members = lots.below(2) == 0;
        manners.removed_in_first_pass = lots.below(2) == 0;
    });
    let (source, mut reading) = (tenant.source(), Reading::default());
    for _ in 0..8 {
        let changes = lots.borrow_mut().below(12);
        let troubles = lots.borrow_mut().below(4);
        for _ in 0..changes {
            // Not everything is possible at any time.
            let change = lots.borrow_mut().change();
            let _ = tenant.try_to_apply(change);
        }
        for _ in 0..troubles {
            let mut lots = lots.borrow_mut();
            let (at, what) = (lots.one(&["/users/delta", "/groups/delta"]), lots.trouble());
            // A token that is never taken is no bad weather.
            let once = what["kind"] == "expired_token";
            let times = if once { 1 } else { 1 + lots.below(3) };
            tenant.fault(at, lots.below(6), times, &what);
        }
        match round(&mut reading, &*source, &lots).await {
            // Two tokens in a row may have met bad weather.
            Ok(()) | Err(ConnectorError::Credential { .. }) => {}
            Err(ConnectorError::Restart(_)) => reading.mark = None,
            Err(error) => assert!(error.is_passing(), "seed {seed}: {error}"),
        }
    }
    tenant.graph().faults.clear();
    reading.until_complete(&*source).await;
    assert_read(&reading, &tenant);
}

#[tokio::test]
async fn after_every_storm_everything_is_known_and_nothing_else() {
    for seed in storms(12) {
        eprintln!("seed {seed}");
        storm(seed).await;
    }
}
