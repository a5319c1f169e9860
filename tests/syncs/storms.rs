//! Storms: whatever happens in an organisation, fails in the cloud or the database, or is killed, the directory becomes
//! as the organisation is; and at no moment on the way does anybody lose their account who had a right to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use gatehouse::{
    cloud::Standing,
    sync::{RunError, RunReport, go_on, left_plans},
};

use super::{
    Way, World,
    disorder::{Chance, active, break_something, expected, happen},
};
use crate::{
    connectors::entra_storms::seeds,
    support::{
        databases::{Database, postgres, sqlite},
        faults::Faults,
    },
};

/// Who could have been kept out, and why: since all was in line for the last time.
#[derive(Debug, Default)]
struct Rights(BTreeMap<String, BTreeSet<&'static str>>);

/// Who is in this group does not come.
const KEPT_OUT: &str = "g5";

impl Rights {
    /// Remembers who has no right to an account at this moment.
    fn look(&mut self, world: &World) {
        let people = world.organisation.people();
        let teams = world.organisation.teams();
        let kept_out = if teams.contains_key(KEPT_OUT) && !world.config.is_empty() {
            world.organisation.everybody_in(KEPT_OUT)
        } else {
            BTreeSet::new()
        };
        for id in (0..12).map(|number| format!("u{number}")).chain(people.keys().cloned()) {
            let why = match people.get(&id) {
                None => "missing_at_source",
                Some(person) if person.standing == Standing::Disabled => "disabled_at_source",
                Some(_) if kept_out.contains(&id) => "out_of_scope",
                Some(_) => continue,
            };
            self.0.entry(id).or_default().insert(why);
        }
    }

    fn allow(&self, id: &str, why: &str) -> bool {
        self.0.get(id).is_some_and(|reasons| reasons.contains(why))
    }
}

struct Storm {
    world: World,
    chance: Chance,
    faults: Faults,
    rights: Rights,
    seed: u64,
}

impl Storm {
    async fn begin(database: Database, seed: u64) -> Self {
        let way = if seed.is_multiple_of(2) { Way::Changes } else { Way::Lists };
        let mut world = World::of(database, way).await;
        if seed % 4 >= 2 {
            world.configure(&format!("[users]\nnot_members_of = [\"id:{KEPT_OUT}\"]"));
            world.organisation.found(KEPT_OUT, KEPT_OUT);
        }
        world.begin().await;
        world.watch_accounts().await;
        let faults = Faults::plant(&world.database.options.url).await;
        let (chance, rights) = (Chance(seed), Rights::default());
        Self { world, chance, faults, rights, seed }
    }

    /// Some things happen, and a run goes well or does not.
    async fn round(&mut self) {
        let Self { world, chance, faults, rights, .. } = self;
        for _ in 0..chance.below(8) {
            happen(world, chance);
            rights.look(world);
        }
        let (full, unguarded) = (chance.below(6) == 0, chance.below(3) > 0);
        let run = world.try_run(|request| (request.full, request.unguarded) = (full, unguarded));
        match chance.below(3) {
            0 => {
                break_something(world, chance);
                drop(run.await);
            }
            1 => {
                faults.fail_at(1 + i64::try_from(chance.below(120)).unwrap()).await;
                drop(run.await);
            }
            _ => drop(until_killed(run, 1 + chance.below(40)).await),
        }
        self.restart().await;
    }

    /// What a gateway does that starts where another one has ended.
    async fn restart(&mut self) {
        let Self { world, faults, .. } = self;
        faults.fail_at(0).await;
        world.organisation.heal();
        world.give_lease_back().await;
        let left = left_plans(&world.store, &world.clock, true).await.unwrap();
        go_on(&world.store, &world.clock, left).await.unwrap();
        self.assert_nobody_was_wronged().await;
    }

    async fn assert_nobody_was_wronged(&self) {
        for (id, why) in self.world.lost_accounts().await {
            assert!(
                self.rights.allow(&id, &why),
                "seed {}: {id} lost the account for {why}, and had a right to it",
                self.seed
            );
        }
    }

    /// Nothing fails any more, and soon all is in line.
    async fn calm_down(&mut self) {
        for full in [false, false, true] {
            let run = self.world.try_run(|request| {
                (request.full, request.unguarded) = (full, true);
            });
            run.await.unwrap();
        }
        self.assert_nobody_was_wronged().await;
        let mut expected = expected(&self.world);
        if !self.world.config.is_empty() {
            let kept_out = self.world.organisation.everybody_in(KEPT_OUT);
            let names = self.world.organisation.people().into_iter().filter_map(|(id, person)| {
                let name = person.attributes["userPrincipalName"].clone();
                kept_out.contains(&id).then_some(name)
            });
            for name in names {
                expected.remove(&name);
            }
        }
        assert_eq!(active(self.world.people().await), expected, "seed {}", self.seed);
        let last = self.world.try_run(|request| request.full = true).await.unwrap();
        let changed = last.directory.map(|directory| directory.list.size.to_string());
        assert_eq!(changed.as_deref(), Some("nothing"), "seed {}", self.seed);
        self.rights = Rights::default();
        self.rights.look(&self.world);
        self.world.forget_lost_accounts().await;
    }
}

/// Works until it has been woken so often, and is dropped then in the middle of whatever it does.
async fn until_killed(
    run: impl Future<Output = Result<RunReport, RunError>>,
    wakes: u64,
) -> Option<Result<RunReport, RunError>> {
    let mut run = pin!(run);
    let mut left = wakes;
    std::future::poll_fn(|context| match run.as_mut().poll(context) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
        std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
        std::task::Poll::Pending => {
            left -= 1;
            std::task::Poll::Pending
        }
    })
    .await
}

