//! Clouds as connectors read them, against the fakes that the vendors' own libraries have judged.

mod command;
mod described;
mod entra;
mod entra_assigned;
mod entra_failures;
pub mod entra_storms;
mod entra_tokens;
mod failures;
mod google;
mod google_access;
pub mod heard;
mod mirror;
mod okta;
mod okta_access;
mod organisation;
mod reading;
mod storms;
pub mod tenant;
mod truth;
