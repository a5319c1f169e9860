use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

fn changed(value: Value) -> Changed {
    serde_json::from_value(value).unwrap()
}

#[test]
fn who_is_not_said_to_be_enabled_is_not_disabled_either() {
    for (said, standing) in [
        (json!({ "id": "a", "accountEnabled": true }), Standing::Enabled),
        (json!({ "id": "a", "accountEnabled": false }), Standing::Disabled),
        (json!({ "id": "a", "accountEnabled": null }), Standing::Unsaid),
        (json!({ "id": "a" }), Standing::Unsaid),
        (json!({ "id": "a", "accountEnabled": "false" }), Standing::Unsaid),
    ] {
        assert_eq!(user(object(said.clone()), true).unwrap().standing, standing, "{said}");
    }
}

#[test]
fn guests_are_known_by_their_type_or_else_by_their_name() {
    let guest = |said: Value, whole| user(object(said), whole).unwrap().guest;
    let name = "ann_contoso.com#EXT#@example.onmicrosoft.com";
    assert_eq!(guest(json!({ "id": "a", "userType": "Guest" }), false), Some(true));
    assert_eq!(
        guest(json!({ "id": "a", "userType": "Member", "userPrincipalName": name }), true),
        Some(false)
    );
    assert_eq!(
        guest(json!({ "id": "a", "userType": null, "userPrincipalName": name }), false),
        Some(true)
    );
    assert_eq!(
        guest(json!({ "id": "a", "userPrincipalName": "ann@example.com" }), true),
        Some(false)
    );
    assert_eq!(guest(json!({ "id": "a", "userPrincipalName": name }), false), Some(true));
    assert_eq!(guest(json!({ "id": "a", "mail": "x" }), false), None, "nothing is said");
}

#[test]
fn what_is_null_has_no_value_any_more_and_what_is_missing_is_as_before() {
    let said = object(json!({
        "@odata.type": "#microsoft.graph.user", "id": "a", "mail": null, "otherMails": ["x", "y"],
        "employeeId": "7", "accountEnabled": true, "businessPhones": [],
    }));
    let changed = user(said.clone(), false).unwrap();
    assert!(!changed.whole);
    assert_eq!(changed.attributes["mail"], None);
    assert_eq!(changed.attributes["businessPhones"], None);
    assert_eq!(changed.attributes["otherMails"], Some(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(changed.attributes["accountEnabled"], Some(vec!["true".to_owned()]));
    assert!(!changed.attributes.contains_key("displayName"));
    assert!(!changed.attributes.contains_key("@odata.type"));
    let whole = user(said, true).unwrap();
    assert!(whole.whole && !whole.attributes.contains_key("mail"));
}

#[test]
fn groups_are_of_three_kinds() {
    for (types, security, mail, kind) in [
        (json!(["Unified"]), json!(false), json!(true), Some(GroupKind::Microsoft365)),
        (
            json!(["Unified", "DynamicMembership"]),
            json!(true),
            json!(true),
            Some(GroupKind::Microsoft365),
        ),
        (json!([]), json!(true), json!(false), Some(GroupKind::Security)),
        (json!(["DynamicMembership"]), json!(true), json!(true), Some(GroupKind::Security)),
        (json!([]), json!(false), json!(true), Some(GroupKind::Distribution)),
        (json!(null), json!(null), json!(null), None),
    ] {
        let said = json!({ "id": "g", "displayName": "G", "groupTypes": types, "securityEnabled": security, "mailEnabled": mail });
        assert_eq!(group(object(said), true).unwrap().kind, kind);
    }
}

#[test]
fn a_piece_of_a_group_without_its_name_does_not_take_the_name_away() {
    let piece = group(object(json!({ "id": "g" })), true).unwrap();
    assert!(!piece.whole && piece.name.is_none() && piece.attributes.len() == 1);
}

#[test]
fn members_join_and_leave_and_what_is_no_person_is_none() {
    let said = changed(json!({ "id": "g", "members@delta": [
        { "@odata.type": "#microsoft.graph.user", "id": "a" },
        { "@odata.type": "#microsoft.graph.group", "id": "h" },
        { "@odata.type": "#microsoft.graph.device", "id": "d" },
        { "@odata.type": "#microsoft.graph.user", "id": "b", "@removed": { "reason": "deleted" } },
        { "@odata.type": "#microsoft.graph.group", "id": "i", "@removed": { "reason": "deleted" } },
        { "@odata.type": "#microsoft.graph.servicePrincipal", "id": "s", "@removed": { "reason": "deleted" } },
    ] }));
    let Item::Members(members) = members("g", said.members.unwrap()) else { panic!("members") };
    assert_eq!(members.group, "g");
    assert_eq!(members.joined, [Member::User("a".to_owned()), Member::Group("h".to_owned())]);
    assert_eq!(members.left, ["b", "i"]);
    assert!(!members.afresh);
    assert!(changed(json!({ "id": "g" })).members.is_none());
    assert!(changed(json!({ "id": "g", "members@delta": null })).members.is_none());
}

#[test]
fn a_piece_of_a_group_is_known_by_all_whom_it_names() {
    let said = changed(json!({ "id": "g", "members@delta": [
        { "@odata.type": "#microsoft.graph.user", "id": "a" },
        { "@odata.type": "#microsoft.graph.user", "id": "b", "@removed": { "reason": "deleted" } },
        { "@odata.type": "#microsoft.graph.device", "id": "d" },
    ] }));
    assert_eq!(ids(&said).collect::<Vec<_>>(), ["g", "a", "b", "d"]);
}

#[test]
fn an_object_that_says_nothing_is_blank_and_one_that_has_not_changed_is_not() {
    let never_empty = ["userPrincipalName", "displayName"];
    let blank = |said: Value, whole| is_blank(&object(said), whole, &never_empty);
    assert!(blank(json!({ "id": "a", "userPrincipalName": null, "displayName": null }), false));
    assert!(blank(json!({ "id": "a" }), true));
    assert!(!blank(json!({ "id": "a" }), false), "only what has changed is said");
    assert!(!blank(json!({ "id": "a", "displayName": "A" }), true));
    assert!(!blank(json!({ "id": "a", "@removed": { "reason": "changed" } }), true));
}

#[test]
fn a_list_of_members_that_is_none_is_no_answer() {
    for wrong in
        [json!({ "id": "g", "members@delta": "x" }), json!({ "id": "g", "members@delta": [7] })]
    {
        assert!(serde_json::from_value::<Changed>(wrong.clone()).is_err(), "{wrong}");
    }
    let Item::Members(members) = members(
        "g",
        changed(json!({ "id": "g", "members@delta": [{ "id": "a" }, { "@odata.type": null, "id": "b" }, {}] }))
            .members
            .unwrap(),
    ) else {
        panic!("members")
    };
    assert_eq!(members.joined, [Member::User("a".to_owned()), Member::User("b".to_owned())]);
}
