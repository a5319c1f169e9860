//! The gateway as applications ask it that know a Crowd server: who is there, in which groups, and is this
//! password theirs. The interface is Atlassian's "usermanagement", version 1; `docs/crowd.md` says what of it
//! is here.
//!
//! A handler that takes an [`Asking`] is one that only authenticated applications reach.

mod application;
mod asking;
mod entities;
mod failure;
mod format;
mod given;
mod groups;
mod node;
mod query;
mod resources;
mod sent;
mod server;
mod settings;
mod users;
mod writer;

use std::sync::Arc;

pub use self::{
    application::{Application, Applications, CookieSettings},
    asking::Asking,
    failure::{Failure, Reason},
    format::Format,
    server::CrowdServer,
};
use crate::{
    clock::Clock, http::TrustedProxies, lifecycle::Background, session::Sessions, store::Store,
    telemetry::Metrics,
};

/// What every resource may need.
#[derive(Debug)]
pub struct Crowd {
    /// Users and groups.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Who is signed in.
    pub sessions: Arc<Sessions>,
    /// Who may ask.
    pub applications: Applications,
    /// Whom to believe whose address it is.
    pub trusted: TrustedProxies,
    /// What is counted.
    pub metrics: Metrics,
    /// What runs besides requests.
    pub background: Background,
}
