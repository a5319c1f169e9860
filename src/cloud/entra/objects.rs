//! Users, groups and members as Graph writes them.

use serde_json::{Map, Value};

use crate::cloud::{Attributes, Group, GroupKind, Item, Member, Members, Standing, User};

/// A JSON object of Graph.
pub(super) type Object = Map<String, Value>;

pub(super) fn id(object: &Object) -> Option<&str> {
    object.get("id")?.as_str()
}

/// The ids of an object and of everything that it names as a member, or as one no more.
pub(super) fn ids(object: &Object) -> impl Iterator<Item = &str> {
    let members = object.get("members@delta").and_then(Value::as_array).into_iter().flatten();
    id(object).into_iter().chain(members.filter_map(|member| member.get("id")?.as_str()))
}

/// Whether it says of an object that it is not there, or not a member, any more.
pub(super) fn is_removed(object: &Object) -> bool {
    object.contains_key("@removed")
}

/// A user. Of a whole one, what is not said has no value.
pub(super) fn user(object: &Object, whole: bool) -> Option<User> {
    Some(User {
        id: id(object)?.to_owned(),
        standing: standing(object),
        guest: guest(object),
        attributes: attributes(object, whole),
        whole,
    })
}

/// A value that is missing is never taken for "disabled": who may not read it does not get it.
fn standing(object: &Object) -> Standing {
    match object.get("accountEnabled").and_then(Value::as_bool) {
        Some(true) => Standing::Enabled,
        Some(false) => Standing::Disabled,
        None => Standing::Unsaid,
    }
}

/// Old objects have no type, which is not said then; the name of a guest shows it.
fn guest(object: &Object) -> Option<bool> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    match text("userType") {
        Some(kind) => Some(kind == "Guest"),
        None => text("userPrincipalName").map(|name| name.contains("#EXT#")),
    }
}

pub(super) fn group(object: &Object, whole: bool) -> Option<Group> {
    // A piece of a large group may come without the rest.
    let name = object.get("displayName").and_then(Value::as_str);
    let whole = whole && name.is_some();
    Some(Group {
        id: id(object)?.to_owned(),
        name: name.map(str::to_owned),
        kind: kind(object),
        attributes: attributes(object, whole),
        whole,
    })
}

/// `learn.microsoft.com/graph/api/resources/groups-overview`.
fn kind(object: &Object) -> Option<GroupKind> {
    let flag = |name: &str| object.get(name).and_then(Value::as_bool);
    let types = object.get("groupTypes").and_then(Value::as_array);
    if types.is_some_and(|types| types.iter().any(|kind| kind == "Unified")) {
        return Some(GroupKind::Microsoft365);
    }
    match (flag("securityEnabled"), flag("mailEnabled")) {
        (Some(true), _) => Some(GroupKind::Security),
        (Some(false), Some(true)) => Some(GroupKind::Distribution),
        _ => None,
    }
}

/// Everything that has a value, or none any more.
fn attributes(object: &Object, whole: bool) -> Attributes {
    let plain = object.iter().filter(|(name, _)| !name.contains('@') && *name != "members");
    let values = plain.map(|(name, value)| (name.clone(), values(value)));
    values.filter(|(_, values)| !whole || values.is_some()).collect()
}

fn values(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Array(all) => {
            let all: Vec<_> = all.iter().filter_map(values).flatten().collect();
            (!all.is_empty()).then_some(all)
        }
        Value::String(text) => Some(vec![text.clone()]),
        other => Some(vec![other.to_string()]),
    }
}

/// Whether nothing is said of an object but that it is there, which is how Graph says that reading it is not permitted.
/// The properties named are never empty of an object that can be read.
pub(super) fn is_blank(object: &Object, whole: bool, never_empty: &[&str]) -> bool {
    let is_missing = |name: &&str| match object.get(*name) {
        Some(value) => value.is_null(),
        None => whole,
    };
    !is_removed(object) && never_empty.iter().all(is_missing)
}

/// Who has joined a group and who has left it, if an item of a delta query says so.
pub(super) fn members(object: &Object) -> Option<Item> {
    let said = object.get("members@delta")?.as_array()?;
    let mut members = Members {
        group: id(object)?.to_owned(),
        afresh: false,
        joined: Vec::new(),
        left: Vec::new(),
    };
    for said in said.iter().filter_map(Value::as_object) {
        let Some(member) = member(said) else { continue };
        if is_removed(said) {
            members.left.push(match member {
                Member::User(id) | Member::Group(id) => id,
                Member::Everybody => continue,
            });
        } else {
            members.joined.push(member);
        }
    }
    Some(Item::Members(members))
}

/// A member, unless it is a device, a contact, or an application's.
pub(super) fn member(object: &Object) -> Option<Member> {
    let id = id(object)?.to_owned();
    match object.get("@odata.type").and_then(Value::as_str) {
        Some("#microsoft.graph.group") => Some(Member::Group(id)),
        Some("#microsoft.graph.user") | None => Some(Member::User(id)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
