//! What must hold for any bytes at all. A fuzzer looks for those for which it does not hold; the tests
//! replay what fuzzers have found interesting.

mod client_addresses;
mod cookies;
mod header_names;
mod paths;
mod proxy_headers;
mod questions;
mod return_targets;
mod tickets;

pub use self::{
    client_addresses::client_addresses, cookies::cookies, header_names::header_names, paths::paths,
    proxy_headers::proxy_headers, questions::questions, return_targets::return_targets,
    tickets::tickets,
};
