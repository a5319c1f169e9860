//! Proof, at every start, that signatures are verified.
//!
//! Built without its feature `xmlsec`, `samael` finds every signature good. A gateway that was put
//! together so must not serve.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Expectations, IdentityProvider, ServiceProvider, judge};

const RESPONSE: &str = include_str!("self_test/response.xml");
const METADATA: &str = include_str!("self_test/metadata.xml");

/// When the response was made, in seconds since 1970.
const MADE_AT: i64 = 1_795_504_015;

/// The build does not verify signatures as it must.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this build does not verify SAML signatures ({0}): do not use it")]
pub struct SelfTestError(&'static str);

/// Whether a good response is accepted, and a tampered copy refused for its signature.
pub fn self_test() -> Result<(), SelfTestError> {
    let now = DateTime::from_timestamp(MADE_AT, 0).ok_or(SelfTestError("no time"))?;
    let idp = IdentityProvider::from_metadata(METADATA.as_bytes(), ISSUER, now)
        .map_err(|_| SelfTestError("metadata is not read"))?;
    let acs = ACS.parse().map_err(|_| SelfTestError("no address"))?;
    let sp = ServiceProvider::new(ENTITY_ID.to_owned(), acs);

    if verdict(RESPONSE, &idp, &sp, now) != "accepted" {
        return Err(SelfTestError("a good response is refused"));
    }
    let tampered = RESPONSE.replace("alice@example.test", "admin@example.test");
    if verdict(&tampered, &idp, &sp, now) != "signature-invalid" {
        return Err(SelfTestError("a tampered response is accepted"));
    }
    Ok(())
}

const ISSUER: &str = "https://idp.example.test/metadata";
const ENTITY_ID: &str = "https://sp.example.test/saml/metadata";
const ACS: &str = "https://sp.example.test/saml/acs";

fn verdict(
    response: &str,
    idp: &IdentityProvider,
    sp: &ServiceProvider,
    now: DateTime<Utc>,
) -> &'static str {
    let expected = Expectations {
        request_id: Some("req1"),
        clock_skew: TimeDelta::seconds(60),
        allow_sha1: false,
    };
    match judge(response.as_bytes(), idp, sp, &expected, now) {
        Ok(_) => "accepted",
        Err(refusal) => refusal.code(),
    }
}
