//! Telling an application who it is.

mod assertion;
mod encoding;
mod groups;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, HeaderValue};

use self::{assertion::Claims, encoding::encode, groups::Groups};
use super::{
    managed_headers::{HeaderNameError, identity_header},
    request_head::Headers,
};
use crate::{
    clock::Clock,
    config::{AppKind, HeaderEncoding, IdentityHeadersConfig},
    keyring::Keyring,
    session::{Told, Visitor},
    store::Account,
    telemetry::{LeftOutLabels, Metrics, TraceId},
};

/// An assertion is made anew so long before it ends: applications take a moment, and their clocks differ.
const RESERVE: TimeDelta = TimeDelta::minutes(1);

/// The headers that tell an application who the user is, as the configuration wants them.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    user: Option<HeaderName>,
    email: Option<HeaderName>,
    name: Option<HeaderName>,
    groups: Option<HeaderName>,
    assertion: Option<HeaderName>,
    encoding: HeaderEncoding,
    group_format: Groups,
    max_bytes: usize,
}

impl IdentityHeaders {
    /// From the configuration of an application of a kind; an empty name leaves a header out.
    pub fn new(config: &IdentityHeadersConfig, kind: AppKind) -> Result<Self, HeaderNameError> {
        let headers = Self {
            user: identity_header(&config.user)?,
            email: identity_header(&config.email)?,
            name: identity_header(&config.name)?,
            groups: identity_header(&config.groups)?,
            assertion: identity_header(config.assertion(kind))?,
            encoding: config.encoding,
            group_format: Groups::new(config),
            max_bytes: config.max_bytes,
        };
        let mut names: Vec<_> = headers.all().map(HeaderName::as_str).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(HeaderNameError::Twice(pair[0].to_owned())),
            None => Ok(headers),
        }
    }

    fn all(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.user, &self.email, &self.name, &self.groups, &self.assertion].into_iter().flatten()
    }

    /// Whether a header is one of them.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.all().any(|own| own == name)
    }
}

/// Tells one application who it is, in headers that it can read and in an assertion that it can verify.
#[derive(Debug)]
pub struct Identity {
    /// The headers.
    pub headers: IdentityHeaders,
    /// The application's name: whom assertions are for.
    pub app: Arc<str>,
    /// Who makes them: the login host's origin.
    pub issuer: Arc<str>,
    /// What signs them. Without it nothing is passed on, and it is only shown where they would be.
    pub keyring: Option<Arc<Keyring>>,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Which configuration says all this: what was made by another one is made anew.
    pub edition: u64,
}

impl Identity {
    /// Writes somebody into a request. What is written is made once for a session, and then again when the
    /// account has changed or the assertion ends.
    pub(super) fn write(&self, visitor: &Visitor, trace: TraceId, to: &mut impl Headers) {
        let told = visitor.told(|told| self.is_good(told), || self.tell(visitor, trace));
        to.put_lines(&told.lines, false);
        to.put_lines(&told.proof, true);
    }

    fn is_good(&self, told: &Told) -> bool {
        let number = self.keyring.as_ref().map(|keyring| keyring.number());
        let is_signed = self.headers.assertion.is_some();
        told.edition == self.edition
            && (!is_signed || (told.key == number && told.good_until > self.clock.now()))
    }

    fn tell(&self, visitor: &Visitor, trace: TraceId) -> Told {
        let now = self.clock.now();
        let account = &visitor.account;
        let mut page = Page { left: self.headers.max_bytes, lines: Vec::new(), proof: Vec::new() };
        for (what, name, value) in self.plain(account) {
            if let (Some(name), Some(value)) = (name, value)
                && !page.write(name, encode(value, self.headers.encoding))
            {
                self.report(account, trace, what, 1);
            }
        }
        let groups = self.headers.group_format.told(&account.groups);
        let number = self.assert(visitor, &groups, &mut page, trace, now);
        if let Some(name) = &self.headers.groups {
            let left = page.left.saturating_sub(name.as_str().len());
            let (joined, left_out) = self.headers.group_format.join(&groups, left);
            page.write(name, self.headers.group_format.encode(&joined));
            self.report(account, trace, "group", left_out);
        }
        let good_until = now + assertion::LIFE - RESERVE;
        Told {
            lines: page.lines.into(),
            proof: page.proof.into(),
            good_until,
            key: number,
            edition: self.edition,
        }
    }

