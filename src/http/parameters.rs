//! Parameters of the gateway's own endpoints.

use std::{borrow::Cow, collections::BTreeMap};

use super::Error;

/// Parameters of a query or a form, each of them there once.
#[derive(Debug, Default)]
pub struct Parameters<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Parameters<'a> {
    /// From `a=b&c=d`. One that is there twice means one thing to us and another to somebody else.
    pub fn parse(text: &'a [u8]) -> Result<Self, Error> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if let Some(_twice) = parameters.insert(name.clone(), value) {
                let cause = format!("parameter {name:?} is there twice");
                return Err(Error::bad_request("parameter-twice", cause));
            }
        }
        Ok(Self(parameters))
    }

    /// The parameters of an address.
    pub fn of(uri: &'a http::Uri) -> Result<Self, Error> {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    /// A parameter, if it is there.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }
}
