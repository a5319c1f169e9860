//! Asking a cloud to say by itself what happens.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use url::Url;

use super::ConnectorError;

/// A cloud that can be asked to say by itself what happens. Nothing else is ever made in a cloud, and it ends by itself.
pub trait Announcer: Send + Sync {
    /// What can be asked for, each for itself; all of it is wanted.
    fn topics(&self) -> &'static [&'static str];

    /// Asks for one of them.
    fn subscribe<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> BoxFuture<'a, Result<Subscription, ConnectorError>>;

    /// Asks for more time: until when it is given. Without an answer, another subscription has to take its place.
    fn renew<'a>(
        &'a self,
        handle: &'a str,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, ConnectorError>>;

    /// Ends it. [`ConnectorError::Gone`] if it has ended before.
    fn end<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<(), ConnectorError>>;

    /// Tries whether the cloud would, and says what it said.
    fn try_out<'a>(&'a self, address: &'a Url) -> BoxFuture<'a, Result<String, ConnectorError>>;
}

/// What a cloud is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// One of [`Announcer::topics`].
    pub topic: &'a str,
    /// Where it is to be said.
    pub address: &'a Url,
    /// What the cloud proves itself with.
    pub secret: &'a str,
}

/// What a cloud has agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What the cloud knows it by.
    pub handle: String,
    /// When it ends.
    pub until: DateTime<Utc>,
}
