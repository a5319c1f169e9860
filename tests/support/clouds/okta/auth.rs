//! Who asks: an API token that may everything, or an access token with scopes, bound to a key or not.

use super::{dpop, error};
use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    tokens::{Issued, Presented},
};

pub enum Caller {
    ApiToken,
    Service(Issued),
}

impl Caller {
    pub fn may(&self, scope: &str) -> Result<(), Answer> {
        match self {
            Self::ApiToken => Ok(()),
            Self::Service(token) if token.allows(&[scope]) => Ok(()),
            Self::Service(_) => Err(error::forbidden().with(
                "www-authenticate",
                "Bearer authorization_uri=\"/oauth2/v1/authorize\", error=\"insufficient_scope\"",
            )),
        }
    }
}

pub fn check(cloud: &Cloud, asked: &Asked) -> Result<Caller, Answer> {
    // Okta's own library for Python leaves out the blank after the scheme.
    let authorization = asked.header("authorization").unwrap_or_default();
    if let Some(token) = authorization.strip_prefix("SSWS").map(str::trim_start) {
        let good = token == cloud.credentials.okta.api_token;
        return if good { Ok(Caller::ApiToken) } else { Err(error::token()) };
    }
    let bound = asked.authorization("DPoP");
    let Some(token) = bound.or_else(|| asked.authorization("Bearer")) else {
        return Err(error::session());
    };
    let refuse = |scheme: &str, why: &str| {
        let challenge = format!("{scheme} error=\"invalid_token\", error_description=\"{why}\"");
        error::token().with("www-authenticate", challenge)
    };
    let issued = match cloud.tokens.find(token, cloud.now()) {
        Presented::Good(issued) => issued,
        Presented::Expired => return Err(refuse("Bearer", "The token has expired.")),
        Presented::Unknown => return Err(refuse("Bearer", "The access token is invalid.")),
    };
    match (bound, &issued.bound) {
        (Some(_), Some(key)) => dpop::check_use(cloud, asked, token, key)?,
        (None, Some(_)) => return Err(refuse("DPoP", "The token is bound to a key.")),
        (Some(_), None) => return Err(refuse("Bearer", "The token is not bound to a key.")),
        (None, None) => {}
    }
    Ok(Caller::Service(issued))
}
