//! Everything a user would notice, in one binary: linking is what costs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot start has failed, and says what it does"
)]

mod adopt;
mod cli;
mod clients;
mod directory;
mod docs;
mod fuzz;
mod imports;
mod kerberos;
mod layers;
mod login;
mod proxy;
mod saml;
mod serve;
mod session;
mod store;
mod support;
mod tomcat;
