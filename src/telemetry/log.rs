//! The log.

use std::sync::Arc;

use tracing_subscriber::{EnvFilter, filter::ParseError};

/// What is logged, which can be changed. Cheap to clone.
#[derive(Clone)]
pub struct LogLevel(Arc<dyn Fn(EnvFilter) + Send + Sync>);

impl std::fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogLevel")
    }
}

impl LogLevel {
    /// Whether a text says what to log.
    pub fn check(level: &str) -> Result<(), ParseError> {
        EnvFilter::builder().parse(level).map(drop)
    }

    /// Logs this from now on.
    pub fn set(&self, level: &str) -> Result<(), ParseError> {
        (self.0)(EnvFilter::builder().parse(level)?);
        Ok(())
    }
}

/// Begins to log to standard error, as JSON or as text for people.
///
/// `level` is a filter such as `info` or `info,gatehouse::saml=debug`. Called a second time, as in
/// tests, it does nothing.
pub fn init(level: &str, json: bool) -> Result<LogLevel, ParseError> {
    let filter = EnvFilter::builder().parse(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already set is fine: the first one stays.
    Ok(if json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        LogLevel(Arc::new(move |filter| drop(handle.reload(filter))))
    } else {
        let builder = builder.with_ansi(false).with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        LogLevel(Arc::new(move |filter| drop(handle.reload(filter))))
    })
}
