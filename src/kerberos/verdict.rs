//! Which key a ticket would have needed.

use std::fmt;

use super::{Enctype, KeytabEntry, TicketHeader, keytab::principals};

/// Why a keytab has no key for a ticket, exactly, and what to do.
///
/// The library's words for these cases differ little from each other, and some mislead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No key of that service at all.
    UnknownService {
        /// The principals that there are keys of.
        keytab: Vec<String>,
    },
    /// Keys of that service, of other kinds.
    WrongEnctype {
        /// The ticket's.
        ticket: Enctype,
        /// The keytab's.
        keytab: Vec<Enctype>,
    },
    /// Keys of that service and kind, of other versions.
    WrongKeyVersion {
        /// The ticket's.
        ticket: u32,
        /// The keytab's.
        keytab: Vec<u32>,
    },
}

/// Compares the clear part of a ticket with a keytab; `None` if there is a key for it.
#[must_use]
pub fn verdict(ticket: &TicketHeader, keytab: &[KeytabEntry]) -> Option<Verdict> {
    let mut keys: Vec<_> = keytab
        .iter()
        .filter(|entry| entry.spn == ticket.spn && entry.realm == ticket.realm)
        .collect();
    if keys.is_empty() {
        return Some(Verdict::UnknownService { keytab: principals(keytab) });
    }
    let keytab_enctypes = keys.iter().map(|entry| entry.enctype).collect();
    keys.retain(|entry| entry.enctype == ticket.enctype);
    if keys.is_empty() {
        return Some(Verdict::WrongEnctype { ticket: ticket.enctype, keytab: keytab_enctypes });
    }
    let kvno = ticket.kvno?;
    if keys.iter().any(|entry| is_same_version(entry.kvno, kvno)) {
        return None;
    }
    let keytab = keys.iter().map(|entry| entry.kvno).collect();
    Some(Verdict::WrongKeyVersion { ticket: kvno, keytab })
}

/// Old exporters kept the lowest eight bits only; the library takes that into account too.
const fn is_same_version(keytab: u32, ticket: u32) -> bool {
    keytab == ticket || (keytab < 256 && keytab == ticket & 0xff)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownService { keytab } => write!(
                f,
                "the keytab has no key for this service, only for {}: add the service's key or \
                 correct its service principal name",
                keytab.join(", ")
            ),
            Self::WrongEnctype { ticket, keytab } => write!(
                f,
                "the ticket needs a key of {ticket}, the keytab has {}: export the keytab with \
                 that encryption type",
                list(keytab)
            ),
            Self::WrongKeyVersion { ticket, keytab } => write!(
                f,
                "the ticket needs key version {ticket}, the keytab has {}: {}",
                list(keytab),
                if keytab.iter().all(|kvno| kvno < ticket) {
                    "the account's password was changed, export the keytab again"
                } else {
                    "the client has an old ticket (klist purge), or keep the old keys too"
                }
            ),
        }
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    let mut items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.dedup();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(spn: &str, kvno: u32, enctype: i32) -> TicketHeader {
        let (spn, realm) = (spn.to_owned(), "R".to_owned());
        TicketHeader { spn, realm, kvno: Some(kvno), enctype: Enctype(enctype) }
    }

    #[test]
    fn names_the_difference() {
        let key = |kvno, enctype| KeytabEntry {
            spn: "HTTP/a".to_owned(),
            realm: "R".to_owned(),
            kvno,
            enctype: Enctype(enctype),
        };
        let keytab = [key(2, 18), key(3, 18), key(3, 23)];
        let text = |ticket| verdict(&ticket, &keytab).map(|verdict| verdict.to_string());

        assert_eq!(text(ticket("HTTP/a", 3, 18)), None);
        assert_eq!(text(ticket("HTTP/a", 0x1_0003, 18)), None);
        assert!(text(ticket("HTTP/b", 3, 18)).unwrap().contains("only for HTTP/a@R"));
        assert!(text(ticket("HTTP/a", 3, 17)).unwrap().contains("aes128-cts-hmac-sha1-96"));
        assert!(
            text(ticket("HTTP/a", 4, 18)).unwrap().contains("has 2, 3: the account's password")
        );
        assert!(text(ticket("HTTP/a", 1, 18)).unwrap().contains("klist purge"));
    }
}
