//! The file with the keys of our services.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::Enctype;

/// Keytabs have a few kilobytes; this keeps a mistaken path from filling the memory.
const MAX_KEYTAB_BYTES: u64 = 1024 * 1024;

/// What a keytab says about one of its keys; the key itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeytabEntry {
    /// The principal without its realm: `HTTP/jira.example.com`.
    pub spn: String,
    /// Its realm: `EXAMPLE.COM`.
    pub realm: String,
    /// The version of the key, counted up each time the account's password changes.
    pub kvno: u32,
    /// The kind of the key.
    pub enctype: Enctype,
}

/// Why a keytab cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeytabError {
    /// There is no such file.
    #[error(
        "keytab {0} does not exist: export it there (ktpass, kadmin ktadd) or correct the path"
    )]
    Missing(PathBuf),
    /// This process may not read it.
    #[error("keytab {0} may not be read: give it to the gateway's user, with mode 0400")]
    Permission(PathBuf),
    /// Reading failed in another way.
    #[error("keytab {path} cannot be read")]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no bytes or no keys.
    #[error("keytab {0} has no keys: export it again")]
    Empty(PathBuf),
    /// Not what MIT's file format, version 2, says.
    #[error("keytab {path} is damaged or no keytab ({what}): export it again, copy it as binary")]
    Corrupt {
        /// Which one.
        path: PathBuf,
        /// What is wrong in it.
        what: &'static str,
    },
    /// Browsers ask for tickets for `HTTP/…`, of which there is no key.
    #[error("keytab {path} has no key for HTTP/…, only for {}: export HTTP/HOST@REALM", .found.join(", "))]
    NoHttpPrincipal {
        /// Which one.
        path: PathBuf,
        /// The principals that it has keys of.
        found: Vec<String>,
    },
    /// The Kerberos library does not take it.
    #[error("keytab {path} is not accepted by the Kerberos library: {reason}")]
    Library {
        /// Which one.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// No thread could be started.
    #[error("no thread for the Kerberos library could be started")]
    Thread(#[source] io::Error),
}

/// Lists the keys of a keytab of which at least one is for `HTTP/…`.
pub fn read_keytab(path: &Path) -> Result<Vec<KeytabEntry>, KeytabError> {
    let bytes = read_file(path)?;
    if bytes.is_empty() {
        return Err(KeytabError::Empty(path.to_owned()));
    }
    let entries =
        parse(&bytes).map_err(|what| KeytabError::Corrupt { path: path.to_owned(), what })?;
    if entries.is_empty() {
        return Err(KeytabError::Empty(path.to_owned()));
    }
    if !entries.iter().any(|entry| entry.spn.starts_with("HTTP/")) {
        return Err(KeytabError::NoHttpPrincipal {
            path: path.to_owned(),
            found: principals(&entries),
        });
    }
    Ok(entries)
}

/// The principals of these keys, each once.
pub(super) fn principals(entries: &[KeytabEntry]) -> Vec<String> {
    let mut names: Vec<_> =
        entries.iter().map(|entry| format!("{}@{}", entry.spn, entry.realm)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeytabError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeytabError::Missing(path.to_owned()),
        io::ErrorKind::PermissionDenied => KeytabError::Permission(path.to_owned()),
        _ => KeytabError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_KEYTAB_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_KEYTAB_BYTES {
        return Err(KeytabError::Corrupt { path: path.to_owned(), what: "larger than 1 MiB" });
    }
    Ok(bytes)
}

/// MIT's file format, version 2, all numbers big endian.
/// <https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html>
fn parse(bytes: &[u8]) -> Result<Vec<KeytabEntry>, &'static str> {
    let mut file = Numbers(bytes.strip_prefix(&[5, 2]).ok_or("it does not begin with 05 02")?);
    let mut entries = Vec::new();
    while !file.0.is_empty() {
        let size = i32::from_be_bytes(file.array()?);
        // A negative size is a hole, where a key was removed; zero is the end.
        if size == 0 {
            break;
        }
        let record = file.bytes(usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX))?;
        if size > 0 {
            entries.push(parse_entry(Numbers(record))?);
        }
    }
    Ok(entries)
}

