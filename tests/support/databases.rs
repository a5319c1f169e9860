//! A fresh database of each kind.

use gatehouse::store::{Store, StoreOptions};
use tempfile::TempDir;
use uuid::Uuid;

/// A database that is gone when the test is.
pub struct Database {
    /// The store on it.
    pub store: Store,
    /// How to open it once more.
    pub options: StoreOptions,
    _dir: Option<TempDir>,
}

/// SQLite, and PostgreSQL if there is one; without one, CI fails and everybody else is told.
pub async fn databases() -> Vec<Database> {
    let mut databases = vec![sqlite().await];
    databases.extend(postgres().await);
    databases
}

/// A SQLite file in a directory of its own.
pub async fn sqlite() -> Database {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/gatehouse.db", dir.path().display());
    let options = StoreOptions { url, password: None };
    Database { store: Store::open(&options).await.unwrap(), options, _dir: Some(dir) }
}

/// A database of its own on the PostgreSQL that `TEST_POSTGRES_URL` names.
#[expect(clippy::disallowed_methods, reason = "make test says where the peer is")]
pub async fn postgres() -> Option<Database> {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(
            std::env::var("CI").is_err(),
            "no TEST_POSTGRES_URL: run the tests with `make test`"
        );
        eprintln!("PostgreSQL is not tested: run the tests with `make test`");
        return None;
    };
    let name = format!("test_{}", Uuid::now_v7().simple());
    let pool = sqlx::PgPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let (base, _) = server.rsplit_once('/').unwrap();
    let url = format!("{base}/{name}");
    let options = StoreOptions { url, password: None };
    Some(Database { store: Store::open(&options).await.unwrap(), options, _dir: None })
}
