//! Puts the gateway together from its configuration.

mod administration;
mod alarms;
mod applications;
mod background;
mod certificates;
mod chains;
mod check;
mod connectors;
mod crowd;
mod doors;
mod gateway;
mod generation;
mod hints;
mod metadata;
mod parts;
mod reload;
mod signing_in;
mod start;
mod telemetry;
mod upstreams;

pub(crate) use self::{administration::open_admin, start::store_options};
pub use self::{
    check::{check, identity_provider, service_provider, warnings},
    gateway::{Deaf, Gateway},
    start::{StartError, start, start_with},
};
