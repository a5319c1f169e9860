//! Clouds as connectors read them, against the fakes that the vendors' own libraries have judged.

mod command;
mod entra;
mod entra_failures;
mod entra_storms;
mod entra_tokens;
mod mirror;
mod reading;
mod tenant;
