//! What a new password must be like.

use crate::directory::NameKey;

/// A password for emergencies can be guessed at from everywhere: it must be longer.
pub(super) const SHORTEST_FOR_EMERGENCIES: usize = 16;

/// Longer ones only cost time.
pub const LONGEST_BYTES: usize = 1024;

/// Shorter names are parts of too many words.
const SHORTEST_NAME: usize = 3;

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// It could be guessed.
    #[error("the password is too short: at least {0} characters are needed")]
    TooShort(usize),
    /// Nobody types so much.
    #[error("the password is too long: at most {LONGEST_BYTES} bytes are possible")]
    TooLong,
    /// It has the username in it, or is a part of it.
    #[error("the password must not be like the username")]
    LikeName,
}

/// What is wrong with a new password, if something is.
pub(super) fn check(
    password: &str,
    username: &str,
    min_length: usize,
) -> Result<(), PasswordProblem> {
    if password.chars().count() < min_length {
        return Err(PasswordProblem::TooShort(min_length));
    }
    if password.len() > LONGEST_BYTES {
        return Err(PasswordProblem::TooLong);
    }
    let (password, name) = (NameKey::of(password), NameKey::of(username));
    let (password, name) = (password.as_str(), name.as_str());
    let has_name = name.chars().count() >= SHORTEST_NAME && password.contains(name);
    if has_name || name.contains(password) {
        return Err(PasswordProblem::LikeName);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_the_name() {
        let checked = |password: &str, name: &str| check(password, name, 12);
        assert_eq!(checked("correct horse", "alice"), Ok(()));
        assert_eq!(checked("ééééééééééé", "alice"), Err(PasswordProblem::TooShort(12)));
        assert_eq!(checked(&"x".repeat(1025), "alice"), Err(PasswordProblem::TooLong));
        for like in ["alice-1234567", "1234-ALICE-567", "xxxalicexxxxx"] {
            assert_eq!(checked(like, "Alice"), Err(PasswordProblem::LikeName), "{like}");
        }
        let (part, name) = ("administrato", "the-administrator-of-jira");
        assert_eq!(checked(part, name), Err(PasswordProblem::LikeName));
        assert_eq!(checked("correct horse", "or"), Ok(()), "a short name is in many words");
    }
}
