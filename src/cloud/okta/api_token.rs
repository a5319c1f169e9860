//! A token of an administrator's: the older way, which may do all that the administrator may.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use secrecy::ExposeSecret as _;

use super::api::refused;
use crate::{
    cloud::{ConnectorError, http::Connection},
    config::SecretSource,
};

/// A token, and where it is read from.
#[derive(Debug)]
pub(super) struct ApiToken {
    connection: Arc<Connection>,
    source: SecretSource,
    /// The value of `Authorization`.
    header: Mutex<HeaderValue>,
}

impl ApiToken {
    pub(super) fn open(
        connection: &Arc<Connection>,
        source: &SecretSource,
    ) -> Result<Self, ConnectorError> {
        let header = Mutex::new(read(connection, source)?);
        Ok(Self { connection: Arc::clone(connection), source: source.clone(), header })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads it again, since one that was used is not taken. Says whether it is another one now; somebody else may have
    /// read that before.
    pub(super) fn renew(&self, used: Option<&HeaderValue>) -> bool {
        let Ok(read) = read(&self.connection, &self.source) else { return false };
        let is_another = used != Some(&read);
        *self.header.lock().unwrap_or_else(PoisonError::into_inner) = read;
        is_another
    }
}

fn read(connection: &Connection, source: &SecretSource) -> Result<HeaderValue, ConnectorError> {
    let token = source.read().map_err(|error| refused(connection, "okta.token", &error))?;
    let header = HeaderValue::try_from(format!("SSWS {}", token.expose_secret()));
    let mut header = header.map_err(|_| {
        refused(connection, "okta.token", &"is no token: it has characters that none has")
    })?;
    header.set_sensitive(true);
    Ok(header)
}
