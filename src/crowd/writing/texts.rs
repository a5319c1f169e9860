//! Which texts names and other fields can hold.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::{
    config::is_attribute_name,
    crowd::{Failure, Reason, sent::SentUser},
    directory::Profile,
};

/// Longer texts are no names. A Crowd server's columns have as much room.
const MOST_CHARACTERS: usize = 255;

/// All of them are read with the user, and written into the log whenever one changes.
const MOST_ATTRIBUTES: usize = 100;

/// What is wrong with a user or group that an application sends.
pub(super) fn invalid(reason: Reason, message: impl std::fmt::Display) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, reason, message.to_string())
}

/// Refuses a name that could be taken for another one, or that nobody could type.
pub(super) fn check_name(name: &str, reason: Reason) -> Result<(), Failure> {
    if name.trim() != name || name.is_empty() {
        return Err(invalid(reason, "A name must not be empty, nor begin or end with a blank"));
    }
    check_text("name", name, reason)
}

fn check_text(what: &str, text: &str, reason: Reason) -> Result<(), Failure> {
    if text.chars().count() > MOST_CHARACTERS {
        let message = format!("{what} has more than {MOST_CHARACTERS} characters");
        return Err(invalid(reason, message));
    }
    if text.contains(char::is_control) {
        return Err(invalid(reason, format!("{what} has characters that cannot be shown")));
    }
    Ok(())
}

/// A description of a group; an empty one is none.
pub(super) fn description(text: Option<&str>) -> Result<Option<String>, Failure> {
    let text = text.unwrap_or_default();
    check_text("description", text, Reason::InvalidGroup)?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// What an account shows that is made or replaced: what is not sent, or empty, is not said.
pub(super) fn profile(sent: &SentUser) -> Result<Profile, Failure> {
    check_name(&sent.name, Reason::InvalidUser)?;
    let field = |what: &str, text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default().trim();
        check_text(what, text, Reason::InvalidUser)?;
        Ok::<_, Failure>(Some(text.to_owned()).filter(|text| !text.is_empty()))
    };
    let email = field("email", &sent.email)?;
    if email.as_ref().is_some_and(|email| !email.contains('@')) {
        return Err(invalid(Reason::InvalidUser, "email is no email address"));
    }
    let mut profile = Profile {
        username: sent.name.clone(),
        email,
        display_name: field("display-name", &sent.display_name)?,
        first_name: field("first-name", &sent.first_name)?,
        last_name: field("last-name", &sent.last_name)?,
        attributes: BTreeMap::new(),
    };
    merge_attributes(&mut profile.attributes, &sent.attributes)?;
    Ok(profile)
}

/// Puts attributes beside those that are there, in place of those of the same name. One without a value ends.
pub(super) fn merge_attributes(
    attributes: &mut BTreeMap<String, String>,
    sent: &[(String, Vec<String>)],
) -> Result<(), Failure> {
    let before = attributes.len();
    for (name, values) in sent {
        if !is_attribute_name(name) {
            let problem = "must be 1 to 64 letters, digits, '-', '_' and '.'";
            return Err(Failure::illegal(format_args!("An attribute's name {problem}")));
        }
        match values.as_slice() {
            [] => drop(attributes.remove(name)),
            [empty] if empty.is_empty() => drop(attributes.remove(name)),
            [value] => {
                check_text(name, value, Reason::IllegalArgument)?;
                attributes.insert(name.clone(), value.clone());
            }
            _ => {
                let problem = "has several values, and the gateway keeps one";
                return Err(Failure::illegal(format_args!("The attribute {name} {problem}")));
            }
        }
    }
    if attributes.len() > before.max(MOST_ATTRIBUTES) {
        return Err(Failure::illegal(format_args!(
            "A user has at most {MOST_ATTRIBUTES} attributes"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_what_is_sent_and_nothing_else() {
        let sent = |name: &str, email: &str| SentUser {
            name: name.to_owned(),
            email: Some(email.to_owned()),
            last_name: Some(" ".to_owned()),
            ..SentUser::default()
        };
        let made = profile(&sent("ada", "ada@example.com")).unwrap();
        assert_eq!((made.email.as_deref(), made.last_name), (Some("ada@example.com"), None));
        let long = "x".repeat(256);
        for (name, email) in [("", ""), (" ada", ""), ("a\nb", ""), (&long, ""), ("ada", "no")] {
            let refused = profile(&sent(name, email)).unwrap_err();
            assert_eq!(refused.reason, Reason::InvalidUser, "{name:?} {email:?}");
        }
    }

    #[test]
    fn a_user_has_so_many_attributes_and_no_more() {
        let sent = |from: usize, count: usize| {
            let one = |number| (format!("a{number}"), vec!["x".to_owned()]);
            (from..from + count).map(one).collect::<Vec<_>>()
        };
        let mut attributes = BTreeMap::new();
        merge_attributes(&mut attributes, &sent(0, 100)).unwrap();
        assert!(merge_attributes(&mut attributes.clone(), &sent(100, 1)).is_err());
        // Those of a user who has more already can be changed and taken.
        attributes.extend(sent(100, 20).into_iter().map(|(name, _)| (name, "x".to_owned())));
        merge_attributes(&mut attributes, &sent(0, 120)).unwrap();
    }

    #[test]
    fn attributes_are_merged_and_have_one_value() {
        let pairs = |pairs: [(&str, &str); 2]| {
            BTreeMap::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
        };
        let sent = |name: &str, values: &[&str]| {
            (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
        };
        let mut attributes = pairs([("a", "1"), ("b", "2")]);
        let merged = [sent("b", &["3"]), sent("c", &["4"]), sent("a", &[])];
        merge_attributes(&mut attributes, &merged).unwrap();
        assert_eq!(attributes, pairs([("b", "3"), ("c", "4")]));
        for bad in [sent("d", &["1", "2"]), sent("a b", &["1"]), sent("d", &["\u{7}"])] {
            let bad = [bad];
            assert!(merge_attributes(&mut attributes, &bad).is_err(), "{bad:?}");
        }
    }
}
