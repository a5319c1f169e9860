//! Forms that come without a session: they are kept, sealed, while the browser signs in, and passed on
//! afterwards.
//!
//! A browser cannot be made to send a form once more, least of all one with files. So a form that is kept
//! becomes an address: the form's own, with a token in its query. To the gateway's machinery that is a deep
//! link like any other: the browser is sent to it, signs in, comes back, and then the gateway puts the form
//! in its place.
//!
//! A form that a page of the same application has sent, from the same browser, is passed on by itself.
//! Any other could be another site's attempt to do something in somebody's name: it waits until they say
//! that it was them.

mod resume;
mod saved;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

pub use self::resume::{Awaited, Resumed, Settled};
use self::saved::{Head, SavedForm};
use super::{Login, flow::Browser, flow::MAX_TARGET};
use crate::{
    http::{
        Arrival, Body, Error, Place, Response, is_for_a_page, is_same_origin, read_away, see_other,
    },
    passwords::network,
    secrets::{random, sha256},
    store::{FormLimits, NewForm},
};

/// What comes before the token in an address.
const PARAMETER: &str = "gatehouse-form=";

/// 32 random bytes in base64.
const TOKEN_LENGTH: usize = 43;

/// As long as a login.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// A form's body comes at once, or over a slow line.
const READ: Duration = Duration::from_mins(1);

/// So many are read at a time: strangers send them, and they are in memory meanwhile.
const READ_AT_ONCE: usize = 32;

/// So much of a form that is too large is read and thrown away.
const THROWN_AWAY: usize = 64 * 1024 * 1024;

/// How large the forms of all, of one network and of one browser may be together.
const MIN_IN_ALL: i64 = 256 * 1024 * 1024;
const FORMS_OF_BROWSER: i64 = 20;

/// Keeps forms.
#[derive(Debug)]
pub struct Forms {
    max_bytes: usize,
    reading: Arc<Semaphore>,
}

impl Forms {
    /// Those up to a size; of size 0, none.
    #[must_use]
    pub fn new(max_bytes: u32) -> Self {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        Self { max_bytes, reading: Arc::new(Semaphore::new(READ_AT_ONCE)) }
    }

    fn limits(&self) -> FormLimits {
        let largest = i64::try_from(self.max_bytes).unwrap_or(i64::MAX / 64);
        let bytes = MIN_IN_ALL.max(32 * largest);
        FormLimits { bytes, bytes_of_client: bytes / 4, forms_of_browser: FORMS_OF_BROWSER }
    }

    /// A place among those that are read.
    fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.reading.try_acquire().ok()
    }
}

impl Login {
    /// Keeps a form that came without a session, and sends the browser to the address that it is kept
    /// under; refuses whatever is no form.
    pub async fn keep_form(
        &self,
        request: http::Request<Body>,
        arrival: &Arrival,
        place: &Place,
        target: &str,
    ) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let refused = || self.refuse_without_session(place);
        let kept_here = self.forms.max_bytes > 0 && is_form(&parts) && fits(target);
        let (true, Some(reading)) = (kept_here, self.forms.place()) else {
            read_away(body).await;
            return Err(refused());
        };
        let body = self.read(&parts.headers, body, arrival, place).await?;
        drop(reading);
        let bytes = body.len();

        let own = is_same_origin(&parts.headers, arrival.site.origin());
        let cookies = arrival.site.cookies();
        let browser = own.then(|| Browser::of(&parts.headers, cookies.browser));
        let head = Head::of(&parts.headers, place, target, own, self.clock.now());
        let token = BASE64.encode(random::<32>());
        let form = NewForm {
            token_hash: sha256(token.as_bytes()),
            browser_hash: browser.as_ref().map(Browser::hash),
            client_hash: sha256(&network(arrival.client)),
            sealed: SavedForm { head, body }.seal(&self.sealer),
            expires_at: self.clock.now() + LIFE,
        };
        let kept = self.store.insert_form(form, self.forms.limits(), self.clock.now()).await;
        if !kept.map_err(Error::unavailable)? {
            self.metrics.count_form("no_room");
            return Err(refused());
        }
        self.metrics.count_form("kept");
        tracing::info!(trace = %arrival.trace, app = place.name, bytes, own, "form kept");
        let mut response = see_other(&with_token(arrival.site.origin(), target, &token));
        if let Some(value) = browser.as_ref().and_then(Browser::new_value) {
            let cookie = cookies.set(cookies.browser, value);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// All of a form's body, if it is small enough.
    async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        arrival: &Arrival,
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        let max = self.forms.max_bytes;
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        if announced > THROWN_AWAY {
            return Err(self.too_large(headers, arrival, place));
        }
        let read = timeout(READ, read_or_throw_away(body, max)).await;
        let read = read.map_err(|_| Error::bad_request("form-too-slow", "no end in time"))?;
        let read = read.map_err(|error| Error::bad_request("form-broken", error))?;
        read.ok_or_else(|| self.too_large(headers, arrival, place))
    }

