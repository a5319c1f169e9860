//! What clouds do differently.

use std::{fmt::Debug, time::Duration};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use secrecy::SecretString;

use super::{Answer, Pace, Request};
use crate::cloud::ConnectorError;

/// What is peculiar to one host of one cloud.
pub(in crate::cloud) trait Dialect: Debug + Send + Sync {
    /// What proves who asks, for one try of a request.
    fn credential<'a>(
        &'a self,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>>;

    /// The form that one try of a request sends instead of the request's own body, where the form itself proves who asks and
    /// is not taken twice.
    fn form(&self, _request: &Request) -> Result<Option<SecretString>, ConnectorError> {
        Ok(None)
    }

    /// What an answer that is no success means.
    fn judge(&self, exchange: &Exchange<'_>) -> Verdict;

    /// What any answer says about the cloud's limits.
    fn quota(&self, _answer: &Answer) -> Quota {
        Quota::default()
    }

    /// What the cloud lets anybody ask, where its answers do not say.
    fn pace(&self) -> Option<Pace> {
        None
    }
}

/// What proves who asks.
#[derive(Clone, Debug, Default)]
pub(in crate::cloud) struct Credential {
    /// Headers, marked as sensitive.
    pub headers: HeaderMap,
    /// The number of the token in them, by which [`super::TokenCache::refuse`] knows it.
    pub token: u64,
}

/// A try, and what came of it.
#[derive(Debug)]
pub(in crate::cloud) struct Exchange<'a> {
    pub request: &'a Request,
    pub credential: &'a Credential,
    pub answer: &'a Answer,
    /// How often this request was already tried with a new credential.
    pub renewals: u32,
}

/// What an answer means that is no success.
#[derive(Debug)]
pub(in crate::cloud) enum Verdict {
    /// The credential is too old: there will be a new one, and the request is tried again at once.
    Renew,
    /// The whole connector asks too much. Without a time, it waits longer each time.
    Throttled(Option<Duration>),
    /// The connector asks too much at the same time.
    Crowded,
    /// Trying again may help; if it does not, this is why.
    Passing(ConnectorError),
    /// Trying again does not help.
    Final(ConnectorError),
}

/// What an answer says about limits.
#[derive(Clone, Debug, Default)]
pub(in crate::cloud) struct Quota {
    /// How many units it has cost; one, if nothing is said.
    pub cost: Option<u32>,
    /// What is left of a limit that is given back at a certain time.
    pub window: Option<Window>,
    /// How much of the whole limit is in use: 1 for all of it.
    pub used: Option<f64>,
}

/// A limit that is given back at a certain time.
#[derive(Clone, Copy, Debug)]
pub(in crate::cloud) struct Window {
    pub limit: u32,
    pub remaining: u32,
    /// So long until it is given back, by the cloud's clock.
    pub ends_in: Duration,
}
