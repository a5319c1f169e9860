//! SAML 2.0: what identity providers say, and when to believe it.
//!
//! Nothing an identity provider sends reaches `samael` (and with it xmlsec, libxml2 and OpenSSL) before
//! the gate has found it to be of the one shape that a signed response needs; and nothing is read
//! of it but the very bytes that were signed.

mod algorithms;
mod assertion;
mod authn_request;
mod checks;
mod error;
mod fetch;
mod gate;
mod judge;
mod metadata;
mod quiet;
mod self_test;
mod service_provider;
mod signature_shape;
mod time;
mod verify;
mod xml;

pub use self::{
    assertion::{Assertion, Attribute, NameId},
    authn_request::RequestId,
    error::{MetadataError, ResponseError},
    fetch::{FetchError, fetch_metadata},
    judge::{Expectations, decode_post, judge},
    metadata::IdentityProvider,
    self_test::{SelfTestError, self_test},
    service_provider::ServiceProvider,
};
