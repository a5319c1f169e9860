//! Searches: by restrictions in XML and JSON, and in Crowd's query language.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::world::{Answer, World, names};

async fn by_text(world: &World, kind: &str, restriction: &str) -> Vec<String> {
    let restriction = utf8_percent_encode(restriction, NON_ALPHANUMERIC);
    let resource = format!("/search?entity-type={kind}&restriction={restriction}");
    world.get(&resource).await.names()
}

async fn post(world: &World, resource: &str, content_type: &str, restriction: &str) -> Answer {
    world.ask("jira", "POST", resource, &[("content-type", content_type)], restriction).await
}

fn property(name: &str, mode: &str, value: &str) -> String {
    format!(
        "<property-search-restriction><property><name>{name}</name><type>STRING</type></property>\
         <match-mode>{mode}</match-mode><value>{value}</value></property-search-restriction>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_what_is_known_of_them() {
    for world in World::everywhere().await {
        for (restriction, expected) in [
            ("name = \"*\"", &["ada", "Bob", "carol", "dave_x"][..]),
            ("name = BOB", &["Bob"]),
            ("name = b*", &["Bob"]),
            ("name = CAROL or name = nobody or name = ada", &["ada", "carol"]),
            ("name = *O*", &["Bob", "carol"]),
            ("email = \"*@EXAMPLE.com\"", &["ada", "Bob", "dave_x"]),
            ("email = \"bob@example.com\"", &["Bob"]),
            // What stands for something else in a pattern stands for itself.
            ("email = \"*%x*\"", &["dave_x"]),
            ("name = \"*_x\"", &["dave_x"]),
            ("name = \"dave!x\"", &[]),
            ("name = \"d%\"", &[]),
            ("name = \"___*\"", &[]),
            ("lastName = \"O'Neill\"", &["Bob"]),
            ("displayName = \"*<sons>\"", &["Bob"]),
            ("firstName = \"élodie\"", &["carol"]),
            ("firstName = \"ÉLODIE\"", &["carol"]),
            ("displayName = \"éLO*\"", &["carol"]),
            ("active = false", &["carol"]),
            ("active = true and email = *org", &[]),
            ("active = false or name = ada", &["ada", "carol"]),
            ("room = 7", &["ada"]),
            ("room = null", &["Bob", "carol"]),
            ("displayName = null", &[]),
            ("displayName = \"dave*\"", &["dave_x"]),
            ("createdDate > 2020-01-01", &["ada", "Bob", "carol", "dave_x"]),
            ("createdDate < 2020-01-01", &[]),
            ("name = \"x' OR '1'='1\"", &[]),
            ("room = \"'; DROP TABLE users; --\"", &[]),
            ("x\"y'z = 1", &[]),
        ] {
            let restriction = restriction.replace("x\"y'z", "\"x\\\"y'z\"");
            assert_eq!(by_text(&world, "user", &restriction).await, expected, "{restriction}");
        }
        for (restriction, expected) in [
            ("name = *S*", &["contractors", "jira users", "Staff"][..]),
            ("name = staff and active = true", &["Staff"]),
            ("active = false", &[]),
            ("room = 7", &[]),
            ("description = null and name = e*", &["empty", "everybody"]),
        ] {
            assert_eq!(by_text(&world, "group", restriction).await, expected, "{restriction}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_takes_too_long_ends_in_an_error_that_clients_read() {
    let Some(world) = World::everywhere().await.into_iter().nth(1) else {
        return;
    };
    let pool = sqlx::PgPool::connect(&world.gateway.plan.store_options().url).await.unwrap();
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *holding).await.unwrap();
    let begun = std::time::Instant::now();
    let answer = world.get("/search?entity-type=user&expand=user").await;
    assert_eq!(answer.failure(), (503, "OPERATION_FAILED".to_owned()));
    assert!((19..25).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    holding.rollback().await.unwrap();
    assert_eq!(world.get("/search?entity-type=user").await.names().len(), 4);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_found_as_it_was_told() {
    for world in World::everywhere().await {
        // They are changed at some microsecond, of which nobody is told.
        for command in ["deactivate", "reactivate"] {
            let done = world.gateway.command(&["user", command, "ada"]).await;
            assert!(done.status.success(), "{done:?}");
        }
        let told = world.json("jira", "/user?username=ada").await["updated-date"].clone();
        let document = world.get("/user?username=ada").await;
        let document = document.xml();
        let element = document.descendants().find(|node| node.has_tag_name("updated-date"));
        for time in [told.to_string(), element.unwrap().text().unwrap().to_owned()] {
            let found = async |operator| {
                let restriction = format!("updatedDate {operator} \"{time}\"");
                by_text(&world, "user", &restriction).await
            };
            assert_eq!(found("=").await, ["ada"], "{time}");
            assert_eq!(found(">").await, Vec::<String>::new(), "{time}");
            assert_eq!(found("<").await, ["Bob", "carol", "dave_x"], "{time}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restrictions_come_in_xml_and_json() {
    for world in World::everywhere().await {
        let user = "/search?entity-type=user";
        let xml = "application/xml; charset=UTF-8";
        let all = post(&world, user, xml, "<null-search-restriction/>").await;
        assert_eq!(all.names(), ["ada", "Bob", "carol", "dave_x"]);
        // How clients test the connection.
        let none = post(
            &world,
            &format!("{user}&start-index=0&max-results=1"),
            xml,
            &property("name", "NULL", ""),
        )
        .await;
        assert_eq!(none.names(), [""; 0]);
        let one =
            post(&world, &format!("{user}&max-results=1"), xml, "<null-search-restriction/>").await;
        assert_eq!(one.names(), ["ada"]);
        for (mode, value, expected) in [
            ("CONTAINS", "example.o", &["carol"][..]),
            ("STARTS_WITH", "BOB", &["Bob"]),
            ("ENDS_WITH", ".com", &["ada", "Bob", "dave_x"]),
            ("EXACTLY_MATCHES", "ada@example.com", &["ada"]),
            ("NULL", "", &[]),
        ] {
            let found = post(&world, user, xml, &property("email", mode, value)).await;
            assert_eq!(found.names(), expected, "{mode}");
        }
        let either = format!(
            "<boolean-search-restriction boolean-logic=\"or\"><restrictions>{}{}</restrictions></boolean-search-restriction>",
            property("name", "EXACTLY_MATCHES", "ADA"),
            property("active", "EXACTLY_MATCHES", "false")
        );
        assert_eq!(post(&world, user, xml, &either).await.names(), ["ada", "carol"]);
        let json = r#"{"restriction-type":"boolean-search-restriction","boolean-logic":"and","restrictions":[
            {"restriction-type":"property-search-restriction","property":{"name":"name","type":"STRING"},"match-mode":"CONTAINS","value":"o"},
            {"restriction-type":"property-search-restriction","property":{"name":"active","type":"BOOLEAN"},"match-mode":"EXACTLY_MATCHES","value":true}]}"#;
        assert_eq!(post(&world, user, "application/json", json).await.names(), ["Bob"]);
        let whole = post(
            &world,
            "/search.json?entity-type=user&expand=user,attributes",
            "application/json",
            json,
        )
        .await;
        let whole = whole.json();
        assert_eq!(names(&whole, "users"), ["Bob"]);
        assert_eq!(whole["users"][0]["email"], "bob@example.com");
        let group = post(
            &world,
            "/search?entity-type=group&expand=group",
            xml,
            &property("name", "STARTS_WITH", "st"),
        )
        .await;
        assert_eq!(group.names(), ["Staff"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_much_as_may_be_asked_at_once_is_answered() {
    for world in World::everywhere().await {
        let open = "<boolean-search-restriction boolean-logic='and'><restrictions>".repeat(63);
        let close = "</restrictions></boolean-search-restriction>".repeat(63);
        let deep = format!("{open}{}{close}", property("name", "EXACTLY_MATCHES", "ada"));
        let xml = "application/xml";
        assert_eq!(post(&world, "/search?entity-type=user", xml, &deep).await.names(), ["ada"]);
        // Each of 60 levels has as many as are left.
        let mut wide = property("email", "CONTAINS", "ada");
        for level in 0..60 {
            let logic = if level % 2 == 0 { "or" } else { "and" };
            let more = if level % 2 == 0 {
                property("email", "CONTAINS", "élo").repeat(3)
            } else {
                property("name", "STARTS_WITH", "a").repeat(25)
            };
            wide = format!(
                "<boolean-search-restriction boolean-logic='{logic}'><restrictions>{more}{wide}</restrictions></boolean-search-restriction>"
            );
        }
        assert_eq!(post(&world, "/search?entity-type=user", xml, &wide).await.names(), ["ada"]);
        let (names, others) = (
            property("name", "EXACTLY_MATCHES", "nobody").repeat(898),
            property("firstName", "ENDS_WITH", "élodie").repeat(100),
        );
        let flat = format!("{others}{names}");
        let flat = format!(
            "<boolean-search-restriction boolean-logic='or'><restrictions>{flat}{}</restrictions></boolean-search-restriction>",
            property("name", "EXACTLY_MATCHES", "ada")
        );
        assert_eq!(
            post(&world, "/search?entity-type=user", xml, &flat).await.names(),
            ["ada", "carol"]
        );
        let brackets = format!("{}name=ada{}", "(".repeat(64), ")".repeat(64));
        assert_eq!(by_text(&world, "user", &brackets).await, ["ada"]);
        let page =
            format!("/search?entity-type=user&max-results={}&start-index={}", i64::MAX, i64::MAX);
        assert_eq!(world.get(&page).await.names(), [""; 0]);
        let page = format!("/search?entity-type=user&max-results={}&start-index=3", i64::MAX);
        assert_eq!(world.get(&page).await.names(), ["dave_x"]);
    }
}
