//! From a browser without a session to one with a session.
//!
//! An application's host sends the browser to the login host with a sealed [`Flow`]: where it wanted
//! to go. There it shows a ticket, or an assertion, or has a session already, and is sent back with a
//! one-time code.

mod acs;
mod complete;
mod flow;
mod forms;
mod handover;
mod home;
mod limits;
mod logout;
mod looked_up;
mod parent;
mod password;
mod provider;
mod rounds;
mod saml_start;
mod sign_in;
mod start;
mod ticket;

use std::sync::Arc;

pub use self::{
    acs::{consume_assertion, show_used_answer},
    flow::{Flow, return_target},
    forms::{Awaited, Forms, Resumed, Settled, is_kept_form},
    handover::take_over,
    home::show_home,
    limits::Limits,
    logout::{confirm_logout, log_out, show_logged_out},
    password::{show_password, sign_in_by_password},
    provider::Provider,
    saml_start::{show_metadata, start_saml},
    sign_in::show_sign_in,
};
use crate::{
    clock::Clock,
    http::{AppCookies, Arrival, Error, Sites},
    kerberos::Acceptor,
    passwords::Passwords,
    provisioning::{Policy, Realms, Targets},
    saml::ServiceProvider,
    secrets::Sealer,
    session::Sessions,
    store::Store,
    telemetry::{LoginMethod, LoginOutcome, Metrics, Span, SpanKind, TraceId, Tracer},
};

/// Where a login begins, on the login host.
pub const LOGIN_PATH: &str = "/_gatehouse/login";

/// Where the browser is sent to an identity provider.
pub const SAML_START_PATH: &str = "/_gatehouse/saml/start";

/// Where somebody signs in with a password of the gateway's own.
pub const PASSWORD_PATH: &str = "/_gatehouse/password";

/// Where responses are posted to.
pub const ACS_PATH: &str = "/_gatehouse/saml/acs";

/// Where the gateway's metadata is; also its entity ID.
pub const METADATA_PATH: &str = "/_gatehouse/saml/metadata";

/// Where a one-time code becomes a session, on an application's host.
pub const HANDOVER_PATH: &str = "/_gatehouse/handover";

/// Ends the session, on every host.
pub const LOGOUT_PATH: &str = "/_gatehouse/logout";

/// What is shown afterwards.
pub const LOGGED_OUT_PATH: &str = "/_gatehouse/logged-out";

/// Who is signed in, and where to.
pub const HOME_PATH: &str = "/_gatehouse/";

/// Everything a login needs.
#[derive(Debug)]
pub struct Login {
    /// The hosts.
    pub sites: Arc<Sites>,
    /// In which cookies each application keeps sessions of its own, in the order of the configuration.
    pub app_cookies: Vec<AppCookies>,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// The directory, and what must not be used twice.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Seals flows.
    pub sealer: Sealer,
    /// The gateway, as identity providers know it.
    pub service_provider: ServiceProvider,
    /// Those who vouch.
    pub providers: Vec<Provider>,
    /// Logins by ticket.
    pub tickets: Option<Tickets>,
    /// Logins by password.
    pub passwords: Passwords,
    /// Where accounts are made.
    pub targets: Targets,
    /// What a login may change.
    pub policy: Policy,
    /// What is counted.
    pub metrics: Metrics,
    /// Who looks at logins on their way.
    pub tracer: Tracer,
    /// How often somebody may try.
    pub limits: Arc<Limits>,
    /// Forms that came without a session.
    pub forms: Forms,
}

/// Logins by ticket.
#[derive(Debug)]
pub struct Tickets {
    /// Checks them.
    pub acceptor: Acceptor,
    /// Whose are accepted.
    pub realms: Realms,
}

impl Login {
    /// Refuses what is asked of another host than the login host.
    fn require_login_host(&self, arrival: &Arrival) -> Result<(), Error> {
        let here = arrival.site.authority() == self.sites.login().authority();
        if here { Ok(()) } else { Err(Error::not_found()) }
    }

    /// Counts a login that has ended, and tells those who look at traces; `trace` is the whole login's.
    fn note(
        &self,
        arrival: &Arrival,
        trace: TraceId,
        method: LoginMethod,
        outcome: LoginOutcome,
        reason: &'static str,
    ) {
        self.metrics.count_login(method, outcome, reason);
        self.tracer.record(&arrival.context, || {
            let (now, took) = (self.clock.now(), arrival.started.elapsed());
            Span::new(&arrival.context, SpanKind::Inner, "login", now, took)
                .with("gatehouse.login.method", method.as_str())
                .with("gatehouse.login.reason", reason)
                .with("gatehouse.trace", trace.to_string())
                .failed(outcome == LoginOutcome::refused)
        });
    }

    /// The login host's address of a path.
    fn login_url(&self, path: &str) -> String {
        format!("{}{path}", self.sites.login().origin())
    }

    fn home_url(&self) -> String {
        self.login_url(HOME_PATH)
    }
}
