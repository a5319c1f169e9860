//! The log.

use tracing_subscriber::EnvFilter;

/// Begins to log to standard error, as JSON or as text for people.
///
/// `level` is a filter such as `info` or `info,gatehouse::saml=debug`. Called a second time, as in
/// tests, it does nothing.
pub fn init(level: &str, json: bool) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already set is fine: the first one stays.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
    Ok(())
}
