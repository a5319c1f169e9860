//! Whether accounts may be used, and how long they are there.

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{Change, InactiveReason},
    provisioning::{plan_deactivation, plan_joining},
    store::{PlanId, PlanState},
    sync::{RemovalRequest, RosterError, remove_gone, undo_plan},
};

use super::{SOURCE, absent, membership, only, person, removal};
use crate::{
    imports::{House, houses},
    support::directory::now,
};

async fn inactive(house: &House, name: &str) -> Option<InactiveReason> {
    house.find(name).await.unwrap().user.inactive
}

#[tokio::test]
async fn a_roster_comes_true_and_then_changes_nothing() {
    for house in houses().await {
        house.try_log_in("by-hand", &["wiki"]).await;
        let mut zoe = person("e1", "Zoe", &[0, 1]);
        zoe.profile.email = Some("zoe@example.com".to_owned());
        zoe.profile.attributes.insert("room".to_owned(), "7".to_owned());
        let roster = [zoe.clone(), person("e2", "ada", &[0])];
        let dry = house.try_align(&roster, |request| request.dry_run = true).await.unwrap();
        assert!(house.find("zoe").await.is_none());
        let report = house.align(&roster).await;
        assert_eq!((report.list.rows, report.list.size), (2, dry.list.size));
        assert_eq!((report.list.size.created, report.list.size.joined), (2, 3));
        let found = house.find("zoe").await.unwrap();
        assert_eq!(found.user.profile, zoe.profile);
        let by = [membership("jira-users", SOURCE), membership("wiki", SOURCE)];
        assert_eq!(found.memberships, by);
        let by_hand = house.find("by-hand").await.unwrap();
        assert_eq!(by_hand.user.inactive, None, "the source has never known them");
        assert_eq!(by_hand.memberships, [membership("wiki", "jit:saml:corp")]);
        house.undo(&report).await;
        assert!(house.find("zoe").await.is_none());
        assert_eq!(house.store.list_external_groups(house.internal, SOURCE).await.unwrap(), []);
    }
}

#[tokio::test]
async fn who_is_away_is_told_apart_by_the_reason_and_comes_back() {
    for house in houses().await {
        let here = [person("e1", "ada", &[0]), person("e2", "bob", &[0])];
        house.align(&here).await;
        let uuid = house.find("ada").await.unwrap().user.uuid;
        for reason in [
            InactiveReason::DisabledAtSource,
            InactiveReason::OutOfScope,
            InactiveReason::MissingAtSource,
        ] {
            let roster = match reason {
                InactiveReason::MissingAtSource => vec![here[1].clone()],
                reason => vec![absent("e1", "ada", reason), here[1].clone()],
            };
            house.align(&roster).await;
            let ada = house.find("ada").await.unwrap();
            assert_eq!((ada.user.inactive, ada.memberships), (Some(reason), vec![]));
        }
        let report = house.align(&here).await;
        assert_eq!((report.reactivated, report.list.size.joined), (1, 1));
        let ada = house.find("ada").await.unwrap();
        assert_eq!((ada.user.uuid, ada.user.inactive), (uuid, None));
        assert_eq!(ada.memberships, [membership("jira-users", SOURCE)]);
    }
}

#[tokio::test]
async fn neither_a_block_nor_idleness_ends_by_a_roster() {
    for house in houses().await {
        let here = [person("e1", "ada", &[]), person("e2", "bob", &[]), person("e3", "eve", &[])];
        house.align(&here).await;
        house.edit("ada", |ada| plan_deactivation(&ada.user)).await;
        let idle = Change::DeactivateUser { reason: InactiveReason::Idle };
        house.edit("bob", |_| vec![idle.clone()]).await;
        let report = house.try_align(&here, |_| {}).await.unwrap();
        assert_eq!(report.list.plan, None);
        house.align(&here[2..]).await;
        assert_eq!(inactive(&house, "ada").await, Some(InactiveReason::AdminBlock));
        assert_eq!(inactive(&house, "bob").await, Some(InactiveReason::MissingAtSource));
        house.align(&here).await;
        assert_eq!(inactive(&house, "ada").await, Some(InactiveReason::AdminBlock));
        assert_eq!(inactive(&house, "bob").await, None);
    }
}

#[tokio::test]
async fn an_account_for_breaking_glass_is_never_ended() {
    for house in houses().await {
        house.align(&[person("e1", "ada", &[0]), person("e2", "bob", &[])]).await;
        let ada = house.find("ada").await.unwrap().user;
        house.store.set_password(&ada, "hash".to_owned(), true, now()).await.unwrap();
        house.align(&[person("e2", "bob", &[])]).await;
        house
            .align(&[
                absent("e1", "ada", InactiveReason::DisabledAtSource),
                person("e2", "bob", &[]),
            ])
            .await;
        let ada = house.find("ada").await.unwrap();
        assert_eq!(ada.user.inactive, None);
        assert_eq!(ada.memberships, [membership("jira-users", SOURCE)], "nor are memberships");
    }
}

#[tokio::test]
async fn nobody_is_not_believed_to_be_everybody() {
    for house in houses().await {
        let everybody: Vec<_> =
            (0..40).map(|id| person(&format!("e{id:02}"), &format!("user{id:02}"), &[0])).collect();
        house.align(&everybody).await;
        assert!(matches!(house.try_align(&[], |_| {}).await, Err(RosterError::Nobody)));
        let report = house.try_align(&everybody[..20], |_| {}).await.unwrap();
        assert!(report.list.held.as_ref().unwrap().contains("20 of 40 users"), "{report:?}");
        assert_eq!(inactive(&house, "user39").await, None);
        let plan = house.store.list_plans(1).await.unwrap().remove(0);
        assert_eq!(plan.state, PlanState::Held);
        house.store.approve_plan(plan.id, now()).await.unwrap();
        house.go_on().await.unwrap();
        assert_eq!(inactive(&house, "user39").await, Some(InactiveReason::MissingAtSource));
    }
}

