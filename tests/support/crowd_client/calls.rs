//! The calls, one for each resource that the client uses.

use std::fmt::Write as _;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Call, CrowdClient, CrowdError,
    entities::{CookieConfig, Group, List, Membership, Names, Session, User},
    events::Events,
    xml::escape,
};

/// What `java.net.URLEncoder` leaves as it is; it writes `+` for a blank.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'*').remove(b'_').remove(b' ');

/// Which of the entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entries {
    pub start: usize,
    /// None for all.
    pub most: Option<usize>,
}

impl Entries {
    pub const ALL: Self = Self { start: 0, most: None };

    fn arguments(self) -> [(&'static str, String); 2] {
        let most = self.most.map_or("-1".to_owned(), |most| most.to_string());
        [("start-index", self.start.to_string()), ("max-results", most)]
    }
}

/// Whom a search is for.
#[derive(Clone, Copy, Debug)]
pub enum Restriction<'a> {
    /// Everybody.
    None,
    /// Property, way of comparing, value.
    Property(&'a str, &'a str, &'a str),
}

impl Restriction<'_> {
    fn xml(self) -> String {
        match self {
            Self::None => document("<null-search-restriction/>"),
            Self::Property(name, mode, value) => document(&format!(
                "<property-search-restriction><property><name>{name}</name><type>STRING</type></property>\
                 <match-mode>{mode}</match-mode><value>{}</value></property-search-restriction>",
                escape(value)
            )),
        }
    }
}

/// Somebody who is to be made, or changed.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    pub name: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub display_name: &'a str,
    pub email: &'a str,
    pub active: bool,
    pub password: Option<&'a str>,
}

impl NewUser<'_> {
    fn xml(&self) -> String {
        let mut xml = format!("<user name=\"{}\">", escape(self.name));
        for (name, value) in [
            ("first-name", self.first_name),
            ("last-name", self.last_name),
            ("display-name", self.display_name),
            ("email", self.email),
        ] {
            let _ = write!(xml, "<{name}>{}</{name}>", escape(value));
        }
        let _ = write!(xml, "<active>{}</active>", self.active);
        if let Some(password) = self.password {
            let _ = write!(xml, "<password><value>{}</value></password>", escape(password));
        }
        document(&(xml + "</user>"))
    }
}

fn document(inner: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>{inner}")
}

/// An argument in a query.
fn query(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string().replace(' ', "+")
}

/// An argument in a path.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string().replace(' ', "%20")
}

fn path<V: AsRef<str>>(resource: &str, arguments: &[(&str, V)]) -> String {
    let mut path = resource.to_owned();
    for (index, (name, value)) in arguments.iter().enumerate() {
        let sign = if index == 0 { '?' } else { '&' };
        let _ = write!(path, "{sign}{name}={}", query(value.as_ref()));
    }
    path
}

fn paged<'a>(arguments: &[(&'a str, &str)], entries: Entries) -> Vec<(&'a str, String)> {
    let own = arguments.iter().map(|(name, value)| (*name, (*value).to_owned()));
    own.chain(entries.arguments()).collect()
}

fn named(kind: &str, name: &str) -> String {
    document(&format!("<{kind} name=\"{}\"/>", escape(name)))
}

/// A group as `POST /group` and `PUT /group` want it.
fn group_xml(name: &str, description: &str) -> String {
    document(&format!(
        "<group name=\"{}\"><type>GROUP</type><description>{}</description><active>true</active></group>",
        escape(name),
        escape(description)
    ))
}

fn password_xml(password: &str) -> String {
    document(&format!("<password><value>{}</value></password>", escape(password)))
}

fn context_xml(user: &str, password: Option<&str>, factors: &str) -> String {
    let password = password.map(|password| format!("<password>{}</password>", escape(password)));
    document(&format!(
        "<authentication-context><username>{}</username>{}{factors}</authentication-context>",
        escape(user),
        password.unwrap_or_default()
    ))
}

