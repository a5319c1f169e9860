//! Names of headers as servers see them that do not tell `-` from `_`.

use std::borrow::Cow;

/// A header's name in lower case, with `-` for everything that is no letter and no digit: CGI, PHP and
/// WSGI make one variable of all names that fold to the same.
#[must_use]
pub fn fold(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    Cow::Owned(name.chars().map(fold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_folds_to_one() {
        for name in ["x-forwarded-user", "X_Forwarded.User", "x~forwarded!user"] {
            assert_eq!(fold(name), "x-forwarded-user");
        }
    }
}
