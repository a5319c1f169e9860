//! The gateway as applications ask it that know a Crowd server: who is there, in which groups, and is this
//! password theirs. The interface is Atlassian's "usermanagement", version 1; `docs/crowd.md` says what of it
//! is here.
//!
//! A handler that takes an [`Asking`] is one that only authenticated applications reach.

mod account_first;
mod application;
mod asking;
mod authentication;
mod copies;
mod entities;
mod events;
mod factors;
mod failure;
mod format;
mod given;
mod groups;
mod listing;
mod memberships;
mod nesting;
mod node;
mod query;
mod resources;
mod search;
mod sent;
mod server;
mod sessions;
mod settings;
mod user_groups;
mod users;
mod webhooks;
mod writer;
mod writing;

use std::sync::Arc;

pub use self::{
    account_first::AccountFirst,
    application::{Application, Applications, CookieSettings},
    asking::Asking,
    copies::Copies,
    failure::{Failure, Reason},
    format::Format,
    server::CrowdServer,
    webhooks::deliver_webhooks,
};
use crate::{
    clock::Clock, http::TrustedProxies, lifecycle::Background, passwords::Passwords,
    provisioning::ManagedGroups, secrets::Sealer, session::Sessions, store::Store,
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
    /// Whose passwords are right.
    pub passwords: Passwords,
    /// Which groups, and whose members, no application changes.
    pub managed_groups: ManagedGroups,
    /// Who may ask.
    pub applications: Applications,
    /// How far their copies are.
    pub copies: Arc<Copies>,
    /// What seals what is kept of them.
    pub sealer: Arc<Sealer>,
    /// Whom to believe whose address it is.
    pub trusted: TrustedProxies,
    /// What is counted.
    pub metrics: Metrics,
    /// What runs besides requests.
    pub background: Background,
}
