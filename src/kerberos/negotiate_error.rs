//! Why a token logs nobody in.

use super::{PrincipalError, TicketHeader, Verdict, der::DerError};

/// Why a browser's token does not log anyone in.
///
/// The texts are for the administrator's log, never for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiateError {
    /// The header has more bytes than [`super::MAX_HEADER_BYTES`].
    #[error("the Negotiate header has {0} bytes, which is more than any Kerberos token needs")]
    TooLarge(usize),
    /// The scheme without a token; some clients begin so.
    #[error("the Negotiate header has no token")]
    Empty,
    /// Not base64, so not from a browser (RFC 4559, 4.2).
    #[error("the token is not base64")]
    NotBase64,
    /// The browser fell back to NTLM.
    #[error(
        "the browser sent NTLM instead of Kerberos: no service principal name for this host, the \
         host named by its address, the site not in the intranet zone, or the device not in the \
         domain"
    )]
    Ntlm {
        /// Inside SPNEGO, rather than bare.
        wrapped: bool,
        /// 1 negotiate, 2 challenge, 3 authenticate (MS-NLMP 2.2.1); none if only its OID was there.
        message_type: Option<u32>,
    },
    /// SPNEGO without Kerberos among its mechanisms.
    #[error("the client offers no Kerberos, only {0:?}")]
    NoKerberosOffered(Vec<String>),
    /// SPNEGO whose token is not Kerberos's: another round trip would be needed, which HTTP has no
    /// state for.
    #[error("the client prefers another mechanism to Kerberos or sent no ticket; it offers {0:?}")]
    ManySteps(Vec<String>),
    /// The second step of an exchange that nobody began (RFC 4178, 4.2.2).
    #[error("the token continues an exchange that was not begun here")]
    ContinuationToken,
    /// Not a Kerberos token as RFC 4120, RFC 4121 and RFC 4178 have it.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The ticket is for a service that is not a web server, though the keytab may have its key.
    #[error("the ticket is for {0}, which is not an HTTP service")]
    NotForHttp(TicketHeader),
    /// The Kerberos library refused the ticket.
    #[error("ticket for {ticket} refused: {reason}{}", explained(.verdict.as_ref()))]
    Refused {
        /// What the ticket says it is.
        ticket: TicketHeader,
        /// What the library says.
        reason: String,
        /// What is wrong with the keytab, if it is that.
        verdict: Option<Verdict>,
    },
    /// The ticket is good, but names no user.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    /// The same authenticator was here before (RFC 4120, 3.2.3).
    #[error("the token was used before")]
    Replay,
    /// More tokens wait than can be checked in time.
    #[error("too many logins at once")]
    Busy,
    /// No answer in time.
    #[error("the Kerberos library did not answer in time")]
    TimedOut,
    /// The check itself failed, or its threads have ended.
    #[error("the check of the token ended without an answer")]
    Crashed,
}

fn explained(verdict: Option<&Verdict>) -> String {
    verdict.map(|verdict| format!("; {verdict}")).unwrap_or_default()
}

impl NegotiateError {
    /// A name that stays the same: for metrics, logs and pages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "token-too-large",
            Self::Empty => "token-empty",
            Self::NotBase64 => "token-not-base64",
            Self::Ntlm { .. } => "ntlm",
            Self::NoKerberosOffered(_) => "no-kerberos-offered",
            Self::ManySteps(_) => "many-steps",
            Self::ContinuationToken => "continuation-token",
            Self::Malformed(_) => "token-malformed",
            Self::NotForHttp(_) => "not-for-http",
            Self::Refused { reason, .. } if reason.contains("Clock skew") => "clock-skew",
            Self::Refused { reason, .. } if reason.contains("expired") => "ticket-expired",
            Self::Refused { .. } => "ticket-refused",
            Self::Principal(_) => "principal-unusable",
            Self::Replay => "replay",
            Self::Busy => "kerberos-busy",
            Self::TimedOut => "kerberos-timed-out",
            Self::Crashed => "kerberos-crashed",
        }
    }
}

impl From<DerError> for NegotiateError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error.0)
    }
}