/// What the client says of where somebody comes from: the connection's address, and what the header says if it
/// says something else.
pub fn factors(remote_address: &str, forwarded_for: Option<&str>) -> String {
    let factor = |name: &str, value: &str| {
        format!(
            "<validation-factor><name>{name}</name><value>{}</value></validation-factor>",
            escape(value)
        )
    };
    let mut xml = format!("<validation-factors>{}", factor("remote_address", remote_address));
    if let Some(forwarded) = forwarded_for.filter(|forwarded| *forwarded != remote_address) {
        xml.push_str(&factor("X-Forwarded-For", forwarded));
    }
    xml + "</validation-factors>"
}

const EXPAND: (&str, &str) = ("expand", "attributes");

/// Users and groups, as they are read.
impl CrowdClient {
    /// The button "Test connection": nobody has no name.
    pub async fn test_connection(&self) -> Result<(), CrowdError> {
        let nobody = Restriction::Property("name", "NULL", "");
        let first = Entries { start: 0, most: Some(1) };
        match self.search_user_names(nobody, first).await? {
            names if names.is_empty() => Ok(()),
            names => Err(CrowdError::Malformed(format!("{names:?} are nobody"))),
        }
    }

    pub async fn find_user(&self, name: &str) -> Result<User, CrowdError> {
        self.read(Call::new(Method::GET, path("/user", &[("username", name), EXPAND]))).await
    }

    pub async fn find_user_by_key(&self, key: &str) -> Result<User, CrowdError> {
        self.read(Call::new(Method::GET, path("/user", &[("key", key)]))).await
    }

    pub async fn find_group(&self, name: &str) -> Result<Group, CrowdError> {
        self.read(Call::new(Method::GET, path("/group", &[("groupname", name), EXPAND]))).await
    }

    pub async fn search_users(
        &self,
        restriction: Restriction<'_>,
        entries: Entries,
    ) -> Result<Vec<User>, CrowdError> {
        let arguments = [("entity-type", "user"), ("expand", "user,attributes")];
        let path = path("/search", &paged(&arguments, entries));
        self.stream(Call::new(Method::POST, path).with(restriction.xml()), "users").await
    }

    pub async fn search_user_names(
        &self,
        restriction: Restriction<'_>,
        entries: Entries,
    ) -> Result<Vec<String>, CrowdError> {
        let path = path("/search", &paged(&[("entity-type", "user")], entries));
        let call = Call::new(Method::POST, path).with(restriction.xml());
        self.read::<Names<true>>(call).await.map(|names| names.0)
    }

    pub async fn search_groups(
        &self,
        restriction: Restriction<'_>,
        entries: Entries,
    ) -> Result<Vec<Group>, CrowdError> {
        let arguments = [("entity-type", "group"), ("expand", "group,attributes")];
        let path = path("/search", &paged(&arguments, entries));
        self.stream(Call::new(Method::POST, path).with(restriction.xml()), "groups").await
    }

    /// Who is directly in which group.
    pub async fn memberships(&self) -> Result<Vec<Membership>, CrowdError> {
        let call = Call::new(Method::GET, "/group/membership".to_owned()).or_unsupported(&[404]);
        self.stream(call, "memberships").await
    }

    /// The groups of a user; `depth` is `direct` or `nested`.
    pub async fn groups_of(&self, user: &str, depth: &str) -> Result<Vec<Group>, CrowdError> {
        let arguments = paged(&[("username", user), ("expand", "group,attributes")], Entries::ALL);
        let path = path(&format!("/user/group/{depth}"), &arguments);
        self.read::<List<Group>>(Call::new(Method::GET, path)).await.map(|list| list.0)
    }

    pub async fn group_names_of(&self, user: &str, depth: &str) -> Result<Vec<String>, CrowdError> {
        let path =
            path(&format!("/user/group/{depth}"), &paged(&[("username", user)], Entries::ALL));
        self.read::<Names<false>>(Call::new(Method::GET, path)).await.map(|names| names.0)
    }

    pub async fn users_of(&self, group: &str, depth: &str) -> Result<Vec<User>, CrowdError> {
        let arguments = paged(&[("groupname", group), ("expand", "user,attributes")], Entries::ALL);
        let path = path(&format!("/group/user/{depth}"), &arguments);
        self.read::<List<User>>(Call::new(Method::GET, path)).await.map(|list| list.0)
    }

    pub async fn child_group_names(
        &self,
        group: &str,
        depth: &str,
    ) -> Result<Vec<String>, CrowdError> {
        let path = path(
            &format!("/group/child-group/{depth}"),
            &paged(&[("groupname", group)], Entries::ALL),
        );
        self.read::<Names<false>>(Call::new(Method::GET, path)).await.map(|names| names.0)
    }

