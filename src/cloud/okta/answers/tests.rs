//! Answers as Okta gives them, shortened.

use serde_json::json;

use super::*;

fn user(value: Value) -> Result<User, ConnectorError> {
    let answer: UserAnswer = serde_json::from_value(value).unwrap();
    users(&[answer], &Taken::default()).map(|mut users| users.remove(0))
}

fn alice() -> Value {
    json!({
        "id": "00ub0oNGTSWTBKOLGLNR", "status": "ACTIVE", "created": "2013-06-24T16:39:18.000Z",
        "activated": "2013-06-24T16:39:19.000Z", "statusChanged": "2013-06-24T16:39:19.000Z",
        "lastLogin": null, "lastUpdated": "2013-07-02T21:36:25.344Z", "passwordChanged": null,
        "type": { "id": "otyfnjfba4ye7pgjB0g4" },
        "profile": {
            "firstName": "Isaac", "lastName": "Brock", "email": "isaac.brock@example.com",
            "login": "isaac.brock@example.com", "mobilePhone": null, "roles": ["a", "b"], "age": 51,
        },
        "_links": { "self": { "href": "https://example.okta.com/api/v1/users/00ub0oNGTSWTBKOLGLNR" } },
    })
}

#[test]
fn a_user_is_known_by_id_status_and_profile() {
    let user = user(alice()).unwrap();
    assert_eq!((user.id.as_str(), user.standing), ("00ub0oNGTSWTBKOLGLNR", Standing::Enabled));
    assert!(user.whole && user.guest.is_none());
    let said: Vec<_> =
        user.attributes.into_iter().map(|(name, it)| (name, it.unwrap().join("+"))).collect();
    let said: Vec<_> = said.iter().map(|(name, it)| (name.as_str(), it.as_str())).collect();
    assert_eq!(
        said,
        [
            ("age", "51"),
            ("email", "isaac.brock@example.com"),
            ("firstName", "Isaac"),
            ("lastName", "Brock"),
            ("login", "isaac.brock@example.com"),
            ("roles", "a+b"),
            ("status", "ACTIVE"),
        ]
    );
}

#[test]
fn locked_out_is_not_deactivated() {
    for (status, expected) in [
        ("ACTIVE", Standing::Enabled),
        ("PASSWORD_EXPIRED", Standing::Enabled),
        ("LOCKED_OUT", Standing::Enabled),
        ("RECOVERY", Standing::Enabled),
        ("PROVISIONED", Standing::Enabled),
        ("SUSPENDED", Standing::Disabled),
        ("DEPROVISIONED", Standing::Disabled),
        ("STAGED", Standing::NotYet),
        ("SOMETHING_NEW", Standing::Unsaid),
    ] {
        let mut said = alice();
        said["status"] = json!(status);
        assert_eq!(user(said).unwrap().standing, expected, "{status}");
    }
}

#[test]
fn what_is_kept_back_is_not_taken_for_nothing() {
    let blank = user(json!({ "id": "00u1", "status": null, "profile": null }));
    let expected = ConnectorError::Blank { what: "users", count: 1, permission: "okta.users.read" };
    assert_eq!(blank, Err(expected));
    let blank: GroupAnswer = serde_json::from_value(json!({ "id": "00g1" })).unwrap();
    assert!(matches!(groups([&blank]), Err(ConnectorError::Blank { what: "groups", .. })));
}

#[test]
fn a_group_is_known_by_id_name_and_kind() {
    let answer: GroupAnswer = serde_json::from_value(json!({
        "id": "0gabcd1234", "created": "2021-11-16T12:44:20.000Z", "lastUpdated": "2021-11-16T12:44:20.000Z",
        "lastMembershipUpdated": "2021-11-17T12:50:14.000Z",
        "objectClass": ["okta:windows_security_principal"], "type": "APP_GROUP",
        "profile": { "name": "Engineers", "description": null, "samAccountName": "eng", "dn": "CN=eng" },
        "source": { "id": "0oa2v0el0gP90aqjJ0g7" },
        "_links": { "logo": [], "users": { "href": "https://example.okta.com/api/v1/groups/0gabcd1234/users" } },
    }))
    .unwrap();
    assert_eq!(answer.last_membership_updated.as_deref(), Some("2021-11-17T12:50:14.000Z"));
    let group = groups([&answer]).unwrap().remove(0);
    assert_eq!((group.name.as_deref(), group.kind), (Some("Engineers"), Some(GroupKind::App)));
    let names: Vec<_> = group.attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["dn", "name", "samAccountName", "source.id", "type"]);
}

#[test]
fn an_assignment_adds_what_the_application_calls_somebody() {
    let answer: AssignmentAnswer = serde_json::from_value(json!({
        "id": "00ub0oNGTSWTBKOLGLNR", "externalId": null, "scope": "GROUP", "status": "ACTIVE",
        "credentials": { "userName": "ibrock" }, "profile": { "email": "other@example.com" },
        "_embedded": { "user": alice() },
    }))
    .unwrap();
    let user = assigned(&[answer], &Taken::default()).unwrap().remove(0);
    let said = |name: &str| user.attributes[name].clone().unwrap().join("+");
    assert_eq!(
        (said("app.userName"), said("app.scope")),
        ("ibrock".to_owned(), "GROUP".to_owned())
    );
    assert_eq!(said("email"), "isaac.brock@example.com");
}

#[test]
fn who_was_activated_is_told_from_who_is_new_and_who_has_changed() {
    let since = "2026-11-26T10:00:00Z".parse().unwrap();
    let (before, after) = ("2026-11-26T09:00:00.000Z", "2026-11-26T11:00:00.000Z");
    for (status, created, changed, expected) in [
        ("ACTIVE", before, after, true),
        ("ACTIVE", after, after, false),
        ("ACTIVE", before, before, false),
        ("SUSPENDED", before, after, false),
    ] {
        let said =
            json!({ "id": "00u1", "status": status, "created": created, "statusChanged": changed });
        let answer: UserAnswer = serde_json::from_value(said).unwrap();
        assert_eq!(answer.came_back_since(since), expected, "{status} {created} {changed}");
    }
}
