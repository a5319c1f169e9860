//! A line to one host of a cloud.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::{
    Answer, Connection, Dialect, Exchange, Request, Verdict,
    answer::{Broken, MOST_BYTES},
    effort::Effort,
    governor::{Governor, Place, Refused},
    home::Home,
};
use crate::cloud::ConnectorError;

/// By these somebody on the way, or the host itself, says that nobody is there who could answer.
const DOWN: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// Asks one host of a cloud.
#[derive(Debug)]
pub(in crate::cloud) struct Line<D> {
    pub connection: Arc<Connection>,
    pub dialect: D,
    home: Home,
    governor: Governor,
}

/// What a try has led to.
enum Step<T> {
    Done(T),
    /// Again at once, with a new credential.
    Renew,
    /// Again when the whole connector may.
    Paused(Option<Duration>),
    /// Again after a while, or else this is why not.
    Failed(ConnectorError),
}

impl<D: Dialect> Line<D> {
    /// A line to what lies below an address.
    pub(in crate::cloud) fn new(connection: Arc<Connection>, base: Url, dialect: D) -> Self {
        let governor = Governor::new(dialect.pace(), connection.share);
        Self { connection, dialect, home: Home::new(base), governor }
    }

    pub(in crate::cloud) fn host(&self) -> String {
        self.home.host()
    }

    /// An address below the line's own.
    pub(in crate::cloud) fn at(&self, path: &str) -> Result<Url, ConnectorError> {
        self.home.at(path)
    }

    /// An address that an answer names, if it may be asked.
    pub(in crate::cloud) fn follow(&self, link: &str) -> Result<Url, ConnectorError> {
        self.home.follow(link)
    }

    /// Asks until there is an answer in JSON.
    pub(in crate::cloud) async fn ask<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<T, ConnectorError> {
        self.ask_for(request, Answer::json).await
    }

    /// Asks until there is an answer that can be read, or no sense in going on.
    pub(in crate::cloud) async fn ask_for<T>(
        &self,
        request: &Request,
        read: impl Fn(&Answer) -> Result<T, String> + Send + Sync,
    ) -> Result<T, ConnectorError> {
        self.home.check(&request.url)?;
        let mut effort = Effort::new(self.connection.patience, request.urgent);
        let mut renewals = 0;
        loop {
            match self.try_once(request, &mut effort, renewals, &read).await? {
                Step::Done(answer) => return Ok(answer),
                Step::Renew => renewals += 1,
                Step::Paused(asked) => self.pause(request, &mut effort, asked)?,
                Step::Failed(error) => self.wait(request, &mut effort, error).await?,
            }
        }
    }

    async fn try_once<T>(
        &self,
        request: &Request,
        effort: &mut Effort,
        renewals: u32,
        read: &(impl Fn(&Answer) -> Result<T, String> + Sync),
    ) -> Result<Step<T>, ConnectorError> {
        let place = self.enter(request, effort).await?;
        let credential = self.dialect.credential(request).await?;
        let form = self.dialect.form(request)?;
        self.connection.meter.called(!effort.is_first());
        let answer = match self.connection.send(request, &credential, form.as_ref()).await {
            Ok(answer) => answer,
            Err(Broken::TooLarge) => return Err(too_large(request)),
            Err(Broken::Transport(reason)) => {
                self.note(place.failed());
                let host = self.host();
                return Ok(Step::Failed(ConnectorError::Unreachable { host, reason }));
            }
        };
        self.governor.learn(request.limit, &self.dialect.quota(&answer));
        if answer.status.is_success() {
            place.good();
            return Ok(match read(&answer) {
                Ok(read) => Step::Done(read),
                Err(problem) => Step::Failed(malformed(request, &answer, &problem)),
            });
        }
        let exchange = Exchange { request, credential: &credential, answer: &answer, renewals };
        let verdict = self.dialect.judge(&exchange);
        self.learn_health(place, answer.status, &verdict);
        self.step(verdict)
    }

    /// Whoever answers is there, also badly, unless it is said that nobody is.
    fn learn_health(&self, place: Place<'_>, status: StatusCode, verdict: &Verdict) {
        if matches!(verdict, Verdict::Passing(_)) && DOWN.contains(&status) {
            self.note(place.failed());
        } else {
            place.good();
        }
    }

    fn step<T>(&self, verdict: Verdict) -> Result<Step<T>, ConnectorError> {
        match verdict {
            Verdict::Renew => Ok(Step::Renew),
            Verdict::Throttled(time) => Ok(Step::Paused(time)),
            Verdict::Crowded => {
                self.governor.halve();
                let reason = "too many requests at the same time".to_owned();
                Ok(Step::Failed(ConnectorError::Failed { host: self.host(), status: 429, reason }))
            }
            Verdict::Passing(error) => Ok(Step::Failed(error)),
            Verdict::Final(error) => Err(error),
        }
    }

    /// Waits until it may be asked.
    async fn enter(
        &self,
        request: &Request,
        effort: &mut Effort,
    ) -> Result<Place<'_>, ConnectorError> {
        let begun = Instant::now();
        let place = self.governor.enter(request, effort.is_first(), effort.left()).await;
        let waited = begun.elapsed();
        effort.waited(waited);
        self.connection.meter.waited(waited);
        place.map_err(|refused| match refused {
            Refused::Throttled(time) => ConnectorError::Throttled(time),
            Refused::Down(time) => ConnectorError::Unreachable {
                host: self.host(),
                reason: format!(
                    "it has not answered for a while, and is tried again in {} s",
                    time.as_secs() + 1
                ),
            },
        })
    }

    /// The whole connector pauses; the next try waits for the end of it.
    fn pause(
        &self,
        request: &Request,
        effort: &mut Effort,
        asked: Option<Duration>,
    ) -> Result<(), ConnectorError> {
        let failed = effort.failed();
        let time = match asked {
            // Who says "at once" over and over is asked more and more slowly all the same.
            Some(time) => time.max(failed.unwrap_or_default()),
            None => failed.unwrap_or(self.connection.patience.longest_wait),
        };
        self.governor.pause(time);
        tracing::info!(
            connector = self.connection.name,
            asked = request.what,
            pause_ms = time.as_millis(),
            "the cloud wants a pause"
        );
        if failed.is_none() || time > effort.left() {
            return Err(ConnectorError::Throttled(time));
        }
        Ok(())
    }

    async fn wait(
        &self,
        request: &Request,
        effort: &mut Effort,
        error: ConnectorError,
    ) -> Result<(), ConnectorError> {
        let Some(wait) = effort.failed() else { return Err(error) };
        tracing::debug!(
            connector = self.connection.name,
            asked = request.what,
            wait_ms = wait.as_millis(),
            %error,
            "trying again"
        );
        tokio::time::sleep(wait).await;
        effort.waited(wait);
        self.connection.meter.waited(wait);
        Ok(())
    }

    fn note(&self, down: bool) {
        if down {
            let (connector, host) = (&self.connection.name, self.host());
            tracing::warn!(
                connector,
                host,
                "the cloud does not answer: it is left alone for a while"
            );
        }
    }
}

fn too_large(request: &Request) -> ConnectorError {
    ConnectorError::TooLarge { what: request.what.to_owned(), limit: MOST_BYTES }
}

fn malformed(request: &Request, answer: &Answer, problem: &str) -> ConnectorError {
    let html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let hint = if html { "; it is a page of HTML, perhaps a proxy's" } else { "" };
    let problem = answer.with_id(&format!("{problem}{hint}"));
    ConnectorError::Malformed { what: request.what.to_owned(), problem }
}
