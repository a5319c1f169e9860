//! The organisation's token endpoint, for a service application with a key.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use super::{dpop, error};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome, field},
    cloud::Cloud,
    jose::Jws,
    tokens::Issued,
};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn refuse(status: u16, error: &str, text: &str) -> Answer {
    Answer::new(status, json!({ "error": error, "error_description": text }))
}

pub fn answer(cloud: &Cloud, asked: &Asked) -> Outcome {
    if asked.method != Method::POST {
        return Err(error::method(asked));
    }
    let form = asked.form();
    if field(&form, "grant_type") != Some("client_credentials") {
        let text = "The authorization grant type is not supported by the authorization server.";
        return Err(refuse(400, "unsupported_grant_type", text));
    }
    check_client(cloud, asked, &form)?;
    let scopes: Vec<String> =
        field(&form, "scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let manners = cloud.manners();
    if scopes.is_empty() || scopes.iter().any(|scope| !manners.granted.contains(scope)) {
        let text = "One or more scopes are not configured for the authorization server resource.";
        return Err(refuse(400, "invalid_scope", text));
    }
    let proves = manners.dpop || asked.header("dpop").is_some();
    let bound = if proves { Some(dpop::check_issue(cloud, asked)?) } else { None };
    let kind = if bound.is_some() { "DPoP" } else { "Bearer" };
    let expires = cloud.now() + TimeDelta::seconds(manners.token_seconds);
    let token = cloud.tokens.issue(Issued { scopes: scopes.clone(), expires, bound });
    Ok(Answer::json(json!({
        "token_type": kind,
        "expires_in": manners.token_seconds,
        "access_token": token,
        "scope": scopes.join(" "),
    })))
}

/// `private_key_jwt`: no secret will do.
fn check_client(cloud: &Cloud, asked: &Asked, form: &[(String, String)]) -> Result<(), Answer> {
    let client = &cloud.credentials.okta;
    let deny = |text| Err(refuse(401, "invalid_client", text));
    let assertion = field(form, "client_assertion")
        .filter(|_| field(form, "client_assertion_type") == Some(BEARER));
    let Some(jws) = assertion.and_then(Jws::parse) else {
        return deny("A valid client_assertion is required to use private_key_jwt.");
    };
    if jws.claim("iss") != Some(&client.client) || jws.claim("sub") != Some(&client.client) {
        return deny("The client_assertion token has an invalid issuer or subject.");
    }
    let key = jws.header["kid"].as_str().is_none_or(|kid| kid == client.key.id);
    if !key || !jws.is_signed_by(&client.key.public, &["RS256"]) {
        return deny("The client_assertion signature is invalid.");
    }
    if !jws.is_for(&format!("{}{}", asked.origin, asked.path)) {
        return deny(
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        );
    }
    if !jws.is_current(cloud.now(), 3_600) {
        return deny("The client_assertion token is expired, or its lifetime is too long.");
    }
    match jws.claim("jti") {
        Some(id) if !cloud.once.is_new(&format!("assertion {id}")) => {
            deny("The client_assertion token has already been used.")
        }
        _ => Ok(()),
    }
}
