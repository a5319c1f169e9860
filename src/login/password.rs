//! Login by a password of the gateway's own: for people whom no identity provider knows, and for the day on
//! which it is down.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{body::Bytes, extract::State};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::{Login, PASSWORD_PATH, complete::Entering, flow::Flow, limits::Attempt};
use crate::{
    config::{PASSWORD, PasswordSignIn},
    directory::{Issuer, NameKey, User},
    http::{Arrival, Body, Error, Parameters, Response, is_same_origin, page},
    passwords::Verdict,
    telemetry::{LoginMethod, LoginOutcome},
};

/// A name, a password, and a flow with a long address in it.
const MAX_FORM_BYTES: usize = 32 * 1024;

/// A browser sends it at once.
const READ: Duration = Duration::from_secs(15);

/// What everybody is told who does not get in, whatever the reason: it says nothing of which names there are.
const NOT_RIGHT: &str = "The name or the password is not right. After several wrong ones in a row, no more \
                         are tried for some minutes.";

/// What only those are told whose password was right.
const EXPIRED: &str = "Your password has expired. Ask your administrator for a new one.";
const INACTIVE: &str = "Your account is not active. Ask your administrator why.";

/// Why nobody gets in by a name that nobody has, or nobody with a password.
const NOBODYS: &str = "password-nobodys";

#[derive(Template)]
#[template(path = "login/password.html")]
struct PasswordPage<'a> {
    action: &'static str,
    flow: String,
    username: &'a str,
    notice: Option<&'static str>,
    /// Where the other ways to sign in are, if there are any.
    others: Option<String>,
}

/// Why a password logs nobody in, as people are told and as the log knows it.
struct Refused {
    code: &'static str,
    notice: &'static str,
}

/// `GET /_gatehouse/password`, with `?flow=…` from the login page; without one it leads to the start page.
pub async fn show_password(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let parameters = Parameters::of(&uri)?;
    let flow = login.password_flow(&arrival, parameters.find("flow"))?;
    let flow = flow.with_fragment(parameters.find("fragment"));
    login.require_kept_cookie(&arrival, &headers, &flow)?;
    Ok(login.password_page(&flow, "", None))
}

/// `POST /_gatehouse/password`
pub async fn sign_in_by_password(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read(body).await?;
    // Another site's page could sign somebody in as somebody else, and see what they do.
    if !is_same_origin(&headers, arrival.site.origin()) {
        let sentence = "Another site asked to sign you in. Nothing has happened.";
        return Err(Error::new(StatusCode::FORBIDDEN, "password-cross-site", sentence)
            .with_way_on(PASSWORD_PATH.to_owned(), "Sign in"));
    }
    let form = Parameters::parse(&body)?;
    let flow = login.password_flow(&arrival, form.find("flow"))?;
    login.require_kept_cookie(&arrival, &headers, &flow)?;
    let (username, password) = (form.find("username"), form.find("password"));
    let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
    let (username, password) = (username.to_owned(), SecretString::from(password));
    let attempt = login.begin_attempt(arrival.client).await?;
    // Whoever hangs up has tried all the same: it counts, and takes its place until it is over.
    let trying = tokio::spawn({
        let (login, arrival, flow) = (login.clone(), arrival.clone(), flow.clone());
        async move {
            match login.try_password(&arrival, &username, &password).await? {
                Tried::Right(proven) => {
                    login.forgive(arrival.client, &attempt);
                    Ok(Ok(proven))
                }
                Tried::Refused(refused) => {
                    login.refuse_password(&arrival, &flow, &username, &attempt, &refused).map(Err)
                }
                Tried::NotLookedAt => {
                    login.forgive(arrival.client, &attempt);
                    let busy = Error::unavailable("too many passwords are checked");
                    Err(busy.with_retry_after(5))
                }
            }
        }
    });
    let signed_in = match trying.await.map_err(Error::internal)? {
        Ok(Ok(proven)) => login.enter_proven(&arrival, &headers, &flow, proven).await,
        Ok(Err(page)) => Ok(page),
        Err(error) => Err(error),
    };
    signed_in.map_err(|error| error.with_trace(flow.trace))
}

/// What has come of a try.
enum Tried {
    Right(Proven),
    Refused(Refused),
    /// So many are checked already.
    NotLookedAt,
}

/// Somebody whose password was right, and since when it was theirs.
struct Proven {
    user: User,
    since: Option<DateTime<Utc>>,
}

/// A form, within bounds of size and time: strangers send it.
async fn read(body: Body) -> Result<Bytes, Error> {
    let reading = timeout(READ, axum::body::to_bytes(body, MAX_FORM_BYTES));
    let read = reading.await.map_err(|_| Error::bad_request("form-too-slow", "no end in time"))?;
    read.map_err(|error| Error::bad_request("form-too-large", error))
}

