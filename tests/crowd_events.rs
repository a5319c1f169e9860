//! An application that heeds what it is told of changes ends with what it would have read.

mod copy;
mod first;
mod keeping_up;
mod over_http;
mod webhooks;
mod world;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{Change, DirectoryId, GroupId, PersonId, Profile, UserId, UserState, UserStep},
    provisioning::{plan_deactivation, plan_joining, plan_reactivation, plan_removal},
    store::{
        Applier, Chunk, CrowdEvent, GroupJoins, Ids, LogPlace, NewGroup, NewPlan, PlanId, Seal,
        Store, UserDetails,
    },
};
use uuid::Uuid;

use self::{copy::Copy, world::World};
use crate::support::{
    databases::{databases, sqlite},
    directory::now,
};

async fn expired(store: &Store, directories: &[DirectoryId], place: &LogPlace) -> bool {
    store.read_crowd_events(directories, place).await.unwrap().is_none()
}

#[tokio::test]
async fn whoever_heeds_all_events_has_what_a_full_reading_has() {
    for database in databases().await {
        let steps = if database.options.url.starts_with("sqlite:") { 900 } else { 300 };
        let mut world = World::new(&database.store, 7).await;
        let (a, b, c) = (world.directories[0], world.directories[1], world.directories[2]);
        let mut copies = [Copy::of(&[a, b, c]), Copy::of(&[b]), Copy::of(&[c, a])];
        let (mut events, mut full) = (0, 0);
        for step in 0..steps {
            world.change().await;
            for (index, copy) in copies.iter_mut().enumerate() {
                // Some come often, and some seldom.
                if world.dice.below([2, 5, 25][index]) > 0 {
                    continue;
                }
                match copy.follow(&database.store).await {
                    Some(heeded) => events += heeded,
                    None => full += 1,
                }
                let read = Copy::read(&database.store, &copy.directories).await;
                copy.assert_same(&read, step);
            }
        }
        let heeded_most = events > steps / 2 && full < steps / 5;
        assert!(heeded_most, "{events} events and {full} full readings: hardly anything was tried");
    }
}

#[tokio::test]
async fn what_gateways_write_at_the_same_time_is_not_skipped() {
    for database in databases().await {
        let mut world = World::new(&database.store, 3).await;
        let directories = world.directories.clone();
        world.change().await;
        let mut copy = Copy::of(&directories);
        copy.follow(&database.store).await;
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = database.store.clone();
                tokio::spawn(async move {
                    let mut world = World::new(&store, 100 + writer).await;
                    for _ in 0..25 {
                        world.small_change().await;
                    }
                })
            })
            .collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            assert!(copy.follow(&database.store).await.is_some());
        }
        assert!(copy.follow(&database.store).await.is_some());
        copy.assert_same(&Copy::read(&database.store, &directories).await, 0);
    }
}

#[tokio::test]
async fn a_rename_is_told_before_the_old_name_is_gone() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let directory = world.directories[0];
        world.log_in(directory, "bob", &["devs"]).await;
        let place = store.find_log_place(&[directory]).await.unwrap();
        world
            .edit(directory, "bob", |user| {
                let before = user.user.profile.clone();
                let after = Profile { username: "Robert".to_owned(), ..before.clone() };
                vec![Change::UpdateUser { before, after }, plan_joining("devs")]
            })
            .await;
        let events = store.read_crowd_events(&[directory], &place).await.unwrap().unwrap().events;
        let told: Vec<_> = events.iter().map(told).collect();
        assert_eq!(told, ["user Robert", "nobody bob", "Robert in [\"devs\"]"]);
    }
}

/// In short.
fn told(event: &CrowdEvent) -> String {
    match event {
        CrowdEvent::Group(group) => format!("group {}", group.name),
        CrowdEvent::NoGroup(name) => format!("no group {name}"),
        CrowdEvent::User(user) => format!("user {}", user.seen.user.profile.username),
        CrowdEvent::NoUser(name) => format!("nobody {name}"),
        CrowdEvent::GroupsOfUser { username, groups } => format!("{username} in {groups:?}"),
        CrowdEvent::GroupsOfGroup { group, parents, children } => {
            format!("{group} in {parents:?}, with {children:?}")
        }
    }
}

#[tokio::test]
async fn a_place_of_another_database_or_of_other_directories_leads_nowhere() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let (a, b) = (world.directories[0], world.directories[1]);
        world.log_in(a, "bob", &["devs"]).await;
        let place = store.find_log_place(&[a, b]).await.unwrap();
        assert!(!expired(store, &[a, b], &place).await);
        assert!(expired(store, &[b, a], &place).await, "another order");
        assert!(expired(store, &[a], &place).await, "fewer");
        store.set_directory_disabled(b, Some(now())).await.unwrap();
        assert!(expired(store, &[a, b], &place).await, "one was taken away");
        store.set_directory_disabled(b, None).await.unwrap();
        assert!(!expired(store, &[a, b], &place).await, "it is back, and the log knows all of it");

        // Half of it may be gone for good when it comes back.
        store.set_directory_removed(b, Some(now())).await.unwrap();
        let purging = store.purge_directory(b).await;
        assert!(purging.is_ok());
        assert!(expired(store, &[a, b], &place).await);

        let other = sqlite().await;
        let world = World::new(&other.store, 1).await;
        world.log_in(world.directories[0], "bob", &["devs"]).await;
        assert!(expired(&other.store, &[world.directories[0]], &place).await);
    }
}

