//! Browser logins by Kerberos: the HTTP scheme `Negotiate` (RFC 4559).
//!
//! A token passes three doors. [`Token::from_header`] reads all of its clear part with code of our
//! own and lets only one shape through: an AP-REQ for an `HTTP/` service, bare or as the first
//! choice of SPNEGO. [`Acceptor::accept`] gives that AP-REQ, and nothing around it, to MIT's
//! library, which proves it against the keytab. [`Accepted::unless_replayed`] asks the caller
//! whether the token was here before; only then is there a [`Principal`].
//!
//! SPNEGO (RFC 4178) is unwrapped and answered here and never reaches GSS-API: whatever mechanism
//! plug-ins a machine has (one of them dies of an unauthenticated NTLM token), only the Kerberos
//! mechanism is reachable from the network.
//!
//! Neither a KDC, the network nor a `krb5.conf` is needed; everything is in ticket and keytab.

mod accepted;
mod acceptor;
mod ap_req;
mod der;
mod enctype;
mod gss;
mod keytab;
mod negotiate_error;
mod pool;
mod principal;
mod spnego;
mod token;
mod verdict;

pub use self::{
    accepted::{Accepted, Authenticated, REPLAY_WINDOW},
    acceptor::Acceptor,
    ap_req::TicketHeader,
    enctype::Enctype,
    keytab::{KeytabEntry, KeytabError, read_keytab},
    negotiate_error::NegotiateError,
    principal::{Principal, PrincipalError},
    token::{MAX_HEADER_BYTES, Token},
    verdict::{Verdict, verdict},
};
