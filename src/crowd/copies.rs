//! How far the applications' copies of their directories are.
//!
//! An application that comes back with a token has heeded everything up to it. One that has just been told of
//! events needs a moment for them. One that has read everything knows what was there when it began. And an
//! application that asks for somebody by name knows that one, at least.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use uuid::Uuid;

use super::application::Application;
use crate::{
    clock::Clock,
    lifecycle::Background,
    store::{LogPlace, SeenUser, Store, StoreError},
};

/// How long an application takes to heed what it has been told, and for every so many events as much again.
const SETTLE: Duration = Duration::from_secs(1);
const EVENTS_TO_SETTLE: usize = 500;

/// So many questions by name are remembered, so that each is looked into once.
const MOST_REMEMBERED: usize = 50_000;

/// Who has asked for which account, as it was when it was changed last.
type Question = (Arc<str>, Uuid, i64);

/// Keeps how far the copies are: in the store, for all gateways.
#[derive(Debug)]
pub struct Copies {
    pub(super) store: Store,
    pub(super) clock: Clock,
    background: Background,
    /// Wakes those who wait for a copy.
    pub(super) news: Notify,
    asked: Mutex<HashSet<Question>>,
}

impl Copies {
    /// Over a store.
    #[must_use]
    pub fn new(store: Store, clock: Clock, background: Background) -> Self {
        Self { store, clock, background, news: Notify::new(), asked: Mutex::default() }
    }

    /// An application asks where the log is, before it reads everything or afterwards; gives the place that it is to
    /// go on from.
    pub(super) async fn ask(
        &self,
        application: &Application,
        here: LogPlace,
    ) -> Result<LogPlace, StoreError> {
        let now = self.clock.now();
        let (place, read) = self.store.ask_for_place(&application.name, here, now).await?;
        if let Some(seq) = read {
            self.know(application, here, seq).await?;
        }
        Ok(place)
    }

    /// An application has all that there was up to a change, of the directories that are seen at a place.
    pub(super) async fn know(
        &self,
        application: &Application,
        place: LogPlace,
        seq: i64,
    ) -> Result<(), StoreError> {
        let Application { name, directories, .. } = application;
        let (reached, now) = ((place, seq), self.clock.now());
        if self.store.note_crowd_sync(name, directories, reached, now).await? {
            self.asked().retain(|(application, ..)| application != name);
            self.news.notify_waiters();
        }
        Ok(())
    }

    /// An application is being told of so many events, up to a change: it will have heeded them soon.
    pub(super) fn tell(
        self: &Arc<Self>,
        application: &Arc<Application>,
        events: usize,
        (place, seq): (LogPlace, i64),
    ) {
        let (copies, application) = (self.clone(), application.clone());
        let pieces = u32::try_from(events / EVENTS_TO_SETTLE + 1).unwrap_or(u32::MAX);
        let stopping = self.background.stopping();
        self.background.spawn("follow copies", async move {
            let settled = tokio::time::sleep(SETTLE * pieces);
            if stopping.run_until_cancelled(settled).await.is_some() {
                report(copies.know(&application, place, seq).await);
            }
        });
    }

    /// An application asks for somebody by name. Of whom it is no news is not worth a thought.
    pub(super) fn asked_for(self: &Arc<Self>, application: &Arc<Application>, seen: &SeenUser) {
        let changed = seen.updated_at.timestamp_micros();
        if application.waits() && self.is_new((application.name.clone(), seen.user.uuid, changed)) {
            let (copies, application, seen) = (self.clone(), application.clone(), seen.clone());
            self.background.spawn("follow copies", async move {
                report(copies.note_question(&application.name, &seen).await);
            });
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashSet<Question>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_new(&self, question: Question) -> bool {
        let mut asked = self.asked();
        if asked.len() >= MOST_REMEMBERED {
            asked.clear();
        }
        asked.insert(question)
    }

    async fn note_question(&self, application: &str, seen: &SeenUser) -> Result<(), StoreError> {
        let Some(sync) = self.store.find_crowd_sync(application).await? else {
            return Ok(());
        };
        if let Some(seq) = self.store.find_news_since(&seen.user, &sync).await? {
            let (user, now) = (seen.user.uuid, self.clock.now());
            self.store.insert_crowd_known(application, user, seq, now).await?;
            self.news.notify_waiters();
        }
        Ok(())
    }
}

fn report(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "what an application knows could not be noted; it says so again later");
    }
}
