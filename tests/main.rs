//! Everything a user would notice, in one binary: linking is what costs.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

mod support;
