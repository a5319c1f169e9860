//! What has changed since an event's token.

use super::{
    entities::{Entity, Group, User, names},
    xml::Element,
};

/// Changes, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    pub new_token: String,
    /// What is missing is no.
    pub available: bool,
    pub events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Created,
    Updated,
    Deleted,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of a user, as they are now.
    User(Operation, User),
    /// A user who is gone.
    UserGone(String),
    /// Of a group, as it is now.
    Group(Operation, Group),
    /// A group that is gone.
    GroupGone(String),
    /// Of a user's groups. What is updated, is all of them.
    UserMembership { operation: Operation, user: String, groups: Vec<String> },
    /// Of a group's groups. What is updated, is all of them.
    GroupMembership {
        operation: Operation,
        group: String,
        parents: Vec<String>,
        children: Vec<String>,
    },
}

impl Entity for Events {
    const ROOT: &'static str = "events";

    fn read(element: &Element) -> Result<Self, String> {
        let available = element.attribute("incrementalSynchronisationAvailable");
        let events = element.children.iter().filter_map(|child| read(child).transpose());
        Ok(Self {
            new_token: element.required("newEventToken")?.to_owned(),
            available: match available {
                Some("true" | "1") => true,
                Some("false" | "0") | None => false,
                Some(other) => {
                    return Err(format!("incrementalSynchronisationAvailable is {other:?}"));
                }
            },
            events: events.collect::<Result<_, _>>()?,
        })
    }
}

/// An event; none if it is of a kind that nobody knows.
fn read(element: &Element) -> Result<Option<Event>, String> {
    Ok(Some(match element.name.as_str() {
        "userEvent" => {
            let user = element.required_child("user")?;
            match operation(element)? {
                Operation::Deleted => Event::UserGone(user.required("name")?.to_owned()),
                operation => Event::User(operation, User::read(user)?),
            }
        }
        "groupEvent" => {
            let group = element.required_child("group")?;
            match operation(element)? {
                Operation::Deleted => Event::GroupGone(group.required("name")?.to_owned()),
                operation => Event::Group(operation, Group::read(group)?),
            }
        }
        "userMembershipEvent" => Event::UserMembership {
            operation: operation(element)?,
            user: element.required_child("childUser")?.required("name")?.to_owned(),
            groups: names(element.required_child("parentGroups")?, "group")?,
        },
        "groupMembershipEvent" => Event::GroupMembership {
            operation: operation(element)?,
            group: element.required_child("group")?.required("name")?.to_owned(),
            parents: groups(element, "parentGroups")?,
            children: groups(element, "childGroups")?,
        },
        _ => return Ok(None),
    }))
}

fn groups(element: &Element, name: &str) -> Result<Vec<String>, String> {
    element.child(name).map_or(Ok(Vec::new()), |list| names(list, "group"))
}

fn operation(element: &Element) -> Result<Operation, String> {
    match element.required_child("operation")?.text.trim() {
        "CREATED" => Ok(Operation::Created),
        "UPDATED" => Ok(Operation::Updated),
        "DELETED" => Ok(Operation::Deleted),
        other => Err(format!("there is no operation {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inner: &str, available: &str) -> Result<Events, String> {
        let text = format!("<events newEventToken=\"a:1\"{available}>{inner}</events>");
        Events::read(&Element::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn without_a_word_increments_are_not_available() {
        assert!(!parse("", "").unwrap().available);
        assert!(parse("", " incrementalSynchronisationAvailable=\"true\"").unwrap().available);
        assert!(parse("", " incrementalSynchronisationAvailable=\"maybe\"").is_err());
        assert!(Events::read(&Element::parse(b"<events/>").unwrap()).is_err());
    }

    #[test]
    fn events_are_read_in_order_and_unknown_ones_passed_over() {
        let inner =
            "<userEvent><operation>DELETED</operation><user name=\"a\"/></userEvent><newEvent/>
            <userMembershipEvent><operation>UPDATED</operation><childUser name=\"b\"/>
            <parentGroups><group name=\"g\"/></parentGroups></userMembershipEvent>";
        let expected = [
            Event::UserGone("a".to_owned()),
            Event::UserMembership {
                operation: Operation::Updated,
                user: "b".to_owned(),
                groups: vec!["g".to_owned()],
            },
        ];
        assert_eq!(parse(inner, "").unwrap().events, expected);
        assert!(parse(&inner.replace("DELETED", "GONE"), "").is_err());
        // Only who is gone may be a name alone.
        assert!(parse(&inner.replace("DELETED", "UPDATED"), "").is_err());
    }
}
