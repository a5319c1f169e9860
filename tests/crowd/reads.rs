//! Users, groups, and who is in which.

use super::world::{World, names};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_the_same_in_both_formats() {
    for world in World::everywhere().await {
        let xml = world.get("/user?username=ADA&expand=attributes").await;
        let document = xml.xml();
        let user = document.root_element();
        assert_eq!(user.attribute("name"), Some("ada"));
        assert_eq!(user.attribute("expand"), Some("attributes"));
        let text = |name: &str| {
            let child = user.children().find(|child| child.has_tag_name(name)).unwrap();
            child.text().unwrap_or_default().to_owned()
        };
        let order: Vec<_> = user.children().map(|child| child.tag_name().name()).collect();
        let expected = [
            "link",
            "first-name",
            "last-name",
            "display-name",
            "directory-id",
            "email",
            "password",
            "key",
            "created-date",
            "updated-date",
            "directory-name",
            "active",
            "attributes",
        ];
        assert_eq!(order, expected);
        assert_eq!((text("first-name"), text("last-name")), ("Ada".into(), "Lovelace".into()));
        assert_eq!(text("display-name"), "Ada Lovelace");
        assert_eq!((text("email"), text("active")), ("ada@example.com".into(), "true".into()));
        assert!(text("created-date").ends_with('Z') && text("created-date").contains('T'));
        let password = user.children().find(|child| child.has_tag_name("password")).unwrap();
        let link = password.first_element_child().unwrap();
        assert_eq!(link.attribute("rel"), Some("edit"));
        let room = "<attribute name=\"room\"><values><value>7</value></values></attribute>";
        assert!(xml.body.contains(room), "{}", xml.body);

        let json = world.json("jira", "/user?username=ada&expand=attributes").await;
        assert_eq!(json["name"], "ada");
        assert_eq!(json["display-name"], "Ada Lovelace");
        assert_eq!(json["active"], true);
        assert_eq!(json["key"], text("key").as_str());
        assert_eq!(json["directory-name"], "Internal");
        assert!(json["directory-id"].is_number());
        assert!(json["created-date"].as_i64().unwrap() > 1_700_000_000_000, "{json}");
        assert!(
            json["password"]["link"]["href"]
                .as_str()
                .unwrap()
                .contains("/user/password?username=ada")
        );
        assert_eq!(json["attributes"]["attributes"][0]["name"], "room");
        assert_eq!(json["attributes"]["attributes"][0]["values"][0], "7");
        let plain = world.json("jira", "/user?username=ada").await;
        assert_eq!(plain["attributes"]["attributes"], serde_json::json!([]));
        assert!(plain["attributes"]["link"]["href"].is_string());

        let key = json["key"].as_str().unwrap();
        assert_eq!(world.json("jira", &format!("/user?key={key}")).await["name"], "ada");
        assert_eq!(world.json("jira", "/user?username=carol").await["active"], false);
        // Who has no name to show shows the username.
        assert_eq!(world.json("jira", "/user?username=dave_x").await["display-name"], "dave_x");
        let escaped = world.get("/user?username=bob").await;
        assert!(escaped.body.contains("<display-name>Bob &amp; &lt;Sons&gt;</display-name>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found() {
    for world in World::everywhere().await {
        let not_found = |reason: &str| (404, reason.to_owned());
        for (resource, reason) in [
            ("/user?username=nobody", "USER_NOT_FOUND"),
            ("/user?key=nobody", "USER_NOT_FOUND"),
            ("/user?key=x:01890000-0000-7000-8000-000000000000", "USER_NOT_FOUND"),
            ("/user/attribute?username=nobody", "USER_NOT_FOUND"),
            ("/user/avatar?username=nobody", "USER_NOT_FOUND"),
            ("/user/group/direct?username=nobody", "USER_NOT_FOUND"),
            ("/user/group/nested?username=ada&groupname=nothing", "MEMBERSHIP_NOT_FOUND"),
            ("/user/group/direct?username=ada&groupname=contractors", "MEMBERSHIP_NOT_FOUND"),
            ("/user/group/direct?username=ada&groupname=company", "MEMBERSHIP_NOT_FOUND"),
            ("/group?groupname=nothing", "GROUP_NOT_FOUND"),
            ("/group/attribute?groupname=nothing", "GROUP_NOT_FOUND"),
            ("/group/user/direct?groupname=nothing", "GROUP_NOT_FOUND"),
            ("/group/user/direct?groupname=staff&username=nobody", "MEMBERSHIP_NOT_FOUND"),
            ("/group/user/nested?groupname=staff&username=carol", "MEMBERSHIP_NOT_FOUND"),
            ("/group/child-group/direct?groupname=nothing", "GROUP_NOT_FOUND"),
            (
                "/group/child-group/direct?groupname=company&child-groupname=staff",
                "MEMBERSHIP_NOT_FOUND",
            ),
            (
                "/group/parent-group/direct?groupname=staff&parent-groupname=no",
                "MEMBERSHIP_NOT_FOUND",
            ),
        ] {
            assert_eq!(world.get(resource).await.failure(), not_found(reason), "{resource}");
        }
        let avatar = world.get("/user/avatar?username=ada").await;
        assert_eq!((avatar.status, avatar.body.as_str()), (204, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_attributes_are_there() {
    for world in World::everywhere().await {
        let group = world.get("/group?groupname=STAFF&expand=attributes").await;
        let document = group.xml();
        let element = document.root_element();
        assert_eq!(element.attribute("name"), Some("Staff"));
        let order: Vec<_> = element.children().map(|child| child.tag_name().name()).collect();
        assert_eq!(order, ["link", "description", "type", "active", "attributes"]);
        assert!(group.body.contains("<type>GROUP</type><active>true</active>"));
        let json = world.json("jira", "/group?groupname=jira+users").await;
        assert_eq!(
            (json["name"].as_str(), json["type"].as_str()),
            (Some("jira users"), Some("GROUP"))
        );
        assert_eq!(world.json("jira", "/group?groupname=jira%20users").await, json);
        let attributes = world.json("jira", "/user/attribute?username=ada").await;
        let expected = serde_json::json!([{"name": "room", "values": ["7"]}]);
        assert_eq!(attributes["attributes"], expected);
        let attributes = world.json("jira", "/group/attribute?groupname=staff").await;
        assert_eq!(attributes["attributes"], serde_json::json!([]));
        let cookie = world.json("jira", "/config/cookie").await;
        let expected = serde_json::json!({"domain": "jira.localhost", "secure": true, "name": "crowd.token_key"});
        assert_eq!(cookie, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_are_direct_or_by_way_of_groups_in_groups() {
    for world in World::everywhere().await {
        for (resource, expected) in [
            ("/user/group/direct?username=Ada", &["jira users", "Staff"][..]),
            ("/user/group/nested?username=ada", &["company", "everybody", "jira users", "Staff"]),
            ("/user/group/direct?username=dave_x", &[]),
            ("/user/group/direct?username=ada&max-results=1", &["jira users"]),
            ("/user/group/direct?username=ada&start-index=1&max-results=-1", &["Staff"]),
            ("/user/group/direct?username=ada&max-results=0", &[]),
            ("/group/user/direct?groupname=staff", &["ada", "Bob"]),
            ("/group/user/direct?groupname=company", &[]),
            ("/group/user/nested?groupname=company", &["ada", "Bob"]),
            ("/group/user/nested?groupname=company&start-index=1", &["Bob"]),
            ("/group/child-group/direct?groupname=company", &["everybody"]),
            ("/group/child-group/nested?groupname=company", &["everybody", "Staff"]),
            ("/group/parent-group/direct?groupname=staff", &["everybody"]),
            ("/group/parent-group/nested?groupname=staff", &["company", "everybody"]),
            ("/group/parent-group/nested?groupname=company", &[]),
        ] {
            assert_eq!(world.get(resource).await.names(), expected, "{resource}");
        }
        for (resource, name) in [
            ("/user/group/direct?username=ada&groupname=staff", "Staff"),
            ("/user/group/nested?username=ada&groupname=COMPANY", "company"),
            ("/group/user/direct?groupname=staff&username=BOB", "Bob"),
            ("/group/user/nested?groupname=company&username=ada", "ada"),
            ("/group/child-group/direct?groupname=company&child-groupname=everybody", "everybody"),
            ("/group/child-group/nested?groupname=company&child-groupname=staff", "Staff"),
            ("/group/parent-group/nested?groupname=staff&parent-groupname=company", "company"),
        ] {
            let answer = world.get(resource).await;
            assert_eq!(answer.status, 200, "{resource}");
            assert_eq!(answer.xml().root_element().attribute("name"), Some(name), "{resource}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_names_only_unless_more_is_asked_for() {
    for world in World::everywhere().await {
        let list = world.get("/group/user/direct?groupname=staff").await;
        assert!(
            list.body.contains("<users expand=\"user\"><user name=\"ada\"><link "),
            "{}",
            list.body
        );
        assert!(!list.body.contains("<email>"));
        let list = world.get("/group/user/direct?groupname=staff&expand=user").await;
        assert!(list.body.contains("<email>ada@example.com</email>"), "{}", list.body);
        assert!(!list.body.contains("<attribute "));
        let list = world.get("/group/user/direct?groupname=staff&expand=user,attributes").await;
        assert!(list.body.contains("<attribute name=\"room\">"), "{}", list.body);
        let list = world.json("jira", "/user/group/direct?username=ada&expand=group").await;
        assert_eq!(list["expand"], "group");
        assert_eq!(list["groups"][0]["type"], "GROUP");
        let empty = world.get("/user/group/direct?username=dave_x").await;
        assert!(empty.body.ends_with("<groups expand=\"group\"/>"), "{}", empty.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_directories_the_first_that_has_a_name_wins() {
    for mut world in World::everywhere().await {
        let bob = world.json("both", "/user?username=bob").await;
        assert_eq!(
            (bob["name"].as_str(), bob["directory-name"].as_str()),
            (Some("Bob"), Some("Internal"))
        );
        let zoe = world.json("both", "/user?username=ZO%C3%8B").await;
        assert_eq!(zoe["directory-name"], "Partners");
        // The other Bob is in nobody's sight, and in no group; groups of one name are one.
        let of_bob = world.json("both", "/user/group/direct?username=bob").await;
        assert_eq!(names(&of_bob, "groups"), ["Staff"]);
        let staff = world.json("both", "/group/user/direct?groupname=staff").await;
        assert_eq!(names(&staff, "users"), ["ada", "Bob", "zoë"]);
        let partners = world.json("both", "/group/user/direct?groupname=partners").await;
        assert_eq!(names(&partners, "users"), ["zoë"]);
        let company = world.json("both", "/group/user/nested?groupname=company").await;
        assert_eq!(names(&company, "users"), ["ada", "Bob", "zoë"]);
        let of_zoe = world.json("both", "/user/group/nested?username=zo%C3%AB").await;
        assert_eq!(names(&of_zoe, "groups"), ["company", "everybody", "partners", "Staff"]);
        let all = world.json("both", "/search?entity-type=user&max-results=-1").await;
        assert_eq!(names(&all, "users"), ["ada", "Bob", "carol", "dave_x", "zoë"]);
        let some = world
            .json("both", "/search?entity-type=user&start-index=1&max-results=3&expand=user")
            .await;
        assert_eq!(names(&some, "users"), ["Bob", "carol", "dave_x"]);
        // Of somebody in a shadow, nothing is known by their key either.
        let key = bob["key"].as_str().unwrap();
        assert_eq!(world.json("jira", &format!("/user?key={key}")).await["name"], "Bob");
        let key = zoe["key"].as_str().unwrap();
        assert_eq!(world.get(&format!("/user?key={key}")).await.status, 404);

        disable(&mut world, "Internal").await;
        let bob = world.json("both", "/user?username=bob").await;
        assert_eq!(
            (bob["name"].as_str(), bob["directory-name"].as_str()),
            (Some("BOB"), Some("Partners"))
        );
        let staff = world.json("both", "/group/user/direct?groupname=staff").await;
        assert_eq!(names(&staff, "users"), ["BOB", "zoë"]);
        assert_eq!(world.get("/user?username=ada").await.failure(), (404, "USER_NOT_FOUND".into()));
        assert_eq!(world.get("/search?entity-type=user").await.names(), [""; 0]);
        assert_eq!(world.get("/group/membership").await.names_of_groups(), [""; 0]);
    }
}

async fn disable(world: &mut World, directory: &str) {
    let done = world.gateway.command(&["directory", "disable", directory]).await;
    assert!(done.status.success(), "{done:?}");
}

impl super::world::Answer {
    fn names_of_groups(&self) -> Vec<String> {
        let document = self.xml();
        assert!(document.root_element().has_tag_name("memberships"));
        let groups = document.root_element().children();
        groups.map(|group| group.attribute("group").unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_memberships_come_in_xml_with_groups_that_have_none() {
    for world in World::everywhere().await {
        let json = [("accept", "application/json")];
        let answer = world.ask("jira", "GET", "/group/membership", &json, "").await;
        assert_eq!(
            answer.names_of_groups(),
            ["company", "contractors", "empty", "everybody", "jira users", "Staff"]
        );
        for membership in [
            "<membership group=\"company\"><users/><groups><group name=\"everybody\"/></groups></membership>",
            "<membership group=\"empty\"><users/><groups/></membership>",
            "<membership group=\"Staff\"><users><user name=\"ada\"/><user name=\"Bob\"/></users><groups/></membership>",
        ] {
            assert!(answer.body.contains(membership), "{}", answer.body);
        }
        let both = world.ask("both", "GET", "/group/membership", &[], "").await;
        let staff = "<membership group=\"Staff\"><users><user name=\"ada\"/><user name=\"Bob\"/><user name=\"zoë\"/></users><groups/></membership>";
        assert!(both.body.contains(staff), "{}", both.body);
        assert!(
            both.body
                .contains("<membership group=\"partners\"><users><user name=\"zoë\"/></users>")
        );
    }
}
