//! Who is in what: `group-list-members`, `group-list-transitivemembers`, `user-list-memberof`, `user-list-transitivememberof`,
//! `directoryobject-getmembergroups`, `directoryobject-checkmembergroups`, `directoryobject-getbyids`.

use serde_json::{Value, json};

use super::{
    context, error, groups,
    options::{Options, link},
    users,
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::{Ids, Sort},
    page::Page,
    tenant::{GroupKind, Member, Tenant},
};

/// What a caller may see of a group's members.
#[derive(Clone, Copy)]
pub struct Reading {
    pub nested: bool,
    /// Otherwise, members have an id and a type, and nothing else.
    pub readable: bool,
    /// Also of groups that hide who is in them.
    pub hidden: bool,
}

/// The type and id of a member.
pub fn identity(ids: Ids, member: Member) -> (&'static str, String) {
    match member {
        Member::User(no) => ("user", ids.guid(Sort::User, no)),
        Member::Group(no) => ("group", ids.guid(Sort::Group, no)),
        Member::Device(no) => ("device", ids.guid(Sort::Device, no)),
        Member::ServicePrincipal(no) => ("servicePrincipal", ids.guid(Sort::ServicePrincipal, no)),
        Member::Contact(no) | Member::External(no) => ("orgContact", ids.guid(Sort::Contact, no)),
        Member::Customer => ("orgContact", ids.guid(Sort::Contact, u32::MAX)),
    }
}

/// A directory object, whatever it is.
fn render(tenant: &Tenant, options: &Options, member: Member, readable: bool) -> Value {
    let (kind, id) = identity(tenant.ids, member);
    let whole = match member {
        Member::User(no) => tenant.user(no).map(|user| users::render(tenant.ids, &user)),
        Member::Group(no) => tenant.group(no).map(|group| groups::render(tenant.ids, group)),
        _ => None,
    };
    let whole = whole.unwrap_or_else(|| json!({ "id": id, "displayName": format!("A {kind}") }));
    let default = if kind == "user" { users::DEFAULT } else { groups::PROPERTIES };
    let mut object = options.cut(&whole, default);
    if !readable {
        object
            .iter_mut()
            .filter(|(name, _)| *name != "id")
            .for_each(|(_, value)| *value = json!(null));
        object.insert("id".to_owned(), json!(id));
    }
    object.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{kind}")));
    Value::Object(object)
}

/// What can be selected of what may be anything.
fn properties(cast: &[&str]) -> Vec<&'static str> {
    match cast.first() {
        Some(&"microsoft.graph.user") => users::PROPERTIES.to_vec(),
        Some(&"microsoft.graph.group") => groups::PROPERTIES.to_vec(),
        _ => [users::PROPERTIES, groups::PROPERTIES].concat(),
    }
}

/// The type that a path asks for, and whether only a number is wanted.
fn cast<'a>(asked: &Asked, cast: &'a [&str]) -> Result<(Option<&'a str>, bool), Answer> {
    match cast {
        [] => Ok((None, false)),
        ["$count"] => Ok((None, true)),
        [kind] if kind.starts_with("microsoft.graph.") => Ok((Some(&kind[16..]), false)),
        [kind, "$count"] if kind.starts_with("microsoft.graph.") => Ok((Some(&kind[16..]), true)),
        [other, ..] => {
            Err(error::bad(asked, &format!("Resource not found for the segment '{other}'.")))
        }
    }
}

pub fn of_group(
    cloud: &Cloud,
    asked: &Asked,
    id: &str,
    reading: Reading,
    path: &[&str],
) -> Outcome {
    let (kind, only_count) = cast(asked, path)?;
    let options = Options::read(asked, "directoryObject", &properties(path))?;
    let tenant = cloud.tenant();
    let group = groups::find(&tenant, asked, id)?;
    let all = match (reading.nested, group.hidden && !reading.hidden) {
        (_, true) => Vec::new(),
        (true, _) => tenant.members_through(group),
        (false, _) => tenant.members(group).collect(),
    };
    let wanted = |member: &Member| kind.is_none_or(|kind| identity(tenant.ids, *member).0 == kind);
    let all: Vec<Member> = all.into_iter().filter(wanted).collect();
    if only_count {
        return Ok(Answer::text(all.len().to_string()));
    }
    let write = |member| render(&tenant, &options, member, reading.readable);
    Ok(page(cloud, asked, &options, &all, write, "directoryObjects"))
}

/// A page of a list that is all there. Conditions look at what is written.
fn page<T: Copy>(
    cloud: &Cloud,
    asked: &Asked,
    options: &Options,
    all: &[T],
    write: impl Fn(T) -> Value,
    of: &str,
) -> Answer {
    let conditional = options.condition.is_some() || options.search.is_some();
    let picked: Vec<T> = if conditional {
        all.iter().copied().filter(|item| options.wants(&write(*item))).collect()
    } else {
        all.to_vec()
    };
    let begin = (options.after as usize).min(picked.len());
    let end = (begin + options.top).min(picked.len());
    let items = picked[begin..end].iter().map(|item| write(*item)).collect();
    let next = (end < picked.len()).then(|| end.to_string());
    options.answer(cloud, asked, Page { items, next }, of, options.count.then_some(picked.len()))
}

