//! Puts the gateway together from its configuration.

mod administration;
mod applications;
mod chains;
mod check;
mod crowd;
mod metadata;
mod start;
mod telemetry;

pub(crate) use self::{administration::open_admin, start::store_options};
pub use self::{
    check::{check, identity_provider, service_provider, warnings},
    start::{Gateway, StartError, start},
};
