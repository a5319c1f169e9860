//! `/event`, as an application asks it.

use roxmltree::{Document, Node};

use crate::crowd::world::{Answer, World};

fn token(answer: &Answer) -> String {
    let document = answer.xml();
    let root = document.root_element();
    assert!(root.has_tag_name("events"), "{answer:?}");
    root.attribute("newEventToken").unwrap().to_owned()
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Node<'a, 'a> {
    node.children().find(|child| child.has_tag_name(name)).unwrap()
}

fn names(node: Node<'_, '_>, name: &str) -> Vec<String> {
    let children = node.children().filter(|child| child.has_tag_name(name));
    children.map(|child| child.attribute("name").unwrap().to_owned()).collect()
}

impl World {
    async fn run(&self, arguments: &[&str]) {
        let output = self.gateway.command(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    async fn token(&self, application: &str) -> String {
        token(&self.ask(application, "GET", "/event", &[], "").await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_told_what_has_changed() {
    for world in World::everywhere().await {
        let first = world.get("/event").await;
        assert_eq!(first.status, 200);
        let available = "incrementalSynchronisationAvailable";
        assert_eq!(first.xml().root_element().attribute(available), Some("true"));
        let first = token(&first);
        assert_eq!(
            world.get(&format!("/event/{first}")).await.xml().root_element().children().count(),
            0
        );

        world.run(&["group", "create", "fresh"]).await;
        world.run(&["group", "join", "fresh", "ada"]).await;
        world.run(&["group", "nest", "empty", "fresh"]).await;
        world.run(&["user", "remove", "Bob", "--directory", "Internal"]).await;
        let told = world.get(&format!("/event/{first}")).await;
        assert_eq!(told.status, 200);
        let document = Document::parse(&told.body).unwrap();
        let events: Vec<_> = document.root_element().children().collect();
        let kinds: Vec<_> = events
            .iter()
            .map(|event| (event.tag_name().name(), child(*event, "operation").text().unwrap()))
            .collect();
        let expected = [
            ("groupEvent", "CREATED"),
            ("userEvent", "UPDATED"),
            ("userEvent", "DELETED"),
            ("userMembershipEvent", "UPDATED"),
            ("groupMembershipEvent", "UPDATED"),
            ("groupMembershipEvent", "UPDATED"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(names(events[0], "group"), ["fresh"]);
        let ada = child(events[1], "user");
        assert_eq!(ada.attribute("name"), Some("ada"));
        assert_eq!(child(ada, "email").text(), Some("ada@example.com"));
        let attribute = child(child(ada, "attributes"), "attribute");
        assert_eq!(attribute.attribute("name"), Some("room"));
        assert_eq!(names(events[2], "user"), ["Bob"]);
        assert_eq!(names(events[3], "childUser"), ["ada"]);
        let groups = names(child(events[3], "parentGroups"), "group");
        assert_eq!(groups, ["Staff", "fresh", "jira users"]);
        let (fresh, empty) = (events[5], events[4]);
        assert_eq!(
            (names(fresh, "group"), names(empty, "group")),
            (vec!["fresh".into()], vec!["empty".into()])
        );
        assert_eq!(names(child(fresh, "parentGroups"), "group"), ["empty"]);
        assert_eq!(names(child(empty, "childGroups"), "group"), ["fresh"]);

        // Where another directory has a Bob, he is there now.
        let both = world.token("both").await;
        world.run(&["user", "deactivate", "BOB", "--directory", "Partners"]).await;
        let headers = [("accept", "application/json")];
        let told = world.ask("both", "GET", &format!("/event/{both}"), &headers, "").await.json();
        assert_eq!(told["incrementalSynchronisationAvailable"], true);
        let user = &told["events"][0];
        assert_eq!(user["type"], "userEvent");
        assert_eq!(
            (&user["user"]["name"], &user["user"]["active"]),
            (&"BOB".into(), &false.into())
        );
        assert_eq!(told["events"][1]["parentGroups"]["groups"][0]["name"], "Staff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_leads_nowhere_makes_the_application_read_everything() {
    for world in World::everywhere().await {
        let (jira, both) = (world.token("jira").await, world.token("both").await);
        assert_ne!(jira, both);
        for bad in [both.as_str(), "8047511070899496297:12", "garbage", "%00", &jira[1..]] {
            let answer = world.get(&format!("/event/{bad}")).await;
            assert_eq!(answer.failure(), (400, "EVENT_TOKEN_EXPIRED".to_owned()), "{bad}");
        }
        world.run(&["directory", "disable", "Partners"]).await;
        let answer = world.ask("both", "GET", &format!("/event/{both}"), &[], "").await;
        assert_eq!(answer.failure(), (400, "EVENT_TOKEN_EXPIRED".to_owned()));
        assert_eq!(world.get(&format!("/event/{jira}")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_an_application_reads_is_told_afterwards() {
    for world in World::everywhere().await {
        let before = world.token("jira").await;
        assert_eq!(world.get("/search?entity-type=user&expand=user").await.status, 200);
        // Whoever has been read already changes before the rest is.
        world.run(&["user", "deactivate", "ada"]).await;
        assert_eq!(world.get("/group/membership").await.status, 200);
        let after = world.token("jira").await;
        assert_eq!(after, before, "the place where the reading began");
        let told = world.get(&format!("/event/{after}")).await;
        let document = told.xml();
        let first = document.root_element().first_element_child().unwrap();
        assert_eq!(names(first, "user"), ["ada"]);
    }
}
