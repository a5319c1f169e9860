//! Why somebody could not be told.

use std::error::Error;

/// Why somebody could not be told. What is quoted never holds a credential, nor a path that may be one.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// Something of the configuration cannot be used.
    #[error("{key}: {problem}")]
    Setting {
        /// Where it is named.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No answer.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Whom.
        host: String,
        /// Why.
        reason: String,
    },
    /// Not the answer that was hoped for. Redirects are not followed.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// What a server for mail does not want.
    #[error("{host} does not take the mail: {reason}")]
    Refused {
        /// Who.
        host: String,
        /// What it says.
        reason: String,
    },
}

/// An error with everything that has led to it.
pub(super) fn reason(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // Some say their source's words as well.
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        source = error.source();
    }
    super::plain(&texts.join(": "))
}
