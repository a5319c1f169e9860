//! What clouds call what the gateway asks for.

use super::CloudConfig;
use crate::config::{Claim, ClaimsConfig, LetterCase, Otherwise, TransformConfig};

/// A guest's name at Entra ID: `ada_example.com#EXT#@tenant.onmicrosoft.com` is `ada@example.com`.
const GUEST: &str = "^(.+)_([^_#@]+)#EXT#@.*$";

/// What is not said is as the cloud has it.
pub(super) fn fill(claims: &mut ClaimsConfig, cloud: CloudConfig<'_>) {
    let [username, email, display_name, first_name, last_name]: [&[&str]; 5] = match cloud {
        CloudConfig::Entra(_) => {
            [&["userPrincipalName"], &["mail"], &["displayName"], &["givenName"], &["surname"]]
        }
        CloudConfig::Okta(_) => [
            &["login"],
            &["email"],
            &["displayName", "{firstName} {lastName}"],
            &["firstName"],
            &["lastName"],
        ],
        CloudConfig::Google(_) => [
            &["primaryEmail"],
            &["primaryEmail"],
            &["fullName", "{givenName} {familyName}"],
            &["givenName"],
            &["familyName"],
        ],
    };
    // What a [saml.claims] table would say; a cloud has no NameID.
    if claims.username == ["name_id"] {
        claims.username.clear();
    }
    let is_entra = matches!(cloud, CloudConfig::Entra(_));
    let is_changed = claims.transform.iter().any(|transform| transform.claim == Claim::Username);
    if is_entra && claims.username.is_empty() && !is_changed {
        claims.transform.insert(0, guest());
    }
    for (own, of_cloud) in [
        (&mut claims.username, username),
        (&mut claims.email, email),
        (&mut claims.display_name, display_name),
        (&mut claims.first_name, first_name),
        (&mut claims.last_name, last_name),
        (&mut claims.match_by, username),
    ] {
        if own.is_empty() {
            own.extend(of_cloud.iter().map(ToString::to_string));
        }
    }
}

fn guest() -> TransformConfig {
    TransformConfig {
        claim: Claim::Username,
        pattern: GUEST.to_owned(),
        replace: "$1@$2".to_owned(),
        case: LetterCase::Keep,
        otherwise: Otherwise::Raw,
    }
}
