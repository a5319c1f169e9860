//! What no application changes.

use serde_json::{Value, json};

use super::{Office, done, refused};
use crate::{cli::text, support::gateway::Plan};

/// Every resource that changes something, with what it takes.
fn writes() -> Vec<(&'static str, String, Value)> {
    let attributes = json!({ "attributes": [] });
    let user = json!({ "name": "alice" });
    let group = json!({ "name": "tea" });
    let at = |resource: &str| format!("{resource}=alice");
    let of = |resource: &str| format!("{resource}=tea");
    vec![
        ("POST", "/user".to_owned(), json!({ "name": "eve" })),
        ("PUT", at("/user?username"), user.clone()),
        ("DELETE", at("/user?username"), Value::Null),
        ("POST", at("/user/rename?username"), json!({ "new-name": "eve" })),
        ("POST", at("/user/attribute?username"), attributes.clone()),
        ("DELETE", at("/user/attribute?attributename=a&username"), Value::Null),
        ("PUT", at("/user/password?username"), json!({ "value": "Green-tea-42" })),
        ("DELETE", at("/user/password?username"), Value::Null),
        ("POST", "/user/expire-all-passwords?confirm=true".to_owned(), Value::Null),
        ("POST", at("/user/group/direct?username"), group.clone()),
        ("DELETE", at("/user/group/direct?groupname=tea&username"), Value::Null),
        ("POST", "/group".to_owned(), json!({ "name": "coffee" })),
        ("PUT", of("/group?groupname"), group.clone()),
        ("DELETE", of("/group?groupname"), Value::Null),
        ("POST", of("/group/attribute?groupname"), attributes),
        ("POST", of("/group/user/direct?groupname"), user),
        ("DELETE", of("/group/user/direct?username=alice&groupname"), Value::Null),
        ("POST", of("/group/child-group/direct?groupname"), json!({ "name": "green" })),
        ("DELETE", of("/group/child-group/direct?child-groupname=green&groupname"), Value::Null),
        ("POST", of("/group/parent-group/direct?groupname"), json!({ "name": "green" })),
        ("DELETE", of("/group/parent-group/direct?parent-groupname=green&groupname"), Value::Null),
    ]
}

