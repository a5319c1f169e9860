//! The end of every login: an account, a session, and the way to the application.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};

use super::{HANDOVER_PATH, Login, flow::Flow, parent::Before};
use crate::{
    directory::{Issuer, PersonId},
    http::{Arrival, Error, Response, see_other},
    provisioning::{Claims, Refusal},
    saml::NameId,
    secrets::Hash,
    store::{Provision, ProvisionError, Provisioned, SessionId, SourceWord},
    telemetry::{LoginMethod, LoginOutcome},
};

/// Somebody whom an issuer has vouched for, just now.
pub(super) struct Proven {
    pub(super) claims: Claims,
    /// What the person's cloud says of whether they may work, if it was asked.
    pub(super) enabled_at_source: Option<SourceWord>,
    pub(super) method: LoginMethod,
    pub(super) name_id: Option<NameId>,
    pub(super) session_index: Option<String>,
    pub(super) not_on_or_after: Option<DateTime<Utc>>,
    /// The login that was written down for it, if it was one by way of an identity provider.
    pub(super) written: Option<Written>,
}

/// Somebody who may come in, and by what.
pub(super) struct Entering {
    pub(super) person: PersonId,
    pub(super) username: String,
    /// Who vouches.
    pub(super) issuer: Issuer,
    pub(super) method: LoginMethod,
    pub(super) name_id: Option<NameId>,
    pub(super) session_index: Option<String>,
    pub(super) not_on_or_after: Option<DateTime<Utc>>,
    pub(super) written: Option<Written>,
    /// How much the login has changed in the directory.
    pub(super) changes: usize,
}

impl Proven {
    /// The same, once an account is known.
    fn entering(self, provisioned: &Provisioned) -> Entering {
        Entering {
            person: provisioned.person,
            username: self.claims.profile.username,
            issuer: self.claims.identity.issuer,
            method: self.method,
            name_id: self.name_id,
            session_index: self.session_index,
            not_on_or_after: self.not_on_or_after,
            written: self.written,
            changes: provisioned.plan.changes.len(),
        }
    }
}

/// A login that was written down: under which handle, and of which browser on the login host.
pub(super) struct Written {
    pub(super) handle_hash: Hash,
    pub(super) browser_hash: Vec<u8>,
}

impl Login {
    /// Gives somebody an account and a session, and sends them on.
    pub(super) async fn complete(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        flow: &Flow,
        proven: Proven,
    ) -> Result<Response, Error> {
        self.admit_account(&proven.claims)?;
        let provisioned = self.provision(arrival, flow, &proven).await?;
        self.enter(arrival, headers, flow, proven.entering(&provisioned)).await
    }

    /// Gives somebody a session, and sends them on.
    pub(super) async fn enter(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        flow: &Flow,
        entering: Entering,
    ) -> Result<Response, Error> {
        self.note(arrival, flow.trace, entering.method, LoginOutcome::accepted, "ok");
        let had = self.find_session_before(arrival, headers, flow, &entering).await?;
        let replaces = match had {
            Before::InAnotherTab(session) => match flow.retry(*flow.browser()) {
                Some(again) => return Ok(see_other(&self.sign_in_url(&again))),
                None => Some(session),
            },
            Before::Here(session) => Some(session),
            Before::None => None,
        };
        let Entering { username, issuer, method, changes, .. } = &entering;
        let (username, issuer, method) = (username.clone(), issuer.clone(), method.as_str());
        let changes = *changes;
        let (session, cookie) = self.begin_session(entering, replaces).await?;
        tracing::info!(
            trace = %flow.trace, trace_id = %arrival.context.trace(), user.name = username, issuer = issuer.0, method,
            client = %arrival.client, session = session.0, changes, "logged in"
        );
        let mut response = self.send_on(flow, session).await?;
        let cookies = arrival.site.cookies();
        let cookie = cookies.set(cookies.login, &cookie);
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Ok(response)
    }

    async fn provision(
        &self,
        arrival: &Arrival,
        flow: &Flow,
        Proven { claims, enabled_at_source, method, .. }: &Proven,
    ) -> Result<Provisioned, Error> {
        let actor = claims.identity.issuer.0.clone();
        let request = Provision {
            directory: self.targets.of(&claims.identity.issuer),
            claims: claims.clone(),
            enabled_at_source: *enabled_at_source,
            policy: self.policy.clone(),
            actor,
            reason: format!("login {}", flow.trace),
        };
        match self.store.provision(&request, self.clock.now()).await {
            Ok(provisioned) => {
                for warning in &provisioned.plan.warnings {
                    tracing::warn!(trace = %flow.trace, %warning, "login with a warning");
                }
                if provisioned.removed_passwords > 0 {
                    tracing::warn!(
                        trace = %flow.trace, user.name = claims.profile.username,
                        "an account is somebody's now who has an identity provider: the password that it had, and nobody \
                        had used, is removed"
                    );
                }
                Ok(provisioned)
            }
            Err(ProvisionError::Store(error)) => Err(Error::unavailable(error)),
            Err(ProvisionError::Refused(refusal)) => {
                self.count_refusal(claims);
                self.note(arrival, flow.trace, *method, LoginOutcome::refused, refusal.code());
                Err(Error::new(StatusCode::FORBIDDEN, refusal.code(), sentence(&refusal))
                    .caused_by(&refusal)
                    .with_way_on(
                        format!("{}&choose=", self.sign_in_url(flow)),
                        "Sign in another way",
                    ))
            }
        }
    }

    /// Sends a browser that has a session back to where it wanted to go. On the way, the application's
    /// host gets a session of its own.
    pub(super) async fn send_on(&self, flow: &Flow, parent: SessionId) -> Result<Response, Error> {
        let Some(place) = self.place_of(flow) else {
            return Ok(see_other(&self.destination(flow)));
        };
        self.check_round(flow)?;
        let host = place.site.authority();
        if host == self.sites.login().authority() {
            let child =
                self.sessions.begin_child(parent, host).await.map_err(Error::unavailable)?;
            let mut response = see_other(&self.destination(flow));
            if let Some(child) = child {
                let cookies = place.site.cookies();
                let cookie = cookies.set(cookies.session, &child);
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            return Ok(response);
        }
        let code = self.sessions.hand_over(parent, host, *flow.browser());
        let code = code.await.map_err(Error::unavailable)?;
        let (origin, flow) = (place.site.origin(), self.seal(flow));
        Ok(see_other(&format!("{origin}{HANDOVER_PATH}?code={code}&flow={flow}")))
    }
}

/// What somebody is told who has proven who they are, and still may not enter.
fn sentence(refusal: &Refusal) -> Cow<'static, str> {
    match refusal {
        Refusal::NoAccount { .. } | Refusal::NoEntitlement { .. } | Refusal::NoSeat { .. } => "You have no account here. Ask your administrator for one.",
        Refusal::Inactive { .. } | Refusal::DirectoryDisabled { .. } => "Your account is not active. Ask your administrator why.",
        Refusal::MissingAttribute { .. } => {
            "You have no account here, and too little is known of you to make one. Your administrator \
             can put that right."
        }
        Refusal::UsernameTaken { .. }
        | Refusal::UsernameRetired { .. }
        | Refusal::Ambiguous { .. } => {
            "Your account could not be told from another one. Your administrator can put that right."
        }
    }
    .into()
}
