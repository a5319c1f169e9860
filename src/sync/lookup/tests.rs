use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::future::BoxFuture;

use super::*;
use crate::cloud::{Capabilities, Group, Meter, Page, Probe, Round, Task, User, Watermark};

/// A cloud that knows one person, in two groups, one of which nobody may see.
#[derive(Debug, Default)]
struct Cloud {
    calls: AtomicUsize,
    meter: Meter,
    standing: Option<Standing>,
    fails: Option<Failing>,
}

/// What is wrong with a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    Slowly,
    Everywhere,
    AtGroups,
    AtNames,
}

impl Cloud {
    fn answer<'a, T: Send + 'a>(&'a self, answer: T) -> BoxFuture<'a, Result<T, ConnectorError>> {
        self.calls.fetch_add(1, Relaxed);
        Box::pin(async move {
            if self.fails == Some(Failing::Slowly) {
                tokio::time::sleep(Duration::from_hours(1)).await;
            }
            if self.fails == Some(Failing::Everywhere) {
                Err(ConnectorError::Gone("it".to_owned()))
            } else {
                Ok(answer)
            }
        })
    }
}

impl Source for Cloud {
    fn capabilities(&self) -> Capabilities {
        Capabilities { changes: false, deletions: false, nested_groups: false, watermark_hours: 1 }
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }

    fn begin(&self, _: Option<&Watermark>) -> Round {
        unreachable!("nobody reads everything at a login")
    }

    fn fetch<'a>(&'a self, _: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>> {
        self.answer(Page::default())
    }

    fn members(&self, _: &str) -> Task {
        unreachable!("nobody reads groups at a login")
    }

    fn find_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, ConnectorError>> {
        let id = id.to_owned();
        let user = self.standing.map(|standing| User {
            id,
            standing,
            guest: None,
            attributes: BTreeMap::new(),
            whole: true,
        });
        self.answer(user)
    }

    fn user_groups<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        if self.fails == Some(Failing::AtGroups) {
            return Box::pin(async { Err(ConnectorError::Gone("it".to_owned())) });
        }
        self.answer(vec!["g1".to_owned(), "g2".to_owned()])
    }

    fn find_groups<'a>(
        &'a self,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Group>, ConnectorError>> {
        let known = ids
            .iter()
            .filter(|id| *id == "g1" && self.fails != Some(Failing::AtNames))
            .map(|id| Group {
                id: id.clone(),
                name: Some("jira-users".to_owned()),
                kind: None,
                attributes: BTreeMap::new(),
                whole: true,
            });
        self.answer(known.collect())
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async { Probe::default() })
    }
}

fn config(groups: LookupGroups, account: bool) -> LookupConfig {
    LookupConfig {
        connector: "entra".to_owned(),
        groups,
        account,
        otherwise: LookupOtherwise::Keep,
        wait_seconds: 3,
        remember_seconds: 300,
    }
}

fn lookup(cloud: &Arc<Cloud>, config: &LookupConfig) -> (Lookup, Clock) {
    let clock = Clock::adjustable();
    (Lookup::new(Arc::clone(cloud) as Arc<dyn Source>, config, clock.clone()), clock)
}

#[tokio::test]
async fn only_what_is_wanted_is_asked() {
    let cloud = Arc::new(Cloud::default());
    let (lookup, _) = lookup(&cloud, &config(LookupGroups::Overage, false));
    for said in [GroupClaim::Empty, GroupClaim::Absent, GroupClaim::NotAsked] {
        assert_eq!(lookup.ask("alice", &said).await, Ok(None));
    }
    assert_eq!(cloud.calls.load(Relaxed), 0);
    let found = lookup.ask("alice", &GroupClaim::Overage).await.unwrap().unwrap();
    let named = BTreeMap::from([("g1".to_owned(), "jira-users".to_owned())]);
    assert_eq!(found, Found { groups: Some(named), enabled: None });
}

#[tokio::test]
async fn answers_are_believed_for_a_while() {
    let cloud = Arc::new(Cloud { standing: Some(Standing::Disabled), ..Cloud::default() });
    let (lookup, clock) = lookup(&cloud, &config(LookupGroups::Always, true));
    let found = lookup.ask("alice", &GroupClaim::NotAsked).await.unwrap().unwrap();
    assert_eq!(found.enabled, Some(false));
    assert_eq!(cloud.calls.load(Relaxed), 3);
    assert_eq!(lookup.ask("alice", &GroupClaim::NotAsked).await, Ok(Some(found)));
    assert_eq!(cloud.calls.load(Relaxed), 3);
    lookup.ask("bob", &GroupClaim::NotAsked).await.unwrap();
    // The name of one group is known; the other is asked for again.
    assert_eq!(cloud.calls.load(Relaxed), 6);
    clock.advance(TimeDelta::seconds(301));
    lookup.ask("alice", &GroupClaim::NotAsked).await.unwrap();
    assert_eq!(cloud.calls.load(Relaxed), 9);
}

