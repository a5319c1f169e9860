//! What the headers of a question say.

use std::fmt;

use http::{HeaderMap, StatusCode, header};

use crate::http::{Error, client};

/// The headers of a question.
#[derive(Clone, Copy)]
pub(super) struct Said<'a>(pub(super) &'a HeaderMap);

/// The request that a question is about.
pub(super) struct Described<'a> {
    pub(super) method: &'a str,
    /// Whether the browser speaks TLS, if that is said.
    pub(super) secure: Option<bool>,
    pub(super) authority: &'a str,
    pub(super) target: &'a str,
}

/// What a proxy should have said. It is set up wrongly, whoever the client is.
fn missing(name: &str) -> Error {
    let sentence =
        format!("The proxy in front of this application asks the sign-on gateway without {name}.");
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, "forwarded-missing", sentence)
        .caused_by(format_args!("{name} is missing"))
}

/// What cannot be believed, for something else is said as well, or it makes no sense.
pub(super) fn contradicts(name: &str, value: impl fmt::Debug) -> Error {
    Error::bad_request("forwarded-contradiction", format_args!("{name}: {value:?}"))
}

/// Whether a scheme is one with TLS. Traefik says `ws` and `wss` of a WebSocket.
fn is_secure(name: &str, scheme: &str) -> Result<bool, Error> {
    match scheme {
        "https" | "wss" => Ok(true),
        "http" | "ws" => Ok(false),
        _ => Err(contradicts(name, scheme)),
    }
}

/// The parts of `https://jira.example.com/browse/A-1`. The target is not read any further.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, target) = rest.split_at(rest.find('/')?);
    Some((scheme, authority, target))
}

impl<'a> Said<'a> {
    /// What a header says, if it is there. Of two, nobody knows which is the proxy's.
    fn find(self, name: &str) -> Result<Option<&'a str>, Error> {
        let mut values = self.0.get_all(name).iter();
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Error::bad_request(
                "forwarded-twice",
                format_args!("{name} is there twice"),
            ));
        }
        let text = first.to_str().map_err(|_| contradicts(name, first))?;
        // A proxy that shall not say it is often told to say nothing.
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(super) fn need(self, name: &str) -> Result<&'a str, Error> {
        self.find(name)?.ok_or_else(|| missing(name))
    }

    /// Whether the browser speaks TLS, as most proxies say it.
    pub(super) fn scheme(self) -> Result<Option<bool>, Error> {
        const NAME: &str = "x-forwarded-proto";
        self.find(NAME)?.map(|scheme| is_secure(NAME, scheme)).transpose()
    }

    /// Without the client's address, rules for networks would hold for the proxy's.
    pub(super) fn check_client(self) -> Result<(), Error> {
        const NAME: &str = "x-forwarded-for";
        let last = self.0.get_all(NAME).iter().next_back().ok_or_else(|| missing(NAME))?;
        let nearest = last.to_str().ok().and_then(|line| line.rsplit(',').next());
        if nearest.and_then(|entry| client::parse(entry.trim())).is_none() {
            return Err(contradicts(NAME, last));
        }
        Ok(())
    }

    /// Whether a `WebSocket` is opened, as far as anything says so.
    pub(super) fn is_websocket(self) -> bool {
        let says = |name: &str, words: &[&str]| {
            self.0.get_all(name).iter().any(|value| words.iter().any(|word| value == word))
        };
        self.0.contains_key(header::UPGRADE)
            || self.0.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
            || says("sec-fetch-mode", &["websocket"])
            || says("x-forwarded-proto", &["ws", "wss"])
    }
}

impl<'a> Described<'a> {
    /// `X-Original-Method`, and `X-Original-URL` with scheme and host, or `X-Original-URI` without them beside the host of
    /// the question. Of both, the second counts: its host is not a client's to add.
    pub(super) fn by_x_original(said: Said<'a>) -> Result<Self, Error> {
        const URL: &str = "x-original-url";
        let method = said.need("x-original-method")?;
        if let Some(target) = said.find("x-original-uri")? {
            let authority = said.need(header::HOST.as_str())?;
            return Ok(Self { method, secure: said.scheme()?, authority, target });
        }
        let url = said.need(URL)?;
        let (scheme, authority, target) = parts(url).ok_or_else(|| contradicts(URL, url))?;
        Ok(Self { method, secure: Some(is_secure(URL, scheme)?), authority, target })
    }

    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    pub(super) fn by_x_forwarded(said: Said<'a>) -> Result<Self, Error> {
        Ok(Self {
            method: said.need("x-forwarded-method")?,
            secure: Some(is_secure("x-forwarded-proto", said.need("x-forwarded-proto")?)?),
            authority: said.need("x-forwarded-host")?,
            target: said.need("x-forwarded-uri")?,
        })
    }

    /// Whatever is said in another way has to be the same.
    pub(super) fn check_others(&self, said: Said<'_>) -> Result<(), Error> {
        for (name, is) in [
            ("x-original-method", self.method),
            ("x-forwarded-method", self.method),
            ("x-original-uri", self.target),
            ("x-forwarded-uri", self.target),
        ] {
            if let Some(other) = said.find(name)?.filter(|other| *other != is) {
                return Err(contradicts(name, other));
            }
        }
        for name in ["x-original-host", "x-forwarded-host"] {
            let other = said.find(name)?;
            if let Some(other) = other.filter(|other| !other.eq_ignore_ascii_case(self.authority)) {
                return Err(contradicts(name, other));
            }
        }
        if let Some(url) = said.find("x-original-url")? {
            let is_same = parts(url).is_some_and(|(scheme, authority, target)| {
                is_secure("x-original-url", scheme).ok() == self.secure
                    && authority.eq_ignore_ascii_case(self.authority)
                    && target == self.target
            });
            if !is_same {
                return Err(contradicts("x-original-url", url));
            }
        }
        match said.scheme()? {
            Some(secure) if Some(secure) != self.secure => {
                Err(contradicts("x-forwarded-proto", secure))
            }
            _ => Ok(()),
        }
    }
}
