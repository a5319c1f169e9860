//! A database that fails at a chosen write: triggers count every row that is written.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// What imports and runs of connectors write to.
const TABLES: [&str; 24] = [
    "plans",
    "plan_chunks",
    "plan_outcomes",
    "takings",
    "last_lists",
    "last_list_pages",
    "persons",
    "identities",
    "group_external_ids",
    "users",
    "groups",
    "memberships",
    "group_members",
    "changes",
    "change_head",
    "sources",
    "tombstones",
    "id_heads",
    "connectors",
    "connector_runs",
    "connector_tasks",
    "connector_pages",
    "connector_users",
    "connector_groups",
];

/// The way to make it fail.
pub enum Faults {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Faults {
    /// Puts the triggers into a database.
    pub async fn plant(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let faults = Self::Sqlite(SqlitePool::connect(url).await.unwrap());
            faults.run("CREATE TABLE fault (n INTEGER)").await;
            for (table, event) in events() {
                let trigger = format!(
                    "CREATE TRIGGER fault_{table}_{event} BEFORE {event} ON {table} BEGIN
                         UPDATE fault SET n = n - 1;
                         SELECT RAISE(ABORT, 'fault') WHERE (SELECT n FROM fault) = 0;
                     END"
                );
                faults.run(&trigger).await;
            }
            faults.run("INSERT INTO fault VALUES (0)").await;
            faults
        } else {
            let faults = Self::Postgres(PgPool::connect(url).await.unwrap());
            faults.run("CREATE TABLE fault (n BIGINT)").await;
            faults
                .run(
                    "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN
                         UPDATE fault SET n = n - 1;
                         IF (SELECT n FROM fault) = 0 THEN RAISE EXCEPTION 'fault'; END IF;
                         RETURN COALESCE(NEW, OLD);
                     END $$",
                )
                .await;
            for (table, event) in events() {
                let trigger = format!(
                    "CREATE TRIGGER fault_{table}_{event} BEFORE {event} ON {table}
                     FOR EACH ROW EXECUTE FUNCTION fault()"
                );
                faults.run(&trigger).await;
            }
            faults.run("INSERT INTO fault VALUES (0)").await;
            faults
        }
    }

    /// The `n`th row that is written from now on fails, again and again; with 0 none does.
    pub async fn fail_at(&self, n: i64) {
        self.run(&format!("UPDATE fault SET n = {n}")).await;
    }

    async fn run(&self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self {
            Self::Sqlite(pool) => drop(statement.execute(pool).await.unwrap()),
            Self::Postgres(pool) => drop(statement.execute(pool).await.unwrap()),
        }
    }
}

fn events() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.iter().flat_map(|table| ["INSERT", "UPDATE", "DELETE"].map(|event| (*table, event)))
}
