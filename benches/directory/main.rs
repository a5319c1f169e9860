//! What the directory costs: logins, and imports beside a bare loader of the same rows.
//!
//! `BENCH_USERS` (1,000,000) people in ten groups each; PostgreSQL is measured where `TEST_POSTGRES_URL`
//! is set.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod floor;
mod latencies;
mod lists;
mod logins;
mod process;

use std::path::Path;

use gatehouse::{
    clock::Clock,
    directory::{DirectoryId, Source},
    provisioning::Unlisted,
    store::{Store, StoreOptions},
    sync::{Events, Format, ImportReport, ImportRequest, import},
};
use serde_json::{Value, json};

use self::{latencies::Latencies, lists::Lists};

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every database that is measured, empty.
async fn open(url: &str) -> (Store, DirectoryId) {
    let store = Store::open(&StoreOptions { url: url.to_owned(), password: None }).await.unwrap();
    let directory = store.ensure_directory("Internal", Clock::System.now()).await.unwrap();
    (store, directory)
}

/// A PostgreSQL database of that name, made anew.
async fn postgres_url(server: &str, name: &str) -> String {
    let pool = sqlx::PgPool::connect(server).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")]
    {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

async fn run_import(store: &Store, directory: DirectoryId, list: &Path) -> ImportReport {
    let request = ImportRequest {
        directory,
        source: Source::Import("bench".to_owned()).to_string(),
        actor: "bench".to_owned(),
        reason: "bench".to_owned(),
        format: Format::Csv,
        unlisted: Unlisted::Deactivate,
        leave_out: false,
        dry_run: false,
        unguarded: false,
    };
    let list = std::fs::File::open(list).unwrap();
    import(store, &Clock::System, &request, list, &Events::default()).await.unwrap()
}

/// Imports three times, and then loads the same rows barely.
async fn measure(name: &str, urls: [String; 3], lists: &Lists) -> Value {
    let [url, bare, busy] = urls;
    let (store, directory) = open(&url).await;
    let first = run_import(&store, directory, &lists.all).await;
    assert_eq!(first.size.created, lists.users);
    let again = run_import(&store, directory, &lists.all).await;
    assert_eq!((again.plan, again.unchanged), (None, lists.users));
    let delta = run_import(&store, directory, &lists.later).await;
    assert_eq!(delta.size.created + delta.size.updated, lists.changes, "{delta:?}");
    let logins = logins::measure(&store, directory).await;
    store.close().await;

    let floor_s = floor::load(&url, &bare, &["Internal"]).await;
    let (store, directory) = open(&busy).await;
    let latencies = Latencies::during(&store, directory, async {
        run_import(&store, directory, &lists.all).await;
    });
    let latencies = Box::pin(latencies).await;
    store.close().await;

    let total = |report: &ImportReport| report.seconds.iter().sum::<f64>();
    let import_s = total(&first);
    println!("\n{name}: {} users, {} memberships", lists.users, lists.users * lists::GROUPS_EACH);
    for (what, report) in [("import", &first), ("unchanged", &again), ("1,000 changes", &delta)] {
        let [read, compared, applied] = report.seconds;
        println!(
            "  {what:<14} {:>7.2} s   (read {read:.2}, compare and plan {compared:.2}, apply {applied:.2})",
            total(report)
        );
    }
    println!("  {:<14} {floor_s:>7.2} s   (import is {:.2} x)", "bare loader", import_s / floor_s);
    println!(
        "  login writes while importing: {} of them, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        latencies.count, latencies.p50, latencies.p99, latencies.max
    );
    for login in &logins {
        println!(
            "  {:<16} {:>7.0} logins/s, {:>6.0} us of CPU each",
            login.what, login.per_second, login.cpu_us
        );
    }
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    json!({
        "import_s": rounded(import_s),
        "import_ratio_to_floor": rounded(import_s / floor_s),
        "unchanged_s": rounded(total(&again)),
        "delta_s": rounded(delta.seconds[1] + delta.seconds[2]),
        "login_write_p99_ms": rounded(latencies.p99),
        "unchanged_logins_per_s": logins[0].per_second.round(),
    })
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "make says where the peer is")]
async fn main() {
    let users = std::env::var("BENCH_USERS").ok().and_then(|users| users.parse().ok());
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::write(dir.path(), users.unwrap_or(1_000_000));
    let file = |name: &str| format!("sqlite://{}/{name}.db", dir.path().display());
    let mut result = json!({ "bench": "directory" });
    let urls = [file("import"), file("bare"), file("busy")];
    result["sqlite"] = Box::pin(measure("SQLite", urls, &lists)).await;
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let urls = [
            postgres_url(&server, "bench_import").await,
            postgres_url(&server, "bench_bare").await,
            postgres_url(&server, "bench_busy").await,
        ];
        result["postgres"] = Box::pin(measure("PostgreSQL", urls, &lists)).await;
    }
    result["peak_rss_mib"] = json!(process::peak_mib());
    println!("\npeak memory: {} MiB", process::peak_mib());
    println!("RESULT {result}");
}
