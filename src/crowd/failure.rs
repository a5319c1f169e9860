//! What an application is told when something cannot be done.

use std::{borrow::Cow, fmt};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{format::Format, writer::Writer};
use crate::store::StoreError;

/// Why not, in Crowd's words. A client that does not know a word cannot read the answer: there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user may not use the application.
    ApplicationAccessDenied,
    /// The application may not do this.
    ApplicationPermissionDenied,
    /// An event token that is too old, or from elsewhere.
    EventTokenExpired,
    /// The password has to be changed first.
    ExpiredCredential,
    /// There is no such group.
    GroupNotFound,
    /// The request is wrong in itself.
    IllegalArgument,
    /// The account is inactive.
    InactiveAccount,
    /// Events cannot be told; all has to be read.
    IncrementalSyncNotAvailable,
    /// A password that cannot be one.
    InvalidCredential,
    /// An email address that is none, or nobody's.
    InvalidEmail,
    /// A group that cannot be made so.
    InvalidGroup,
    /// A membership that cannot be.
    InvalidMembership,
    /// A session's token that is none, or of another application.
    InvalidSsoToken,
    /// A user that cannot be made so.
    InvalidUser,
    /// Name and password do not belong together.
    InvalidUserAuthentication,
    /// They are in the group already.
    MembershipAlreadyExists,
    /// They are not in the group.
    MembershipNotFound,
    /// Groups cannot be in groups there.
    NestedGroupsNotSupported,
    /// It did not work.
    OperationFailed,
    /// The gateway does not do this.
    UnsupportedOperation,
    /// There is no such user.
    UserNotFound,
    /// There is no such web hook.
    WebhookNotFound,
}

impl Reason {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApplicationAccessDenied => "APPLICATION_ACCESS_DENIED",
            Self::ApplicationPermissionDenied => "APPLICATION_PERMISSION_DENIED",
            Self::EventTokenExpired => "EVENT_TOKEN_EXPIRED",
            Self::ExpiredCredential => "EXPIRED_CREDENTIAL",
            Self::GroupNotFound => "GROUP_NOT_FOUND",
            Self::IllegalArgument => "ILLEGAL_ARGUMENT",
            Self::InactiveAccount => "INACTIVE_ACCOUNT",
            Self::IncrementalSyncNotAvailable => "INCREMENTAL_SYNC_NOT_AVAILABLE",
            Self::InvalidCredential => "INVALID_CREDENTIAL",
            Self::InvalidEmail => "INVALID_EMAIL",
            Self::InvalidGroup => "INVALID_GROUP",
            Self::InvalidMembership => "INVALID_MEMBERSHIP",
            Self::InvalidSsoToken => "INVALID_SSO_TOKEN",
            Self::InvalidUser => "INVALID_USER",
            Self::InvalidUserAuthentication => "INVALID_USER_AUTHENTICATION",
            Self::MembershipAlreadyExists => "MEMBERSHIP_ALREADY_EXISTS",
            Self::MembershipNotFound => "MEMBERSHIP_NOT_FOUND",
            Self::NestedGroupsNotSupported => "NESTED_GROUPS_NOT_SUPPORTED",
            Self::OperationFailed => "OPERATION_FAILED",
            Self::UnsupportedOperation => "UNSUPPORTED_OPERATION",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::WebhookNotFound => "WEBHOOK_NOT_FOUND",
        }
    }
}

/// What could not be done. Clients take 401 and 403 for the application's own fault, whatever the body says:
/// what concerns a user is 400 or 404.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: Cow<'static, str>,
}

impl Failure {
    /// With a message for people.
    #[must_use]
    pub fn new(status: StatusCode, reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, reason, message: message.into() }
    }

    /// A request that is wrong in itself.
    #[must_use]
    pub fn illegal(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::IllegalArgument, message.to_string())
    }

    /// Nobody of that name.
    #[must_use]
    pub fn no_user(name: &str) -> Self {
        let message = format!("User <{name}> does not exist");
        Self::new(StatusCode::NOT_FOUND, Reason::UserNotFound, message)
    }

    /// No group of that name.
    #[must_use]
    pub fn no_group(name: &str) -> Self {
        let message = format!("Group <{name}> does not exist");
        Self::new(StatusCode::NOT_FOUND, Reason::GroupNotFound, message)
    }

    /// The gateway's own fault; the cause is for the log.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "an application's question could not be answered");
        let message = "The gateway could not do this; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::OperationFailed, message)
    }

    /// An answer that took too long; what it was is for the log.
    #[must_use]
    pub fn too_late(what: impl fmt::Display) -> Self {
        tracing::warn!(%what, "an application's question could not be answered in time");
        let message = "The gateway could not answer in time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Reason::OperationFailed, message)
    }

    /// As the application reads it.
    pub(super) fn render(&self, format: Format) -> Response {
        let mut writer = Writer::new(format);
        writer.begin_document("error");
        writer.text("reason", self.reason.as_str());
        writer.text("message", &self.message);
        writer.end("error");
        writer.into_response(self.status)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Timeout(_) => Self::too_late(error),
            error => Self::internal(error),
        }
    }
}

/// It is written where it is known how.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}