    fn plain<'a>(
        &'a self,
        account: &'a Account,
    ) -> [(&'static str, &'a Option<HeaderName>, Option<&'a str>); 3] {
        let (headers, profile) = (&self.headers, &account.user.profile);
        [
            ("user", &headers.user, Some(&profile.username)),
            ("email", &headers.email, profile.email.as_deref()),
            ("name", &headers.name, profile.display_name.as_deref()),
        ]
    }

    /// Writes the assertion, and says which key signed it.
    fn assert(
        &self,
        visitor: &Visitor,
        groups: &[&str],
        page: &mut Page,
        trace: TraceId,
        now: DateTime<Utc>,
    ) -> Option<i64> {
        let name = self.headers.assertion.as_ref()?;
        let account = &visitor.account;
        let mut claims = Claims::new(&self.issuer, &self.app, visitor, now);
        claims.fit(groups, page.left, name, self.headers.groups.is_some());
        self.report(account, trace, "assertion_group", claims.groups_left_out);
        let Some(keyring) = &self.keyring else {
            let mut unsigned = HeaderValue::from_static("unsigned");
            unsigned.set_sensitive(true);
            page.write(name, Some(unsigned));
            return None;
        };
        match keyring.sign(&claims) {
            Ok(signed) => {
                let value = HeaderValue::try_from(signed.token).ok().map(|mut value| {
                    value.set_sensitive(true);
                    value
                });
                if !page.write(name, value) {
                    self.report(account, trace, "assertion", 1);
                }
                Some(signed.number)
            }
            Err(error) => {
                tracing::error!(%trace, app = &*self.app, %error, "no assertion was made");
                None
            }
        }
    }

    /// Tells administrators what an application is not told.
    fn report(&self, account: &Account, trace: TraceId, what: &'static str, left_out: usize) {
        if left_out == 0 {
            return;
        }
        let labels = LeftOutLabels { app: self.app.clone(), what };
        self.metrics.identity_left_out.get_or_create(&labels).inc_by(left_out as u64);
        tracing::warn!(
            %trace, app = &*self.app, user.name = account.user.profile.username, what, left_out,
            "the application is not told all of it: it does not fit, or cannot be written in a header"
        );
    }
}

/// Headers, as long as there is room.
struct Page {
    left: usize,
    lines: Vec<u8>,
    proof: Vec<u8>,
}

impl Page {
    /// Writes a header if it can be written and there is room for it: says whether.
    fn write(&mut self, name: &HeaderName, value: Option<HeaderValue>) -> bool {
        let Some(value) = value else {
            return false;
        };
        let Some(left) = self.left.checked_sub(name.as_str().len() + value.len()) else {
            return false;
        };
        self.left = left;
        let parts = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
        let lines = if value.is_sensitive() { &mut self.proof } else { &mut self.lines };
        for part in parts {
            lines.extend_from_slice(part);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_tells_one_thing() {
        let named = |user: &str, email: &str| IdentityHeadersConfig {
            user: user.to_owned(),
            email: email.to_owned(),
            ..IdentityHeadersConfig::default()
        };
        let new = |config| IdentityHeaders::new(&config, AppKind::Generic);
        assert!(new(named("X-Who", "X-Mail")).is_ok());
        assert!(new(named("", "")).is_ok(), "what is left out is not twice");
        let error = new(named("X-Who", "x-who")).unwrap_err();
        assert_eq!(error.to_string(), "\"x-who\" would tell two things of a user");
        assert!(new(named("X-Forwarded-Host", "X-Mail")).is_err());
    }
}