/// Alice, and the group tea.
async fn furnish(office: &Office) {
    let list = office.gateway.plan.path("people.csv");
    std::fs::write(&list, "username,groups\nalice,tea|green\n").unwrap();
    office.command(&["import", list.to_str().unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_changes_nothing() {
    for plan in Plan::on_every_database().await {
        let office = Office::open(plan, "writable = false").await;
        furnish(&office).await;
        let before = office.command(&["changes", "list", "--json"]).await;
        for (method, at, body) in writes() {
            let outcome = office.outcome(method, &at, &body).await;
            assert_eq!(outcome, refused(403, "APPLICATION_PERMISSION_DENIED"), "{method} {at}");
        }
        assert_eq!(office.command(&["changes", "list", "--json"]).await, before);
        let xml = office.ask_in_xml("POST", "/user", "<user name='eve'/>").await;
        assert!(
            xml.body.contains("<reason>APPLICATION_PERMISSION_DENIED</reason>"),
            "{}",
            xml.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c25_a_directory_of_somebody_elses_is_read_only_and_newcomers_go_to_the_first_own_one() {
    let more = "writable = true, directories = [\"Cloud\", \"Internal\"]";
    let office = Office::open(Plan::new(), more).await;
    let list = office.gateway.plan.path("people.csv");
    std::fs::write(&list, "username,groups\nalice,tea|green\n").unwrap();
    office.command(&["import", list.to_str().unwrap(), "--directory", "Cloud"]).await;
    let url = format!("sqlite://{}", office.gateway.plan.path("gatehouse.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let cloud = "UPDATE directories SET kind = 'connector' WHERE name = 'Cloud'";
    sqlx::query(cloud).execute(&pool).await.unwrap();
    let elsewhere = "INSERT INTO directories (uuid, name, name_key, kind, created_at)
        VALUES (randomblob(16), 'Elsewhere', 'elsewhere', 'internal', 0)";
    sqlx::query(elsewhere).execute(&pool).await.unwrap();
    pool.close().await;

    for (method, at, body) in writes() {
        let is_new = matches!(at.as_str(), "/user" | "/group");
        let everywhere = at.starts_with("/user/expire");
        let outcome = office.outcome(method, &at, &body).await;
        let expected = match (is_new, everywhere) {
            (true, _) => done(201),
            (_, true) => done(204),
            _ => refused(403, "APPLICATION_PERMISSION_DENIED"),
        };
        assert_eq!(outcome, expected, "{method} {at}");
    }
    assert_eq!(office.user("eve").await["directory-name"], "Internal");
    // And whom it does not see, it cannot stand before.
    std::fs::write(&list, "username,groups\nmallory,\n").unwrap();
    office.command(&["import", list.to_str().unwrap(), "--directory", "Elsewhere"]).await;
    for (method, at, body) in [
        ("POST", "/user", json!({ "name": "Mallory" })),
        ("POST", "/user/rename?username=eve", json!({ "new-name": "mallory" })),
    ] {
        let outcome = office.outcome(method, at, &body).await;
        assert_eq!(outcome, refused(400, "INVALID_USER"), "{method} {at}");
    }
    let taken = office.outcome("POST", "/user", &json!({ "name": "alice" })).await;
    assert_eq!(taken, refused(400, "INVALID_USER"), "the application sees one already");
    // Groups of one name are one group: the account's own directory gets its part of it.
    let tea = json!({ "name": "tea" });
    let join = office.outcome("POST", "/user/group/direct?username=eve", &tea).await;
    assert_eq!(join, done(201));
    let leave = "/user/group/direct?username=eve&groupname=tea";
    assert_eq!(office.outcome("DELETE", leave, &Value::Null).await, done(204));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_and_their_groups_are_nobodys_to_change() {
    for office in Office::everywhere().await {
        let list = office.gateway.plan.path("people.csv");
        let people = "username,groups\nalice,inner|green\nroot,\nbob,tea\n";
        std::fs::write(&list, format!("{people}carol,jira-administrators\n")).unwrap();
        office.command(&["import", list.to_str().unwrap()]).await;
        office.command(&["group", "nest", "jira-administrators", "inner"]).await;
        let set = ["user", "password", "set", "root", "--break-glass"];
        let set = office.gateway.command_with(&set, "battery staple on tuesday\n").await;
        assert!(set.status.success(), "{}", text(&set.stderr));
        let denied = refused(403, "APPLICATION_PERMISSION_DENIED");

        let batches = async || office.command(&["changes", "list", "--json"]).await;
        let before = batches().await;
        for name in ["alice", "root", "carol"] {
            for (method, at, body) in
                writes().iter().filter(|(_, at, _)| at.contains("username=alice"))
            {
                let at = at.replace("alice", name);
                let body = serde_json::from_str(&body.to_string().replace("alice", name)).unwrap();
                assert_eq!(office.outcome(method, &at, &body).await, denied, "{method} {at}");
            }
        }
        for group in ["jira-administrators", "INNER"] {
            let bob = json!({ "name": "bob" });
            let put = json!({ "name": group });
            let tea = json!({ "name": "tea" });
            for (method, at, body) in [
                ("PUT", format!("/group?groupname={group}"), &put),
                ("DELETE", format!("/group?groupname={group}"), &Value::Null),
                ("POST", format!("/group/user/direct?groupname={group}"), &bob),
                ("POST", "/user/group/direct?username=bob".to_owned(), &put),
                ("POST", format!("/group/child-group/direct?groupname={group}"), &tea),
                ("POST", "/group/parent-group/direct?groupname=tea".to_owned(), &put),
            ] {
                assert_eq!(office.outcome(method, &at, body).await, denied, "{method} {at}");
            }
        }
        let new = json!({ "name": "Bamboo-Admin" });
        assert_eq!(office.outcome("POST", "/group", &new).await, denied);
        assert_eq!(batches().await, before, "nothing has changed");

        // Nor does an application let in whom an administrator has blocked.
        office.command(&["user", "deactivate", "bob"]).await;
        let active = json!({ "name": "bob", "active": true });
        assert_eq!(office.outcome("PUT", "/user?username=bob", &active).await, denied);
        let other = json!({ "name": "bob", "email": "bob@example.test" });
        assert_eq!(office.outcome("PUT", "/user?username=bob", &other).await, done(204));
    }
}
