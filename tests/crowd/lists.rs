//! Long lists: in pages, all at once, and to whoever does not take them.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gatehouse::{clock::Clock, store::Store};

use super::world::{PASSWORD, World, fill, plan};
use crate::support::gateway::Plan;

const USERS: usize = 7000;

/// Everybody is in one of 700 groups, and in one that has all.
async fn crowded() -> Vec<World> {
    let mut worlds = Vec::new();
    for plan in Plan::on_every_database().await {
        let plan = self::plan(plan);
        let store = Store::open(&plan.store_options()).await.unwrap();
        let directory = store.ensure_directory("Internal", Clock::System.now()).await.unwrap();
        let mut list = "username,email,groups\n".to_owned();
        for user in 0..USERS {
            writeln!(list, "user{user:05},user{user}@example.com,all|group{:03}", user % 700)
                .unwrap();
        }
        fill(&store, directory, list).await;
        store.close().await;
        drop(store);
        worlds.push(World { gateway: plan.start().await });
    }
    worlds
}

fn expected() -> Vec<String> {
    (0..USERS).map(|user| format!("user{user:05}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_long_list_comes_whole_or_in_pages() {
    for world in crowded().await {
        for more in ["", "&expand=user", "&expand=user,attributes"] {
            let all = world.get(&format!("/search?entity-type=user&max-results=-1{more}")).await;
            assert_eq!(all.names(), expected(), "{more}");
        }
        assert_eq!(world.get("/search?entity-type=user").await.names().len(), 1000);
        let mut paged = Vec::new();
        for start in (0..USERS).step_by(999) {
            let page =
                format!("/search?entity-type=user&start-index={start}&max-results=999&expand=user");
            paged.extend(world.get(&page).await.names());
        }
        assert_eq!(paged, expected());
        let past = "/search?entity-type=user&start-index=7000";
        assert_eq!(world.get(past).await.names(), [""; 0]);
        let members = world.get("/group/user/direct?groupname=all&max-results=-1").await;
        assert_eq!(members.names(), expected());
        let members = world.get("/group/user/nested?groupname=group007&expand=user").await;
        assert_eq!(members.names().len(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_memberships_of_many_groups_come_each_once() {
    for world in crowded().await {
        let answer = world.get("/group/membership").await;
        let document = answer.xml();
        let mut groups = 0;
        for membership in document.root_element().children() {
            let name = membership.attribute("group").unwrap();
            let users = membership.first_element_child().unwrap();
            let mut names: Vec<_> =
                users.children().map(|user| user.attribute("name").unwrap().to_owned()).collect();
            names.sort_unstable();
            if name == "all" {
                assert_eq!(names, expected());
            } else {
                let number: usize = name.strip_prefix("group").unwrap().parse().unwrap();
                let members: Vec<_> =
                    (number..USERS).step_by(700).map(|user| format!("user{user:05}")).collect();
                assert_eq!(names, members, "{name}");
            }
            groups += 1;
        }
        assert_eq!(groups, 701);
    }
}

/// Takes the table of users away from a gateway that runs on SQLite.
async fn lose_users(world: &World) {
    let pool = sqlx::SqlitePool::connect(&world.gateway.plan.store_options().url).await.unwrap();
    sqlx::query("ALTER TABLE users RENAME TO lost").execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_to_its_end_does_not_end_as_if_it_were_whole() {
    let plan = self::plan(Plan::new());
    let store = Store::open(&plan.store_options()).await.unwrap();
    let directory = store.ensure_directory("Internal", Clock::System.now()).await.unwrap();
    let columns: Vec<_> = (0..16).map(|column| format!("attributes.note{column}")).collect();
    let mut list = format!("username,{}\n", columns.join(","));
    // More than waits anywhere on the way.
    for user in 0..6000 {
        writeln!(list, "user{user:05}{}", format!(",{}", "x".repeat(250)).repeat(16)).unwrap();
    }
    fill(&store, directory, list).await;
    store.close().await;
    drop(store);
    let world = World { gateway: plan.start().await };

    let address = world.gateway.plan.internal().replace("http://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let credentials = STANDARD.encode(format!("jira:{PASSWORD}"));
    let resource =
        "/rest/usermanagement/1/search?entity-type=user&max-results=-1&expand=user,attributes";
    let request =
        format!("GET {resource} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut read = vec![0; 16 * 1024];
    stream.read_exact(&mut read).unwrap();
    assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n"));
    lose_users(&world).await;
    let _ = stream.read_to_end(&mut read);
    assert!(!read.ends_with(b"0\r\n\r\n"), "it ended as if it were whole");
    let text = String::from_utf8_lossy(&read);
    assert!(!text.contains("</users>") && text.matches("<user name").count() > 1000);

    // Who asks now is told at once.
    for resource in ["/search?entity-type=user", "/user?username=user00001"] {
        let failure = world.get(resource).await.failure();
        assert_eq!(failure, (500, "OPERATION_FAILED".into()), "{resource}");
    }
}