#[tokio::test]
async fn what_waits_is_replaced_only_by_a_later_look_at_everybody() {
    for house in houses().await {
        let everybody: Vec<_> =
            (0..40).map(|id| person(&format!("e{id:02}"), &format!("user{id:02}"), &[0])).collect();
        house.align(&everybody).await;
        let held = async |plan: Option<i64>| {
            let plan = house.store.find_plan(PlanId(plan.unwrap())).await.unwrap().unwrap();
            plan.state == PlanState::Held
        };
        let undo = async |plan: Option<i64>| {
            let plan = house.store.find_plan(PlanId(plan.unwrap())).await.unwrap().unwrap();
            undo_plan(&house.store, &Clock::System, &plan, "admin", false).await.unwrap();
        };
        let half = [&everybody[..20], &[person("e50", "new", &[1])]].concat();
        let first = house.try_align(&half, |_| {}).await.unwrap().list.plan;
        assert!(held(first).await);
        let some = house.try_align(&[person("e00", "zero", &[0])], only).await.unwrap();
        assert_eq!((some.renamed, held(first).await), (1, true));
        let other = house.import("username,groups\nguest,wiki\n").await;
        assert_eq!((other.size.created, held(first).await), (1, true));
        undo(other.plan).await;
        assert!(house.find("guest").await.is_none() && held(first).await);

        let second = house.try_align(&half, |_| {}).await.unwrap().list.plan;
        assert_eq!((held(first).await, held(second).await), (false, true));
        undo(second).await;
        assert!(!held(second).await, "what is taken back does not wait for anything");
    }
}

#[tokio::test]
async fn a_roster_of_some_touches_nobody_else() {
    for house in houses().await {
        let everybody: Vec<_> =
            (0..40).map(|id| person(&format!("e{id:02}"), &format!("user{id:02}"), &[0])).collect();
        house.align(&everybody).await;
        let some = [
            person("e05", "five", &[1]),
            person("e99", "new", &[0]),
            absent("e06", "user06", InactiveReason::OutOfScope),
        ];
        let report = house.try_align(&some, only).await.unwrap();
        assert_eq!((report.list.size.created, report.renamed), (1, 1));
        assert_eq!((report.list.size.deactivated, report.list.size.left), (1, 2));
        assert_eq!(house.try_align(&some, only).await.unwrap().list.plan, None);
        assert_eq!(house.try_align(&[], only).await.unwrap().list.plan, None);
        assert_eq!(inactive(&house, "user07").await, None);
        // A roster of everybody sees what happened in between.
        let report = house.try_align(&everybody, |_| {}).await.unwrap();
        assert_eq!((report.renamed, report.reactivated, report.list.size.deactivated), (1, 1, 1));

        // What is too much is too much of all that there is, and not of those who are named.
        let out = |count: usize| -> Vec<_> {
            let ids = (0..count).map(|id| (format!("e{id:02}"), format!("user{id:02}")));
            ids.map(|(id, name)| absent(&id, &name, InactiveReason::OutOfScope)).collect()
        };
        let report = house.try_align(&out(11), only).await.unwrap();
        assert!(report.list.held.unwrap().contains("11 of 40 users"));
        assert_eq!(house.try_align(&out(10), only).await.unwrap().list.held, None);
    }
}

#[tokio::test]
async fn who_has_been_missing_for_long_is_removed_and_can_come_back() {
    for house in houses().await {
        let here = [person("e1", "ada", &[0]), person("e2", "bob", &[0]), person("e3", "eve", &[])];
        house.align(&here).await;
        house.edit("ada", |_| vec![plan_joining("wiki")]).await;
        let eve = house.find("eve").await.unwrap().user;
        house.align(&here[1..2]).await;
        house.store.set_password(&eve, "hash".to_owned(), true, now()).await.unwrap();
        let before = house.state().await;
        let before_now = Clock::System.now() - TimeDelta::days(1);
        let mut request = RemovalRequest { before: before_now, groups: false, ..removal(&house) };
        let remove = async |request: &RemovalRequest| {
            remove_gone(&house.store, &Clock::System, request).await.unwrap()
        };
        assert_eq!(remove(&request).await.users, 0, "they may be back tomorrow");
        request.before = Clock::System.now() + TimeDelta::days(1);
        request.dry_run = true;
        assert_eq!(remove(&request).await.users, 1);
        assert_eq!(house.state().await, before);
        request.dry_run = false;
        let report = remove(&request).await;
        assert_eq!((report.users, report.memberships, report.batches.len()), (1, 1, 1));
        assert!(house.find("ada").await.is_none());
        assert!(house.find("eve").await.is_some(), "her account is for breaking glass");
        house.store.undo(report.batches[0], "admin", false, now()).await.unwrap();
        assert_eq!(house.state().await, before);
        remove(&request).await;
        let report = house.align(&here[..2]).await;
        assert_eq!((report.list.size.created, report.conflicts), (1, vec![]));

        let many: Vec<_> =
            (0..20).map(|id| person(&format!("m{id:02}"), &format!("many{id:02}"), &[])).collect();
        house.align(&[&here[1..2], &many].concat()).await;
        house.try_align(&here[1..2], |request| request.unguarded = true).await.unwrap();
        request.before = Clock::System.now() + TimeDelta::days(1);
        let report = remove(&request).await;
        assert!(report.held.unwrap().contains("users"));
        assert!(house.find("many00").await.is_some());
        request.unguarded = true;
        assert_eq!(remove(&request).await.users, 21);
    }
}
