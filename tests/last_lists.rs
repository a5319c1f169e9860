//! What a list said last saves reading the directory, and makes no difference otherwise.

use std::fmt::Write as _;

use gatehouse::{
    clock::Clock,
    directory::{Change, Profile},
    provisioning::{Unlisted, plan_deactivation, plan_joining, plan_removal},
    store::PlanState,
    sync::{ImportReport, undo_plan},
};
use sqlx::AssertSqlSafe;

use crate::{
    imports::{House, houses},
    support::directory::now,
};

const LIST: &str = "username,email,groups\nada,ada@example.com,wiki\nbob,bob@example.com,wiki|jira\n\
                    zoe,zoe@example.com,jira\n";

impl House {
    /// Behind the gateway's back: nothing is logged.
    async fn run(&self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        if self.url.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
            statement.execute(&pool).await.unwrap();
            pool.close().await;
        } else {
            let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
            statement.execute(&pool).await.unwrap();
            pool.close().await;
        }
    }

    pub async fn forget_lists(&self) {
        self.run("DELETE FROM last_list_pages; DELETE FROM last_lists").await;
    }
}

#[tokio::test]
async fn of_whom_a_list_says_the_same_again_is_not_read() {
    for house in houses().await {
        house.import(LIST).await;
        house.run("UPDATE users SET email = 'wrong' WHERE username = 'bob'").await;
        assert_eq!(house.import(LIST).await.unchanged, 3, "nobody has looked");
        // It is looked at whom the list says something else of, or whom others have touched.
        let other = LIST.replace("zoe@example.com", "zoe@example.org");
        let report = house.import(&other).await;
        assert_eq!((report.unchanged, report.size.updated), (2, 1));
        house.edit("bob", |_| vec![plan_joining("jira")]).await;
        assert_eq!(house.import(&other).await.size.updated, 1, "bob was touched, and put right");

        house.run("UPDATE users SET email = 'wrong' WHERE username = 'ada'").await;
        assert_eq!(house.import(&other).await.unchanged, 3);
        house.forget_lists().await;
        assert_eq!(house.import(&other).await.size.updated, 1, "everybody is looked at");
    }
}

#[tokio::test]
async fn whom_others_have_touched_is_read_though_the_log_forgets_it() {
    for house in houses().await {
        house.import(LIST).await;
        // What says the same again needs no plan to be true, so none is missed when it is forgotten.
        assert_eq!(house.import(LIST).await.unchanged, 3);
        house.edit("bob", |_| vec![plan_joining("jira")]).await;
        house.run("UPDATE users SET email = 'wrong' WHERE username = 'bob'").await;
        let later = Clock::System.now() + chrono::TimeDelta::days(1);
        assert!(house.store.delete_changes_before(later).await.unwrap() > 0);
        assert_eq!(house.import(LIST).await.size.updated, 1, "nobody knows whom to look at");
    }
}

#[tokio::test]
async fn a_list_of_which_something_waits_is_not_believed() {
    for house in houses().await {
        let many = |count: usize| -> String {
            (0..count).fold("username,groups\n".to_owned(), |mut list, user| {
                let _ = writeln!(list, "user{user:03},all");
                list
            })
        };
        house.import(&many(60)).await;
        let end = |request: &mut gatehouse::sync::ImportRequest| {
            request.unlisted = Unlisted::Deactivate;
        };
        for _ in 0..2 {
            let report = house.try_import(&many(30), end).await.unwrap();
            assert!(report.held.is_some());
            assert_eq!(report.size.deactivated, 30);
        }
        let plan = house.store.list_plans(1).await.unwrap().remove(0);
        house.store.approve_plan(plan.id, now()).await.unwrap();
        house.go_on().await.unwrap();
        let report = house.try_import(&many(30), end).await.unwrap();
        assert_eq!((report.plan, report.unchanged), (None, 60));
        let report = house.try_import(&many(60), end).await.unwrap();
        assert_eq!((report.size.updated, report.unchanged), (30, 30));
    }
}

/// The same for the same seed (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn name(&mut self) -> String {
        format!("{}{:02}", if self.below(9) == 0 { "User" } else { "user" }, self.below(30))
    }

    fn groups(&mut self) -> Vec<String> {
        (0..self.below(3)).map(|_| format!("group{}", self.below(5))).collect()
    }

    /// Some of the people, with some of the columns.
    fn list(&mut self) -> String {
        let (with_email, with_groups) = (self.below(4) > 0, self.below(4) > 0);
        let columns = ["username", "email", "groups"];
        let said = |column: &&&str| match **column {
            "email" => with_email,
            "groups" => with_groups,
            _ => true,
        };
        let columns: Vec<_> = columns.iter().filter(said).copied().collect();
        let mut list = columns.join(",") + "\n";
        let left_out = self.below(8);
        for user in 0..30 {
            if self.below(20) < left_out {
                continue;
            }
            let domain = if self.below(15) == 0 { "example.org" } else { "example.com" };
            let group = if self.below(10) == 0 { self.below(5) } else { user % 5 };
            let cells = columns.iter().map(|column| match *column {
                "email" => format!("user{user:02}@{domain}"),
                "groups" => format!("group{group}"),
                _ => format!("user{user:02}"),
            });
            let _ = writeln!(list, "{}", cells.collect::<Vec<_>>().join(","));
        }
        list
    }
}