    fn too_large(&self, headers: &HeaderMap, arrival: &Arrival, place: &Place) -> Error {
        self.metrics.count_form("too_large");
        let sentence = "You are not signed in, or not any more, and what you sent is too large to be \
                        kept until you are. Nothing of it has reached the application. To send it again \
                        as it is, sign in in another tab, come back to this one, and reload it.";
        let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok());
        let own = page.filter(|page| {
            let rest = page.strip_prefix(arrival.site.origin());
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        let way_on = own.map_or_else(|| place.url(), str::to_owned);
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, "form-too-large", sentence)
            .with_way_on(way_on, "Sign in")
    }
}

/// A body, if it is not larger than `max`. What is larger is read to its end, up to a bound: browsers show
/// an answer only then.
async fn read_or_throw_away(mut body: Body, max: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let (mut read, mut kept) = (0, Vec::new());
    while read <= THROWN_AWAY
        && let Some(frame) = body.frame().await
    {
        let frame = frame?;
        let data = frame.data_ref().map_or(&[][..], |data| data.as_ref());
        read += data.len();
        if read <= max {
            kept.extend_from_slice(data);
        }
    }
    Ok((read <= max).then_some(kept))
}

/// Whether a browser sends a form, to see a page afterwards (HTML, 4.10.21.8).
fn is_form(parts: &Parts) -> bool {
    const TYPES: [&str; 3] =
        ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    let mut media_types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (media_types.next(), media_types.next()) else {
        return false;
    };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    parts.method == Method::POST
        && is_for_a_page(&parts.headers)
        && !parts.headers.contains_key(header::CONTENT_ENCODING)
        && TYPES.iter().any(|known| essence.trim().eq_ignore_ascii_case(known))
}

/// Whether an address is short enough to go through a login with a token.
fn fits(target: &str) -> bool {
    target.len() + 1 + PARAMETER.len() + TOKEN_LENGTH <= MAX_TARGET && find_token(target).is_none()
}

/// The address that a form is kept under.
fn with_token(origin: &str, target: &str, token: &str) -> String {
    let sign = if target.contains('?') { '&' } else { '?' };
    format!("{origin}{target}{sign}{PARAMETER}{token}")
}

/// Whether an address is one that a form could be kept under.
#[must_use]
pub fn is_kept_form(target: &str) -> bool {
    find_token(target).is_some()
}

/// An address without its token, and the token.
fn find_token(target: &str) -> Option<(&str, &str)> {
    let token_at = target.len().checked_sub(TOKEN_LENGTH)?;
    let (rest, token) = target.split_at_checked(token_at)?;
    let rest = rest.strip_suffix(PARAMETER)?;
    let plain = rest.strip_suffix(['?', '&'])?;
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    token.bytes().all(base64).then_some((plain, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_a_token_and_loses_it() {
        let token = "A".repeat(TOKEN_LENGTH);
        for target in ["/", "/a?b=c", "/a?b=c&", "/ä?x"] {
            let address = with_token("", target, &token);
            assert_eq!(find_token(&address), Some((target, token.as_str())), "{address}");
            assert!(!fits(&address));
        }
        for none in [
            "/a",
            "/a?gatehouse-form=",
            &format!("/a?gatehouse-form={}", "%".repeat(TOKEN_LENGTH)),
            &format!("/a?gatehouse-form={token}A"),
            &format!("/gatehouse-form={token}"),
        ] {
            assert_eq!(find_token(none), None, "{none}");
        }
        assert!(fits(&"a".repeat(MAX_TARGET - 64)));
        assert!(!fits(&"a".repeat(MAX_TARGET - 8)));
    }
}