#[tokio::test]
async fn what_is_forgotten_is_missed_and_what_nobody_has_missed_is_not() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let directories = [world.directories[0]];
        let beginning = store.find_log_place(&directories).await.unwrap();
        assert!(!expired(store, &directories, &beginning).await);
        world.log_in(directories[0], "bob", &["devs"]).await;
        let after_bob = store.find_log_place(&directories).await.unwrap();
        let mut copy = Copy::of(&directories);
        copy.follow(store).await;

        store.delete_changes_before(Clock::System.now() + TimeDelta::days(1)).await.unwrap();
        assert_eq!(copy.follow(store).await, Some(0), "nothing has happened since");
        assert!(expired(store, &directories, &beginning).await);
        world.log_in(directories[0], "eve", &["devs"]).await;
        assert!(!expired(store, &directories, &after_bob).await, "all since then is there");
        assert!(copy.follow(store).await.unwrap() > 0);
        copy.assert_same(&Copy::read(store, &directories).await, 0);

        store.delete_changes_before(Clock::System.now() + TimeDelta::days(1)).await.unwrap();
        assert!(expired(store, &directories, &after_bob).await);
    }
}

#[tokio::test]
async fn a_database_that_was_restored_does_not_go_on_from_what_is_lost() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let directories = [world.directories[0]];
        world.log_in(directories[0], "bob", &["devs"]).await;
        let before = store.find_log_place(&directories).await.unwrap();
        let (store, backup) = world::back_up(&database).await;

        let world = World::new(&store, 1).await;
        world.log_in(directories[0], "eve", &["devs"]).await;
        let after = store.find_log_place(&directories).await.unwrap();

        let store = Store::open(&backup.options).await.unwrap();
        let world = World::new(&store, 1).await;
        assert!(expired(&store, &directories, &after).await, "the log is not that far");
        assert!(!expired(&store, &directories, &before).await, "this much is the same");
        for name in ["ann", "ben", "cat"] {
            world.log_in(directories[0], name, &["devs"]).await;
        }
        assert!(store.find_log_place(&directories).await.unwrap().seq() > after.seq());
        assert!(expired(&store, &directories, &after).await, "it is further, another way");
        assert!(!expired(&store, &directories, &before).await);
    }
}

#[tokio::test]
async fn a_large_plan_is_told_person_by_person_up_to_a_size() {
    for database in databases().await {
        let world = World::new(&database.store, 1).await;
        let directories = [world.directories[0]];
        let mut copy = Copy::of(&directories);
        world.log_in(directories[0], "bob", &["devs"]).await;
        copy.follow(&database.store).await;

        let list = |count: usize| {
            let row = |user: usize| format!("user{user:05},user{user:05}@example.com,all\n");
            let rows = (0..count).map(row);
            ["username,email,groups\n".to_owned()].into_iter().chain(rows).collect::<String>()
        };
        world.import(directories[0], &list(2_000)).await;
        assert!(copy.follow(&database.store).await.unwrap() > 4_000);
        copy.assert_same(&Copy::read(&database.store, &directories).await, 0);

        world.import(directories[0], &list(23_000)).await;
        assert_eq!(copy.follow(&database.store).await, None, "reading all of it costs less");
    }
}

/// A plan that brings Zoe and a group with her, sealed; nothing of it is applied.
async fn half_a_plan(store: &Store, directory: DirectoryId) -> (PlanId, Vec<Chunk>) {
    let new = NewPlan {
        directory,
        source: "import:list".to_owned(),
        actor: "admin".to_owned(),
        reason: "test".to_owned(),
        undoes: None,
    };
    let plan = store.begin_plan(new, Clock::System.now()).await.unwrap();
    let user = UserId(store.take_ids(Ids::Users, 1).await.unwrap());
    let person = PersonId(store.take_ids(Ids::Persons, 1).await.unwrap());
    let group = GroupId(store.take_ids(Ids::Groups, 1).await.unwrap());
    let profile = Profile { username: "zoe".to_owned(), ..Profile::default() };
    let step = UserStep {
        user,
        person,
        uuid: Uuid::now_v7(),
        before: None,
        after: Some(UserState { profile, inactive: None }),
        joins: vec![group],
        leaves: Vec::new(),
        identity: None,
        of_known_person: false,
        takes_over: false,
    };
    let new = NewGroup { id: group, uuid: Uuid::now_v7(), name: "new".to_owned() };
    let joins = GroupJoins { group, users: vec![user] };
    let chunks =
        vec![Chunk::Groups(vec![new]), Chunk::Users(vec![step]), Chunk::Members(vec![joins])];
    for (number, chunk) in (0..).zip(&chunks) {
        let (steps, at) = (chunk.pack().unwrap(), Clock::System.now());
        store.add_chunk(plan, number, steps, at).await.unwrap();
    }
    let seal = Seal { chunks: 3, first_ending: 3, ..Seal::default() };
    store.seal_plan(plan, seal, Clock::System.now()).await.unwrap();
    (plan, chunks)
}