/// What others do between two imports. Some of it is not possible at the time, in either house.
async fn meddle(house: &House, dice: &mut Dice) {
    let (what, name, groups, group) =
        (dice.below(9), dice.name(), dice.groups(), format!("group{}", dice.below(5)));
    let there = house.find(&name).await;
    match (what, there) {
        (0, _) => {
            let groups: Vec<_> = groups.iter().map(String::as_str).collect();
            house.try_log_in(&name, &groups).await;
        }
        (1, Some(_)) => house.try_edit(&name, |_| vec![plan_joining(&group)]).await,
        (2, Some(_)) => house.try_edit(&name, |there| plan_deactivation(&there.user)).await,
        (3, Some(_)) => {
            house.try_edit(&name, |there| plan_removal(&there.user, &there.memberships)).await;
        }
        (4, Some(_)) => {
            let rename = |before: &Profile| Change::UpdateUser {
                before: before.clone(),
                after: Profile { username: format!("{}x", before.username), ..before.clone() },
            };
            house.try_edit(&name, |there| vec![rename(&there.user.profile)]).await;
        }
        (5, _) => {
            let plans = house.store.list_plans(1).await.unwrap();
            if let Some(plan) = plans.first().filter(|plan| plan.batch.is_some()) {
                let _ = undo_plan(&house.store, &Clock::System, plan, "admin", false).await;
            }
        }
        (6, _) => {
            house.try_edit(&name, |_| vec![Change::RemoveGroup { group: group.clone() }]).await;
        }
        (7, _) => {
            let plans = house.store.list_plans(1).await.unwrap();
            let held = plans.into_iter().find(|plan| plan.state == PlanState::Held);
            if let Some(plan) = held {
                house.store.approve_plan(plan.id, Clock::System.now()).await.unwrap();
                house.go_on().await.unwrap();
            }
        }
        (8, _) if dice.below(4) == 0 => {
            house.store.delete_changes_before(Clock::System.now()).await.unwrap();
        }
        _ => {}
    }
}

#[tokio::test]
async fn what_is_kept_of_lists_makes_no_difference() {
    // The same happens in two houses, and one of them never knows what the last list said.
    for (house, other) in houses().await.into_iter().zip(houses().await) {
        let rounds = if house.url.starts_with("sqlite:") { 60 } else { 25 };
        let (mut saved, mut changed) = (0, 0);
        for seed in 0..rounds {
            let mut reports: Vec<Result<ImportReport, String>> = Vec::new();
            for house in [&house, &other] {
                let mut dice = Dice(seed);
                for _ in 0..dice.below(3) {
                    meddle(house, &mut dice).await;
                }
                let list = dice.list();
                let (unlisted, dry, unguarded) = (dice.below(2), dice.below(8), dice.below(3));
                let imported = house.try_import(&list, |request| {
                    request.unlisted =
                        if unlisted == 0 { Unlisted::Keep } else { Unlisted::Deactivate };
                    request.dry_run = dry == 0;
                    request.unguarded = unguarded > 0;
                    request.leave_out = true;
                });
                reports.push(imported.await.map_err(|error| error.to_string()));
            }
            let known = count_lists(&house).await;
            other.forget_lists().await;
            let shown = reports.iter().map(|report| {
                report.as_ref().map(|report| {
                    let ImportReport { rows, rejected, unchanged, size, held, .. } = report.clone();
                    (rows, rejected, unchanged, size, held)
                })
            });
            let shown: Vec<_> = shown.collect();
            assert_eq!(shown[0], shown[1], "seed {seed}");
            assert_eq!(house.snapshot().await, other.snapshot().await, "seed {seed}");
            saved += known;
            changed += u64::from(shown[0].as_ref().is_ok_and(|report| report.3.updated > 0));
        }
        assert!(saved > 10 && changed > 10, "{saved} {changed}: hardly anything was tried");
    }
}

/// How many lists are kept: old ones are forgotten.
async fn count_lists(house: &House) -> u64 {
    const SQL: &str = "SELECT COUNT(*) FROM last_lists";
    let count: i64 = if house.url.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&house.url).await.unwrap();
        sqlx::query_scalar(SQL).fetch_one(&pool).await.unwrap()
    } else {
        let pool = sqlx::PgPool::connect(&house.url).await.unwrap();
        sqlx::query_scalar(SQL).fetch_one(&pool).await.unwrap()
    };
    assert!(count <= 3, "{count} lists are kept");
    u64::try_from(count).unwrap()
}
