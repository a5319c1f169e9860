//! The peers and the gateway that tests run against.
