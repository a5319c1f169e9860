//! Users, their attributes and their passwords.

use serde_json::{Value, json};

use super::{Office, done, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_changed_renamed_and_removed() {
    for office in Office::everywhere().await {
        let new = json!({
            "name": "Zoe", "first-name": "Zoë", "last-name": "O'Neill & <Co>", "display-name": "Z",
            "email": "zoe@example.test", "active": "true", "password": { "value": "Green-tea-42" },
            "attributes": { "attributes": [{ "name": "room", "values": ["B 7"] }] },
        });
        let made = office.ask("POST", "/user", &new).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.header("content-type").as_deref(), Some("application/json"));
        let entity: Value = made.json();
        assert_eq!(entity["last-name"], "O'Neill & <Co>");
        assert_eq!(entity["attributes"]["attributes"][0]["values"], json!(["B 7"]));
        assert!(!made.body.contains("Green-tea-42"));
        let key = entity["key"].clone();

        let again = office.outcome("POST", "/user", &json!({ "name": "ZOE" })).await;
        assert_eq!(again, refused(400, "INVALID_USER"));

        // What is not sent is blanked, attributes and whether the account may be used apart.
        let put = json!({ "name": "zoe", "email": "z@example.test" });
        assert_eq!(office.outcome("PUT", "/user?username=zoe", &put).await, done(204));
        let user = office.user("zoe").await;
        assert_eq!((&user["name"], &user["email"]), (&json!("Zoe"), &json!("z@example.test")));
        assert_eq!((&user["first-name"], &user["active"]), (&json!(""), &json!(true)));
        assert_eq!(user["attributes"]["attributes"][0]["name"], "room");

        for (active, expected) in [(json!("false"), false), (json!(true), true)] {
            let put = json!({ "name": "zoe", "active": active });
            assert_eq!(office.outcome("PUT", "/user?username=zoe", &put).await, done(204));
            assert_eq!(office.user("zoe").await["active"], expected);
        }
        let xml = r#"<user name="zoe"><first-name>Zoe</first-name><active>false</active></user>"#;
        assert_eq!(office.ask_in_xml("PUT", "/user?username=zoe", xml).await.status, 204);
        let user = office.user("zoe").await;
        assert_eq!((&user["first-name"], &user["active"]), (&json!("Zoe"), &json!(false)));

        let rename = json!({ "new-name": "zora" });
        let renamed = office.ask("POST", "/user/rename?username=zoe", &rename).await;
        assert_eq!(renamed.status, 200, "{}", renamed.body);
        let renamed: Value = renamed.json();
        assert_eq!((&renamed["name"], &renamed["key"]), (&json!("zora"), &key));
        let xml = "<new-name><new-name>ZORA</new-name></new-name>";
        let renamed = office.ask_in_xml("POST", "/user/rename?username=zora", xml).await;
        assert!(renamed.body.contains("name=\"ZORA\""), "{}", renamed.body);

        assert_eq!(office.outcome("DELETE", "/user?username=zora", &Value::Null).await, done(204));
        let gone = office.outcome("DELETE", "/user?username=zora", &Value::Null).await;
        assert_eq!(gone, refused(404, "USER_NOT_FOUND"));
        let retired = office.outcome("POST", "/user", &json!({ "name": "zora" })).await;
        assert_eq!(retired, refused(400, "INVALID_USER"), "nobody inherits the name");
        let log = office.command(&["changes", "list", "--json"]).await;
        assert!(log.contains("crowd:jira") && !log.contains("Green-tea-42"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_cannot_be_is_refused_and_nothing_is_left() {
    for office in Office::everywhere().await {
        office.create_user("alice").await;
        office.create_user("bob").await;
        let long = "x".repeat(256);
        for (user, reason) in [
            (json!({}), "INVALID_USER"),
            (json!({ "name": "" }), "INVALID_USER"),
            (json!({ "name": " eve" }), "INVALID_USER"),
            (json!({ "name": "e\nve" }), "INVALID_USER"),
            (json!({ "name": long }), "INVALID_USER"),
            (json!({ "name": "eve", "email": "nowhere" }), "INVALID_USER"),
            (json!({ "name": "eve", "password": { "value": "short" } }), "INVALID_CREDENTIAL"),
            (
                json!({ "name": "eve", "password": { "value": "eve-eve-eve-eve" } }),
                "INVALID_CREDENTIAL",
            ),
            (
                json!({ "name": "eve", "encrypted-password": { "value": "{x}y" } }),
                "INVALID_CREDENTIAL",
            ),
            (
                json!({ "name": "eve", "attributes": { "attributes": [{ "name": "a", "values": ["1", "2"] }] } }),
                "ILLEGAL_ARGUMENT",
            ),
        ] {
            let outcome = office.outcome("POST", "/user", &user).await;
            assert_eq!(outcome, refused(400, reason), "{user}");
        }
        assert_eq!(office.ask("GET", "/user?username=eve", &Value::Null).await.status, 404);
        let broken = office.ask_in_xml("POST", "/user", "<user name=").await;
        assert_eq!(broken.status, 400);
        assert!(broken.body.contains("<reason>ILLEGAL_ARGUMENT</reason>"), "{}", broken.body);

        let put = async |user: &str, body: Value| {
            office.outcome("PUT", &format!("/user?username={user}"), &body).await
        };
        assert_eq!(put("alice", json!({ "name": "bob" })).await, refused(400, "INVALID_USER"));
        assert_eq!(put("eve", json!({ "name": "eve" })).await, refused(404, "USER_NOT_FOUND"));
        assert_eq!(put("", json!({ "name": "eve" })).await, refused(400, "ILLEGAL_ARGUMENT"));
        let rename = async |user: &str, name: &str| {
            let body = json!({ "new-name": name });
            office.outcome("POST", &format!("/user/rename?username={user}"), &body).await
        };
        assert_eq!(rename("alice", "BOB").await, refused(400, "INVALID_USER"));
        assert_eq!(rename("alice", "").await, refused(400, "INVALID_USER"));
        assert_eq!(rename("eve", "ada").await, refused(404, "USER_NOT_FOUND"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_merged() {
    for office in Office::everywhere().await {
        office.create_user("alice").await;
        let list = |name: &str, values: &[&str]| json!({ "attributes": [{ "name": name, "values": values }] });
        let at = "/user/attribute?username=alice";
        assert_eq!(office.outcome("POST", at, &list("room", &["7"])).await, done(204));
        assert_eq!(office.outcome("PUT", at, &list("login.count", &["1"])).await, done(204));
        let xml = r#"<attributes><attribute name="room"><values><value>8</value></values></attribute></attributes>"#;
        assert_eq!(office.ask_in_xml("POST", at, xml).await.status, 204);
        let attributes = office.user("alice").await["attributes"]["attributes"].clone();
        assert_eq!(
            attributes,
            json!([
                { "name": "login.count", "values": ["1"] },
                { "name": "room", "values": ["8"] },
            ])
        );
        for bad in [list("a b", &["1"]), list("a", &["1", "2"]), list("a", &["\u{7}"])] {
            assert_eq!(office.outcome("POST", at, &bad).await, refused(400, "ILLEGAL_ARGUMENT"));
        }
        for _ in 0..2 {
            let at = format!("{at}&attributename=room");
            assert_eq!(office.outcome("DELETE", &at, &Value::Null).await, done(204));
        }
        let nobody = "/user/attribute?username=nobody";
        let refusal = office.outcome("POST", nobody, &list("a", &["1"])).await;
        assert_eq!(refusal, refused(404, "USER_NOT_FOUND"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_checked_and_taken() {
    for office in Office::everywhere().await {
        office.create_user("alice").await;
        let check = async |name: &str, password: &str| {
            let at = format!("/authentication?username={name}");
            office.outcome("POST", &at, &json!({ "value": password })).await
        };
        let wrong = refused(400, "INVALID_USER_AUTHENTICATION");
        assert_eq!(check("alice", "Green-tea-42").await, wrong, "she has none");
        assert_eq!(check("nobody", "Green-tea-42").await, refused(400, "USER_NOT_FOUND"));

        let at = "/user/password?username=alice";
        let set = json!({ "value": "Green-tea-42" });
        assert_eq!(office.outcome("PUT", at, &set).await, done(204));
        let xml = "<password><value>Green-tea-42</value></password>";
        let right = office.ask_in_xml("POST", "/authentication?username=ALICE", xml).await;
        assert_eq!(right.status, 200);
        assert!(right.body.contains("<user name=\"alice\""), "{}", right.body);
        assert_eq!(check("alice", "green-tea-42").await, wrong);
        assert_eq!(check("alice", "").await, wrong);
        let nothing =
            office.ask_in_xml("POST", "/authentication?username=alice", "<password/>").await;
        assert_eq!(nothing.status, 400);

        let short = json!({ "value": "short" });
        assert_eq!(office.outcome("PUT", at, &short).await, refused(400, "INVALID_CREDENTIAL"));
        assert_eq!(office.outcome("PUT", at, &json!({})).await, refused(400, "INVALID_CREDENTIAL"));
        let nobody = office.outcome("PUT", "/user/password?username=nobody", &set).await;
        assert_eq!(nobody, refused(404, "USER_NOT_FOUND"));

        let inactive = json!({ "name": "alice", "active": false });
        assert_eq!(office.outcome("PUT", "/user?username=alice", &inactive).await, done(204));
        assert_eq!(check("alice", "Green-tea-42").await, refused(400, "INACTIVE_ACCOUNT"));
        let active = json!({ "name": "alice", "active": true });
        assert_eq!(office.outcome("PUT", "/user?username=alice", &active).await, done(204));

        let all = "/user/expire-all-passwords";
        assert_eq!(
            office.outcome("POST", all, &Value::Null).await,
            refused(400, "ILLEGAL_ARGUMENT")
        );
        let all = "/user/expire-all-passwords?confirm=true";
        assert_eq!(office.outcome("POST", all, &Value::Null).await, done(204));
        assert_eq!(check("alice", "Green-tea-42").await, refused(400, "EXPIRED_CREDENTIAL"));
        assert_eq!(office.outcome("PUT", at, &set).await, done(204));
        assert_eq!(check("alice", "Green-tea-42").await, done(200));

        for _ in 0..5 {
            assert_eq!(check("alice", "guess").await, wrong);
        }
        assert_eq!(check("alice", "Green-tea-42").await, wrong, "it is not tried");
        for _ in 0..2 {
            assert_eq!(office.outcome("DELETE", at, &Value::Null).await, done(204));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_promised() {
    let office = Office::open(crate::support::gateway::Plan::new(), "writable = true").await;
    office.create_user("alice").await;
    let post = async |at: &str| office.outcome("POST", at, &Value::Null).await;
    let unsupported = refused(501, "UNSUPPORTED_OPERATION");
    assert_eq!(post("/user/mail/password?username=alice").await, unsupported);
    let nobody = post("/user/mail/password?username=nobody").await;
    assert_eq!(nobody, refused(404, "USER_NOT_FOUND"));
    assert_eq!(post("/user/mail/usernames?email=a@example.test").await, unsupported);
    assert_eq!(post("/user/mail/usernames?email=a").await, refused(400, "INVALID_EMAIL"));
}
