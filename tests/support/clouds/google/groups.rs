//! Groups and who is in them: people, groups, people from elsewhere, and everybody of the customer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    CUSTOMER, check_names, error,
    list::Window,
    query::{self, Clause},
    tagged, users,
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::Sort,
    page::Page,
    tenant::{Group, Member, Tenant},
};

pub fn render(tenant: &Tenant, group: &Group) -> Value {
    let mut object = json!({
        "kind": "admin#directory#group",
        "id": tenant.ids.google(Sort::Group, group.no),
        "email": group.mail,
        "name": group.name,
        "description": group.description.as_deref().unwrap_or_default(),
        "adminCreated": true,
        "directMembersCount": tenant.members(group).count().to_string(),
    });
    if !group.aliases.is_empty() {
        object["aliases"] = json!(group.aliases);
    }
    tagged(object)
}

fn find<'a>(tenant: &'a Tenant, key: &str) -> Result<&'a Group, Answer> {
    let by_id = tenant.ids.of_google(Sort::Group, key).and_then(|no| tenant.group(no));
    let is_named = |group: &&Group| {
        let mail = group.mail.iter().chain(&group.aliases);
        mail.into_iter().any(|mail| mail.eq_ignore_ascii_case(key))
    };
    by_id
        .or_else(|| tenant.list_groups().find(is_named))
        .ok_or_else(|| error::not_found("groupKey"))
}

fn holds(tenant: &Tenant, clause: &Clause, group: &Group) -> bool {
    match clause.name.as_str() {
        "email" => clause.holds(&[group.mail.as_deref().unwrap_or_default()]),
        "name" => clause.holds(&[&group.name]),
        _ => member_of(tenant, &clause.value).is_some_and(|member| group.has(member)),
    }
}

fn member_of(tenant: &Tenant, key: &str) -> Option<Member> {
    let user = users::find(tenant, key).map(|user| Member::User(user.no));
    user.or_else(|| find(tenant, key).ok().map(|group| Member::Group(group.no)))
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    check_names(
        asked,
        &[
            "customer",
            "domain",
            "maxResults",
            "pageToken",
            "orderBy",
            "sortOrder",
            "query",
            "userKey",
        ],
    )?;
    let window = Window::read(cloud, asked, 200, 200)?;
    let member = if let Some(key) = asked.parameter("userKey") {
        let member = member_of(&cloud.tenant(), key);
        Some(member.ok_or_else(|| error::not_found("userKey"))?)
    } else {
        users::check_whose(cloud, asked)?;
        None
    };
    let clauses = match asked.parameter("query") {
        Some(text) => query::parse(text).ok_or_else(|| error::invalid("query"))?,
        None => Vec::new(),
    };
    if clauses.iter().any(|clause| !matches!(clause.name.as_str(), "email" | "name" | "memberKey"))
    {
        return Err(error::invalid("query"));
    }
    let tenant = cloud.tenant();
    let all = tenant.list_groups().filter(|group| group.no as usize >= window.after);
    let all = all.filter(|group| member.is_none_or(|member| group.has(member)));
    let mut all =
        all.filter(|group| clauses.iter().all(|clause| holds(&tenant, clause, group))).peekable();
    let items = all.by_ref().take(window.limit).map(|group| render(&tenant, group)).collect();
    let next = all.peek().map(|group| group.no.to_string());
    Ok(window.answer(cloud, asked, "groups", "groups", Page { items, next }))
}

pub fn one(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    check_names(asked, &[])?;
    let tenant = cloud.tenant();
    Ok(Answer::json(render(&tenant, find(&tenant, key)?)))
}

/// The role follows from the person: each seventh owns the group, each fifth manages it.
fn role(member: Member) -> &'static str {
    match member {
        Member::User(no) if no % 7 == 0 => "OWNER",
        Member::User(no) if no % 5 == 0 => "MANAGER",
        _ => "MEMBER",
    }
}

fn write(tenant: &Tenant, member: Member) -> Option<Value> {
    let mut object = json!({ "kind": "admin#directory#member", "role": role(member) });
    let (id, email, kind, status) = match member {
        Member::User(no) => {
            let user = tenant.user(no)?;
            let status = if user.is_active() { "ACTIVE" } else { "SUSPENDED" };
            (tenant.ids.google(Sort::User, no), Some(users::address(&user)), "USER", Some(status))
        }
        Member::Group(no) => {
            let group = tenant.group(no)?;
            (tenant.ids.google(Sort::Group, no), group.mail.clone(), "GROUP", Some("ACTIVE"))
        }
        Member::Customer => (CUSTOMER.to_owned(), None, "CUSTOMER", None),
        Member::External(no)
        | Member::Contact(no)
        | Member::Device(no)
        | Member::ServicePrincipal(no) => {
            let email = Some(format!("someone.{no}@elsewhere.example.net"));
            (tenant.ids.google(Sort::User, u32::MAX - no), email, "EXTERNAL", None)
        }
    };
    object["id"] = json!(id);
    object["type"] = json!(kind);
    if let Some(email) = email {
        object["email"] = json!(email);
    }
    if let Some(status) = status {
        object["status"] = json!(status);
    }
    Some(tagged(object))
}

pub fn members(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    check_names(asked, &["maxResults", "pageToken", "roles", "includeDerivedMembership"])?;
    let window = Window::read(cloud, asked, 200, 200)?;
    let roles: Option<BTreeSet<String>> =
        asked.parameter("roles").map(|roles| roles.split(',').map(str::to_uppercase).collect());
    let known = |role: &String| matches!(role.as_str(), "OWNER" | "MANAGER" | "MEMBER");
    if roles.as_ref().is_some_and(|roles| !roles.iter().all(known)) {
        return Err(error::invalid("roles"));
    }
    let tenant = cloud.tenant();
    let group = find(&tenant, key)?;
    let all: Vec<Member> = match asked.parameter("includeDerivedMembership") {
        Some("true") => tenant.members_through(group),
        Some("false") | None => tenant.members(group).collect(),
        Some(_) => return Err(error::invalid("includeDerivedMembership")),
    };
    let wanted = |member: &Member| roles.as_ref().is_none_or(|roles| roles.contains(role(*member)));
    let all: Vec<Member> = all.into_iter().filter(wanted).collect();
    let begin = window.after.min(all.len());
    let end = (begin + window.limit).min(all.len());
    let items = all[begin..end].iter().filter_map(|member| write(&tenant, *member)).collect();
    let next = (end < all.len()).then(|| end.to_string());
    Ok(window.answer(cloud, asked, "members", "members", Page { items, next }))
}

pub fn member(cloud: &Cloud, asked: &Asked, key: &str, member: &str) -> Outcome {
    check_names(asked, &[])?;
    let tenant = cloud.tenant();
    let group = find(&tenant, key)?;
    let member = member_of(&tenant, member).filter(|member| group.has(*member));
    let object = member.and_then(|member| write(&tenant, member));
    object.map(Answer::json).ok_or_else(|| error::not_found("memberKey"))
}

/// Also through other groups.
pub fn has_member(cloud: &Cloud, asked: &Asked, key: &str, member: &str) -> Outcome {
    check_names(asked, &[])?;
    let tenant = cloud.tenant();
    let group = find(&tenant, key)?;
    let member = member_of(&tenant, member).ok_or_else(|| error::not_found("memberKey"))?;
    let is_in = tenant.groups_of(member, true).contains(&group.no);
    Ok(Answer::json(json!({ "isMember": is_in })))
}