/// Between the chunk that brings people and the one that puts them into groups, an application reads what is
/// there: only half of it. What it is told later has to have the rest.
#[tokio::test]
async fn whoever_reads_while_a_plan_is_applied_hears_of_all_of_it() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let directory = world.directories[0];
        world.log_in(directory, "bob", &["devs"]).await;
        let before = store.find_log_place(&[directory]).await.unwrap();
        let (plan, chunks) = half_a_plan(store, directory).await;
        let mut applier = Applier::take_up(store, plan).await.unwrap();
        for chunk in chunks {
            let here = store.find_log_place(&[directory]).await.unwrap();
            assert_eq!(here, before, "not a step further as long as it is under way");
            applier = store.apply_chunk(applier, chunk, Clock::System.now()).await.unwrap();
        }
        let told = store.read_crowd_events(&[directory], &before).await.unwrap().unwrap();
        let all: BTreeSet<_> = told.events.iter().map(self::told).collect();
        let expected = ["group new", "user zoe", "zoe in [\"new\"]"];
        assert_eq!(all, expected.map(str::to_owned).into());
        assert!(told.place.seq() > before.seq());
    }
}

#[tokio::test]
async fn whoever_is_removed_makes_room_for_their_namesake() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let (a, b) = (world.directories[0], world.directories[1]);
        world.log_in(a, "bob", &["devs"]).await;
        world.log_in(b, "Bob", &["ops"]).await;
        let place = store.find_log_place(&[a, b]).await.unwrap();
        world.edit(a, "bob", |bob| plan_removal(&bob.user, &bob.memberships)).await;
        let events = store.read_crowd_events(&[a, b], &place).await.unwrap().unwrap().events;
        let told: Vec<_> = events.iter().map(told).collect();
        assert_eq!(told, ["user Bob", "Bob in [\"ops\"]"]);
    }
}

/// The change that has made somebody news, behind a place in the log.
async fn news(world: &World, directory: DirectoryId, name: &str, after: &LogPlace) -> Option<i64> {
    let user = world.find(directory, name).await.user;
    world.store.find_news(&user, after.seq()).await.unwrap()
}

#[tokio::test]
async fn who_is_made_renamed_or_back_is_news_and_whose_mail_changes_is_not() {
    for database in databases().await {
        let world = World::new(&database.store, 1).await;
        let directory = world.directories[0];
        let here = async || world.store.find_log_place(&[directory]).await.unwrap();
        let profile = |change: fn(&mut Profile)| {
            move |there: &UserDetails| {
                let before = there.user.profile.clone();
                let mut after = before.clone();
                change(&mut after);
                vec![Change::UpdateUser { before, after }]
            }
        };
        let before = here().await;
        world.log_in(directory, "bob", &["devs"]).await;
        assert!(news(&world, directory, "bob", &before).await.is_some());
        let known = here().await;
        assert_eq!(news(&world, directory, "bob", &known).await, None);

        world.edit(directory, "bob", profile(|p| p.email = Some("b@example.com".into()))).await;
        world.edit(directory, "bob", |_| vec![plan_joining("devs")]).await;
        assert_eq!(news(&world, directory, "bob", &known).await, None);
        world.edit(directory, "bob", profile(|p| p.username = "robert".into())).await;
        assert!(news(&world, directory, "robert", &known).await.is_some());

        let known = here().await;
        world.edit(directory, "robert", |there| plan_deactivation(&there.user)).await;
        assert_eq!(news(&world, directory, "robert", &known).await, None);
        world.edit(directory, "robert", |there| plan_reactivation(&there.user)).await;
        assert!(news(&world, directory, "robert", &known).await.is_some());
    }
}

#[tokio::test]
async fn large_plans_make_news_of_those_alone_whom_they_make_or_bring_back() {
    for database in databases().await {
        let world = World::new(&database.store, 1).await;
        let directory = world.directories[0];
        let here = async || world.store.find_log_place(&[directory]).await.unwrap();
        let before = here().await;
        world.import(directory, "username,email\nann,ann@example.com\nben,ben@example.com\n").await;
        assert!(news(&world, directory, "ann", &before).await.is_some());
        let known = here().await;
        // Ben is gone from the list, and Ann's address is another.
        world.import(directory, "username,email\nann,ann@example.org\n").await;
        assert_eq!(news(&world, directory, "ann", &known).await, None);
        let known = here().await;
        world.import(directory, "username,email\nann,a@example.org\nben,ben@example.com\n").await;
        assert!(news(&world, directory, "ben", &known).await.is_some());
        assert_eq!(news(&world, directory, "ann", &known).await, None);
    }
}
