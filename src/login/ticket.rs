//! Login by Kerberos ticket (RFC 4559).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Login, Tickets, complete::Proven, flow::Flow};
use crate::{
    http::{Arrival, Error, Response},
    kerberos::{Authenticated, NegotiateError, REPLAY_WINDOW, Token},
    provisioning::MappingError,
    store::{Replay, StoreError},
    telemetry::{LoginMethod, LoginOutcome},
};

/// How a try ended.
pub(super) enum TicketEnd {
    SignedIn(Response),
    /// What people are told; the log knows more.
    Refused(String),
}

/// Why a ticket logs nobody in.
#[derive(Debug, thiserror::Error)]
enum TicketError {
    #[error(transparent)]
    Negotiate(#[from] NegotiateError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TicketError {
    fn code(&self) -> &'static str {
        match self {
            Self::Negotiate(error) => error.code(),
            Self::Mapping(error) => error.code(),
            Self::Store(_) => "store",
        }
    }
}

/// Logs in by the ticket of a request, if it has one.
pub(super) async fn try_ticket(
    login: &Login,
    arrival: &Arrival,
    headers: &HeaderMap,
    flow: &Flow,
) -> Result<Option<TicketEnd>, Error> {
    let (Some(tickets), Some(authorization)) = (&login.tickets, headers.get(header::AUTHORIZATION))
    else {
        return Ok(None);
    };
    let token = match Token::from_header(authorization.as_bytes()) {
        // Some clients begin with an empty one, and are asked then.
        Ok(None) | Err(NegotiateError::Empty) => return Ok(None),
        Ok(Some(token)) => Ok(token),
        Err(error) => Err(TicketError::from(error)),
    };
    let proven = match token {
        Ok(token) => {
            let place = login.admit(arrival.client).await?;
            let proven = prove(login, tickets, token).await;
            drop(place);
            proven
        }
        Err(error) => Err(error),
    };
    match proven {
        Ok((proven, reply)) => {
            let mut response = login
                .complete(arrival, headers, flow, proven)
                .await
                .map_err(|error| error.with_trace(flow.trace))?;
            answer(&mut response, arrival, reply);
            Ok(Some(TicketEnd::SignedIn(response)))
        }
        Err(TicketError::Store(error)) => Err(Error::unavailable(error)),
        Err(error) => Ok(Some(TicketEnd::Refused(refused(login, arrival, flow, &error)?))),
    }
}

async fn prove(
    login: &Login,
    tickets: &Tickets,
    token: Token,
) -> Result<(Proven, Option<String>), TicketError> {
    let accepted = tickets.acceptor.accept(token).await?;
    let until = login.clock.now() + REPLAY_WINDOW;
    let key = accepted.replay_key();
    let first = login.store.remember_once(Replay::Authenticator, key, until).await?;
    let Authenticated { principal, reply_token } = accepted.unless_replayed(!first)?;
    let claims = tickets.realms.claims(principal.name(), principal.realm())?;
    let proven = Proven {
        enabled_at_source: None,
        claims,
        method: LoginMethod::kerberos,
        name_id: None,
        session_index: None,
        not_on_or_after: None,
        written: None,
    };
    Ok((proven, reply_token))
}

/// Proves the gateway to clients that ask for it, and asks the browser again next time.
fn answer(response: &mut Response, arrival: &Arrival, reply: Option<String>) {
    let headers = response.headers_mut();
    if let Some(reply) = reply
        && let Ok(negotiate) = HeaderValue::from_str(&format!("Negotiate {reply}"))
    {
        headers.insert(header::WWW_AUTHENTICATE, negotiate);
    }
    let cookies = arrival.site.cookies();
    headers.append(header::SET_COOKIE, cookies.remove(cookies.no_ticket));
}

fn refused(
    login: &Login,
    arrival: &Arrival,
    flow: &Flow,
    error: &TicketError,
) -> Result<String, Error> {
    let (trace, code) = (flow.trace, error.code());
    tracing::warn!(%trace, code, cause = %error, "ticket refused");
    login.note(arrival, trace, LoginMethod::kerberos, LoginOutcome::refused, code);
    let sentence = format!("Signing in with your computer's account did not work (code {trace}).");
    // A browser outside the domain has nothing better to show, and may do so as often as it likes.
    if !matches!(error, TicketError::Negotiate(NegotiateError::Ntlm { .. })) {
        let failed = Error::new(StatusCode::FORBIDDEN, code, sentence.clone());
        let failed = login.failed(arrival.client, failed);
        if failed.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(failed.with_trace(trace));
        }
    }
    Ok(sentence)
}