    pub async fn parent_group_names(
        &self,
        group: &str,
        depth: &str,
    ) -> Result<Vec<String>, CrowdError> {
        let path = path(
            &format!("/group/parent-group/{depth}"),
            &paged(&[("groupname", group)], Entries::ALL),
        );
        self.read::<Names<false>>(Call::new(Method::GET, path)).await.map(|names| names.0)
    }

    pub async fn is_member(
        &self,
        user: &str,
        group: &str,
        depth: &str,
    ) -> Result<bool, CrowdError> {
        let resource = format!("/group/user/{depth}");
        self.exists(path(&resource, &[("groupname", group), ("username", user)])).await
    }

    pub async fn is_child_group(
        &self,
        child: &str,
        parent: &str,
        depth: &str,
    ) -> Result<bool, CrowdError> {
        let resource = format!("/group/child-group/{depth}");
        self.exists(path(&resource, &[("groupname", parent), ("child-groupname", child)])).await
    }
}

/// Signing in.
impl CrowdClient {
    pub async fn authenticate(&self, user: &str, password: &str) -> Result<User, CrowdError> {
        let path = path("/authentication", &[("username", user)]);
        self.read(Call::new(Method::POST, path).with(password_xml(password))).await
    }

    /// Tells that somebody has signed in without a password.
    pub async fn notify(&self, user: &str) -> Result<User, CrowdError> {
        let path = path("/authentication/notify", &[("username", user)]);
        let call = Call::new(Method::POST, path).with(document("<password/>"));
        self.read(call.or_unsupported(&[404])).await
    }

    /// With a password, or without one if the application is believed.
    pub async fn begin_session(
        &self,
        user: &str,
        password: Option<&str>,
        factors: &str,
    ) -> Result<Session, CrowdError> {
        let validate = if password.is_some() { "true" } else { "false" };
        let path = path("/session", &[("validate-password", validate)]);
        self.read(Call::new(Method::POST, path).with(context_xml(user, password, factors))).await
    }

    /// Whose a token is, for somebody who comes from there.
    pub async fn validate(&self, token: &str, factors: &str) -> Result<Session, CrowdError> {
        let path = format!("/session/{}", segment(token));
        self.read(Call::new(Method::POST, path).with(document(factors))).await
    }

    /// Whose a token is.
    pub async fn find_session(&self, token: &str) -> Result<Session, CrowdError> {
        let path = format!("/session/{}?expand=user", segment(token));
        self.read(Call::new(Method::GET, path)).await
    }

    pub async fn end_session(&self, token: &str) -> Result<(), CrowdError> {
        let path = format!("/session/{}", segment(token));
        self.act(Call::new(Method::DELETE, path)).await
    }

    /// Ends all sessions of a user but one.
    pub async fn end_sessions_of(&self, user: &str, but: Option<&str>) -> Result<(), CrowdError> {
        let arguments = [Some(("username", user)), but.map(|token| ("exclude", token))];
        let arguments: Vec<_> = arguments.into_iter().flatten().collect();
        let call = Call::new(Method::DELETE, path("/session", &arguments));
        self.act(call.or_unsupported(&[405])).await
    }

    pub async fn cookie_config(&self) -> Result<CookieConfig, CrowdError> {
        self.read(Call::new(Method::GET, "/config/cookie".to_owned())).await
    }
}

/// Changes.
impl CrowdClient {
    /// Where the events are now.
    pub async fn event_token(&self) -> Result<Events, CrowdError> {
        self.read(Call::new(Method::GET, "/event".to_owned()).or_unsupported(&[404])).await
    }

    pub async fn events_since(&self, token: &str) -> Result<Events, CrowdError> {
        let path = format!("/event/{}", segment(token));
        self.read(Call::new(Method::GET, path).or_unsupported(&[404])).await
    }

    /// Asks to be told of changes at an address.
    pub async fn register_webhook(&self, url: &str, token: &str) -> Result<(), CrowdError> {
        let body = format!(
            "<webhook><endpointUrl>{}</endpointUrl><token>{}</token></webhook>",
            escape(url),
            escape(token)
        );
        let call = Call::new(Method::POST, "/webhook".to_owned()).with(document(&body));
        self.act(call.or_unsupported(&[404])).await
    }

