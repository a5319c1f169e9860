//! `resources/group`, `group-list`, `group-get`; `serviceprincipal-list`, `serviceprincipal-get`,
//! `serviceprincipal-list-approleassignedto`.

use serde_json::{Value, json};

use super::{context, error, members::identity, options::Options};
use crate::support::clouds::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    ids::{Ids, Sort},
    page::Page,
    tenant::{App, Group, GroupKind, Member, Tenant},
    time::in_seconds,
};

/// What can be selected, and written.
pub const PROPERTIES: &[&str] = &[
    "id",
    "classification",
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesNetBiosName",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "preferredDataLocation",
    "preferredLanguage",
    "proxyAddresses",
    "renewedDateTime",
    "securityEnabled",
    "securityIdentifier",
    "theme",
    "visibility",
];

/// Everything of a group but its members.
pub fn render(ids: Ids, group: &Group) -> Value {
    use GroupKind::{
        Distribution, DynamicMicrosoft365, DynamicSecurity, MailSecurity, Microsoft365,
    };
    let (unified, dynamic) = (
        matches!(group.kind, Microsoft365 | DynamicMicrosoft365),
        matches!(group.kind, DynamicSecurity | DynamicMicrosoft365),
    );
    let types = [unified.then_some("Unified"), dynamic.then_some("DynamicMembership")];
    let premises = group.on_premises_sam.as_ref();
    let mut addresses: Vec<_> = group.mail.iter().map(|mail| format!("SMTP:{mail}")).collect();
    if group.mail.is_some() {
        addresses.extend(group.aliases.iter().map(|alias| format!("smtp:{alias}")));
    }
    json!({
        "id": ids.guid(Sort::Group, group.no),
        "classification": null,
        "createdDateTime": in_seconds(group.created),
        "deletedDateTime": group.deleted.map(in_seconds),
        "description": group.description,
        "displayName": group.name,
        "expirationDateTime": null,
        "groupTypes": types.into_iter().flatten().collect::<Vec<_>>(),
        "isAssignableToRole": group.assignable_to_roles.then_some(true),
        "mail": group.mail,
        "mailEnabled": unified || matches!(group.kind, Distribution | MailSecurity),
        "mailNickname": group.nickname,
        "membershipRule": group.rule,
        "membershipRuleProcessingState": group.rule.as_ref().map(|_| "On"),
        "onPremisesDomainName": premises.map(|_| "corp.example.local"),
        "onPremisesLastSyncDateTime": premises.map(|_| in_seconds(group.changed)),
        "onPremisesNetBiosName": premises.map(|_| "CORP"),
        "onPremisesSamAccountName": premises,
        "onPremisesSecurityIdentifier": premises.map(|_| format!("S-1-5-21-1004336348-1177238915-682003330-{}", 500_000 + group.no)),
        "onPremisesSyncEnabled": premises.map(|_| true),
        "preferredDataLocation": null,
        "preferredLanguage": null,
        "proxyAddresses": addresses,
        "renewedDateTime": in_seconds(group.created),
        "securityEnabled": !matches!(group.kind, Distribution | Microsoft365 | DynamicMicrosoft365),
        "securityIdentifier": format!("S-1-12-1-{}-{}-1-1", group.no, ids.seed & 0xffff),
        "theme": null,
        "visibility": if group.hidden { Some("HiddenMembership") } else { unified.then_some("Private") },
    })
}

pub fn find<'a>(tenant: &'a Tenant, asked: &Asked, id: &str) -> Result<&'a Group, Answer> {
    let no = tenant.ids.of_guid(Sort::Group, id);
    no.and_then(|no| tenant.group(no)).ok_or_else(|| error::not_found(asked, id))
}

fn picked<'a>(
    tenant: &'a Tenant,
    options: &'a Options,
    from: u32,
) -> impl Iterator<Item = (u32, Value)> + 'a {
    tenant
        .list_groups()
        .filter(move |group| group.no >= from)
        .map(|group| (group.no, render(tenant.ids, group)))
        .filter(|(_, whole)| options.wants(whole))
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    let options = Options::read(asked, "group", PROPERTIES)?;
    let tenant = cloud.tenant();
    let mut found = picked(&tenant, &options, options.after).peekable();
    let items = found.by_ref().take(options.top);
    let items = items.map(|(_, whole)| Value::Object(options.cut(&whole, PROPERTIES))).collect();
    let next = found.peek().map(|(no, _)| no.to_string());
    let total = options.count.then(|| picked(&tenant, &options, 0).count());
    Ok(options.answer(cloud, asked, Page { items, next }, "groups", total))
}

pub fn count(cloud: &Cloud, asked: &Asked) -> Outcome {
    let mut asked = asked.clone();
    asked.query.push(("$count".to_owned(), "true".to_owned()));
    let options = Options::read(&asked, "group", PROPERTIES)?;
    let count = picked(&cloud.tenant(), &options, 0).count();
    Ok(Answer { status: 200, headers: Vec::new(), body: Body::Text(count.to_string()) })
}

