//! Everything a user would notice, in one binary: linking is what costs.