    pub async fn add_user(&self, user: &NewUser<'_>) -> Result<(), CrowdError> {
        self.act(Call::new(Method::POST, "/user".to_owned()).with(user.xml())).await
    }

    pub async fn update_user(&self, user: &NewUser<'_>) -> Result<(), CrowdError> {
        let path = path("/user", &[("username", user.name)]);
        self.act(Call::new(Method::PUT, path).with(user.xml())).await
    }

    pub async fn rename_user(&self, old: &str, new: &str) -> Result<User, CrowdError> {
        let body = document(&format!("<new-name><new-name>{}</new-name></new-name>", escape(new)));
        let path = path("/user/rename", &[("username", old)]);
        self.read(Call::new(Method::POST, path).with(body)).await
    }

    pub async fn remove_user(&self, name: &str) -> Result<(), CrowdError> {
        self.act(Call::new(Method::DELETE, path("/user", &[("username", name)]))).await
    }

    pub async fn set_password(&self, user: &str, password: &str) -> Result<(), CrowdError> {
        let path = path("/user/password", &[("username", user)]);
        self.act(Call::new(Method::PUT, path).with(password_xml(password))).await
    }

    pub async fn set_attribute(
        &self,
        user: &str,
        name: &str,
        value: &str,
    ) -> Result<(), CrowdError> {
        let body = format!(
            "<attributes><attribute name=\"{}\"><values><value>{}</value></values></attribute></attributes>",
            escape(name),
            escape(value)
        );
        let path = path("/user/attribute", &[("username", user)]);
        self.act(Call::new(Method::POST, path).with(document(&body))).await
    }

    pub async fn remove_attribute(&self, user: &str, name: &str) -> Result<(), CrowdError> {
        let path = path("/user/attribute", &[("username", user), ("attributename", name)]);
        self.act(Call::new(Method::DELETE, path)).await
    }

    pub async fn add_group(&self, name: &str, description: &str) -> Result<(), CrowdError> {
        let body = group_xml(name, description);
        self.act(Call::new(Method::POST, "/group".to_owned()).with(body)).await
    }

    pub async fn update_group(&self, name: &str, description: &str) -> Result<(), CrowdError> {
        let body = group_xml(name, description);
        self.act(Call::new(Method::PUT, path("/group", &[("groupname", name)])).with(body)).await
    }

    pub async fn remove_group(&self, name: &str) -> Result<(), CrowdError> {
        self.act(Call::new(Method::DELETE, path("/group", &[("groupname", name)]))).await
    }

    pub async fn add_member(&self, user: &str, group: &str) -> Result<(), CrowdError> {
        let path = path("/group/user/direct", &[("groupname", group)]);
        self.act(Call::new(Method::POST, path).with(named("user", user))).await
    }

    pub async fn remove_member(&self, user: &str, group: &str) -> Result<(), CrowdError> {
        let path = path("/group/user/direct", &[("groupname", group), ("username", user)]);
        self.act(Call::new(Method::DELETE, path)).await
    }

    pub async fn add_child_group(&self, child: &str, parent: &str) -> Result<(), CrowdError> {
        let path = path("/group/child-group/direct", &[("groupname", parent)]);
        self.act(Call::new(Method::POST, path).with(named("group", child))).await
    }

    pub async fn remove_child_group(&self, child: &str, parent: &str) -> Result<(), CrowdError> {
        let arguments = [("groupname", parent), ("child-groupname", child)];
        self.act(Call::new(Method::DELETE, path("/group/child-group/direct", &arguments))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_written_in_two_ways() {
        assert_eq!(segment("a b/+ä"), "a%20b%2F%2B%C3%A4");
        assert_eq!(path("/user", &[("username", "a b&c+~")]), "/user?username=a+b%26c%2B%7E");
    }

    #[test]
    fn an_address_is_said_twice_only_if_it_differs() {
        assert!(!factors("10.0.0.1", Some("10.0.0.1")).contains("X-Forwarded-For"));
        assert!(factors("10.0.0.1", Some("192.0.2.7, 10.0.0.1")).contains("X-Forwarded-For"));
    }
}