#[tokio::test]
async fn an_answer_without_groups_is_no_answer_to_who_asks_for_them() {
    let cloud = Arc::new(Cloud { standing: Some(Standing::Enabled), ..Cloud::default() });
    let (lookup, _) = lookup(&cloud, &config(LookupGroups::Overage, true));
    let found = lookup.ask("alice", &GroupClaim::Empty).await.unwrap().unwrap();
    assert_eq!(found, Found { groups: None, enabled: Some(true) });
    let found = lookup.ask("alice", &GroupClaim::Overage).await.unwrap().unwrap();
    assert!(found.groups.is_some());
}

#[tokio::test]
async fn whom_the_cloud_does_not_know_comes_in_only_if_that_is_wanted() {
    let cloud = Arc::new(Cloud::default());
    let config = config(LookupGroups::Never, true);
    let (asking, _) = lookup(&cloud, &config);
    let found = asking.ask("alice", &GroupClaim::Empty).await.unwrap().unwrap();
    assert_eq!(found, Found::default());
    let strict = LookupConfig { otherwise: LookupOtherwise::Refuse, ..config };
    let (asking, _) = lookup(&cloud, &strict);
    let refused = asking.ask("alice", &GroupClaim::Empty).await.unwrap_err();
    assert_eq!(refused, LookupError::NotSaid("alice".to_owned()));
}

#[tokio::test]
async fn who_may_not_work_does_not_come_in_because_the_groups_cannot_be_read() {
    let standing = Some(Standing::Disabled);
    let cloud = Arc::new(Cloud { standing, fails: Some(Failing::AtGroups), ..Cloud::default() });
    let (lookup, _) = lookup(&cloud, &config(LookupGroups::Always, true));
    let found = lookup.ask("alice", &GroupClaim::NotAsked).await.unwrap().unwrap();
    assert_eq!(found, Found { groups: None, enabled: Some(false) });
}

#[tokio::test]
async fn an_old_answer_brings_no_account_back() {
    let cloud = Arc::new(Cloud { standing: Some(Standing::Enabled), ..Cloud::default() });
    let (lookup, _) = lookup(&cloud, &config(LookupGroups::Never, true));
    let asked = async || lookup.ask("alice", &GroupClaim::Empty).await.unwrap().unwrap().enabled;
    assert_eq!(asked().await, Some(true));
    assert_eq!(asked().await, None);
}

#[tokio::test]
async fn groups_without_a_name_are_not_no_groups() {
    let cloud = Arc::new(Cloud { fails: Some(Failing::AtNames), ..Cloud::default() });
    let (lookup, _) = lookup(&cloud, &config(LookupGroups::Always, false));
    let error = lookup.ask("alice", &GroupClaim::NotAsked).await.unwrap_err();
    assert_eq!(error, LookupError::Nameless("alice".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_slow_cloud_and_its_failures_are_not_remembered() {
    let slow = Arc::new(Cloud { fails: Some(Failing::Slowly), ..Cloud::default() });
    let (asking, _) = lookup(&slow, &config(LookupGroups::Always, false));
    let error = asking.ask("alice", &GroupClaim::NotAsked).await.unwrap_err();
    assert_eq!(error, LookupError::TooSlow(Duration::from_secs(3)));

    let broken = Arc::new(Cloud { fails: Some(Failing::Everywhere), ..Cloud::default() });
    let (asking, _) = lookup(&broken, &config(LookupGroups::Always, false));
    for calls in 1..3 {
        assert!(asking.ask("alice", &GroupClaim::NotAsked).await.is_err());
        assert_eq!(broken.calls.load(Relaxed), calls);
    }
}

#[test]
fn no_more_is_remembered_than_fits() {
    let remembered = Remembered::at_most(2);
    let now = Clock::System.now();
    let later = now + TimeDelta::seconds(10);
    for id in ["a", "b", "c"] {
        remembered.keep(id.to_owned(), id, later, now);
    }
    assert_eq!(remembered.find("c", now), None);
    assert_eq!(remembered.find("a", now), Some("a"));
    let after = later + TimeDelta::seconds(1);
    assert_eq!(remembered.find("a", after), None);
    remembered.keep("c".to_owned(), "c", after + TimeDelta::seconds(1), after);
    assert_eq!(remembered.find("c", after), Some("c"));
}
