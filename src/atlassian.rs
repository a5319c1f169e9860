//! What Atlassian's applications are asked and told over HTTP.

mod ping;

pub use self::ping::{PingError, ping};
