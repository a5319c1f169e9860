//! When two names are the same name.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// What a username or group name is compared by: composed and in lower case.
///
/// `Alice`, `ALICE` and `alice` are one name, and so are the two ways of writing `é`. Names that only
/// look alike (Cyrillic `а`) stay different: folding those would let one person in as another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(String);

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.is_ascii() {
            return Self(name.to_ascii_lowercase());
        }
        let composed: String = name.nfc().collect();
        // Lower-casing can decompose (`İ`), so the result is composed once more.
        Self(composed.to_lowercase().nfc().collect())
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_composition_make_no_difference() {
        for (one, other) in [("Alice", "aLICE"), ("José", "JOSE\u{301}"), ("ΣΊΣΥΦΟΣ", "σίσυφος")]
        {
            assert_eq!(NameKey::of(one), NameKey::of(other), "{one}");
        }
    }

    #[test]
    fn look_alikes_stay_apart() {
        assert_ne!(NameKey::of("alice"), NameKey::of("\u{430}lice"));
        assert_ne!(NameKey::of("ﬁn"), NameKey::of("fin"));
    }
}
