//! What keys a keytab holds (MIT's file format, version 2).

use std::{fs, io, path::PathBuf};

use super::TicketHeader;

/// A key of a keytab, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeytabEntry {
    /// The service, such as `HTTP/login.example.com`.
    pub service: String,
    /// Its realm.
    pub realm: String,
    /// The key's version number.
    pub kvno: i64,
    /// Its encryption type (RFC 3961).
    pub enctype: i64,
}

/// Why a keytab cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeytabError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}; let the gateway's user read it", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is something else.
    #[error("{path} is not a keytab", path = .0.display())]
    NotAKeytab(PathBuf),
    /// It has no key of a web server.
    #[error("{path} has no key of a service HTTP/…: make one with ktpass or kadmin", path = .0.display())]
    NoHttpKey(PathBuf),
    /// GSS-API refused it.
    #[error("{path} cannot be used: {problem}", path = path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What GSS-API says.
        problem: String,
    },
}

/// The keys of a keytab, of which at least one is a web server's.
pub fn read_keytab(path: &std::path::Path) -> Result<Vec<KeytabEntry>, KeytabError> {
    let bytes =
        fs::read(path).map_err(|error| KeytabError::Unreadable { path: path.to_owned(), error })?;
    let entries = parse(&bytes).ok_or_else(|| KeytabError::NotAKeytab(path.to_owned()))?;
    if !entries.iter().any(|entry| entry.service.starts_with("HTTP/")) {
        return Err(KeytabError::NoHttpKey(path.to_owned()));
    }
    Ok(entries)
}

/// Why the keytab has no key for a ticket, if it has none: what to tell the administrator.
pub(super) fn verdict(ticket: &TicketHeader, entries: &[KeytabEntry]) -> Option<String> {
    let TicketHeader { service, realm, kvno, enctype } = ticket;
    let same: Vec<_> =
        entries.iter().filter(|entry| entry.service == *service && entry.realm == *realm).collect();
    let list =
        |numbers: Vec<i64>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if same.is_empty() {
        let mut known: Vec<_> =
            entries.iter().map(|entry| format!("{}@{}", entry.service, entry.realm)).collect();
        known.dedup();
        let known = known.join(", ");
        return Some(format!("the ticket is for {service}@{realm}; the keytab has {known}"));
    }
    if !same.iter().any(|entry| entry.enctype == *enctype) {
        let known = list(same.iter().map(|entry| entry.enctype).collect());
        return Some(format!("the ticket has encryption type {enctype}; the keytab has {known}"));
    }
    if kvno.is_some_and(|kvno| !same.iter().any(|entry| entry.kvno == kvno)) {
        let kvno = kvno.unwrap_or_default();
        let known = list(same.iter().map(|entry| entry.kvno).collect());
        return Some(format!("the ticket has key version {kvno}; the keytab has {known}"));
    }
    None
}

fn parse(bytes: &[u8]) -> Option<Vec<KeytabEntry>> {
    let mut rest = bytes.strip_prefix(&[5, 2])?;
    let mut entries = Vec::new();
    while rest.len() >= 4 {
        let (size, after) = rest.split_first_chunk::<4>()?;
        let size = i32::from_be_bytes(*size);
        let (record, after) = after.split_at_checked(usize::try_from(size.unsigned_abs()).ok()?)?;
        // A negative size is a hole where a key was.
        if size > 0 {
            entries.push(parse_entry(record)?);
        }
        rest = after;
    }
    Some(entries)
}

fn parse_entry(record: &[u8]) -> Option<KeytabEntry> {
    let mut reader = Reader(record);
    let count = reader.number::<2>()?;
    let realm = reader.text()?;
    let components: Option<Vec<_>> = (0..count).map(|_| reader.text()).collect();
    let _name_type = reader.number::<4>()?;
    let _timestamp = reader.number::<4>()?;
    let short_kvno = reader.number::<1>()?;
    let enctype = reader.number::<2>()?;
    let key_length = reader.number::<2>()?;
    reader.take(usize::try_from(key_length).ok()?)?;
    // Newer files say it once more, with more room.
    let kvno = reader.number::<4>().filter(|kvno| *kvno != 0).unwrap_or(short_kvno);
    Some(KeytabEntry { service: components?.join("/"), realm, kvno, enctype })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<i64> {
        let bytes = self.take(N)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | i64::from(*byte)))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number::<2>()?).ok()?;
        self.take(length).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}
