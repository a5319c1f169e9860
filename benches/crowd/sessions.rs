//! What is asked for one user at a time.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
};

use crate::{
    load::{self, Request},
    median, people, process,
    server::{Server, free_port, wait_for},
    support::crowd_client::factors,
};

/// So many people are signed in, and asked for in turn.
const PEOPLE: u64 = 100;

const PASSWORD: &str = "Green-tea-42-for-all";

const BASE: &str = "/crowd/rest/usermanagement/1";

/// What a validation costs: of a token that can be used from everywhere, as the gateway's own; and the ratio of one
/// that an application has begun for an address.
pub struct Validation {
    pub ratio: f64,
    pub cpu_us: f64,
    pub bound_ratio: f64,
}

/// A child that is ended with this.
struct Floor {
    process: Child,
    port: u16,
}

impl Floor {
    async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(env::current_exe().unwrap());
        let process = command.args(["floor", &port.to_string()]).spawn().unwrap();
        wait_for(port).await;
        Self { process, port }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets another process send requests: microseconds of the server's CPU for each, and how many a second.
fn cost(file: &Path, port: u16, pid: u32, requests: u64) -> (f64, f64) {
    let (before, begun) = (process::cpu_us(pid), Instant::now());
    let sent = Command::new(env::current_exe().unwrap())
        .args(["load", file.to_str().unwrap(), &port.to_string(), &requests.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(sent.unwrap().success(), "the load broke off");
    let cpu = process::cpu_us(pid) - before;
    (cpu / requests as f64, requests as f64 / begun.elapsed().as_secs_f64())
}

/// Questions about sessions of everybody, which were begun with these factors, in a file.
async fn questions(server: &Server, name: &str, begun_with: &str) -> PathBuf {
    let client = server.client();
    let (authorization, mut asked) = (Server::authorization(), Vec::new());
    let from = factors("10.0.0.7", Some("192.0.2.7"));
    for user in 0..PEOPLE {
        let user = people::name(user);
        let session = client.begin_session(&user, None, begun_with).await.unwrap();
        asked.push(Request {
            method: "POST",
            path: format!("{BASE}/session/{}", session.token),
            authorization: &authorization,
            body: format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>{from}"),
        });
    }
    let file = server.path(name);
    load::write(&file, &asked);
    file
}

/// `POST /session/{token}` beside an empty handler, in turn.
pub async fn validate(server: &Server, rounds: u64, requests: u64) -> Validation {
    // As with the gateway's own tokens, nobody has said where it has to be used from.
    let file = questions(server, "sessions", "").await;
    let from = factors("10.0.0.7", Some("192.0.2.7"));
    let bound_file = questions(server, "bound-sessions", &from).await;
    let floor = Floor::start().await;
    let floor_of = |requests| cost(&file, floor.port, floor.process.id(), requests);
    let server_of = |file, requests| cost(file, server.port, server.pid(), requests);
    floor_of(requests / 10);
    server_of(&file, requests / 10);
    server_of(&bound_file, requests / 10);
    println!("\nPOST /session/{{token}}: CPU time of the server, us a request");
    println!("  (with address: sessions that the application has begun, for where somebody is)");
    println!(
        "  {:>5} {:>14} {:>10} {:>7} {:>12} {:>14} {:>7}",
        "round", "empty handler", "session", "ratio", "requests/s", "with address", "ratio"
    );
    let (mut ratios, mut costs, mut bound_ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (floor, (cpu, rate)) = (floor_of(requests).0, server_of(&file, requests));
        let (bound, _) = server_of(&bound_file, requests);
        println!(
            "  {round:>5} {floor:>14.1} {cpu:>10.1} {:>7.2} {rate:>12.0} {bound:>14.1} {:>7.2}",
            cpu / floor,
            bound / floor
        );
        ratios.push(cpu / floor);
        bound_ratios.push(bound / floor);
        costs.push(cpu);
    }
    Validation { ratio: median(ratios), cpu_us: median(costs), bound_ratio: median(bound_ratios) }
}

/// What a password of the gateway's costs to be compared, in microseconds of CPU time, while every core does so: they
/// keep one another waiting for memory. It cannot be had for less, since a weaker hash is made anew with the first
/// right login.
fn hash_us() -> f64 {
    const TIMES: u32 = 20;
    let params = Params::new(19 * 1024, 2, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap();
    let compare = || {
        for _ in 0..TIMES {
            argon2.verify_password(PASSWORD.as_bytes(), &hash).unwrap();
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let before = process::cpu_us(std::process::id());
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(compare))));
    (process::cpu_us(std::process::id()) - before) / f64::from(TIMES) / cores as f64
}

/// Passwords with groups, in pairs, as Atlassian measures a Crowd server.
pub async fn authenticate(server: &Server, rounds: u64, pairs: u64) {
    let authorization = Server::authorization();
    let mut asked = Vec::new();
    for user in 0..PEOPLE {
        let user = people::name(user);
        server.client().set_password(&user, PASSWORD).await.unwrap();
        asked.push(Request {
            method: "POST",
            path: format!("{BASE}/authentication?username={user}"),
            authorization: &authorization,
            body: format!("<password><value>{PASSWORD}</value></password>"),
        });
        asked.push(Request {
            method: "GET",
            path: format!("{BASE}/user/group/direct?username={user}&start-index=0&max-results=-1"),
            authorization: &authorization,
            body: String::new(),
        });
    }
    let (both, groups) = (server.path("pairs"), server.path("groups"));
    load::write(&both, &asked);
    asked.retain(|request| request.method == "GET");
    load::write(&groups, &asked);
    let hash = hash_us();
    println!("\nPOST /authentication with GET /user/group/direct: CPU time of the server");
    println!(
        "  (Argon2 as it is used, 19 MiB and two rounds, is {hash:.0} us of a pair by itself)"
    );
    println!(
        "  {:>5} {:>12} {:>10} {:>19} {:>18}",
        "round", "us a pair", "pairs/s", "without Argon2, us", "groups alone, us"
    );
    for round in 1..=rounds {
        let (cpu, rate) = cost(&both, server.port, server.pid(), pairs * 2);
        let (alone, _) = cost(&groups, server.port, server.pid(), pairs * 20);
        let (pair, rate) = (cpu * 2.0, rate / 2.0);
        let rest = pair - hash;
        println!("  {round:>5} {pair:>12.0} {rate:>10.0} {rest:>19.0} {alone:>18.0}");
    }
}
