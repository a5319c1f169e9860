//! Names of headers as servers see them that do not tell `-` from `_`.

use std::borrow::Cow;

/// A header's name in lower case, with `-` for everything that is no letter and no digit: CGI, PHP and
/// WSGI make one variable of all names that fold to the same.
#[must_use]
pub fn fold(name: &str) -> Cow<'_, str> {
    if is_folded(name) {
        return Cow::Borrowed(name);
    }
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    Cow::Owned(name.chars().map(fold).collect())
}

/// Which bytes stay as they are. Each byte of each name of each request is looked up.
const PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0);
    while byte < 256 {
        plain[byte] = matches!(byte.to_le_bytes()[0], b'a'..=b'z' | b'0'..=b'9' | b'-');
        byte += 1;
    }
    plain
};

/// Whether a name is as it folds.
#[must_use]
pub fn is_folded(name: &str) -> bool {
    name.bytes().all(|byte| PLAIN[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_folds_to_one() {
        for name in ["x-forwarded-user", "X_Forwarded.User", "x~forwarded!user"] {
            assert_eq!(fold(name), "x-forwarded-user");
            assert_eq!(is_folded(name), name == "x-forwarded-user");
        }
    }
}
