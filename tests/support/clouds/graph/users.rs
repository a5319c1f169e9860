//! `resources/user`, `user-list`, `user-get`, `user-list-manager`, `directory-deleteditems-list`.

use serde_json::{Map, Value, json};

use super::{context, error, options::Options};
use crate::support::clouds::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    ids::{Ids, Sort},
    page::Page,
    tenant::{Kind, Tenant, User},
    time::in_seconds,
};

/// What can be selected, and written.
pub const PROPERTIES: &[&str] = &[
    "id",
    "accountEnabled",
    "assignedLicenses",
    "businessPhones",
    "companyName",
    "createdDateTime",
    "deletedDateTime",
    "department",
    "displayName",
    "employeeId",
    "externalUserState",
    "givenName",
    "jobTitle",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "preferredLanguage",
    "proxyAddresses",
    "surname",
    "userPrincipalName",
    "userType",
];

/// What is there without `$select`: not whether the account is enabled.
pub const DEFAULT: &[&str] = &[
    "id",
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// Everything of a user.
pub fn render(ids: Ids, user: &User) -> Value {
    let premises = user.on_premises.as_ref();
    let local = user.login.split('@').next().unwrap_or_default();
    let mut addresses: Vec<_> = user.mail.iter().map(|mail| format!("SMTP:{mail}")).collect();
    addresses.extend(user.aliases.iter().map(|alias| format!("smtp:{alias}")));
    let licences: Vec<_> = user
        .licensed
        .then(|| json!({ "disabledPlans": [], "skuId": "05e9a617-0261-4cee-bb44-138d3ef5d965" }))
        .into_iter()
        .collect();
    json!({
        "id": ids.guid(Sort::User, user.no),
        "accountEnabled": user.is_active(),
        "assignedLicenses": licences,
        "businessPhones": [],
        "companyName": null,
        "createdDateTime": in_seconds(user.created),
        "deletedDateTime": user.deleted.map(in_seconds),
        "department": user.department,
        "displayName": user.display,
        "employeeId": user.employee,
        "externalUserState": match user.kind {
            Kind::Guest { accepted: true } => Some("Accepted"),
            Kind::Guest { accepted: false } => Some("PendingAcceptance"),
            _ => None,
        },
        "givenName": user.given,
        "jobTitle": user.title,
        "mail": user.mail,
        "mailNickname": local.replace("#EXT#", ""),
        "mobilePhone": null,
        "officeLocation": null,
        "onPremisesDistinguishedName": premises.map(|it| format!("CN={},OU=People,DC={}", it.sam, it.domain.replace('.', ",DC="))),
        "onPremisesDomainName": premises.map(|it| &it.domain),
        "onPremisesImmutableId": premises.map(|it| &it.immutable),
        "onPremisesSamAccountName": premises.map(|it| &it.sam),
        "onPremisesSecurityIdentifier": premises.map(|it| &it.sid),
        "onPremisesSyncEnabled": premises.map(|_| true),
        "onPremisesUserPrincipalName": premises.map(|it| &it.principal),
        "otherMails": user.other_mails,
        "preferredLanguage": null,
        "proxyAddresses": addresses,
        "surname": user.family,
        "userPrincipalName": user.login,
        "userType": match user.kind {
            Kind::Member => Some("Member"),
            Kind::Guest { .. } => Some("Guest"),
            Kind::Untyped => None,
        },
    })
}

/// Somebody by id or principal name.
pub fn find(tenant: &Tenant, key: &str) -> Option<User> {
    match tenant.ids.of_guid(Sort::User, key) {
        Some(no) => tenant.user(no),
        None if key.contains('@') => {
            let is_named = |user: &User| user.login.eq_ignore_ascii_case(key);
            tenant.all_users(0).find(|user| user.deleted.is_none() && is_named(user))
        }
        None => None,
    }
}

fn write(tenant: &Tenant, options: &Options, user: &User, whole: &Value) -> Value {
    let mut object = options.cut(whole, DEFAULT);
    let manager = user.manager.filter(|_| options.expand_manager);
    if let Some(manager) = manager.and_then(|no| tenant.user(no)) {
        object.insert("manager".to_owned(), with_type(render(tenant.ids, &manager), DEFAULT));
    }
    Value::Object(object)
}

/// Some properties of a directory object, with its type.
pub fn with_type(whole: Value, properties: &[&str]) -> Value {
    let mut object: Map<String, Value> = match whole {
        Value::Object(all) => {
            all.into_iter().filter(|(name, _)| properties.contains(&name.as_str())).collect()
        }
        _ => Map::new(),
    };
    object.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Value::Object(object)
}

/// The users that a condition picks, with their numbers. The index may be behind.
fn picked<'a>(
    cloud: &Cloud,
    tenant: &'a Tenant,
    options: &'a Options,
    from: u32,
) -> impl Iterator<Item = (User, Value)> + 'a {
    let revision = if options.asks_index() { cloud.visible(tenant) } else { tenant.history.len() };
    (from..tenant.users)
        .filter_map(move |no| tenant.user_then(no, revision))
        .filter(|user| user.deleted.is_none())
        .map(|user| {
            let whole = render(tenant.ids, &user);
            (user, whole)
        })
        .filter(|(_, whole)| options.wants(whole))
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    let options = Options::read(asked, "user", PROPERTIES)?;
    let tenant = cloud.tenant();
    let mut found = picked(cloud, &tenant, &options, options.after).peekable();
    let items = found.by_ref().take(options.top);
    let items = items.map(|(user, whole)| write(&tenant, &options, &user, &whole)).collect();
    let next = found.peek().map(|(user, _)| user.no.to_string());
    drop(found);
    let total = options.count.then(|| picked(cloud, &tenant, &options, 0).count());
    Ok(options.answer(cloud, asked, Page { items, next }, "users", total))
}

