//! Asking once more, and only, for what the last run left undone.

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    cloud::ConnectorError,
    store::RunKind,
    sync::{Patience, RunError, sync_user},
};

use super::{Way, look_at, worlds};

fn unreadable() -> ConnectorError {
    ConnectorError::Failed { host: "x".into(), status: 500, reason: "broken".into() }
}

#[tokio::test]
async fn only_groups_that_could_not_be_read_are_asked_for() {
    for world in worlds(Way::Lists).await {
        world.begin().await;
        world.organisation.join_users("g1", &["eve"]);
        world.organisation.join_users("g2", &["bob"]);
        world.organisation.fail("members g1", unreadable());
        let run = world.run().await;
        assert_eq!(run.warnings.len(), 1, "{run:?}");
        assert!(world.groups_of("eve@example.com").await.is_empty());
        world.organisation.asked();

        let retried = world.try_run(|request| request.retry = true).await.unwrap();
        let asked = world.organisation.asked();
        assert!(asked.iter().all(|work| work.starts_with("members g1")), "{asked:?}");
        assert!(retried.warnings.is_empty() && !retried.compared_all, "{retried:?}");
        assert_eq!(world.groups_of("eve@example.com").await, ["jira-users"]);
        assert_eq!(world.last_run().await.kind, RunKind::Retry);

        let nothing = world.try_run(|request| request.retry = true).await;
        assert!(matches!(nothing, Err(RunError::NothingToRetry(_))), "{nothing:?}");
        // Where the next round of changes begins is still where the last one ended.
        world.organisation.join_users("g2", &["cleo"]);
        world.run().await;
        assert_eq!(world.groups_of("cleo@example.com").await, ["jira-users", "wiki"]);
    }
}

#[tokio::test]
async fn whoever_could_not_have_their_name_is_asked_for_by_themselves() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\"]");
        world.begin().await;
        world.organisation.hire("fay", |person| drop(person.attributes.remove("mail")));
        assert_eq!(world.run().await.nameless.len(), 1);
        world.organisation.set("fay", "mail", "fay@mail.example.com");
        world.organisation.set("ada", "displayName", "Somebody Else");
        world.organisation.asked();
        let retried = world.try_run(|request| request.retry = true).await.unwrap();
        assert!(world.organisation.asked().is_empty(), "no list is read");
        assert!(retried.nameless.is_empty(), "{retried:?}");
        let created = retried.directory.unwrap().list.size;
        assert_eq!((created.created, created.updated), (1, 0), "{created}");
        assert!(world.people().await.contains_key("fay@mail.example.com"));
        // What else has changed is the next run's.
        assert_eq!(world.run().await.directory.unwrap().list.size.updated, 1);
    }
}

#[tokio::test]
async fn whoever_is_gone_when_asked_for_is_missing() {
    for mut world in worlds(Way::Changes).await {
        world.configure("[claims]\nusername = [\"mail\"]");
        world.begin().await;
        // Wants a name that somebody has, and keeps the old one.
        world.organisation.set("bob", "mail", "ada@mail.example.com");
        assert_eq!(world.run().await.nameless.len(), 1);
        world.organisation.fire("bob");
        world.try_run(|request| request.retry = true).await.unwrap();
        let state = world.state_of("bob@mail.example.com").await;
        assert_eq!(state, Some(gatehouse::directory::InactiveReason::MissingAtSource));
    }
}

#[tokio::test]
async fn without_a_run_there_is_nothing_to_ask_for_again() {
    for world in worlds(Way::Changes).await {
        let refused = world.try_run(|request| request.retry = true).await.unwrap_err();
        assert!(refused.to_string().contains("without --retry"), "{refused}");
        // Nobody is kept from running it as a whole.
        world.begin().await;
        world.organisation.fail("users", unreadable());
        assert!(world.try_run(|_| {}).await.is_err());
        // A run that broke off is gone on with, whoever asks.
        let gone_on = world.try_run(|request| request.retry = true).await.unwrap();
        assert!(gone_on.warnings.is_empty(), "{gone_on:?}");
        assert_eq!(world.last_run().await.kind, RunKind::Round);
    }
}

#[tokio::test]
async fn neither_a_retry_nor_a_look_at_one_user_puts_the_next_run_off() {
    for mut world in worlds(Way::Lists).await {
        world.clock = Clock::adjustable();
        world.begin().await;
        world.organisation.join_users("g1", &["eve"]);
        world.organisation.fail("members g1", unreadable());
        world.run().await;
        let connector = world.connector();
        let run_if_due = async || {
            let mut patience = Patience::default();
            let ran = connector.run_if_due(&world.store, &world.clock, &mut patience).await;
            ran.unwrap().is_some()
        };
        world.clock.advance(TimeDelta::minutes(50));
        assert!(!run_if_due().await);
        world.try_run(|request| request.retry = true).await.unwrap();
        sync_user(&world.store, &world.clock, &connector, &look_at("ada")).await.unwrap();
        // An hour, and the little more that each connector waits.
        world.clock.advance(TimeDelta::minutes(17));
        assert!(run_if_due().await);
    }
}
