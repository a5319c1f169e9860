//! Kerberos: what a browser's ticket proves.
//!
//! A token is classified by code of our own before GSS-API sees it: NTLM handed to GSS-API has ended
//! processes, and an answer of our own says more than the library's.

mod acceptor;
mod der;
mod gss;
mod keytab;
mod negotiate;
mod principal;

pub use self::{
    acceptor::{Accepted, Acceptor},
    keytab::{KeytabEntry, KeytabError, read_keytab},
    negotiate::{NegotiateError, TicketHeader, Token},
    principal::{Principal, PrincipalError},
};