pub fn count(cloud: &Cloud, asked: &Asked) -> Outcome {
    let mut asked = asked.clone();
    asked.query.push(("$count".to_owned(), "true".to_owned()));
    let options = Options::read(&asked, "user", PROPERTIES)?;
    let count = picked(cloud, &cloud.tenant(), &options, 0).count();
    Ok(Answer { status: 200, headers: Vec::new(), body: Body::Text(count.to_string()) })
}

pub fn one(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let options = Options::read(asked, "user", PROPERTIES)?;
    let tenant = cloud.tenant();
    let user = find(&tenant, key).ok_or_else(|| error::not_found(asked, key))?;
    let mut object = write(&tenant, &options, &user, &render(tenant.ids, &user));
    object["@odata.context"] = context(asked, cloud, "users/$entity");
    Ok(Answer::json(object))
}

pub fn manager(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let options = Options::read(asked, "user", PROPERTIES)?;
    let tenant = cloud.tenant();
    let user = find(&tenant, key).ok_or_else(|| error::not_found(asked, key))?;
    let manager = user.manager.and_then(|no| tenant.user(no));
    let manager = manager.ok_or_else(|| error::not_found(asked, "manager"))?;
    let object = Value::Object(options.cut(&render(tenant.ids, &manager), DEFAULT));
    let mut object = with_type(object, PROPERTIES);
    object["@odata.context"] = context(asked, cloud, "directoryObjects/$entity");
    Ok(Answer::json(object))
}

/// Who was deleted, and can be restored for thirty days.
pub fn deleted(cloud: &Cloud, asked: &Asked) -> Outcome {
    let options = Options::read(asked, "user", PROPERTIES)?;
    let tenant = cloud.tenant();
    let mut found =
        tenant.all_users(options.after).filter(|user| user.deleted.is_some()).peekable();
    let write = |user: User| write(&tenant, &options, &user, &render(tenant.ids, &user));
    let items = found.by_ref().take(options.top).map(write).collect();
    let next = found.peek().map(|user| user.no.to_string());
    Ok(options.answer(cloud, asked, Page { items, next }, "users", None))
}
