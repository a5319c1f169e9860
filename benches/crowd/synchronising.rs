//! Copies of directories, by the double of Atlassian's client.

use std::time::Instant;

use crate::{
    median, people, process,
    server::Server,
    support::crowd_client::{CachedDirectory, Synchronised},
};

/// Changes that an application catches up with.
const CHANGES: u64 = 100;

/// What a whole directory costs.
pub struct Full {
    pub entities_per_s: f64,
    pub extra_mib: u64,
}

/// Everybody and everything, three times.
pub async fn all(server: &Server) -> Full {
    let (client, pid) = (server.client(), server.pid());
    let memberships = server.users * people::GROUPS_EACH;
    println!("\nfull synchronisation: {} users, {memberships} memberships", server.users);
    println!(
        "  {:>5} {:>8} {:>12} {:>16} {:>16}",
        "round", "s", "entities/s", "server's CPU, s", "more memory, MiB"
    );
    let (mut rates, mut extra) = (Vec::new(), 0);
    for round in 1..=3 {
        let idle = process::resident_mib(pid);
        process::forget_peak(pid);
        let (begun, cpu) = (Instant::now(), process::cpu_us(pid));
        let mut copy = CachedDirectory::default();
        copy.synchronise_all(&client, None).await.unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = (process::cpu_us(pid) - cpu) / 1e6;
        assert_eq!(copy.users.len() as u64, server.users);
        assert_eq!(copy.memberships() as u64, memberships);
        let entities = copy.users.len() + copy.groups.len() + copy.memberships();
        let (rate, more) = (entities as f64 / seconds, process::peak_mib(pid).saturating_sub(idle));
        println!("  {round:>5} {seconds:>8.2} {rate:>12.0} {cpu:>16.2} {more:>16}");
        rates.push(rate);
        extra = extra.max(more);
    }
    Full { entities_per_s: median(rates), extra_mib: extra }
}

/// A hundred changes, on a small directory and on a large one: milliseconds on the large one.
pub async fn changes(small: &Server, large: &Server) -> f64 {
    println!("\nincremental synchronisation of {CHANGES} changes, ms");
    let mut of_large = 0.0;
    for server in [small, large] {
        of_large = catch_up(server).await;
        println!("  {:>9} users {of_large:>10.1}", server.users);
    }
    of_large
}

/// The changes are made, and made undone.
async fn catch_up(server: &Server) -> f64 {
    let client = server.client();
    let mut copy = CachedDirectory::default();
    copy.synchronise_all(&client, None).await.unwrap();
    let mut times = Vec::new();
    for round in 0..4 {
        server.import(if round % 2 == 0 { CHANGES } else { 0 });
        let begun = Instant::now();
        let synchronised = copy.synchronise(&client).await.unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(matches!(synchronised, Synchronised::By(100..)), "{synchronised:?}");
    }
    median(times)
}
