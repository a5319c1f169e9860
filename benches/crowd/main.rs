//! What it costs to be a Crowd server: sessions that are validated with every request of an application, beside
//! an empty handler on the same listener; passwords with groups, as applications ask for them; a whole directory, and
//! what has changed in it.
//!
//! `BENCH_USERS` (100,000) people in ten groups each; `ROUNDS` (5) of `REQUESTS` (100,000) each. The server, the empty
//! handler and the load are processes of their own.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod floor;
mod load;
mod people;
mod process;
mod server;
mod sessions;
mod synchronising;

#[path = "../../tests/support"]
#[expect(dead_code, unused_imports, reason = "tests use more of it")]
mod support {
    pub mod crowd_client;
}

use serde_json::json;

use self::server::Server;

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Box::pin(measure()).await,
        ["floor", port] => floor::serve(port.parse().unwrap()).await,
        ["load", file, port, requests] => {
            load::run(file.as_ref(), port.parse().unwrap(), requests.parse().unwrap()).await;
        }
        other => panic!("{other:?}"),
    }
}

async fn measure() {
    let users = number("BENCH_USERS", 100_000);
    let (rounds, requests) = (number("ROUNDS", 5), number("REQUESTS", 100_000));
    let large = Server::start(users).await;
    let session = sessions::validate(&large, rounds, requests).await;
    sessions::authenticate(&large, rounds.min(3), 100).await;
    let full = synchronising::all(&large).await;
    let small = Server::start(users.min(1000)).await;
    let incremental = synchronising::changes(&small, &large).await;
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let result = json!({
        "bench": "crowd",
        "session_cpu_ratio_to_floor": rounded(session.ratio),
        "session_cpu_us": rounded(session.cpu_us),
        "bound_session_cpu_ratio_to_floor": rounded(session.bound_ratio),
        "full_sync_entities_per_s": full.entities_per_s.round(),
        "full_sync_extra_rss_mib": full.extra_mib,
        "incremental_ms": rounded(incremental),
    });
    println!("RESULT {result}");
}

#[expect(clippy::disallowed_methods, reason = "whoever measures says how much")]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
