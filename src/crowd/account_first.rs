//! The account is there first: nobody reaches an application that cannot know them yet.
//!
//! An application that copies its directories now and then knows nobody who is new. So the first request of somebody
//! whose account was made, brought back, reactivated or renamed waits until the copy is that far: for a moment as
//! it is, and then with a page that goes on by itself. Nobody waits for ever, and nobody for an application that
//! has never copied anything. Whom an application knows costs a look at the [`Visitor`].

use std::{sync::Arc, time::Duration};

use askama::Template;
use chrono::TimeDelta;
use http::{HeaderValue, StatusCode, header};
use tokio::{sync::Semaphore, time::Instant};

use super::{application::Application, copies::Copies};
use crate::{
    directory::User,
    http::{Error, RELOAD_SCRIPT, Response, page},
    session::Visitor,
    store::{CrowdSync, StoreError},
    telemetry::{Metrics, Seldom},
};

/// How long a request is held before the page is shown: most applications that were called come sooner.
const HOLD: Duration = Duration::from_secs(3);

/// How often is looked whether another gateway has heard from the application.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// So many requests are held at a time, for each app; others get the page at once.
const MOST_HELD: usize = 100;

/// How often the log says that an application has never copied anything.
const WARN_EVERY: Duration = Duration::from_hours(1);

/// How soon the page comes back.
const COME_BACK_SECONDS: u32 = 2;

/// Keeps newcomers from an app until it knows them.
#[derive(Debug)]
pub struct AccountFirst {
    app: Arc<str>,
    copies: Arc<Copies>,
    /// Those of the app's that learn of accounts by copying, and when the log has said that they have not.
    applications: Vec<(Arc<Application>, Seldom)>,
    patience: TimeDelta,
    held: Semaphore,
    metrics: Metrics,
}

#[derive(Template)]
#[template(path = "crowd/waiting.html")]
struct WaitingPage<'a> {
    app: &'a str,
    again: &'a str,
    seconds: u32,
    script: &'static str,
}

impl AccountFirst {
    /// For an app, if one of its applications learns of accounts by copying, and anybody is to wait for that.
    #[must_use]
    pub fn new(
        app: Arc<str>,
        index: usize,
        applications: &super::Applications,
        copies: Arc<Copies>,
        metrics: Metrics,
    ) -> Option<Self> {
        let own = applications.iter().filter(|one| one.app == index && one.waits());
        let with_warning = |one: &Arc<Application>| (one.clone(), Seldom::every(WARN_EVERY));
        let applications: Vec<_> = own.map(with_warning).collect();
        let patience = applications.iter().map(|(one, _)| one.account_wait).max()?;
        let held = Semaphore::new(MOST_HELD);
        Some(Self { app, copies, applications, patience, held, metrics })
    }

    /// Whether a visitor may go on. One who may not yet is held for a moment; `to_the_end` holds them until they
    /// may, for what cannot be asked for again.
    pub async fn admit(&self, visitor: &Visitor, to_the_end: bool) -> bool {
        if visitor.is_known() {
            return true;
        }
        let admitted = match self.wait(visitor, to_the_end).await {
            Ok(admitted) => admitted,
            // Nobody can say who is new while the store is away.
            Err(error) => {
                tracing::warn!(%error, app = %self.app, "cannot tell whether an app knows an account");
                return true;
            }
        };
        if admitted {
            visitor.become_known();
        }
        admitted
    }

    async fn wait(&self, visitor: &Visitor, to_the_end: bool) -> Result<bool, StoreError> {
        let (user, begun) = (&visitor.account.user, Instant::now());
        // A form waits whoever else does.
        let holding = if to_the_end { None } else { self.held.try_acquire().ok() };
        loop {
            // Asked for before it is looked: what is heard in between is not missed.
            let news = self.copies.news.notified();
            let missing = self.missing(user).await?;
            if missing.is_empty() {
                return Ok(true);
            }
            let waited = self.copies.clock.now() - visitor.waiting_since(self.copies.clock.now());
            if waited >= self.patience {
                self.give_up(user, missing).await?;
                return Ok(true);
            }
            if !to_the_end && (holding.is_none() || begun.elapsed() >= HOLD) {
                self.metrics.count_account_wait(&self.app, "page");
                return Ok(false);
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, news).await;
        }
    }

    /// The applications that cannot know an account yet, and the change that has made it new to them.
    async fn missing(&self, user: &User) -> Result<Vec<(&Arc<Application>, i64)>, StoreError> {
        let mut missing = Vec::new();
        let sees = |one: &Application| one.directories.contains(&user.directory);
        for (application, warning) in self.applications.iter().filter(|(one, _)| sees(one)) {
            let sync = self.copies.store.find_crowd_sync(&application.name).await?;
            // Whoever has never copied anything is not being set up, or not yet: there is nothing to wait for.
            let Some(sync) = sync.filter(CrowdSync::has_begun) else {
                self.metrics.count_account_wait(&self.app, "no_copy");
                if warning.is_due() {
                    tracing::warn!(app = %self.app, application = %application.name,
                        user.name = user.profile.username, "the application has not copied its \
                        directories yet, and cannot know the account; others of whom it is the same \
                        are not named for an hour");
                }
                continue;
            };
            let Some(seq) = self.copies.store.find_news_since(user, &sync).await? else {
                continue;
            };
            let (store, name) = (&self.copies.store, &application.name);
            if !store.is_known_to_crowd(name, user.uuid, seq).await? {
                missing.push((application, seq));
            }
        }
        Ok(missing)
    }

    /// Longer than this nobody is kept waiting, and for this account not once more.
    async fn give_up(
        &self,
        user: &User,
        missing: Vec<(&Arc<Application>, i64)>,
    ) -> Result<(), StoreError> {
        for (application, seq) in missing {
            self.metrics.count_account_wait(&self.app, "given_up");
            tracing::warn!(app = %self.app, application = %application.name,
                user.name = user.profile.username, "the application has not read of the account in time, and \
                may not know it: look when its directory was synchronised last");
            let now = self.copies.clock.now();
            let store = &self.copies.store;
            store.insert_crowd_known(&application.name, user.uuid, seq, now).await?;
        }
        Ok(())
    }

    /// What somebody sees who has to wait: a page that comes back to the address `again` by itself, or, for scripts,
    /// when to ask again.
    ///
    /// A browser that runs no scripts comes back without what is behind the `#`, if there is something: to the same
    /// address with it, it would not come back at all.
    #[must_use]
    pub fn ask_to_wait(&self, again: &str, is_page: bool) -> Response {
        if !is_page {
            let sentence =
                "The application is being told about this account. Ask again in a moment.";
            let error =
                Error::new(StatusCode::SERVICE_UNAVAILABLE, "account-not-there-yet", sentence);
            let error = error.with_retry_after(COME_BACK_SECONDS);
            return axum::response::IntoResponse::into_response(error);
        }
        let (seconds, script) = (COME_BACK_SECONDS, RELOAD_SCRIPT);
        let template = WaitingPage { app: &self.app, again, seconds, script };
        let mut response = page(StatusCode::SERVICE_UNAVAILABLE, &template);
        let seconds = HeaderValue::from(COME_BACK_SECONDS);
        response.headers_mut().insert(header::REFRESH, seconds.clone());
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
        response
    }
}
