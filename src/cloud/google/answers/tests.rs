//! Answers as Google gives them, shortened.

use serde_json::json;

use super::*;

fn page(value: Value) -> ListAnswer {
    serde_json::from_value(value).unwrap()
}

fn liz() -> Value {
    json!({
        "id": "112806638591764872875", "primaryEmail": "liz@example.com",
        "name": { "givenName": "Liz", "familyName": "Smith", "fullName": "Liz Smith" },
        "suspended": false, "archived": false, "isGuestUser": false, "orgUnitPath": "/corp/engineering",
        "aliases": ["lizzy@example.com"],
        "emails": [
            { "address": "liz@example.com", "primary": true },
            { "address": "home@example.net", "type": "home" },
        ],
        "externalIds": [
            { "value": "E12", "type": "organization" },
            { "value": "B7", "type": "custom", "customType": "badge" },
        ],
        "organizations": [
            { "title": "Advisor", "department": "Board" },
            { "title": "Engineer", "department": "R&D", "primary": true },
        ],
        "relations": [{ "value": "boss@example.com", "type": "manager" }],
        "customSchemas": { "Employee": { "level": 7, "teams": [{ "value": "a" }, { "value": "b" }] } },
    })
}

fn user(value: &Value) -> Result<User, ConnectorError> {
    users(&page(json!({ "users": [value] })).users).map(|mut users| users.remove(0))
}

#[test]
fn a_user_is_known_by_id_and_address_and_by_what_else_is_said() {
    let user = user(&liz()).unwrap();
    assert_eq!((user.id.as_str(), user.standing), ("112806638591764872875", Standing::Enabled));
    assert_eq!((user.guest, user.whole), (Some(false), true));
    let said: Vec<_> = user
        .attributes
        .into_iter()
        .map(|(name, it)| format!("{name}={}", it.unwrap().join("+")))
        .collect();
    assert_eq!(
        said,
        [
            "aliases=lizzy@example.com",
            "customSchemas.Employee.level=7",
            "customSchemas.Employee.teams=a+b",
            "emails=liz@example.com+home@example.net",
            "externalIds=E12+B7",
            "externalIds.badge=B7",
            "externalIds.organization=E12",
            "familyName=Smith",
            "fullName=Liz Smith",
            "givenName=Liz",
            "orgUnitPath=/corp/engineering",
            "organizations.department=R&D",
            "organizations.primary=true",
            "organizations.title=Engineer",
            "primaryEmail=liz@example.com",
            "relations=boss@example.com",
            "relations.manager=boss@example.com",
        ]
    );
}

#[test]
fn who_is_suspended_or_archived_may_not_work() {
    for (suspended, archived, expected) in [
        (json!(false), json!(false), Standing::Enabled),
        (json!(false), Value::Null, Standing::Enabled),
        (json!(true), json!(false), Standing::Disabled),
        (json!(false), json!(true), Standing::Disabled),
    ] {
        let mut said = liz();
        (said["suspended"], said["archived"]) = (suspended, archived);
        assert_eq!(user(&said).unwrap().standing, expected);
    }
}

#[test]
fn what_is_kept_back_is_not_taken_for_nothing() {
    for key in ["suspended", "primaryEmail"] {
        let mut said = liz();
        said[key] = Value::Null;
        assert!(matches!(user(&said), Err(ConnectorError::Blank { count: 1, .. })), "{key}");
    }
    let blank = page(json!({ "groups": [{ "id": "1", "name": null }] }));
    assert!(matches!(groups(&blank.groups), Err(ConnectorError::Blank { what: "groups", .. })));
}

#[test]
fn a_group_is_known_by_id_and_name_and_changes_with_the_number_of_its_members() {
    let of = |count: &str| {
        let said = json!({ "id": "01opuj5n", "email": "team@example.com", "name": "Team", "description": "",
            "directMembersCount": count, "etag": "\"abc\"" });
        page(json!({ "groups": [said], "nextPageToken": "x" })).groups.remove(0)
    };
    let group = groups(&[of("3")]).unwrap().remove(0);
    assert_eq!((group.name.as_deref(), group.kind), (Some("Team"), Some(GroupKind::Google)));
    assert!(group.attributes.keys().eq(["email", "name"]));
    assert_eq!(of("3").fingerprint(), of("3").fingerprint());
    assert_ne!(of("3").fingerprint(), of("4").fingerprint());
}

#[test]
fn members_are_users_groups_and_everybody_and_others_are_counted() {
    let said = json!({ "members": [
        { "id": "1", "type": "USER" }, { "id": "2", "type": "GROUP" }, { "id": "C0", "type": "CUSTOMER" },
        { "id": "3", "type": "EXTERNAL" }, { "type": "EXTERNAL" }, { "type": "SOMETHING_NEW" },
    ] });
    let user = || Member::User("1".to_owned());
    assert_eq!(
        members(page(said.clone()).members, true),
        (vec![user(), Member::Group("2".to_owned()), Member::Everybody], 3)
    );
    assert_eq!(members(page(said).members, false), (vec![user(), Member::Everybody], 3));
}