pub fn one(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let options = Options::read(asked, "group", PROPERTIES)?;
    let tenant = cloud.tenant();
    let group = find(&tenant, asked, id)?;
    let mut object = options.cut(&render(tenant.ids, group), PROPERTIES);
    object.insert("@odata.context".to_owned(), context(asked, cloud, "groups/$entity"));
    Ok(Answer::json(Value::Object(object)))
}

/// What can be selected, and written, of an enterprise application.
const APPLICATION: [&str; 6] =
    ["id", "appId", "displayName", "accountEnabled", "servicePrincipalType", "appRoles"];

/// Of an assignment.
const ASSIGNMENT: [&str; 9] = [
    "id",
    "principalId",
    "principalType",
    "principalDisplayName",
    "resourceId",
    "resourceDisplayName",
    "appRoleId",
    "createdDateTime",
    "deletedDateTime",
];

/// What assignments to applications give that have no roles.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";

/// The enterprise application whose assignments can be read.
fn render_application(tenant: &Tenant, app: &App) -> Value {
    let roles = (0..).zip(&app.roles).map(|(place, value)| {
        json!({
            "id": role_id(tenant, app, place),
            "value": value,
            "displayName": value.replace('.', " "),
            "description": format!("What {value} may do"),
            "isEnabled": true,
            "origin": "Application",
            "allowedMemberTypes": ["User"],
        })
    });
    json!({
        "id": tenant.ids.guid(Sort::App, app.no),
        "appId": tenant.ids.guid(Sort::App, app.no + 1_000),
        "displayName": app.name,
        "accountEnabled": true,
        "servicePrincipalType": "Application",
        "appRoles": roles.collect::<Vec<_>>(),
    })
}

fn role_id(tenant: &Tenant, app: &App, place: u32) -> String {
    tenant.ids.guid(Sort::App, 10_000 + app.no * 100 + place)
}

/// By object id, or by application id.
fn find_application<'a>(tenant: &'a Tenant, asked: &Asked, key: &str) -> Result<&'a App, Answer> {
    let id_of = |app: &App| match key.strip_prefix("appId=") {
        Some(id) => (id.to_owned(), tenant.ids.guid(Sort::App, app.no + 1_000)),
        None => (key.to_owned(), tenant.ids.guid(Sort::App, app.no)),
    };
    let is_meant = |app: &&App| {
        let (wanted, own) = id_of(app);
        wanted.eq_ignore_ascii_case(&own)
    };
    tenant.apps.iter().find(is_meant).ok_or_else(|| error::not_found(asked, key))
}

pub fn applications(cloud: &Cloud, asked: &Asked) -> Outcome {
    let options = Options::read(asked, "servicePrincipal", &APPLICATION)?;
    let tenant = cloud.tenant();
    let all = tenant.apps.iter().map(|app| render_application(&tenant, app));
    let items = all.filter(|app| options.wants(app));
    let items = items.map(|app| Value::Object(options.cut(&app, &APPLICATION))).collect();
    Ok(options.answer(cloud, asked, Page { items, next: None }, "servicePrincipals", None))
}

pub fn application(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let options = Options::read(asked, "servicePrincipal", &APPLICATION)?;
    let tenant = cloud.tenant();
    let app = find_application(&tenant, asked, key)?;
    let mut object = options.cut(&render_application(&tenant, app), &APPLICATION);
    let of = "servicePrincipals/$entity";
    object.insert("@odata.context".to_owned(), context(asked, cloud, of));
    Ok(Answer::json(Value::Object(object)))
}

/// Who is assigned: people and groups, not the people in them.
pub fn assigned(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let options = Options::read(asked, "appRoleAssignment", &ASSIGNMENT)?;
    let tenant = cloud.tenant();
    let app = find_application(&tenant, asked, key)?;
    let users = app.users.iter().filter_map(|no| tenant.user(*no));
    let users = users.map(|user| (Member::User(user.no), "User", user.display));
    let groups = app.groups.iter().filter_map(|no| tenant.group(*no));
    let groups = groups.map(|group| (Member::Group(group.no), "Group", group.name.clone()));
    let mut all = users.chain(groups).enumerate().skip(options.after as usize).peekable();
    let items = all.by_ref().take(options.top).map(|(place, (member, kind, name))| {
        let role = app.role_of(member).map(|place| role_id(&tenant, app, place));
        let assignment = json!({
            "id": format!("{}{place}", &tenant.ids.guid(Sort::Rule, app.no)[..30].replace('-', "_")),
            "principalId": identity(tenant.ids, member).1,
            "principalType": kind,
            "principalDisplayName": name,
            "resourceId": tenant.ids.guid(Sort::App, app.no),
            "resourceDisplayName": app.name,
            "appRoleId": role.unwrap_or_else(|| NO_ROLE.to_owned()),
            "createdDateTime": in_seconds(tenant.since),
            "deletedDateTime": null,
        });
        Value::Object(options.cut(&assignment, &ASSIGNMENT))
    });
    let items = items.collect();
    let next = all.peek().map(|(place, _)| place.to_string());
    Ok(options.answer(cloud, asked, Page { items, next }, "appRoleAssignments", None))
}
