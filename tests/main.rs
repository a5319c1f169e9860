//! Everything a user would notice, in one binary: linking is what costs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot start has failed, and says what it does"
)]

mod adopt;
mod alarms;
mod around;
mod attacks;
mod cli;
mod clients;
mod clouds;
mod connectors;
mod crowd;
mod crowd_events;
mod crowd_peers;
mod crowd_sso;
mod crowd_writes;
mod deployment;
mod directory;
mod docs;
mod edges;
mod forward_auth;
mod fuzz;
mod hints;
mod identity;
mod imports;
mod kerberos;
mod last_lists;
mod layers;
mod lies;
mod limits;
mod login;
mod looked_up;
mod passwords;
mod proxy;
mod proxy_protocol;
mod rosters;
mod rules;
mod saml;
mod serve;
mod session;
mod store;
mod support;
mod syncs;
mod telemetry;
mod tomcat;
mod upstreams;
