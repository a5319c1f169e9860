//! A single sign-on gateway. See `docs/architecture.md` for the map.

pub mod clock;
pub mod directory;
pub mod provisioning;
