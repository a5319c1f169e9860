//! The fake clouds, judged: by the vendors' own libraries, by the vendors' descriptions of their APIs, and by what their documents
//! say of the rest.

mod delta;
mod faults;
mod google;
mod graph;
mod judges;
mod okta;
mod peer;
mod tenant;
