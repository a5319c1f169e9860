//! A single sign-on gateway. See `docs/architecture.md` for the map.

pub mod admin;
pub mod app;
pub mod atlassian;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod crowd;
pub mod directory;
pub mod http;
pub mod kerberos;
pub mod keyring;
pub mod lifecycle;
pub mod login;
pub mod passwords;
pub mod policy;
pub mod provisioning;
pub mod proxy;
pub mod router;
pub mod saml;
pub mod secrets;
pub mod server;
pub mod session;
pub mod store;
pub mod sync;
pub mod telemetry;