async fn go_through(database: Database, seed: u64) {
    let mut storm = Storm::begin(database, seed).await;
    // Some are short, and some go on after a calm.
    for _ in 0..=seed % 5 / 4 {
        for _ in 0..5 {
            storm.round().await;
        }
        storm.calm_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_storm_takes_an_account_from_whom_it_belongs_to_where_changes_are_told() {
    for seed in (0..seeds(100)).filter(|seed| seed.is_multiple_of(2)) {
        go_through(sqlite().await, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_storm_takes_an_account_from_whom_it_belongs_to_where_all_is_listed() {
    for seed in (0..seeds(100)).filter(|seed| !seed.is_multiple_of(2)) {
        go_through(sqlite().await, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_storm_takes_an_account_on_postgresql_either() {
    for seed in 0..seeds(100) / 10 {
        if let Some(database) = postgres().await {
            go_through(database, seed).await;
        }
    }
}

impl World {
    /// Writes down in the database itself whoever loses an account, at the moment when they do.
    pub async fn watch_accounts(&self) {
        const OF: &str = "(SELECT i.subject FROM identities i WHERE i.person_id = OLD.person_id AND i.issuer = 'connector:cloud')";
        self.execute("CREATE TABLE lost_accounts (id TEXT, why TEXT)").await;
        let is_sqlite = self.database.options.url.starts_with("sqlite:");
        let statements = if is_sqlite {
            vec![
                format!(
                    "CREATE TRIGGER lost AFTER UPDATE OF inactive_reason ON users
                     WHEN NEW.inactive_reason IS NOT NULL AND OLD.inactive_reason IS NULL
                     BEGIN INSERT INTO lost_accounts VALUES ({OF}, NEW.inactive_reason); END"
                ),
                format!(
                    "CREATE TRIGGER removed AFTER DELETE ON users
                     BEGIN INSERT INTO lost_accounts VALUES ({OF}, 'removed'); END"
                ),
            ]
        } else {
            vec![
                format!(
                    "CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                         INSERT INTO lost_accounts VALUES ({OF}, CASE WHEN TG_OP = 'DELETE' THEN 'removed' ELSE NEW.inactive_reason END);
                         RETURN NULL;
                     END $$"
                ),
                "CREATE TRIGGER lost AFTER UPDATE ON users FOR EACH ROW
                 WHEN (NEW.inactive_reason IS NOT NULL AND OLD.inactive_reason IS NULL)
                 EXECUTE FUNCTION lost()"
                    .to_owned(),
                "CREATE TRIGGER removed AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION lost()"
                    .to_owned(),
            ]
        };
        for statement in statements {
            self.execute(&statement).await;
        }
    }

    /// Who has lost an account since it was last forgotten, by the cloud's ids, and why.
    pub async fn lost_accounts(&self) -> Vec<(String, String)> {
        const SQL: &str = "SELECT id, why FROM lost_accounts";
        let url = &self.database.options.url;
        if url.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(url).await.unwrap();
            sqlx::query_as(SQL).fetch_all(&pool).await.unwrap()
        } else {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            sqlx::query_as(SQL).fetch_all(&pool).await.unwrap()
        }
    }

    async fn forget_lost_accounts(&self) {
        self.execute("DELETE FROM lost_accounts").await;
    }
}
