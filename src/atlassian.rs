//! What Atlassian's applications are asked and told over HTTP.

mod crowd_probe;
mod ping;
mod sight;

pub use self::{
    crowd_probe::{CrowdProbe, ProbeError},
    ping::{PingError, ping},
    sight::{health_path, sight_path, user_seen},
};
