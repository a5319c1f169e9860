//! `developers.google.com/identity/protocols/oauth2/service-account`: a signed claim to act for an administrator.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::clouds::{
    asked::{Answer, Asked, Outcome, field},
    cloud::Cloud,
    jose::Jws,
    tenant::Tenant,
    tokens::Issued,
};

/// What Google's own libraries write as the audience, wherever the key's `token_uri` leads.
const ENDPOINT: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Answers a request of `oauth2.googleapis.com`.
pub fn answer(cloud: &Cloud, asked: &Asked) -> Answer {
    let answer = match (asked.method.clone(), asked.path.as_str()) {
        (Method::POST, "/token") => token(cloud, asked),
        _ => Err(super::error::not_found("Resource")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn refuse(status: u16, error: &str, text: &str) -> Answer {
    Answer::new(status, json!({ "error": error, "error_description": text }))
}

/// The administrator that the delegation is tried with: the first user.
pub fn admin(tenant: &Tenant) -> String {
    tenant.any_user(0).map(|user| user.login).unwrap_or_default()
}

fn token(cloud: &Cloud, asked: &Asked) -> Outcome {
    let form = asked.form();
    if field(&form, "grant_type") != Some(GRANT) {
        return Err(refuse(400, "unsupported_grant_type", "Invalid grant_type"));
    }
    let jws = field(&form, "assertion").and_then(Jws::parse);
    let jws = jws.ok_or_else(|| refuse(400, "invalid_grant", "Bad Request"))?;
    let account = &cloud.credentials.google;
    if jws.claim("iss") != Some(&account.email) {
        return Err(refuse(400, "invalid_grant", "Invalid grant: account not found"));
    }
    let named = jws.header["kid"].as_str().is_none_or(|kid| kid == account.key.id);
    if !named || !jws.is_signed_by(&account.key.public, &["RS256"]) {
        return Err(refuse(400, "invalid_grant", "Invalid JWT Signature."));
    }
    let here = format!("{}{}", asked.origin, asked.path);
    if !jws.is_for(&here) && !jws.is_for(ENDPOINT) {
        return Err(refuse(400, "invalid_grant", "Invalid JWT: Failed audience check."));
    }
    if !jws.is_current(cloud.now(), 3_900) {
        let text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.";
        return Err(refuse(400, "invalid_grant", text));
    }
    let scopes = check_delegation(cloud, &jws)?;
    let seconds = cloud.manners().token_seconds;
    let expires = cloud.now() + TimeDelta::seconds(seconds);
    let token = cloud.tokens.issue(Issued { scopes, expires, bound: None });
    Ok(Answer::json(
        json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" }),
    ))
}

/// For whom, and what for: all of it was granted to the account, or none is.
fn check_delegation(cloud: &Cloud, jws: &Jws) -> Result<Vec<String>, Answer> {
    let scopes: Vec<String> =
        jws.claim("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(refuse(400, "invalid_scope", "Empty or missing scope not allowed."));
    }
    let granted = cloud.manners().granted;
    let Some(subject) = jws.claim("sub") else {
        // Itself: it may ask for anything, and sees no customer.
        return Ok(Vec::new());
    };
    let tenant = cloud.tenant();
    let is_named = |login: &str| login.eq_ignore_ascii_case(subject);
    let user = tenant.all_users(0).find(|user| user.deleted.is_none() && is_named(&user.login));
    let Some(user) = user else {
        return Err(refuse(400, "invalid_grant", "Invalid email or User ID"));
    };
    if scopes.iter().any(|scope| !granted.contains(scope)) {
        let text = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.";
        return Err(refuse(401, "unauthorized_client", text));
    }
    // Who is no administrator may be acted for, and is refused everything.
    Ok(if user.admin { scopes } else { Vec::new() })
}