fn parse_entry(mut record: Numbers<'_>) -> Result<KeytabEntry, &'static str> {
    let count = u16::from_be_bytes(record.array()?);
    let realm = record.text()?;
    let components: Vec<_> = (0..count).map(|_| record.text()).collect::<Result<_, _>>()?;
    // The kind of the name and the time of the export.
    record.bytes(8)?;
    let [short_kvno] = record.array()?;
    let enctype = Enctype(i32::from(u16::from_be_bytes(record.array()?)));
    let key_length = u16::from_be_bytes(record.array()?);
    record.bytes(usize::from(key_length))?;
    // A kvno above 255 has its place behind the key.
    let kvno = record.array().map_or(0, u32::from_be_bytes);
    let kvno = if kvno == 0 { u32::from(short_kvno) } else { kvno };
    Ok(KeytabEntry { spn: components.join("/"), realm, kvno, enctype })
}

/// Takes numbers and texts off the front.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("it is cut off")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn text(&mut self) -> Result<String, &'static str> {
        let length = u16::from_be_bytes(self.array()?);
        let text = self.bytes(usize::from(length))?;
        String::from_utf8(text.to_vec()).map_err(|_| "a name in it is not UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(spn: &str, kvno: u32) -> Vec<u8> {
        let text = |text: &str| {
            [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
        };
        let components: Vec<_> = spn.split('/').collect();
        let mut record = u16::try_from(components.len()).unwrap().to_be_bytes().to_vec();
        record.extend(text("EXAMPLE.TEST"));
        record.extend(components.iter().flat_map(|component| text(component)));
        record.extend([0, 0, 0, 1, 0, 0, 0, 0, kvno.to_be_bytes()[3], 0, 18, 0, 2, 0xaa, 0xbb]);
        record.extend(kvno.to_be_bytes());
        [&u32::try_from(record.len()).unwrap().to_be_bytes()[..], &record].concat()
    }

    fn read(bytes: &[u8]) -> Result<Vec<KeytabEntry>, KeytabError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_keytab(file.path())
    }

    #[test]
    fn lists_keys_and_skips_holes() {
        let hole = [&(-3_i32).to_be_bytes()[..], &[9, 9, 9]].concat();
        let file = [&[5, 2][..], &entry("host/a", 1), &hole, &entry("HTTP/jira", 300)].concat();
        let entries = read(&file).unwrap();
        assert_eq!(principals(&entries), ["HTTP/jira@EXAMPLE.TEST", "host/a@EXAMPLE.TEST"]);
        assert_eq!((entries[1].kvno, entries[1].enctype), (300, Enctype(18)));
    }

    #[test]
    fn says_what_is_wrong() {
        let missing = read_keytab(Path::new("/nonexistent/http.keytab"));
        assert!(matches!(missing, Err(KeytabError::Missing(_))));
        assert!(matches!(read_keytab(Path::new("/")), Err(KeytabError::Unreadable { .. })));
        assert!(matches!(read(b""), Err(KeytabError::Empty(_))));
        assert!(matches!(read(&[5, 2]), Err(KeytabError::Empty(_))));
        assert!(matches!(read(b"-----BEGIN"), Err(KeytabError::Corrupt { .. })));
        let good = [&[5, 2][..], &entry("HTTP/jira", 1)].concat();
        assert!(matches!(read(&good[..good.len() - 5]), Err(KeytabError::Corrupt { .. })));
        let only_host = read(&[&[5, 2][..], &entry("host/a", 1)].concat()).unwrap_err();
        assert!(only_host.to_string().contains("host/a@EXAMPLE.TEST"), "{only_host}");
    }

    proptest! {
        #[test]
        fn never_panics(mut bytes: Vec<u8>) {
            let _ = parse(&bytes);
            bytes.splice(..0, [5, 2]);
            let _ = parse(&bytes);
        }
    }
}
