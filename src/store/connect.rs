//! Opening the database, and bringing its schema up to date.

mod lost_power;

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Connection, SqliteWriter, Store, StoreError, changes::skip_lost_numbers, read};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a connection may take to come about.
const CONNECT_SECONDS: u64 = 10;

/// Reads are short; more connections than this only wait for the disk.
const SQLITE_READERS: u32 = 8;

/// What each of them keeps in memory, in KiB: what is in none is in the kernel's.
const READER_CACHE: &str = "-1024";

/// SQLite keeps copies of pages that a statement changes, and may have to change back.
const COPIES_IN_MEMORY: &str = "PRAGMA temp_store = memory";

/// So long the log gets, in pages of 4 KiB, before it is written into the database.
const LOG_PAGES: u32 = 4_000;

const POSTGRES_CONNECTIONS: u32 = 16;

/// Which database, and how to get in.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:///path` or `postgres://user@host/database`.
    pub url: String,
    /// The password of the PostgreSQL user.
    pub password: Option<SecretString>,
}

impl Store {
    /// Opens the database and brings its schema up to date; a new file is made if there is none.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        if options.url.starts_with("sqlite:") {
            open_sqlite(&options.url).await
        } else {
            open_postgres(options).await
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        const SECONDS: u64 = 2;
        let answer =
            async { read!(self, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop)) };
        let answer = tokio::time::timeout(Duration::from_secs(SECONDS), answer).await;
        answer.map_err(|_| StoreError::Timeout(SECONDS))?.map_err(Into::into)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        read!(self, |pool| pool.close().await);
    }
}

async fn open_sqlite(url: &str) -> Result<Store, StoreError> {
    let bad_url =
        |error: sqlx::Error| StoreError::Url { url: url.to_owned(), problem: error.to_string() };
    let options = SqliteConnectOptions::from_str(url)
        .map_err(bad_url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged survives a loss of power, not only a killed process.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let path = options.get_filename().to_owned();
    let lock = lock_file(&path)?;
    create_private(&path)?;

    let open = |error| StoreError::Open {
        target: path.display().to_string(),
        error,
        remedy: "check that the file is a database and that the disk is not full",
    };
    let is_whole = lost_power::has_lost_nothing(&path, &lock);
    let mut writer = for_writing(options.clone()).connect().await.map_err(open)?;
    let found = sqlx::query_scalar(NEWEST).fetch_one(&mut writer).await;
    refuse_newer(&SQLITE, &found)?;
    SQLITE.run(&mut writer).await?;
    // Only now: a migration may sort more than there is memory for.
    sqlx::query(COPIES_IN_MEMORY).execute(&mut writer).await.map_err(open)?;
    if !is_whole {
        skip_lost_numbers(&mut Connection::Sqlite(&mut writer)).await?;
    }
    lost_power::note_boot(&lock);

    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(Duration::from_secs(CONNECT_SECONDS))
        .connect_with(options.pragma("query_only", "on").pragma("cache_size", READER_CACHE))
        .await
        .map_err(open)?;
    let store = Store::Sqlite { readers, writer: SqliteWriter::start(writer, Some(lock)) };
    // Nobody else has the file, so whoever held a lease is gone.
    store.break_leases().await?;
    Ok(store)
}

/// What makes large plans cheaper: a page that changes again and again is written into the database once for all that the
/// log holds.
fn for_writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("wal_autocheckpoint", LOG_PAGES.to_string())
}

async fn open_postgres(options: &StoreOptions) -> Result<Store, StoreError> {
    let mut connect = PgConnectOptions::from_str(&options.url).map_err(|error| {
        StoreError::Url { url: options.url.clone(), problem: error.to_string() }
    })?;
    if let Some(password) = &options.password {
        connect = connect.password(password.expose_secret());
    }
    let target = format!("{}@{}", connect.get_username(), connect.get_host());
    let pool: Result<PgPool, _> = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(CONNECT_SECONDS))
        .connect_with(connect)
        .await;
    let pool = pool.map_err(|error| StoreError::Open {
        target,
        error,
        remedy: "check store.url, store.password and that the server runs",
    })?;
    let found = sqlx::query_scalar(NEWEST).fetch_one(&pool).await;
    refuse_newer(&POSTGRES, &found)?;
    POSTGRES.run(&pool).await?;
    Ok(Store::Postgres(pool))
}

const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// An older gateway would not know what the newer one's rows mean.
fn refuse_newer(
    migrator: &Migrator,
    found: &Result<Option<i64>, sqlx::Error>,
) -> Result<(), StoreError> {
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    match found {
        Ok(Some(found)) if *found > known => Err(StoreError::Newer { found: *found, known }),
        // Without the table nothing has been migrated yet.
        _ => Ok(()),
    }
}

/// Locks the database against a second gateway, which would not see the first one's sessions.
fn lock_file(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| StoreError::File { path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
        Err(TryLockError::Error(error)) => Err(StoreError::File { path, error }),
    }
}

/// Makes the file before SQLite does, so that nobody else may ever read it.
fn create_private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::File { path: path.to_owned(), error })
}
