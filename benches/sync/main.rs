//! What keeping in step with a cloud costs: the first pass (a look, and its application), one in which nothing has changed, one with 1,000 changes, beside
//! fetching and parsing the same pages and loading the same rows barely, one after the other.
//!
//! `BENCH_USERS` (1,000,000) people in ten groups each; PostgreSQL is measured where `TEST_POSTGRES_URL` is set. The cloud is a
//! process of its own on the same machine, which takes processor time from what is measured, and memory from nobody.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod clouds;
#[path = "../directory/floor.rs"]
mod floor;
#[path = "../directory/latencies.rs"]
mod latencies;
#[path = "../directory/process.rs"]
mod process;
mod reading;

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use gatehouse::{
    clock::Clock,
    cloud::{self, Patience, Source},
    config::ConnectorConfig,
    directory::DirectoryId,
    store::{Store, StoreOptions},
    sync::{Connector, Run, RunReport, RunRequest},
};
use serde_json::{Value, json};

use self::{clouds::Clouds, latencies::Latencies};

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHANGES: u64 = 1_000;

/// An empty database, with the directory of a connector and one for logins.
async fn open(url: &str) -> (Store, DirectoryId, DirectoryId) {
    let store = Store::open(&StoreOptions { url: url.to_owned(), password: None }).await.unwrap();
    let now = Clock::System.now();
    let internal = store.ensure_directory("Internal", now).await.unwrap();
    let directory = store.ensure_directory("Entra", now).await.unwrap();
    (store, directory, internal)
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

fn config(clouds: &Clouds, dir: &Path) -> ConnectorConfig {
    let graph = &clouds.addresses["credentials"]["graph"];
    let secret = dir.join("secret");
    std::fs::write(&secret, graph["client_secret"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "name = \"entra\"\n[entra]\ntenant = {}\nclient_id = {}\nsecret = {{ file = \"{}\" }}\n\
         authority = {}\ngraph = {}\n",
        graph["tenant"],
        graph["client_id"],
        secret.display(),
        clouds.addresses["hosts"]["login"],
        clouds.addresses["hosts"]["graph"],
    );
    toml::from_str(&text).unwrap()
}

fn source(config: &ConnectorConfig) -> Arc<dyn Source> {
    cloud::open(config, &Clock::System, Patience::default()).unwrap()
}

/// A run, as `gatehouse sync` asks for one.
async fn run(
    store: &Store,
    directory: DirectoryId,
    config: &ConnectorConfig,
    request: RunRequest,
) -> RunReport {
    let policy = latencies::policy();
    let connector = Connector::new(config, directory, policy, source(config)).unwrap();
    let request = RunRequest { asked_by: "bench".to_owned(), ..request };
    let run = Run::begin(store, &Clock::System, &Arc::new(connector), &request).await.unwrap();
    run.unwrap().finish().await.unwrap()
}

/// From nothing to a directory that is in line: the first run only looks, the second one applies what it has seen.
async fn run_first(
    store: &Store,
    directory: DirectoryId,
    config: &ConnectorConfig,
) -> [RunReport; 2] {
    let looked = run(store, directory, config, RunRequest::default()).await;
    assert!(looked.dry_run, "{looked:?}");
    let apply = RunRequest { apply: true, ..RunRequest::default() };
    let applied = run(store, directory, config, apply).await;
    assert!(!applied.dry_run, "{applied:?}");
    [looked, applied]
}

/// The first pass, two without changes, one with some; then the floor, and logins beside a first pass.
async fn measure(name: &str, urls: [String; 3], users: u64, dir: &Path) -> Value {
    let [url, bare, busy] = urls;
    let clouds = Clouds::start(users).await;
    let config = config(&clouds, dir);
    let (store, directory, _) = open(&url).await;
    let cpu = process::cpu_us();
    let [looked, applied] = run_first(&store, directory, &config).await;
    let cpu_s = (process::cpu_us() - cpu) / 1e6;
    let made = applied.directory.as_ref().unwrap().list.size.created;
    let full = RunRequest { full: true, ..RunRequest::default() };
    let again = run(&store, directory, &config, full).await;
    let idle = run(&store, directory, &config, RunRequest::default()).await;
    clouds.change(users, CHANGES).await;
    let delta = run(&store, directory, &config, RunRequest::default()).await;
    store.close().await;

    let (read_s, pages) = reading::read_everything(&source(&config)).await;
    let load_s = floor::load(&url, &bare, &["Internal", "Entra"]).await;
    let (store, directory, internal) = open(&busy).await;
    let latencies = Latencies::during(&store, internal, async {
        run_first(&store, directory, &config).await;
    });
    let latencies = Box::pin(latencies).await;
    store.close().await;

    let total = |report: &RunReport| report.seconds.iter().sum::<f64>();
    println!(
        "\n{name}: {users} users ({made} of them come), {} memberships",
        users * clouds::GROUPS_EACH
    );
    let runs = [
        ("first look", &looked),
        ("first, applied", &applied),
        ("unchanged, full", &again),
        ("unchanged", &idle),
        ("1,000 changes", &delta),
    ];
    for (what, report) in runs {
        let [read, folded, aligned] = report.seconds;
        println!(
            "  {what:<16} {:>7.2} s   (read {read:.2}, fold {folded:.2}, compare and apply {aligned:.2}; {} calls{})",
            total(report),
            report.usage.calls,
            if report.compared_all { ", everybody compared" } else { "" }
        );
    }
    let (first_s, floor_s) = (total(&looked) + total(&applied), read_s + load_s);
    println!("  {:<16} {first_s:>7.2} s   ({cpu_s:.1} s of processor time)", "first pass");
    println!(
        "  {:<16} {floor_s:>7.2} s   (read {read_s:.2} in {pages} pages, load {load_s:.2}; the first pass is {:.2} x)",
        "floor",
        first_s / floor_s
    );
    println!(
        "  login writes during a first pass: {} of them, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        latencies.count, latencies.p50, latencies.p99, latencies.max
    );
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    json!({
        "first_s": rounded(first_s),
        "first_ratio_to_floor": rounded(first_s / floor_s),
        "unchanged_s": rounded(total(&again)),
        "delta_s": rounded(delta.seconds[1] + delta.seconds[2]),
        "login_write_p99_ms": rounded(latencies.p99),
        "entra_unchanged_calls": idle.usage.calls,
    })
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "make says where the peer is")]
async fn main() {
    let users = std::env::var("BENCH_USERS").ok().and_then(|users| users.parse().ok());
    let users = users.unwrap_or(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| format!("sqlite://{}/{name}.db", dir.path().display());
    let mut result = json!({ "bench": "sync" });
    let urls = [file("sync"), file("bare"), file("busy")];
    result["sqlite"] = Box::pin(measure("SQLite", urls, users, dir.path())).await;
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let urls = [
            postgres_url(&server, "bench_sync").await,
            postgres_url(&server, "bench_bare").await,
            postgres_url(&server, "bench_busy").await,
        ];
        result["postgres"] = Box::pin(measure("PostgreSQL", urls, users, dir.path())).await;
    }
    result["entra_unchanged_calls"] = result["sqlite"]["entra_unchanged_calls"].clone();
    for database in ["sqlite", "postgres"] {
        result[database].as_object_mut().map(|figures| figures.remove("entra_unchanged_calls"));
    }
    result["peak_rss_mib"] = json!(process::peak_mib());
    println!("\npeak memory: {} MiB", process::peak_mib());
    println!("RESULT {result}");
}
