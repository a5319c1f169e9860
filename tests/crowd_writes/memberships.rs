//! Groups, who is in them, and groups in groups.

use serde_json::{Value, json};

use super::{Office, done, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made_described_and_removed() {
    for office in Office::everywhere().await {
        let new = json!({ "name": "Tea", "description": "who drinks it", "type": "GROUP", "active": true });
        let made = office.ask("POST", "/group", &new).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let entity: Value = made.json();
        assert_eq!(
            (&entity["name"], &entity["description"]),
            (&json!("Tea"), &json!("who drinks it"))
        );
        let again = office.outcome("POST", "/group", &json!({ "name": "tea" })).await;
        assert_eq!(again, refused(400, "INVALID_GROUP"));
        for bad in [
            json!({}),
            json!({ "name": "" }),
            json!({ "name": "x", "active": false }),
            json!({ "name": "x", "type": "LEGACY_ROLE" }),
            json!({ "name": "x", "description": "\u{7}" }),
        ] {
            let outcome = office.outcome("POST", "/group", &bad).await;
            assert_eq!(outcome, refused(400, "INVALID_GROUP"), "{bad}");
        }
        let attributes = json!({ "attributes": [{ "name": "a", "values": ["1"] }] });
        let at = "/group/attribute?groupname=tea";
        let unsupported = refused(400, "UNSUPPORTED_OPERATION");
        assert_eq!(office.outcome("POST", at, &attributes).await, unsupported);
        let with = json!({ "name": "x", "attributes": attributes });
        assert_eq!(office.outcome("POST", "/group", &with).await, unsupported);
        let at = "/group/attribute?groupname=tea&attributename=a";
        assert_eq!(office.outcome("DELETE", at, &Value::Null).await, done(204));

        let put = async |group: &str, body: Value| {
            office.ask("PUT", &format!("/group?groupname={group}"), &body).await
        };
        for (body, expected) in [
            (json!({ "name": "TEA", "description": "green" }), "green"),
            (json!({ "description": "black", "active": true }), "black"),
            (json!({ "name": "tea" }), ""),
        ] {
            let answer = put("tea", body).await;
            let entity: Value = answer.json();
            assert_eq!((answer.status, &entity["description"]), (200, &json!(expected)));
        }
        assert_eq!(put("tea", json!({ "name": "coffee" })).await.status, 400);
        assert_eq!(put("coffee", json!({ "name": "coffee" })).await.status, 404);

        assert_eq!(put("tea", json!({ "description": "white" })).await.status, 200);
        let remove = async || office.outcome("DELETE", "/group?groupname=tea", &Value::Null).await;
        assert_eq!(remove().await, done(204));
        assert_eq!(remove().await, refused(404, "GROUP_NOT_FOUND"));
        // An administrator can take it back, words and all.
        let log: Value =
            serde_json::from_str(&office.command(&["changes", "list", "--json"]).await).unwrap();
        let batches: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["batch"].as_i64().unwrap())
            .collect();
        let last = batches.iter().max().unwrap().to_string();
        office.command(&["changes", "undo", &last]).await;
        let back: Value = office.ask("GET", "/group?groupname=tea", &Value::Null).await.json();
        assert_eq!(back["description"], "white");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_begins_and_ends_from_either_side() {
    for office in Office::everywhere().await {
        office.create_user("alice").await;
        office.create_group("tea").await;
        let post =
            async |at: &str, name: &str| office.outcome("POST", at, &json!({ "name": name })).await;
        let delete = async |at: &str| office.outcome("DELETE", at, &Value::Null).await;
        let (of_user, of_group) =
            ("/user/group/direct?username=alice", "/group/user/direct?groupname=tea");
        let sides = [
            (of_user, "TEA", format!("{of_user}&groupname=tea")),
            (of_group, "ALICE", format!("{of_group}&username=alice")),
        ];
        for (at, name, ending) in &sides {
            let begun = office.ask("POST", at, &json!({ "name": name })).await;
            assert_eq!((begun.status, begun.body.as_str()), (201, ""));
            assert_eq!(begun.header("content-type").as_deref(), Some("application/json"));
            assert_eq!(post(at, name).await, refused(409, "MEMBERSHIP_ALREADY_EXISTS"));
            let shown = office.command(&["group", "show", "tea"]).await;
            assert!(shown.contains("crowd:jira"), "{shown}");
            assert_eq!(delete(ending).await, done(204));
            assert_eq!(delete(ending).await, refused(404, "MEMBERSHIP_NOT_FOUND"));
        }
        let xml = office.ask_in_xml("POST", of_group, "<user name=\"alice\"/>").await;
        assert_eq!(xml.status, 201);

        let nobody = "/user/group/direct?username=nobody";
        assert_eq!(post(nobody, "tea").await, refused(404, "USER_NOT_FOUND"));
        assert_eq!(post(of_user, "coffee").await, refused(400, "GROUP_NOT_FOUND"));
        let coffee = "/group/user/direct?groupname=coffee";
        assert_eq!(post(coffee, "alice").await, refused(404, "GROUP_NOT_FOUND"));
        assert_eq!(post(of_group, "nobody").await, refused(400, "USER_NOT_FOUND"));
        assert_eq!(post(of_group, "").await, refused(400, "ILLEGAL_ARGUMENT"));
        let gone = delete(&format!("{of_user}&groupname=coffee")).await;
        assert_eq!(gone, refused(404, "GROUP_NOT_FOUND"));
        let gone = delete(&format!("{of_group}&username=nobody")).await;
        assert_eq!(gone, refused(404, "USER_NOT_FOUND"));

        // A group goes with what the application put into it.
        assert_eq!(delete("/group?groupname=tea").await, done(204));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_ends_only_what_it_has_begun() {
    for office in Office::everywhere().await {
        office.create_user("alice").await;
        office.create_group("tea").await;
        office.create_group("green").await;
        office.command(&["group", "join", "tea", "alice"]).await;
        office.command(&["group", "nest", "tea", "green"]).await;
        let denied = refused(403, "APPLICATION_PERMISSION_DENIED");
        for at in [
            "/user/group/direct?username=alice&groupname=tea",
            "/group/child-group/direct?groupname=tea&child-groupname=green",
            "/group?groupname=tea",
        ] {
            assert_eq!(office.outcome("DELETE", at, &Value::Null).await, denied, "{at}");
        }
        let tea = json!({ "name": "tea" });
        let join = office.outcome("POST", "/user/group/direct?username=alice", &tea).await;
        assert_eq!(join, refused(409, "MEMBERSHIP_ALREADY_EXISTS"));
        let shown = office.command(&["group", "show", "tea"]).await;
        assert!(shown.contains("manual"), "{shown}");
        // An account goes as a whole.
        let gone = office.outcome("DELETE", "/user?username=alice", &Value::Null).await;
        assert_eq!(gone, done(204));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_in_groups_from_either_side_and_never_in_themselves() {
    for office in Office::everywhere().await {
        for group in ["drinks", "tea", "green"] {
            office.create_group(group).await;
        }
        let post =
            async |at: &str, name: &str| office.outcome("POST", at, &json!({ "name": name })).await;
        let delete = async |at: &str| office.outcome("DELETE", at, &Value::Null).await;
        let (children, parents) = (
            "/group/child-group/direct?groupname=drinks",
            "/group/parent-group/direct?groupname=green",
        );
        assert_eq!(post(children, "tea").await, done(201));
        assert_eq!(post(children, "TEA").await, refused(409, "MEMBERSHIP_ALREADY_EXISTS"));
        assert_eq!(post(parents, "tea").await, done(201));
        for inner in ["drinks", "green", "tea"] {
            let circle = format!("/group/child-group/direct?groupname={inner}");
            assert_eq!(post(&circle, inner).await, refused(400, "INVALID_MEMBERSHIP"));
        }
        let circle = post("/group/child-group/direct?groupname=green", "drinks").await;
        assert_eq!(circle, refused(400, "INVALID_MEMBERSHIP"));

        assert_eq!(post(children, "coffee").await, refused(400, "GROUP_NOT_FOUND"));
        let coffee = "/group/child-group/direct?groupname=coffee";
        assert_eq!(post(coffee, "tea").await, refused(404, "GROUP_NOT_FOUND"));
        assert_eq!(post(parents, "coffee").await, refused(400, "GROUP_NOT_FOUND"));

        assert_eq!(delete(&format!("{children}&child-groupname=tea")).await, done(204));
        let gone = delete(&format!("{children}&child-groupname=tea")).await;
        assert_eq!(gone, refused(404, "MEMBERSHIP_NOT_FOUND"));
        assert_eq!(delete(&format!("{parents}&parent-groupname=tea")).await, done(204));
        assert_eq!(delete(children).await, refused(400, "ILLEGAL_ARGUMENT"));
    }
}
