//! What Crowd's answers are about. Elements that are not known are passed over; what is needed must be
//! there, and words must be of their lists.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};

use super::xml::Element;

/// Something that an answer's document can be.
pub trait Entity: Sized {
    const ROOT: &'static str;

    fn read(element: &Element) -> Result<Self, String>;
}

/// A user with everything that is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub active: bool,
    /// What stays when the name changes.
    pub key: Option<String>,
    pub attributes: Attributes,
}

/// Names, and their values.
pub type Attributes = BTreeMap<String, Vec<String>>;

/// A group with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub description: Option<String>,
    pub active: bool,
    pub attributes: Attributes,
}

/// Who is directly in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub group: String,
    pub users: Vec<String>,
    pub groups: Vec<String>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub token: String,
    /// The client takes the name from the user even if it did not ask for more.
    pub username: String,
    /// The user, if more than the name was said.
    pub user: Option<User>,
    pub expires: DateTime<FixedOffset>,
}

/// How the cookie of single sign-on is to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieConfig {
    pub domain: Option<String>,
    pub secure: bool,
    pub name: String,
}

/// What an error says: one of the reasons that the client knows, and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: &'static str,
    pub message: String,
}

/// Names, of users or of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<const USERS: bool>(pub Vec<String>);

/// Users or groups, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

/// An unknown word would not become one of the client's constants.
const REASONS: [&str; 29] = [
    "APPLICATION_ACCESS_DENIED",
    "APPLICATION_PERMISSION_DENIED",
    "EXPIRED_CREDENTIAL",
    "GROUP_NOT_FOUND",
    "ILLEGAL_ARGUMENT",
    "INACTIVE_ACCOUNT",
    "INVALID_USER_AUTHENTICATION",
    "INVALID_CREDENTIAL",
    "INVALID_EMAIL",
    "INVALID_GROUP",
    "INVALID_SSO_TOKEN",
    "INVALID_USER",
    "MEMBERSHIP_NOT_FOUND",
    "MEMBERSHIP_ALREADY_EXISTS",
    "NESTED_GROUPS_NOT_SUPPORTED",
    "APPLICATION_NOT_FOUND",
    "UNSUPPORTED_OPERATION",
    "USER_NOT_FOUND",
    "OPERATION_FAILED",
    "EVENT_TOKEN_EXPIRED",
    "INCREMENTAL_SYNC_NOT_AVAILABLE",
    "WEBHOOK_NOT_FOUND",
    "PERMISSION_DENIED",
    "INVALID_MEMBERSHIP",
    "APPLICATION_MODIFICATION_FAILED",
    "DIRECTORY_NOT_FOUND",
    "APPLICATION_ALREADY_EXISTS",
    "INVALID_CHANGE_EMAIL_TOKEN",
    "SAME_EMAIL_ADDRESS",
];

/// `xs:boolean`.
fn boolean(element: &Element, name: &str) -> Result<bool, String> {
    match element.required_child(name)?.text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(format!("<{name}> is {other:?}")),
    }
}

/// `xs:dateTime`.
fn date(element: &Element) -> Result<DateTime<FixedOffset>, String> {
    let text = element.text.trim();
    DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("<{}> {text:?}: {error}", element.name))
}

fn check_dates(element: &Element) -> Result<(), String> {
    let names = ["created-date", "updated-date"];
    let dates = element.children.iter().filter(|child| names.contains(&child.name.as_str()));
    dates.map(date).collect::<Result<Vec<_>, _>>().map(|_| ())
}

fn check_link(element: &Element) -> Result<(), String> {
    element.child("link").map_or(Ok(()), |link| link.required("href").map(|_| ()))
}

/// The names of the elements of a list.
pub fn names(list: &Element, name: &str) -> Result<Vec<String>, String> {
    list.children_named(name).map(|entry| entry.required("name").map(str::to_owned)).collect()
}

fn attributes(element: &Element) -> Result<Attributes, String> {
    let Some(list) = element.child("attributes") else {
        return Ok(Attributes::new());
    };
    let read = |attribute: &Element| {
        let values = attribute.required_child("values")?.children_named("value");
        let values = values.map(|value| value.text.clone()).collect();
        Ok((attribute.required("name")?.to_owned(), values))
    };
    list.children_named("attribute").map(read).collect()
}

impl Entity for User {
    const ROOT: &'static str = "user";

    fn read(element: &Element) -> Result<Self, String> {
        check_link(element)?;
        check_dates(element)?;
        if let Some(id) = element.text_of("directory-id") {
            id.trim().parse::<i64>().map_err(|_| format!("<directory-id> is {id:?}"))?;
        }
        let password = element.child("password").and_then(|password| password.child("value"));
        if password.is_some_and(|value| !value.text.is_empty()) {
            return Err("a password was told".to_owned());
        }
        Ok(Self {
            name: element.required("name")?.to_owned(),
            first_name: element.text_of("first-name"),
            last_name: element.text_of("last-name"),
            display_name: element.text_of("display-name"),
            email: element.text_of("email"),
            active: boolean(element, "active")?,
            key: element.text_of("key"),
            attributes: attributes(element)?,
        })
    }
}

impl Entity for Group {
    const ROOT: &'static str = "group";

    fn read(element: &Element) -> Result<Self, String> {
        check_link(element)?;
        let kind = element.required_child("type")?.text.trim();
        if !["GROUP", "LEGACY_ROLE"].contains(&kind) {
            return Err(format!("there is no type {kind:?} of groups"));
        }
        Ok(Self {
            name: element.required("name")?.to_owned(),
            description: element.text_of("description"),
            active: boolean(element, "active")?,
            attributes: attributes(element)?,
        })
    }
}

impl Entity for Membership {
    const ROOT: &'static str = "membership";

