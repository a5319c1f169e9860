//! How a Kerberos key is used.

use std::fmt;

/// A Kerberos encryption type, by its number in IANA's registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enctype(pub i32);

/// The names that `klist -e` and `ktpass` show.
/// <https://www.iana.org/assignments/kerberos-parameters>
const NAMES: [(i32, &str); 10] = [
    (1, "des-cbc-crc"),
    (3, "des-cbc-md5"),
    (16, "des3-cbc-sha1"),
    (17, "aes128-cts-hmac-sha1-96"),
    (18, "aes256-cts-hmac-sha1-96"),
    (19, "aes128-cts-hmac-sha256-128"),
    (20, "aes256-cts-hmac-sha384-192"),
    (23, "rc4-hmac"),
    (25, "camellia128-cts-cmac"),
    (26, "camellia256-cts-cmac"),
];

impl Enctype {
    /// DES, triple DES and RC4: not to be used any more (RFC 6649, RFC 8429).
    #[must_use]
    pub const fn is_weak(self) -> bool {
        matches!(self.0, 1..=16 | 23 | 24)
    }
}

impl fmt::Display for Enctype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "enctype {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_name_and_a_strength() {
        assert_eq!(Enctype(18).to_string(), "aes256-cts-hmac-sha1-96");
        assert_eq!(Enctype(-133).to_string(), "enctype -133");
        assert!(Enctype(23).is_weak() && !Enctype(17).is_weak());
    }
}
