//! What logins cost.

use std::time::Instant;

use gatehouse::{clock::Clock, directory::DirectoryId, store::Store};

use super::{latencies::request, process};

const LOGINS: usize = 2000;

/// What logins of one sort cost.
pub struct Cost {
    pub what: &'static str,
    pub per_second: f64,
    pub cpu_us: f64,
}

/// First logins, unchanged ones, and ones that change a group; sixteen at a time.
pub async fn measure(store: &Store, directory: DirectoryId) -> Vec<Cost> {
    let mut costs = Vec::new();
    for (what, group) in [("first", "one"), ("unchanged", "one"), ("changed", "two")] {
        let (begun, cpu) = (Instant::now(), process::cpu_us());
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..16 {
            let store = store.clone();
            tasks.spawn(async move {
                for user in (lane..LOGINS).step_by(16) {
                    let request = request(directory, user, group);
                    store.provision(&request, Clock::System.now()).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), process::cpu_us() - cpu);
        let logins = LOGINS as f64;
        costs.push(Cost { what, per_second: logins / seconds, cpu_us: cpu / logins });
    }
    costs.swap(0, 1);
    costs
}
