//! A few users and groups, with what a mapping can use of them.

use super::say;
use crate::cloud::{Attributes, Group, Probe, Standing, User};

pub(super) fn show(probe: &Probe) {
    if !probe.users.is_empty() {
        say("\nusers, with the attributes that a mapping can use:");
    }
    for user in &probe.users {
        say(&format!("\n  {} ({})", user.id, words(user)));
        attributes(&user.attributes);
    }
    if !probe.groups.is_empty() {
        say("\ngroups:");
    }
    for group in &probe.groups {
        say(&format!("  {}  {}", group.id, title(group)));
    }
}

fn words(user: &User) -> String {
    let standing = match user.standing {
        Standing::Enabled => "enabled",
        Standing::Disabled => "disabled",
        Standing::NotYet => "not active yet",
        Standing::Unsaid => "not said whether enabled",
    };
    let guest = if user.guest == Some(true) { ", guest" } else { "" };
    format!("{standing}{guest}")
}

fn attributes(attributes: &Attributes) {
    let longest = attributes.keys().map(String::len).max().unwrap_or_default();
    for (name, values) in attributes {
        if let Some(values) = values {
            say(&format!("    {name:<longest$}  {}", values.join(", ")));
        }
    }
}

fn title(group: &Group) -> String {
    let name = group.name.as_deref().unwrap_or_default();
    match group.kind {
        Some(kind) => format!("{name} ({kind:?})"),
        None => name.to_owned(),
    }
}
