//! Puts the gateway together from its configuration.

mod check;
mod metadata;
mod start;

pub(crate) use self::start::{admin, store_options};
pub use self::{
    check::{check, identity_provider, service_provider},
    start::{Gateway, StartError, start},
};
