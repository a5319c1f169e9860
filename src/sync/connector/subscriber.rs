//! Asking a cloud to say by itself what happens: begun, prolonged and ended by one gateway of several.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::Connector;
use crate::{
    clock::Clock,
    cloud::{Announcer, ConnectorError, Wish},
    secrets::{random, sha256},
    store::{ConnectorId, HeardHints, NewSubscription, Store, StoreError, StoredSubscription},
};

/// After a failure it is tried again this soon; each further one doubles it, up to an hour.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(10);
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(1);

/// Looks after the subscriptions of one connector, unless another gateway does.
#[derive(Debug)]
pub struct Subscriber {
    /// By what it is told from other gateways'.
    name: String,
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    topics: &'a [&'static str],
    made_for: &'a [u8],
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Asks for something. If nobody has told of it before, something may have happened that nobody has heard of.
    Begin { topic: &'static str, is_new: bool },
    /// Asks for more time.
    Renew(StoredSubscription, &'static str),
    /// Says that nothing more is to be said.
    End(StoredSubscription),
    /// It is over.
    Forget(StoredSubscription),
}

/// Why something could not be done.
#[derive(Debug)]
enum Failure {
    Cloud(ConnectorError),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Self {
        Self::Cloud(error)
    }
}

impl Default for Subscriber {
    fn default() -> Self {
        Self { name: BASE64.encode(random::<12>()), failures: 0, not_before: None }
    }
}

impl Subscriber {
    /// Does what is to be done, if something is. Why the cloud did not agree is written down for `gatehouse sync status`.
    pub async fn keep(
        &mut self,
        connector: &Connector,
        store: &Store,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        if self.not_before.is_some_and(|at| now < at) {
            return Ok(());
        }
        let id = store.ensure_connector(&connector.name).await?;
        let keeping = Keeping::of(connector, store, clock, id);
        if keeping.steps().await?.is_empty()
            || !store.keep_subscriptions(id, &self.name, now).await?
        {
            return Ok(());
        }
        // Somebody may have done it meanwhile.
        let problem = match keeping.follow(keeping.steps().await?).await {
            Ok(()) => None,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Cloud(error)) => Some(error.to_string()),
        };
        self.note(problem.is_none(), clock.now());
        if let Some(problem) = &problem {
            let (connector, see) = (&connector.name, "gatehouse sync status");
            tracing::warn!(connector, problem, see, "the cloud cannot be asked for hints");
        }
        store.note_hint_problem(id, problem).await
    }

    fn note(&mut self, succeeded: bool, now: DateTime<Utc>) {
        if succeeded {
            (self.failures, self.not_before) = (0, None);
            return;
        }
        let doubled = FIRST_RETRY * 2_i32.saturating_pow(self.failures.min(10));
        self.failures += 1;
        self.not_before = Some(now + doubled.min(LONGEST_RETRY));
    }
}

struct Keeping<'a> {
    store: &'a Store,
    clock: &'a Clock,
    id: ConnectorId,
    announcer: Option<&'a dyn Announcer>,
    address: Option<&'a Url>,
    made_for: Vec<u8>,
}

impl<'a> Keeping<'a> {
    fn of(connector: &'a Connector, store: &'a Store, clock: &'a Clock, id: ConnectorId) -> Self {
        let address = connector.hints.as_ref();
        let shown = address.map(Url::as_str).unwrap_or_default();
        let made_for = sha256(&[&connector.reads, shown.as_bytes()].concat()).to_vec();
        Self { store, clock, id, announcer: connector.source.announcer(), address, made_for }
    }

    async fn steps(&self) -> Result<Vec<Step>, StoreError> {
        let topics = self.announcer.filter(|_| self.address.is_some());
        let topics = topics.map_or(&[][..], Announcer::topics);
        let wanted = Wanted { topics, made_for: &self.made_for };
        let there = self.store.list_subscriptions(self.id).await?;
        Ok(plan(wanted, &there, self.clock.now()))
    }

    /// One after the other; what failed keeps nothing else from being tried.
    async fn follow(&self, steps: Vec<Step>) -> Result<(), Failure> {
        let mut failed = Ok(());
        for step in steps {
            match self.take(step).await {
                Err(error @ Failure::Store(_)) => return Err(error),
                Err(error) => failed = failed.and(Err(error)),
                Ok(()) => {}
            }
        }
        failed
    }