/// Somebody whose password was right.
fn entering(user: &User) -> Entering {
    Entering {
        person: user.person,
        username: user.profile.username.clone(),
        issuer: Issuer(PASSWORD.to_owned()),
        method: LoginMethod::password,
        name_id: None,
        session_index: None,
        not_on_or_after: None,
        written: None,
        changes: 0,
    }
}

impl Login {
    /// Whether a password is good enough where a flow leads, and anybody may sign in with one.
    pub(super) fn takes_password(&self, flow: &Flow) -> bool {
        self.passwords.sign_in() != PasswordSignIn::Nobody && flow.takes_way(PASSWORD)
    }

    /// The flow that a form belongs to, if passwords are taken there.
    fn password_flow(&self, arrival: &Arrival, sealed: Option<&str>) -> Result<Flow, Error> {
        self.require_login_host(arrival)?;
        if self.passwords.sign_in() == PasswordSignIn::Nobody {
            return Err(Error::not_found());
        }
        let flow = match sealed {
            None => self.flow_to_home(arrival),
            sealed => self.open(sealed)?,
        };
        if !self.takes_password(&flow) {
            let sentence = "A password is not enough there. Sign in another way.";
            return Err(Error::new(StatusCode::FORBIDDEN, "password-not-enough", sentence)
                .with_way_on(self.sign_in_url(&flow), "Sign in another way"));
        }
        Ok(flow)
    }

    fn password_page(&self, flow: &Flow, username: &str, notice: Option<&'static str>) -> Response {
        let status = if notice.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
        let is_only_way = self.offered(flow).iter().all(|way| *way == PASSWORD);
        let others = (!is_only_way).then(|| format!("{}&choose=", self.sign_in_url(flow)));
        let (action, flow) = (PASSWORD_PATH, self.seal(flow));
        page(status, &PasswordPage { action, flow, username, notice, others })
    }

    /// Whose password it is. A name that nobody may sign in with costs the time that a wrong password costs.
    async fn try_password(
        &self,
        arrival: &Arrival,
        username: &str,
        password: &SecretString,
    ) -> Result<Tried, Error> {
        let password = password.expose_secret();
        let for_emergencies = self.passwords.sign_in() == PasswordSignIn::BreakGlass;
        let (name, first) = (NameKey::of(username), self.targets.default);
        let found = self.store.find_user_with_password(&name, first, for_emergencies).await;
        let Some(user) = found.map_err(Error::unavailable)? else {
            let nobody = self.passwords.check_nobody(password).await;
            return refusal(nobody.map_err(Error::unavailable)?);
        };
        let since = self.passwords.changed_at(&user).await.map_err(Error::unavailable)?;
        let checked = self.passwords.check(&user, password, Some(arrival.client)).await;
        match checked.map_err(Error::unavailable)? {
            Verdict::Right => Ok(Tried::Right(Proven { user, since })),
            verdict => refusal(verdict),
        }
    }

    /// Begins a session. One that began beside a change of the password ends: the change has ended only those that
    /// were there.
    async fn enter_proven(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        flow: &Flow,
        Proven { user, since }: Proven,
    ) -> Result<Response, Error> {
        let entered = self.enter(arrival, headers, flow, entering(&user)).await?;
        if self.passwords.changed_at(&user).await.map_err(Error::unavailable)? == since {
            return Ok(entered);
        }
        self.passwords.end_sessions(&user).await.map_err(Error::unavailable)?;
        Ok(self.password_page(flow, &user.profile.username, Some(NOT_RIGHT)))
    }

    fn refuse_password(
        &self,
        arrival: &Arrival,
        flow: &Flow,
        username: &str,
        attempt: &Attempt,
        &Refused { code, notice }: &Refused,
    ) -> Result<Response, Error> {
        let (trace, client) = (flow.trace, arrival.client);
        // A name that nobody has may be a password that was typed in the wrong place.
        let known = (code != NOBODYS).then_some(username);
        tracing::warn!(%trace, user.name = known, code, %client, "password refused");
        self.note(arrival, trace, LoginMethod::password, LoginOutcome::refused, code);
        let error = Error::new(StatusCode::FORBIDDEN, code, notice);
        let failed = self.failed_attempt(client, attempt, error);
        if failed.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(failed);
        }
        Ok(self.password_page(flow, username, Some(notice)))
    }
}

/// What a verdict means for somebody who is not let in.
fn refusal(verdict: Verdict) -> Result<Tried, Error> {
    let (code, notice) = match verdict {
        Verdict::Busy => return Ok(Tried::NotLookedAt),
        Verdict::Wrong => ("password-wrong", NOT_RIGHT),
        Verdict::LockedUntil(_) => ("password-locked", NOT_RIGHT),
        Verdict::NoPassword => (NOBODYS, NOT_RIGHT),
        Verdict::Expired => ("password-expired", EXPIRED),
        Verdict::Inactive => ("account-inactive", INACTIVE),
        Verdict::Right => return Err(Error::internal("a right password was refused")),
    };
    Ok(Tried::Refused(Refused { code, notice }))
}
