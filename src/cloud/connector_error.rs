//! Why a cloud could not be read.

use std::time::Duration;

/// Why a cloud could not be read. None of them means that there is nobody.
///
/// What a text quotes from the cloud is shortened, and never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// What the gateway proves itself with is not taken: wrong, expired, or of somebody who may not.
    #[error("the cloud does not take the connector's credential: {reason}; {remedy}")]
    Credential {
        /// The cloud's word for it, such as `AADSTS7000222`, and what it says.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A key or certificate cannot be used.
    #[error("{key}: {problem}")]
    Key {
        /// Where it is named in the configuration.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The credential is taken, and may not do this.
    #[error("the connector may not {what}: {reason}; {remedy}")]
    Forbidden {
        /// What was tried, such as `read groups`.
        what: String,
        /// The cloud's word for it.
        reason: String,
        /// Which permission to grant, and where.
        remedy: String,
    },
    /// Objects came with nothing but their ids, which is how Graph says that a permission is missing.
    #[error("{count} {what} came without anything but their ids: grant the connector {permission}")]
    Blank {
        /// `users` or `groups`.
        what: &'static str,
        /// How many.
        count: usize,
        /// What is missing.
        permission: &'static str,
    },
    /// The cloud has forgotten what the watermark or the task means: a round of everything is needed.
    #[error(
        "the cloud does not know any more where the last run was ({0}): everything is read anew"
    )]
    Restart(String),
    /// What the task is about is not there any more.
    #[error("{0} is not there any more")]
    Gone(String),
    /// The cloud wants a pause, and waiting for its end makes no sense.
    #[error("the cloud wants a pause of {} s, which is too long to wait for: its limit is used up by others, or too small", .0.as_secs())]
    Throttled(Duration),
    /// There was no answer, or a bad one, after several tries.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Which host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The cloud failed, after several tries.
    #[error("{host} answered {status}: {reason}")]
    Failed {
        /// Which host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said, with the id that its support asks for.
        reason: String,
    },
    /// An answer is not what the protocol says.
    #[error("the answer to {what} cannot be read: {problem}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An answer leads to another host, which must not be given the credential.
    #[error("the cloud's answer leads to {0}, which is not the cloud: it is not followed")]
    ForeignLink(String),
    /// Pages lead back to pages that have been read.
    #[error("the pages of {0} lead back to one that was read already")]
    Loop(String),
    /// A page is larger than any that makes sense.
    #[error("an answer to {what} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked.
        what: String,
        /// What would be taken.
        limit: usize,
    },
}

impl ConnectorError {
    /// Whether trying again later can help without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Throttled(_) | Self::Unreachable { .. } | Self::Failed { .. } | Self::Restart(_)
        )
    }
}
