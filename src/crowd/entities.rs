//! Users and groups, as applications read them.

use std::collections::BTreeMap;

use super::{asking::Asking, query::Query, writer::Writer};
use crate::store::{SeenGroup, SeenUser};

/// How much of an entity is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Whether its attributes are.
    pub(super) attributes: bool,
}

impl Shown {
    /// As an address says.
    pub(super) fn of(query: &Query) -> Self {
        Self { attributes: query.expands("attributes") }
    }
}

/// Where entities say they are.
#[derive(Clone, Debug)]
pub(super) struct Links {
    base: String,
}

impl Links {
    /// As the application has asked.
    pub(super) fn of(asking: &Asking) -> Self {
        Self { base: asking.base.url() }
    }

    /// A link to the resource that has this name.
    pub(super) fn write(&self, writer: &mut Writer, place: &str, name: &str, relation: &str) {
        writer.link(&self.base, place, name, relation);
    }
}

/// A user, within an entity that has been begun.
pub(super) fn write_user(writer: &mut Writer, links: &Links, seen: &SeenUser, shown: Shown) {
    let profile = &seen.user.profile;
    writer.attribute("name", &profile.username);
    writer.attribute("expand", "attributes");
    links.write(writer, "/user?username=", &profile.username, "self");
    writer.text("first-name", profile.first_name.as_deref().unwrap_or_default());
    writer.text("last-name", profile.last_name.as_deref().unwrap_or_default());
    let display_name = profile.display_name.as_deref().unwrap_or(&profile.username);
    writer.text("display-name", display_name);
    writer.number("directory-id", seen.user.directory.0);
    writer.text("email", profile.email.as_deref().unwrap_or_default());
    writer.begin("password");
    links.write(writer, "/user/password?username=", &profile.username, "edit");
    writer.end("password");
    writer.text("key", &seen.key());
    writer.time("created-date", seen.created_at);
    writer.time("updated-date", seen.updated_at);
    writer.text("directory-name", &seen.directory_name);
    writer.flag("active", seen.user.inactive.is_none());
    let attributes = shown.attributes.then_some(&profile.attributes);
    let place = ("/user/attribute?username=", profile.username.as_str());
    write_attributes(writer, links, place, attributes);
}

/// A user of whom only the name is wanted.
pub(super) fn write_user_name(writer: &mut Writer, links: &Links, name: &str) {
    writer.attribute("name", name);
    links.write(writer, "/user?username=", name, "self");
}

/// A group, within an entity that has been begun.
pub(super) fn write_group(writer: &mut Writer, links: &Links, seen: &SeenGroup, shown: Shown) {
    writer.attribute("name", &seen.name);
    writer.attribute("expand", "attributes");
    links.write(writer, "/group?groupname=", &seen.name, "self");
    writer.text("description", seen.description.as_deref().unwrap_or_default());
    writer.text("type", "GROUP");
    writer.flag("active", true);
    // Groups have none.
    let none = BTreeMap::new();
    let place = ("/group/attribute?groupname=", seen.name.as_str());
    write_attributes(writer, links, place, shown.attributes.then_some(&none));
}

/// A group of which only the name is wanted.
pub(super) fn write_group_name(writer: &mut Writer, links: &Links, name: &str) {
    writer.attribute("name", name);
    links.write(writer, "/group?groupname=", name, "self");
}

/// Attributes, or only where they are.
fn write_attributes(
    writer: &mut Writer,
    links: &Links,
    (place, name): (&str, &str),
    attributes: Option<&BTreeMap<String, String>>,
) {
    writer.begin("attributes");
    links.write(writer, place, name, "self");
    write_attribute_list(writer, attributes);
    writer.end("attributes");
}

/// Attributes by themselves.
pub(super) fn write_attributes_document(
    writer: &mut Writer,
    links: &Links,
    place: &str,
    name: &str,
    attributes: &BTreeMap<String, String>,
) {
    writer.begin_document("attributes");
    links.write(writer, place, name, "self");
    write_attribute_list(writer, Some(attributes));
    writer.end("attributes");
}

/// The attributes of an entity that has been begun.
pub(super) fn write_attribute_list(
    writer: &mut Writer,
    attributes: Option<&BTreeMap<String, String>>,
) {
    writer.begin_list("attributes");
    for (name, value) in attributes.into_iter().flatten() {
        writer.begin_item("attribute");
        writer.attribute("name", name);
        writer.begin_values("values");
        writer.item_text("value", value);
        writer.end_values("values");
        writer.end("attribute");
    }
    writer.end_list();
}
