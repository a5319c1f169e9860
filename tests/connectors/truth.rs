//! What the fakes of Okta and Google have, as a connector has to say it: read from their JSON by other means.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse::cloud::{GroupKind, Member, Standing};
use serde_json::Value;

use super::mirror::{Mirror, MirroredGroup, MirroredUser, Values};
use crate::support::clouds::{
    google,
    ids::Sort,
    okta,
    tenant::{self, Group, Kind, Status, Tenant, User, Vendor},
};

pub fn id(tenant: &Tenant, sort: Sort, no: u32) -> String {
    match tenant.vendor {
        Vendor::Okta => tenant.ids.okta(sort, no),
        _ => tenant.ids.google(sort, no),
    }
}

pub fn of(tenant: &Tenant) -> Mirror {
    let users = (0..tenant.users).filter_map(|no| tenant.user(no));
    let users = users.map(|user| (id(tenant, Sort::User, user.no), known(tenant, &user)));
    let groups = tenant.list_groups();
    let groups = groups.map(|it| (id(tenant, Sort::Group, it.no), seen(tenant, it)));
    Mirror::new(users.collect(), groups.collect())
}

/// Whether people who were deactivated are members of Okta's groups is not known, so nothing may depend on it.
pub fn comparable(mirror: &Mirror) -> Mirror {
    let mut mirror = mirror.clone();
    let users = &mirror.users;
    let is_deactivated = |id: &str| {
        let status = users.get(id).and_then(|user| user.values.get("status"));
        status.is_some_and(|status| status == &["DEPROVISIONED"])
    };
    for group in mirror.groups.values_mut() {
        group.members.retain(|member| !member.id().is_some_and(is_deactivated));
    }
    mirror
}

fn known(tenant: &Tenant, user: &User) -> MirroredUser {
    if tenant.vendor == Vendor::Okta {
        known_to_okta(tenant, user)
    } else {
        known_to_google(tenant, user)
    }
}

fn known_to_okta(tenant: &Tenant, user: &User) -> MirroredUser {
    let whole = okta::users::render(tenant, "", user);
    let mut values = values("", &whole["profile"]);
    values.insert("status".to_owned(), texts(&whole["status"]));
    let standing = match user.status {
        Status::Staged => Standing::NotYet,
        Status::Suspended | Status::Archived | Status::Deprovisioned => Standing::Disabled,
        _ => Standing::Enabled,
    };
    MirroredUser { standing, guest: None, values }
}

fn known_to_google(tenant: &Tenant, user: &User) -> MirroredUser {
    let whole = google::users::render(tenant, user, false);
    let mut values = values("", &whole["name"]);
    for name in ["primaryEmail", "orgUnitPath", "aliases"] {
        values.insert(name.to_owned(), texts(&whole[name]));
    }
    let all = |list: &Value, name: &str| {
        list.as_array()
            .into_iter()
            .flatten()
            .flat_map(|item| texts(&item[name]))
            .collect::<Vec<_>>()
    };
    values.insert("emails".to_owned(), all(&whole["emails"], "address"));
    let (ids, relations) = (all(&whole["externalIds"], "value"), all(&whole["relations"], "value"));
    values.insert("externalIds".to_owned(), ids.clone());
    values.insert("externalIds.organization".to_owned(), ids);
    values.insert("relations".to_owned(), relations.clone());
    values.insert("relations.manager".to_owned(), relations);
    values.extend(self::values("organizations.", &whole["organizations"][0]));
    values.retain(|_, values| !values.is_empty());
    let disabled = whole["suspended"] == true || whole["archived"] == true;
    MirroredUser {
        standing: if disabled { Standing::Disabled } else { Standing::Enabled },
        guest: Some(!matches!(user.kind, Kind::Member)),
        values,
    }
}

fn seen(tenant: &Tenant, group: &Group) -> MirroredGroup {
    let (kind, values) = if tenant.vendor == Vendor::Okta {
        let whole = okta::groups::render(tenant, "", group);
        let mut values = values("", &whole["profile"]);
        values.insert("type".to_owned(), texts(&whole["type"]));
        values.extend(self::values("source.", &whole["source"]));
        let kind = match group.kind {
            tenant::GroupKind::Everyone => GroupKind::BuiltIn,
            tenant::GroupKind::Imported => GroupKind::App,
            _ => GroupKind::Okta,
        };
        (kind, values)
    } else {
        let whole = google::groups::render(tenant, group);
        let names = ["name", "email", "description", "aliases"];
        let values = names.map(|name| (name.to_owned(), texts(&whole[name])));
        (GroupKind::Google, values.into_iter().filter(|(_, values)| !values.is_empty()).collect())
    };
    MirroredGroup {
        name: Some(group.name.clone()),
        kind: Some(kind),
        values,
        members: members(tenant, group),
    }
}

fn members(tenant: &Tenant, group: &Group) -> BTreeSet<Member> {
    let members = tenant.members(group).filter_map(|member| match member {
        tenant::Member::User(no) => Some(Member::User(id(tenant, Sort::User, no))),
        tenant::Member::Group(no) => Some(Member::Group(id(tenant, Sort::Group, no))),
        tenant::Member::Customer => Some(Member::Everybody),
        _ => None,
    });
    members.collect()
}

/// What has a value in an object, by its name after the beginning of a name.
fn values(name: &str, object: &Value) -> Values {
    let fields: BTreeMap<_, _> = object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (format!("{name}{key}"), texts(value)))
        .collect();
    fields.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}
