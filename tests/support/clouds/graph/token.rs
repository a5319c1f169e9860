//! The token endpoint of Entra ID: `identity-platform/v2-oauth2-client-creds-grant-flow`, `identity-platform/
//! certificate-credentials`, `workload-id/workload-identity-federation`; codes from `identity-platform/reference-error-codes`.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::clouds::{
    asked::{Answer, Asked, Outcome, field},
    cloud::Cloud,
    jose::Jws,
    time::in_seconds,
    tokens::Issued,
};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The audience of federated tokens.
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// Answers a request of `login.microsoftonline.com`.
pub fn answer(cloud: &Cloud, asked: &Asked) -> Answer {
    let segments = asked.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answer = match (asked.method.clone(), path.as_slice()) {
        (Method::POST, [tenant, "oauth2", "v2.0", "token"]) => token(cloud, asked, tenant),
        (Method::GET, [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            configuration(cloud, asked, tenant)
        }
        _ => Err(Answer {
            status: 404,
            headers: Vec::new(),
            body: super::super::asked::Body::Nothing,
        }),
    };
    answer.unwrap_or_else(|refusal| refusal).with("cache-control", "no-store, no-cache")
}

fn refuse(cloud: &Cloud, status: u16, error: &str, code: u32, text: &str) -> Answer {
    let now = in_seconds(cloud.now());
    let (trace, correlation) = (super::error::request_id(), super::error::request_id());
    Answer::new(
        status,
        json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
            ),
            "error_codes": [code],
            "timestamp": now.replace('T', " "),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={code}", cloud.origin("login")),
        }),
    )
}

fn check_tenant(cloud: &Cloud, tenant: &str) -> Result<(), Answer> {
    let registration = &cloud.credentials.graph;
    if tenant == registration.tenant || tenant == registration.domain {
        return Ok(());
    }
    let text =
        format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
    Err(refuse(cloud, 400, "invalid_request", 90002, &text))
}

fn configuration(cloud: &Cloud, asked: &Asked, tenant: &str) -> Outcome {
    check_tenant(cloud, tenant)?;
    let base = format!("{}/{tenant}", asked.origin);
    Ok(Answer::json(json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "issuer": format!("{}/{}/v2.0", asked.origin, cloud.credentials.graph.tenant),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "tenant_region_scope": "EU",
    })))
}

fn token(cloud: &Cloud, asked: &Asked, tenant: &str) -> Outcome {
    check_tenant(cloud, tenant)?;
    let form = asked.form();
    let is_form = asked
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let grant = field(&form, "grant_type").filter(|_| is_form);
    match grant {
        None => {
            let text = "The request body must contain the following parameter: 'grant_type'.";
            return Err(refuse(cloud, 400, "invalid_request", 900_144, text));
        }
        Some("client_credentials") => {}
        Some(other) => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            return Err(refuse(cloud, 400, "unsupported_grant_type", 70003, &text));
        }
    }
    check_scope(cloud, field(&form, "scope").unwrap_or_default())?;
    check_client(cloud, asked, tenant, &form)?;
    let manners = cloud.manners();
    let expires = cloud.now() + TimeDelta::seconds(manners.token_seconds);
    let token = cloud.tokens.issue(Issued { scopes: manners.granted, expires, bound: None });
    Ok(Answer::json(json!({
        "token_type": "Bearer",
        "expires_in": manners.token_seconds,
        "ext_expires_in": manners.token_seconds,
        "access_token": token,
    })))
}

/// All permissions of this cloud's Graph, and of no other's.
fn check_scope(cloud: &Cloud, scope: &str) -> Result<(), Answer> {
    let manners = cloud.manners();
    let home = cloud.origin("graph");
    let resource = if manners.resource.is_empty() { &home } else { &manners.resource };
    let Some(asked) = scope.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(refuse(cloud, 400, "invalid_scope", 1_002_012, &text));
    };
    if asked != resource && asked != "https://graph.microsoft.com" {
        let text = format!(
            "The resource principal named {asked} was not found in the tenant named Example."
        );
        return Err(refuse(cloud, 400, "invalid_resource", 500_011, &text));
    }
    // The name that software development kits have built in is this cloud's if it is not said to be another's.
    if asked == "https://graph.microsoft.com" && !manners.resource.is_empty() && asked != resource {
        let text = format!(
            "The resource principal named {asked} was not found in the tenant named Example."
        );
        return Err(refuse(cloud, 400, "invalid_resource", 500_011, &text));
    }
    Ok(())
}