    async fn take(&self, step: Step) -> Result<(), Failure> {
        match (step, self.announcer) {
            (Step::Begin { topic, is_new }, Some(announcer)) => {
                self.begin(announcer, topic, is_new).await
            }
            (Step::Renew(there, topic), Some(announcer)) => {
                self.renew(announcer, there, topic).await
            }
            (Step::End(there), Some(announcer)) => self.end(announcer, there).await,
            (Step::End(there) | Step::Forget(there), _) => {
                Ok(self.store.delete_subscription(there.id).await?)
            }
            (Step::Begin { .. } | Step::Renew(..), None) => Ok(()),
        }
    }

    async fn begin(
        &self,
        announcer: &dyn Announcer,
        topic: &'static str,
        is_new: bool,
    ) -> Result<(), Failure> {
        let Some(address) = self.address else { return Ok(()) };
        let (secret, now) = (BASE64.encode(random::<32>()), self.clock.now());
        let new = NewSubscription {
            topic: topic.to_owned(),
            made_for: self.made_for.clone(),
            secret: sha256(secret.as_bytes()),
        };
        // The cloud may say something before it has said that it will.
        let row = self.store.insert_subscription(self.id, new, now).await?;
        match announcer.subscribe(Wish { topic, address, secret: &secret }).await {
            Ok(agreed) => {
                self.store.settle_subscription(row, agreed.handle, now, agreed.until).await?;
                if is_new { self.want_a_run(now).await } else { Ok(()) }
            }
            Err(error) => {
                self.store.delete_subscription(row).await?;
                Err(error.into())
            }
        }
    }

