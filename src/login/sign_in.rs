//! The login page: goes on by itself where it can, and lets people choose where it cannot.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::{
    Login, SAML_START_PATH,
    flow::Flow,
    ticket::{self, TicketEnd},
};
use crate::http::{
    Arrival, Error, Parameters, Response, find_cookie, is_navigation, page, see_other,
};

/// A browser that had no ticket is not asked again for so long.
const NO_TICKET_SECONDS: u32 = 300;

#[derive(Template)]
#[template(path = "login/sign_in.html")]
struct SignInPage<'a> {
    choices: Vec<Choice<'a>>,
    /// Where to go without waiting for a click.
    go_on: Option<String>,
    notice: Option<String>,
}

/// A link to an identity provider.
struct Choice<'a> {
    title: &'a str,
    href: String,
}

/// `GET /_gatehouse/login?flow=…`
pub async fn show_sign_in(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    let parameters = Parameters::of(&uri)?;
    let flow = login.open(parameters.find("flow"))?;
    // `choose` comes from links of our own, after a logout: whoever asks for a choice gets one.
    let choose = parameters.find("choose").is_some();
    if !choose && let Some(parent) = login.find_parent(&arrival, &headers).await? {
        return login.send_on(&flow, parent.id).await;
    }
    if let Some(end) = ticket::try_ticket(&login, &arrival, &headers, &flow).await? {
        return Ok(match end {
            TicketEnd::SignedIn(response) => response,
            TicketEnd::Refused(notice) => login.sign_in_page(&flow, Some(notice), true)?,
        });
    }
    if login.expects_ticket(&arrival, &method, &headers) && !choose {
        return login.challenge(&arrival, &flow);
    }
    match login.providers.as_slice() {
        [only] if !choose => Ok(see_other(&login.saml_start_url(&only.name, &flow))),
        _ => login.sign_in_page(&flow, None, false),
    }
}

impl Login {
    /// Whether a ticket can be expected of whoever asks: a browser that goes to this page, and has not
    /// been asked in vain a moment ago.
    fn expects_ticket(&self, arrival: &Arrival, method: &Method, headers: &HeaderMap) -> bool {
        // curl says nothing of how it fetches, and asks for everything.
        let by_hand = *method == Method::GET && !headers.contains_key("sec-fetch-mode");
        self.tickets.is_some()
            && (is_navigation(method, headers) || by_hand)
            && find_cookie(headers, arrival.site.cookies().no_ticket).is_none()
    }

    /// Asks for a ticket. Browsers that have none show the page that comes with the question, which
    /// goes on to the identity provider.
    fn challenge(&self, arrival: &Arrival, flow: &Flow) -> Result<Response, Error> {
        let mut response = self.sign_in_page(flow, None, true)?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let negotiate = HeaderValue::from_static("Negotiate");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, negotiate);
        let cookies = arrival.site.cookies();
        let asked = cookies.set_for(cookies.no_ticket, "1", NO_TICKET_SECONDS);
        response.headers_mut().append(header::SET_COOKIE, asked);
        Ok(response)
    }

    fn sign_in_page(
        &self,
        flow: &Flow,
        notice: Option<String>,
        after_ticket: bool,
    ) -> Result<Response, Error> {
        let choices: Vec<_> = self
            .providers
            .iter()
            .map(|provider| Choice {
                title: &provider.title,
                href: self.saml_start_url(&provider.name, flow),
            })
            .collect();
        if choices.is_empty() && !after_ticket {
            let sentence = "Your browser has no ticket for the sign-on gateway. Sign in to your computer \
                            with your company account, and try again.";
            return Err(Error::new(StatusCode::FORBIDDEN, "no-ticket", sentence)
                .with_way_on(self.destination(flow), "Try again"));
        }
        // With a notice, people shall have the time to read it.
        let only = if let [only] = choices.as_slice() { Some(only.href.clone()) } else { None };
        let go_on = only.filter(|_| notice.is_none());
        Ok(page(StatusCode::OK, &SignInPage { choices, go_on, notice }))
    }

    fn saml_start_url(&self, provider: &str, flow: &Flow) -> String {
        format!("{}?idp={provider}&flow={}", self.login_url(SAML_START_PATH), self.seal(flow))
    }
}
