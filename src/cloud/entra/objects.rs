//! Users, groups and members as Graph writes them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::cloud::{Attributes, Group, GroupKind, Item, Member, Members, Standing, User};

/// A JSON object of Graph.
pub(super) type Object = Map<String, Value>;

pub(super) fn id(object: &Object) -> Option<&str> {
    object.get("id")?.as_str()
}

/// An object of a delta query. A group has a million members at worst, so they are no JSON values.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) object: Object,
    pub(super) members: Option<Vec<NamedMember>>,
}

/// Who has joined a group, or has left it.
#[derive(Debug, Deserialize)]
pub(super) struct NamedMember {
    id: Option<String>,
    #[serde(rename = "@odata.type", default)]
    kind: MemberKind,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
}

/// What a member is. One of which that is not said is a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MemberKind {
    #[default]
    User,
    Group,
    /// A device, a contact, or an application's.
    Other,
}

impl MemberKind {
    fn of(name: &str) -> Self {
        match name {
            "#microsoft.graph.user" => Self::User,
            "#microsoft.graph.group" => Self::Group,
            _ => Self::Other,
        }
    }

    fn named(self, id: String) -> Option<Member> {
        match self {
            Self::User => Some(Member::User(id)),
            Self::Group => Some(Member::Group(id)),
            Self::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for MemberKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = MemberKind;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("the type of a member")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<MemberKind, E> {
                Ok(MemberKind::of(name))
            }

            fn visit_unit<E: de::Error>(self) -> Result<MemberKind, E> {
                Ok(MemberKind::default())
            }
        }
        from.deserialize_any(Name)
    }
}

impl<'de> Deserialize<'de> for Changed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Changed;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Changed, A::Error> {
                let mut changed = Changed::default();
                while let Some(name) = fields.next_key::<String>()? {
                    if name == "members@delta" {
                        changed.members = fields.next_value()?;
                    } else {
                        changed.object.insert(name, fields.next_value()?);
                    }
                }
                Ok(changed)
            }
        }
        from.deserialize_map(Fields)
    }
}

/// The ids of an object and of everything that it names as a member, or as one no more.
pub(super) fn ids(changed: &Changed) -> impl Iterator<Item = &str> {
    let members = changed.members.iter().flatten();
    id(&changed.object).into_iter().chain(members.filter_map(|member| member.id.as_deref()))
}

/// Whether it says of an object that it is not there, or not a member, any more.
pub(super) fn is_removed(object: &Object) -> bool {
    object.contains_key("@removed")
}

/// A user. Of a whole one, what is not said has no value.
pub(super) fn user(object: Object, whole: bool) -> Option<User> {
    Some(User {
        id: id(&object)?.to_owned(),
        standing: standing(&object),
        guest: guest(&object),
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

pub(super) fn group(object: Object, whole: bool) -> Option<Group> {
    // A piece of a large group may come without the rest.
    let name = object.get("displayName").and_then(Value::as_str).map(str::to_owned);
    let whole = whole && name.is_some();
    Some(Group {
        id: id(&object)?.to_owned(),
        kind: kind(&object),
        name,
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
fn attributes(object: Object, whole: bool) -> Attributes {
    let plain = object.into_iter().filter(|(name, _)| !name.contains('@') && name != "members");
    let values = plain.map(|(name, value)| (name, values(value)));
    values.filter(|(_, values)| !whole || values.is_some()).collect()
}

fn values(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Array(all) => {
            let all: Vec<_> = all.into_iter().filter_map(values).flatten().collect();
            (!all.is_empty()).then_some(all)
        }
        Value::String(text) => Some(vec![text]),
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
pub(super) fn members(group: &str, said: Vec<NamedMember>) -> Item {
    let (joined, left) = (Vec::with_capacity(said.len()), Vec::new());
    let mut members = Members { group: group.to_owned(), afresh: false, joined, left };
    for NamedMember { id, kind, removed } in said {
        match (id.and_then(|id| kind.named(id)), removed) {
            (Some(member), None) => members.joined.push(member),
            (Some(Member::User(id) | Member::Group(id)), Some(_)) => members.left.push(id),
            _ => {}
        }
    }
    Item::Members(members)
}

/// A member, unless it is a device, a contact, or an application's.
pub(super) fn member(object: &Object) -> Option<Member> {
    let kind = object.get("@odata.type").and_then(Value::as_str).map(MemberKind::of);
    kind.unwrap_or_default().named(id(object)?.to_owned())
}

#[cfg(test)]
mod tests;
