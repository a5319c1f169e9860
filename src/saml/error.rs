//! Why a response or metadata is not believed.

use chrono::{DateTime, Utc};

/// Why metadata gives no identity provider to trust.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// More than any federation publishes.
    #[error("is larger than {0} bytes")]
    TooLarge(usize),
    /// It is not XML, or has a document type.
    #[error("is not well-formed XML: {0}")]
    Malformed(String),
    /// Nobody of that name is in it.
    #[error("describes no identity provider {0:?}: correct entity_id, or fetch the metadata anew")]
    NotFound(String),
    /// Two of that name are in it.
    #[error("describes {0:?} more than once")]
    Ambiguous(String),
    /// It was valid once (SAML metadata 2.3.1).
    #[error("was valid until {0}: fetch it anew")]
    Expired(DateTime<Utc>),
    /// A time is no time.
    #[error("has a time that is none: {0:?}")]
    Time(String),
    /// Without a certificate anybody could sign.
    #[error("has no certificate to check signatures of {0:?} with")]
    NoCertificate(String),
    /// A certificate cannot be read.
    #[error("has a certificate of {0:?} that cannot be read")]
    BadCertificate(String),
    /// There is nowhere to send people to.
    #[error("has no HTTP-Redirect SingleSignOnService of {0:?} with an https address")]
    NoRedirectLocation(String),
}

/// Why a response logs nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// The form's value is not base64.
    #[error("SAMLResponse is not base64")]
    Encoding,
    /// More than a response has any need for.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// Only UTF-8 reads the same everywhere.
    #[error("the response is not in UTF-8")]
    NotUtf8,
    /// It is not well-formed, or has a document type or an entity of its own.
    #[error("the response is not well-formed XML without a document type: {0}")]
    Malformed(String),
    /// Readers differ on these inside of text.
    #[error("the response has {0}, which a response has no need for")]
    Unneeded(&'static str),
    /// It is not of the shape that a response has.
    #[error("the response is not of the shape that a response has: {0}")]
    Shape(String),
    /// Two elements could be meant by one id.
    #[error("the id {0:?} is there twice, or not where it belongs")]
    Id(String),
    /// Encryption is not among what the gateway takes.
    #[error(
        "the assertion is encrypted: have the identity provider send it signed, but not encrypted"
    )]
    Encrypted,
    /// It is not signed.
    #[error("neither the response nor the assertion is signed")]
    Unsigned,
    /// The signature has a part that it must not have (SAML core 5.4).
    #[error("the signature is not of the shape that SAML allows: {0}")]
    SignatureShape(String),
    /// An algorithm that is broken, or not for signatures of SAML.
    #[error("the algorithm {0:?} is not allowed")]
    Algorithm(String),
    /// The signature does not hold.
    #[error("the signature does not hold with any certificate of the identity provider's metadata")]
    Signature,
    /// What was signed is not what was sent.
    #[error("what was signed is not the response or assertion that was sent")]
    SignedSomethingElse,
    /// The identity provider says that the login failed (SAML core 3.2.2).
    #[error("the identity provider answers {0:?}")]
    Status(String),
    /// Something that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A time is no time.
    #[error("{0} is no time: {1:?}")]
    Time(&'static str, String),
    /// It is from somebody else.
    #[error("the issuer is {0:?}")]
    Issuer(String),
    /// It is for another place (SAML bindings 3.5.5.2).
    #[error("the destination is {0:?}")]
    Destination(String),
    /// It is for another place (SAML profiles 4.1.4.2).
    #[error("the recipient is {0:?}")]
    Recipient(String),
    /// It is for another service provider (SAML core 2.5.1.4).
    #[error("the audience is {0:?}")]
    Audience(Vec<String>),
    /// It does not answer the request that was sent.
    #[error("it answers the request {0:?}, which is not the one that this browser was sent with")]
    InResponseTo(Option<String>),
    /// There is no bearer confirmation (SAML profiles 4.1.4.2).
    #[error("there is no bearer confirmation, but {0:?}")]
    NotBearer(Vec<String>),
    /// Too early, even with the clock skew allowed.
    #[error("{0} is {1}, which is still to come: compare the clocks")]
    TooEarly(&'static str, DateTime<Utc>),
    /// Too late, even with the clock skew allowed.
    #[error("{0} is {1}, which is past: compare the clocks")]
    TooLate(&'static str, DateTime<Utc>),
    /// A condition that nobody here understands (SAML core 2.5.1).
    #[error("the condition {0:?} is not understood")]
    Condition(String),
    /// It is of another version of SAML.
    #[error("the version is {0:?}, not 2.0")]
    Version(Option<String>),
}

impl ResponseError {
    /// The word for it in logs, metrics and on the error page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding => "not-base64",
            Self::TooLarge(_) => "too-large",
            Self::NotUtf8 => "not-utf8",
            Self::Malformed(_) => "malformed-xml",
            Self::Unneeded(_) => "unneeded-markup",
            Self::Shape(_) => "response-shape",
            Self::Id(_) => "duplicate-id",
            Self::Encrypted => "encrypted-not-supported",
            Self::Unsigned => "signature-missing",
            Self::SignatureShape(_) => "signature-shape",
            Self::Algorithm(_) => "algorithm-not-allowed",
            Self::Signature => "signature-invalid",
            Self::SignedSomethingElse => "signed-something-else",
            Self::Status(_) => "status-not-success",
            Self::Missing(_) => "element-missing",
            Self::Time(..) => "bad-time",
            Self::Issuer(_) => "issuer-mismatch",
            Self::Destination(_) => "destination-mismatch",
            Self::Recipient(_) => "recipient-mismatch",
            Self::Audience(_) => "audience-mismatch",
            Self::InResponseTo(_) => "request-mismatch",
            Self::NotBearer(_) => "not-bearer",
            Self::TooEarly(..) => "not-yet-valid",
            Self::TooLate(..) => "expired",
            Self::Condition(_) => "condition-unknown",
            Self::Version(_) => "version-mismatch",
        }
    }
}