fn check_client(
    cloud: &Cloud,
    asked: &Asked,
    tenant: &str,
    form: &[(String, String)],
) -> Result<(), Answer> {
    let registration = &cloud.credentials.graph;
    let client = field(form, "client_id").unwrap_or_default();
    if client != registration.client {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory 'Example'."
        );
        return Err(refuse(cloud, 400, "unauthorized_client", 700_016, &text));
    }
    let deny = |code, text: &str| Err(refuse(cloud, 401, "invalid_client", code, text));
    match (field(form, "client_secret"), field(form, "client_assertion")) {
        (Some(secret), None) if secret == registration.secret => Ok(()),
        (Some(secret), None) if secret == registration.expired_secret => {
            deny(7_000_222, "The provided client secret keys for app are expired.")
        }
        (Some(_), None) => deny(
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
        ),
        (None, Some(assertion)) if field(form, "client_assertion_type") == Some(BEARER) => {
            check_assertion(cloud, &format!("{}/{tenant}/", asked.origin), assertion)
        }
        _ => deny(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ),
    }
}

/// A token signed with the certificate's key, or one of the issuer that is trusted.
fn check_assertion(cloud: &Cloud, authority: &str, assertion: &str) -> Result<(), Answer> {
    let registration = &cloud.credentials.graph;
    let deny = |code, text: &str| Err(refuse(cloud, 401, "invalid_client", code, text));
    let Some(jws) = Jws::parse_padded(assertion) else {
        return deny(50027, "JWT token is invalid or malformed.");
    };
    let issuer = jws.claim("iss").unwrap_or_default();
    if issuer != registration.client {
        return check_federated(cloud, &jws, issuer);
    }
    let names = |name: &str, thumbprint: String| {
        jws.header[name].as_str().is_some_and(|it| it.trim_end_matches('=') == thumbprint)
    };
    let is_registered =
        names("x5t#S256", registration.thumbprint()) || names("x5t", registration.old_thumbprint());
    if !is_registered || !jws.is_signed_by(&registration.key.public, &["PS256", "RS256"]) {
        return deny(
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered on application. Client assertion failed signature validation.",
        );
    }
    if jws.claim("sub") != Some(&registration.client) {
        return deny(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        );
    }
    let audience = jws.claim("aud").unwrap_or_default();
    if !audience.starts_with(authority) {
        return deny(700_023, "Client assertion audience claim does not match Realm issuer.");
    }
    if !jws.is_current(cloud.now(), 86_400) {
        return deny(700_024, "Client assertion is not within its valid time range.");
    }
    match jws.claim("jti") {
        Some(id) if !id.is_empty() => Ok(()),
        _ => deny(50027, "JWT token is invalid or malformed."),
    }
}

fn check_federated(cloud: &Cloud, jws: &Jws, issuer: &str) -> Result<(), Answer> {
    let registration = &cloud.credentials.graph;
    let deny = |code, text: &str| Err(refuse(cloud, 401, "invalid_client", code, text));
    if issuer != registration.issuer {
        return deny(
            700_211,
            "No matching federated identity record found for presented assertion issuer.",
        );
    }
    if !jws.is_for(EXCHANGE) {
        return deny(
            700_212,
            "No matching federated identity record found for presented assertion audience.",
        );
    }
    if jws.claim("sub") != Some(&registration.subject) {
        return deny(
            700_213,
            "No matching federated identity record found for presented assertion subject.",
        );
    }
    if !jws.is_signed_by(&registration.issuer_key.public, &["RS256"]) {
        return deny(50013, "Assertion failed signature validation.");
    }
    if !jws.is_current(cloud.now(), 86_400) {
        return deny(700_024, "Client assertion is not within its valid time range.");
    }
    Ok(())
}