    fn read(element: &Element) -> Result<Self, String> {
        Ok(Self {
            group: element.required("group")?.to_owned(),
            users: names(element.required_child("users")?, "user")?,
            groups: names(element.required_child("groups")?, "group")?,
        })
    }
}

impl Entity for Session {
    const ROOT: &'static str = "session";

    fn read(element: &Element) -> Result<Self, String> {
        // mod_authnz_crowd reads while it comes, and needs the token before the user.
        let place = |name: &str| element.children.iter().position(|child| child.name == name);
        if place("token") > place("user") {
            return Err("the user comes before the token".to_owned());
        }
        let user = element.required_child("user")?;
        let token = element.required_child("token")?.text.clone();
        if token.is_empty() {
            return Err("the token is empty".to_owned());
        }
        check_dates(element)?;
        Ok(Self {
            token,
            username: user.required("name")?.to_owned(),
            user: user.child("active").map(|_| User::read(user)).transpose()?,
            expires: date(element.required_child("expiry-date")?)?,
        })
    }
}

impl Entity for CookieConfig {
    const ROOT: &'static str = "cookie-config";

    fn read(element: &Element) -> Result<Self, String> {
        let name = element.required_child("name")?.text.clone();
        if name.is_empty() {
            return Err("the cookie has no name".to_owned());
        }
        let domain = element.text_of("domain").filter(|domain| !domain.is_empty());
        Ok(Self { domain, secure: boolean(element, "secure")?, name })
    }
}

impl Entity for Refusal {
    const ROOT: &'static str = "error";

    fn read(element: &Element) -> Result<Self, String> {
        let said = element.required_child("reason")?.text.trim();
        let reason = REASONS.into_iter().find(|reason| *reason == said);
        let reason = reason.ok_or_else(|| format!("there is no reason {said:?}"))?;
        Ok(Self { reason, message: element.text_of("message").unwrap_or_default() })
    }
}

impl<const USERS: bool> Entity for Names<USERS> {
    const ROOT: &'static str = if USERS { "users" } else { "groups" };

    fn read(element: &Element) -> Result<Self, String> {
        names(element, if USERS { "user" } else { "group" }).map(Self)
    }
}

impl Entity for List<User> {
    const ROOT: &'static str = "users";

    fn read(element: &Element) -> Result<Self, String> {
        element.children_named("user").map(User::read).collect::<Result<_, _>>().map(Self)
    }
}

impl Entity for List<Group> {
    const ROOT: &'static str = "groups";

    fn read(element: &Element) -> Result<Self, String> {
        element.children_named("group").map(Group::read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Entity>(text: &str) -> Result<T, String> {
        T::read(&Element::parse(text.as_bytes()).unwrap())
    }

    const ALICE: &str = r#"<user name="alice" expand="attributes"><link href="http://x/user" rel="self"/>
        <new-thing/><first-name>A</first-name><display-name/><active>true</active><key>1:2</key>
        <created-date>2026-01-02T03:04:05.678+01:00</created-date>
        <attributes><attribute name="k"><values><value>1</value><value>2</value></values></attribute></attributes></user>"#;

    #[test]
    fn a_user_is_read_and_what_is_new_is_passed_over() {
        let alice: User = read(ALICE).unwrap();
        assert_eq!((alice.name.as_str(), alice.active), ("alice", true));
        assert_eq!(alice.first_name.as_deref(), Some("A"));
        assert_eq!((alice.last_name, alice.display_name), (None, Some(String::new())));
        assert_eq!(alice.attributes["k"], ["1", "2"]);
    }

    #[test]
    fn a_user_is_refused_who_lacks_something_or_has_it_wrong() {
        for (right, wrong) in [
            ("name=\"alice\"", ""),
            ("<active>true</active>", ""),
            ("true", "yes"),
            ("2026-01-02T03:04:05.678+01:00", "1767319445678"),
            (" href=\"http://x/user\"", ""),
            ("<new-thing/>", "<password><value>secret</value></password>"),
            ("<new-thing/>", "<directory-id>Internal</directory-id>"),
            ("<attribute name=\"k\">", "<attribute>"),
        ] {
            assert!(
                ALICE.contains(right) && read::<User>(&ALICE.replace(right, wrong)).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn groups_are_groups_and_memberships_have_both_lists() {
        let group = "<group name='g'><type>GROUP</type><active>true</active></group>";
        assert_eq!(read::<Group>(group).unwrap().name, "g");
        assert!(read::<Group>(&group.replace("GROUP", "TEAM")).is_err());
        let membership =
            "<membership group='g'><users><user name='u'/></users><groups/></membership>";
        assert_eq!(read::<Membership>(membership).unwrap().users, ["u"]);
        assert!(read::<Membership>(&membership.replace("<groups/>", "")).is_err());
    }

    #[test]
    fn a_session_says_whose_it_is_after_its_token() {
        let session = "<session><token>t</token><user name='u'/><expiry-date>2026-01-02T03:04:05Z</expiry-date></session>";
        assert_eq!(read::<Session>(session).unwrap().username, "u");
        for wrong in [
            session.replace("<user name='u'/>", ""),
            session.replace("<token>t</token>", "<token/>"),
            session.replace("<token>t</token><user name='u'/>", "<user name='u'/><token>t</token>"),
        ] {
            assert!(read::<Session>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_has_a_reason_of_the_list() {
        let error = "<error><reason>USER_NOT_FOUND</reason><message>who?</message></error>";
        assert_eq!(read::<Refusal>(error).unwrap().reason, "USER_NOT_FOUND");
        assert!(read::<Refusal>(&error.replace("USER_NOT_FOUND", "USER_LOST")).is_err());
        assert!(read::<Refusal>("<error><message>who?</message></error>").is_err());
    }
}