    async fn renew(
        &self,
        announcer: &dyn Announcer,
        there: StoredSubscription,
        topic: &'static str,
    ) -> Result<(), Failure> {
        let (handle, now) = (there.handle.unwrap_or_default(), self.clock.now());
        match announcer.renew(&handle).await {
            Ok(Some(until)) => {
                Ok(self.store.settle_subscription(there.id, handle, now, until).await?)
            }
            // The one that it replaces is ended the next time.
            Ok(None) => self.begin(announcer, topic, false).await,
            Err(ConnectorError::Gone(_)) => {
                self.store.delete_subscription(there.id).await?;
                self.begin(announcer, topic, true).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the cloud does not end, ends by itself.
    async fn end(
        &self,
        announcer: &dyn Announcer,
        there: StoredSubscription,
    ) -> Result<(), Failure> {
        match announcer.end(&there.handle.unwrap_or_default()).await {
            Err(error) if may_help(&error) => Err(error.into()),
            _ => Ok(self.store.delete_subscription(there.id).await?),
        }
    }

    async fn want_a_run(&self, now: DateTime<Utc>) -> Result<(), Failure> {
        let heard = HeardHints { run: true, ..HeardHints::default() };
        Ok(self.store.note_hints(self.id, heard, now).await?)
    }
}

/// Whether trying again may help.
fn may_help(error: &ConnectorError) -> bool {
    match error {
        ConnectorError::Failed { status, .. } => *status >= 500,
        error => error.is_passing(),
    }
}

/// What is to be done so that all that is wanted is there, each once, with half of its time still to come.
fn plan(wanted: Wanted<'_>, there: &[StoredSubscription], now: DateTime<Utc>) -> Vec<Step> {
    let is_pending = |it: &&StoredSubscription| it.handle.is_none();
    let is_wanted = |it: &&StoredSubscription| {
        wanted.topics.contains(&it.topic.as_str()) && it.made_for == wanted.made_for
    };
    let (pending, settled): (Vec<_>, Vec<_>) = there.iter().partition(is_pending);
    let (dead, asked): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|it| !it.is_being_asked(now));
    let (over, alive): (Vec<_>, Vec<_>) = settled.into_iter().partition(|it| it.until <= now);
    let (alive, foreign): (Vec<_>, Vec<_>) = alive.into_iter().partition(is_wanted);
    let mut steps: Vec<_> = dead.into_iter().chain(over).cloned().map(Step::Forget).collect();
    steps.extend(foreign.into_iter().cloned().map(Step::End));
    for topic in wanted.topics {
        let mut of_topic: Vec<_> = alive.iter().filter(|it| it.topic == *topic).collect();
        of_topic.sort_by_key(|it| it.until);
        let latest = of_topic.pop();
        steps.extend(of_topic.into_iter().map(|it| Step::End((*it).clone())));
        let is_asked = asked.iter().filter(|it| is_wanted(it)).any(|it| it.topic == *topic);
        match latest {
            _ if is_asked => {}
            None => steps.push(Step::Begin { topic, is_new: true }),
            Some(it) if it.renew || it.until - now < (it.until - it.since) / 2 => {
                steps.push(Step::Renew((*it).clone(), topic));
            }
            Some(_) => {}
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPICS: [&str; 2] = ["users", "groups"];
    const WANTED: Wanted<'_> = Wanted { topics: &TOPICS, made_for: b"here" };

    fn there(id: i64, topic: &str) -> StoredSubscription {
        StoredSubscription {
            id,
            topic: topic.to_owned(),
            made_for: b"here".to_vec(),
            secret: Vec::new(),
            handle: Some("h".to_owned()),
            since: DateTime::UNIX_EPOCH,
            until: DateTime::UNIX_EPOCH + TimeDelta::hours(10),
            renew: false,
        }
    }

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn begin(topic: &'static str) -> Step {
        Step::Begin { topic, is_new: true }
    }

    #[test]
    fn all_that_is_wanted_is_asked_for_once() {
        assert_eq!(plan(WANTED, &[], at(1)), [begin("users"), begin("groups")]);
        let both = [there(1, "users"), there(2, "groups")];
        assert_eq!(plan(WANTED, &both, at(1)), []);
        let asked = StoredSubscription { handle: None, ..there(2, "groups") };
        assert_eq!(plan(WANTED, &[there(1, "users"), asked.clone()], at(0)), []);
        // Whoever asked is gone.
        let expected = [Step::Forget(asked.clone()), begin("groups")];
        assert_eq!(plan(WANTED, &[there(1, "users"), asked], at(1)), expected);
    }

    #[test]
    fn it_is_prolonged_at_half_its_time_or_if_the_cloud_wants_that() {
        let both = [there(1, "users"), there(2, "groups")];
        let renewed = |it: &StoredSubscription, topic| Step::Renew(it.clone(), topic);
        let expected = [renewed(&both[0], "users"), renewed(&both[1], "groups")];
        assert_eq!(plan(WANTED, &both, at(6)), expected);
        let over = both.clone().map(Step::Forget);
        assert_eq!(plan(WANTED, &both, at(10))[..2], over);
        let asked = [there(1, "users"), StoredSubscription { renew: true, ..there(2, "groups") }];
        assert_eq!(plan(WANTED, &asked, at(1)), [renewed(&asked[1], "groups")]);
    }

    #[test]
    fn what_was_replaced_or_is_not_wanted_any_more_is_ended() {
        let newer = StoredSubscription { until: at(20), ..there(3, "users") };
        let all = [there(1, "users"), there(2, "groups"), newer];
        assert_eq!(plan(WANTED, &all, at(1)), [Step::End(all[0].clone())]);
        let elsewhere = StoredSubscription { made_for: b"there".to_vec(), ..there(1, "users") };
        let both = [elsewhere.clone(), there(2, "groups")];
        assert_eq!(plan(WANTED, &both, at(1)), [Step::End(elsewhere), begin("users")]);
        let nothing = Wanted { topics: &[], made_for: b"here" };
        assert_eq!(plan(nothing, &both, at(1)), both.map(Step::End));
    }

    #[test]
    fn failures_are_tried_again_later_and_later() {
        let mut subscriber = Subscriber::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            subscriber.note(false, at(0));
            waits.push((subscriber.not_before.unwrap() - at(0)).num_seconds());
        }
        assert_eq!(waits[..4], [10, 20, 40, 80]);
        assert_eq!(waits[9], 3600);
        subscriber.note(true, at(0));
        assert_eq!(subscriber.not_before, None);
    }
}
