//! What is kept of how far applications are, and of where they want to be called.

use chrono::{DateTime, TimeDelta, Utc};
use gatehouse::{
    clock::Clock,
    directory::{DirectoryId, User},
    store::{Applier, NewWebhook, Store, Webhook},
};

use super::{half_a_plan, world::World};
use crate::support::{databases::databases, directory::now};

async fn note(store: &Store, seen: &[DirectoryId], at: &[DirectoryId], seq: i64) -> bool {
    let place = store.find_log_place(at).await.unwrap();
    store.note_crowd_sync("jira", seen, (place, seq), now()).await.unwrap()
}

async fn is_known(store: &Store, user: &User) -> bool {
    let sync = store.find_crowd_sync("jira").await.unwrap().unwrap();
    store.find_news_since(user, &sync).await.unwrap().is_none()
}

#[tokio::test]
async fn how_far_an_application_is_is_news_once_and_never_goes_back() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let seen = &world.directories[..2];
        assert!(note(store, seen, seen, 7).await);
        assert!(!note(store, seen, seen, 7).await, "the same once more");
        assert!(!note(store, seen, seen, 5).await, "from before");
        assert!(!note(store, seen, &world.directories[..1], 9).await, "it saw less then");
        assert_eq!(store.find_crowd_sync("jira").await.unwrap().unwrap().seq, 7);
        assert!(note(store, seen, seen, 9).await);
        assert_eq!(store.find_crowd_sync("jira").await.unwrap().unwrap().seq, 9);
    }
}

#[tokio::test]
async fn nobody_is_known_of_a_directory_that_an_application_has_come_to_see_since() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let (a, b) = (world.directories[0], world.directories[1]);
        world.log_in(a, "ann", &["devs"]).await;
        world.log_in(b, "bob", &["devs"]).await;
        let (ann, bob) = (world.find(a, "ann").await.user, world.find(b, "bob").await.user);
        let head = store.find_log_place(&[a]).await.unwrap().seq();
        // The directory is disabled while everything is read.
        store.set_directory_disabled(b, Some(now())).await.unwrap();
        assert!(note(store, &[a, b], &[a, b], head).await);
        store.set_directory_disabled(b, None).await.unwrap();
        assert!(is_known(store, &ann).await);
        assert!(!is_known(store, &bob).await, "older than all that was read, and not among it");
        assert!(note(store, &[a, b], &[a, b], head).await, "all is read once more");
        assert!(is_known(store, &bob).await);
        assert!(note(store, &[b], &[b], head).await, "the configuration names fewer");
        assert!(!is_known(store, &ann).await);
    }
}

async fn webhook(store: &Store) -> Webhook {
    let application = "jira".to_owned();
    let new = NewWebhook { application, endpoint: "http://jira/".to_owned(), sealed: None };
    let id = store.upsert_webhook(new, 20, now()).await.unwrap().unwrap();
    find(store, id).await
}

async fn find(store: &Store, id: i64) -> Webhook {
    store.find_webhook("jira", id).await.unwrap().unwrap()
}

#[tokio::test]
async fn of_several_gateways_one_calls() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let seen = webhook(store).await;
        let take = async |seen: &Webhook, until: DateTime<Utc>| {
            store.take_webhook(seen, until).await.unwrap()
        };
        let soon = now() + TimeDelta::minutes(1);
        assert!(take(&seen, soon).await);
        assert!(!take(&seen, soon).await, "another gateway has it");
        // The other one has told it meanwhile, and whoever was slow has not seen that.
        world.log_in(world.directories[0], "ann", &[]).await;
        store.note_webhook_told(seen.id, seen.told_seq + 1).await.unwrap();
        assert!(!take(&seen, soon).await, "it was told");
        assert!(take(&find(store, seen.id).await, soon).await);
    }
}

#[tokio::test]
async fn what_an_application_was_called_for_never_goes_back() {
    for database in databases().await {
        let store = &database.store;
        World::new(store, 1).await;
        let id = webhook(store).await.id;
        for (told, expected) in [(5, 5), (3, 5), (6, 6)] {
            store.note_webhook_told(id, told).await.unwrap();
            assert_eq!(find(store, id).await.told_seq, expected);
        }
    }
}

#[tokio::test]
async fn it_is_kept_since_when_a_webhook_fails() {
    for database in databases().await {
        let store = &database.store;
        World::new(store, 1).await;
        let id = webhook(store).await.id;
        let fail = async |at| store.note_webhook_failed(id, at, TimeDelta::hours(1)).await.unwrap();
        fail(now()).await;
        fail(now() + TimeDelta::hours(2)).await;
        let failing = find(store, id).await;
        assert_eq!((failing.failures, failing.failing_since), (2, Some(now())));
        assert_eq!(failing.next_at, now() + TimeDelta::hours(3));
        store.note_webhook_told(id, 1).await.unwrap();
        let told = find(store, id).await;
        assert_eq!((told.failures, told.failing_since), (0, None));
    }
}

#[tokio::test]
async fn of_a_plan_that_is_being_applied_more_is_to_come() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let (one, two) = (world.directories[0], world.directories[1]);
        let before = store.find_log_place(&[one]).await.unwrap().seq();
        let (plan, chunks) = half_a_plan(store, one).await;
        let under_way = async |directory| {
            let news = store.list_directory_news(before).await.unwrap();
            let news = news.into_iter().find(|news| news.directory == Some(directory));
            news.map(|news| news.is_under_way)
        };
        assert_eq!(under_way(one).await, None);
        let mut applier = Applier::take_up(store, plan).await.unwrap();
        let last = chunks.len() - 1;
        for (number, chunk) in chunks.into_iter().enumerate() {
            applier = store.apply_chunk(applier, chunk, Clock::System.now()).await.unwrap();
            assert_eq!(under_way(one).await, Some(number < last), "{number}");
        }
        world.log_in(two, "ann", &[]).await;
        assert_eq!((under_way(one).await, under_way(two).await), (Some(false), Some(false)));
    }
}

#[tokio::test]
async fn who_comes_beside_a_plan_does_not_wait_for_it() {
    for database in databases().await {
        let store = &database.store;
        let world = World::new(store, 1).await;
        let directory = world.directories[0];
        let (plan, chunks) = half_a_plan(store, directory).await;
        let applier = Applier::take_up(store, plan).await.unwrap();
        let first = chunks.into_iter().next().unwrap();
        store.apply_chunk(applier, first, Clock::System.now()).await.unwrap();
        world.log_in(directory, "ann", &[]).await;
        let news = store.list_directory_news(0).await.unwrap();
        assert!(!news.iter().any(|news| news.is_under_way), "{news:?}");
    }
}
