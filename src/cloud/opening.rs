//! From the configuration to a source.

use std::sync::Arc;

use super::{
    ConnectorError, Patience, Source, entra::Entra, google::Google, http::Connection, okta::Okta,
};
use crate::{
    clock::Clock,
    config::{CloudConfig, ConnectorConfig},
};

/// Opens the cloud that a connector reads. What the configuration names is read, and nobody is asked yet.
pub fn open(
    config: &ConnectorConfig,
    clock: &Clock,
    patience: Patience,
) -> Result<Arc<dyn Source>, ConnectorError> {
    let connection = Connection::open(config, clock.clone(), patience)?;
    match config.cloud() {
        Some(CloudConfig::Entra(entra)) => Ok(Arc::new(Entra::open(&connection, entra)?)),
        Some(CloudConfig::Okta(okta)) => Ok(Arc::new(Okta::open(&connection, okta)?)),
        Some(CloudConfig::Google(google)) => Ok(Arc::new(Google::open(&connection, google)?)),
        None => Err(ConnectorError::Key {
            key: format!("connector {:?}", config.name),
            problem: "names no cloud".to_owned(),
        }),
    }
}