pub fn groups_of(cloud: &Cloud, asked: &Asked, id: &str, nested: bool, path: &[&str]) -> Outcome {
    let (kind, only_count) = cast(asked, path)?;
    let options = Options::read(asked, "directoryObject", &properties(path))?;
    let tenant = cloud.tenant();
    let user = users::find(&tenant, id).ok_or_else(|| error::not_found(asked, id))?;
    let mut all = tenant.groups_of(Member::User(user.no), nested);
    all.retain(|_| kind.is_none_or(|kind| kind == "group"));
    if only_count {
        return Ok(Answer::text(all.len().to_string()));
    }
    let write = |no| render(&tenant, &options, Member::Group(no), true);
    Ok(page(cloud, asked, &options, &all, write, "directoryObjects"))
}

fn body(asked: &Asked) -> Result<Value, Answer> {
    serde_json::from_slice(&asked.body)
        .map_err(|_| error::bad(asked, "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."))
}

/// Some identifiers of a body, at most so many.
fn ids(asked: &Asked, body: &Value, name: &str, most: usize) -> Result<Vec<String>, Answer> {
    let ids = body[name].as_array().and_then(|ids| {
        ids.iter().map(|id| id.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    match ids {
        Some(ids) if !ids.is_empty() && ids.len() <= most => Ok(ids),
        Some(_) => {
            let message = format!("The number of items in '{name}' must be between 1 and {most}.");
            Err(error::error(asked, 400, "Request_BadRequest", &message))
        }
        None => Err(error::bad(asked, &format!("Missing or malformed parameter '{name}'."))),
    }
}

/// All groups of somebody, also through others: ids, and the whole list at once.
pub fn ids_of_groups(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let body = body(asked)?;
    let Some(security_only) = body["securityEnabledOnly"].as_bool() else {
        return Err(error::bad(asked, "Missing or malformed parameter 'securityEnabledOnly'."));
    };
    let tenant = cloud.tenant();
    let user = users::find(&tenant, id).ok_or_else(|| error::not_found(asked, id))?;
    let all = tenant.groups_of(Member::User(user.no), true).into_iter();
    let all = all.filter(|no| !security_only || is_security(&tenant, *no));
    let all: Vec<_> = all.map(|no| tenant.ids.guid(Sort::Group, no)).collect();
    if all.len() > 11_000 {
        return Err(error::error(
            asked,
            400,
            "Directory_ResultSizeLimitExceeded",
            "The result set exceeds 11,000 groups.",
        ));
    }
    Ok(strings(cloud, asked, &all))
}

fn is_security(tenant: &Tenant, no: u32) -> bool {
    tenant.group(no).is_some_and(|group| {
        !matches!(
            group.kind,
            GroupKind::Distribution | GroupKind::Microsoft365 | GroupKind::DynamicMicrosoft365
        )
    })
}

fn strings(cloud: &Cloud, asked: &Asked, all: &[String]) -> Answer {
    whole(cloud, asked, "Collection(Edm.String)", all.iter().map(|id| json!(id)).collect())
}

/// A list that has one page only, unless faults make more of it.
fn whole(cloud: &Cloud, asked: &Asked, of: &str, items: Vec<Value>) -> Answer {
    let page = Page { items, next: None }.twisted(cloud, asked, "0");
    let mut body = json!({ "@odata.context": context(asked, cloud, of), "value": page.items });
    if let Some(next) = page.next {
        body["@odata.nextLink"] = json!(link(asked, "$skiptoken", &next));
    }
    Answer::json(body)
}

/// Which of twenty groups somebody is in.
pub fn check(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let wanted = ids(asked, &body(asked)?, "groupIds", 20)?;
    let tenant = cloud.tenant();
    let user = users::find(&tenant, id).ok_or_else(|| error::not_found(asked, id))?;
    let all = tenant.groups_of(Member::User(user.no), true);
    let is_in =
        |id: &String| tenant.ids.of_guid(Sort::Group, id).is_some_and(|no| all.contains(&no));
    let found: Vec<_> = wanted.into_iter().filter(is_in).collect();
    Ok(strings(cloud, asked, &found))
}

/// Objects of which only ids are known. Those that are not there are left out.
pub fn by_ids(cloud: &Cloud, asked: &Asked, readable: bool) -> Outcome {
    let body = body(asked)?;
    let wanted = ids(asked, &body, "ids", 1_000)?;
    let options = Options::read(asked, "directoryObject", &properties(&[]))?;
    let types: Vec<&str> =
        body["types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_wanted =
        |kind| types.is_empty() || types.contains(&"directoryObject") || types.contains(&kind);
    let tenant = cloud.tenant();
    let find = |id: &String| {
        let user = tenant.ids.of_guid(Sort::User, id).filter(|no| tenant.is_there(*no));
        let group = || tenant.ids.of_guid(Sort::Group, id).filter(|no| tenant.group(*no).is_some());
        match user {
            Some(no) => is_wanted("user").then_some(Member::User(no)),
            None => group().filter(|_| is_wanted("group")).map(Member::Group),
        }
    };
    let found = wanted.iter().filter_map(find);
    let items = found.map(|member| render(&tenant, &options, member, readable)).collect();
    Ok(whole(cloud, asked, "directoryObjects", items))
}
