//! The login page: goes on by itself where it can, and lets people choose where it cannot.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::{
    Login, PASSWORD_PATH, SAML_START_PATH,
    flow::{Flow, browser_hash},
    ticket::{self, TicketEnd},
};
use crate::{
    config::{KERBEROS, PASSWORD},
    http::{
        Arrival, Error, FRAGMENT_SCRIPT, Parameters, Response, find_cookie, is_navigation, page,
        see_other,
    },
};

/// A browser that had no ticket is not asked again for so long.
const NO_TICKET_SECONDS: u32 = 300;

/// What people are told who can sign in by ticket only, and have none.
const NO_TICKET: &str = "Your browser has shown no ticket of your company account. Sign in to your computer \
                         with that account, and try again.";

#[derive(Template)]
#[template(path = "login/sign_in.html")]
struct SignInPage<'a> {
    choices: Vec<Choice<'a>>,
    /// Where to go without waiting for a click.
    go_on: Option<String>,
    notice: Option<String>,
    /// Where the few sign in who have a password for emergencies.
    emergency: Option<String>,
    script: &'static str,
}

/// A link to a way of signing in.
struct Choice<'a> {
    title: &'a str,
    href: String,
}

/// Why the page is shown.
enum Why {
    /// Somebody wants to choose, as after a logout.
    Choose,
    /// There is one way, and the page only sees what comes after the `#` before it goes on.
    GoOn,
    /// The browser is asked for a ticket, and shows the page if it has none.
    Challenge,
    /// The ticket was no good, as people are told.
    Refused(String),
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
    let flow = login.open(parameters.find("flow"))?.with_fragment(parameters.find("fragment"));
    login.require_kept_cookie(&arrival, &headers, &flow)?;
    // Both come from links of our own: whoever asks for a choice gets one.
    let (choose, ticket) =
        (parameters.find("choose").is_some(), parameters.find("ticket").is_some());
    if !choose
        && let Some(parent) = login.find_parent(&arrival, &headers).await?
        && flow.takes(&parent.issuer)
    {
        return login.send_on(&flow, parent.id).await;
    }
    let offered = login.offered(&flow);
    let by_ticket = offered.contains(&KERBEROS);
    if by_ticket && let Some(end) = ticket::try_ticket(&login, &arrival, &headers, &flow).await? {
        return match end {
            TicketEnd::SignedIn(response) => Ok(response),
            TicketEnd::Refused(notice) => Ok(login.sign_in_page(&flow, Why::Refused(notice))),
        };
    }
    if choose {
        return Ok(login.sign_in_page(&flow, Why::Choose));
    }
    // Where people shall choose something else first, they are not asked for a ticket before they do.
    let first = offered.first() == Some(&KERBEROS);
    let may_ask = first || (by_ticket && ticket);
    if may_ask && expects_ticket(&arrival, &method, &headers, ticket) {
        return Ok(login.challenge(&arrival, &flow));
    }
    match others(&offered).as_slice() {
        // Who does not say how it fetches runs no scripts either.
        [only] if (first || !by_ticket) && !headers.contains_key("sec-fetch-mode") => {
            Ok(see_other(&login.way_url(only, &flow)))
        }
        [_] if first || !by_ticket => Ok(login.sign_in_page(&flow, Why::GoOn)),
        _ => Ok(login.sign_in_page(&flow, Why::Choose)),
    }
}

/// Without the way by ticket.
fn others<'a>(offered: &[&'a str]) -> Vec<&'a str> {
    offered.iter().copied().filter(|way| *way != KERBEROS).collect()
}

/// Whether a ticket can be expected of whoever asks: a browser that goes to this page, and has not
/// been asked in vain a moment ago, unless somebody wants it to be asked.
fn expects_ticket(arrival: &Arrival, method: &Method, headers: &HeaderMap, wanted: bool) -> bool {
    // curl says nothing of how it fetches, and asks for everything.
    let by_hand = *method == Method::GET && !headers.contains_key("sec-fetch-mode");
    (is_navigation(method, headers) || by_hand)
        && (wanted || find_cookie(headers, arrival.site.cookies().no_ticket).is_none())
}

impl Login {
    /// Where login and application share a host, the cookie that the application's page has set must be
    /// here: without it the session's would be lost as well, and the browser sent round in circles.
    pub(super) fn require_kept_cookie(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        flow: &Flow,
    ) -> Result<(), Error> {
        let place = self.place_of(flow);
        let here = place.is_some_and(|place| place.site.authority() == arrival.site.authority());
        if here && browser_hash(headers, &arrival.site).is_none() {
            return Err(self.no_cookies(flow));
        }
        Ok(())
    }

    /// Asks for a ticket. Browsers that have none show the page that comes with the question, which
    /// goes on to the identity provider.
    fn challenge(&self, arrival: &Arrival, flow: &Flow) -> Response {
        let mut response = self.sign_in_page(flow, Why::Challenge);
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let negotiate = HeaderValue::from_static("Negotiate");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, negotiate);
        let cookies = arrival.site.cookies();
        let asked = cookies.set_for(cookies.no_ticket, "1", NO_TICKET_SECONDS);
        response.headers_mut().append(header::SET_COOKIE, asked);
        response
    }

    fn sign_in_page(&self, flow: &Flow, why: Why) -> Response {
        let offered = self.offered(flow);
        let (notice, go_on) = match why {
            Why::Choose => (None, None),
            // With a notice, people shall have the time to read it.
            Why::Refused(notice) => (Some(notice), None),
            Why::GoOn | Why::Challenge => match others(&offered).as_slice() {
                [] => (Some(NO_TICKET.to_owned()), None),
                [only] => (None, Some(self.way_url(only, flow))),
                _ => (None, None),
            },
        };
        let mut shown = offered.clone();
        // A rule says the order; else people have been asked for a ticket before: that way comes last.
        if !flow.is_restricted() || go_on.is_some() {
            shown = others(&offered);
            let by_ticket = offered.contains(&KERBEROS) && go_on.is_none();
            shown.extend(by_ticket.then_some(KERBEROS));
        }
        let choices = shown.iter().filter_map(|way| self.choice(way, flow)).collect();
        // Where it is a choice, it is one of the others.
        let hidden = self.takes_password(flow) && !offered.contains(&PASSWORD);
        let emergency = hidden.then(|| self.way_url(PASSWORD, flow));
        let script = FRAGMENT_SCRIPT;
        page(StatusCode::OK, &SignInPage { choices, go_on, notice, emergency, script })
    }

    fn choice(&self, way: &str, flow: &Flow) -> Option<Choice<'_>> {
        if way == KERBEROS {
            let href = format!("{}&ticket=", self.sign_in_url(flow));
            return Some(Choice { title: "your computer’s account", href });
        }
        let href = self.way_url(way, flow);
        if way == PASSWORD {
            return Some(Choice { title: "a password", href });
        }
        let provider = self.providers.iter().find(|provider| provider.name == way)?;
        Some(Choice { title: &provider.title, href })
    }

    /// Where a way to sign in begins that is not the page itself.
    fn way_url(&self, way: &str, flow: &Flow) -> String {
        let flow = self.seal(flow);
        if way == PASSWORD {
            return format!("{}?flow={flow}", self.login_url(PASSWORD_PATH));
        }
        format!("{}?idp={way}&flow={flow}", self.login_url(SAML_START_PATH))
    }
}
