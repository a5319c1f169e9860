//! The peers that tests run against.

pub mod databases;
pub mod kdc;
