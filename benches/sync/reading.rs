//! The first half of the floor: every page of a cloud fetched and parsed, and nothing kept.

use std::{sync::Arc, time::Instant};

use gatehouse::cloud::Source;
use tokio::task::JoinSet;

/// As many requests at once as a run makes.
const AT_ONCE: usize = 4;

/// How many seconds it takes to read everything, and in how many pages.
pub async fn read_everything(source: &Arc<dyn Source>) -> (f64, u64) {
    let begun = Instant::now();
    let mut tasks = source.begin(None).tasks;
    let (mut reading, mut pages) = (JoinSet::new(), 0);
    loop {
        while reading.len() < AT_ONCE
            && let Some(task) = tasks.pop()
        {
            let source = source.clone();
            reading.spawn(async move { source.fetch(&task).await });
        }
        let Some(page) = reading.join_next().await else {
            return (begun.elapsed().as_secs_f64(), pages);
        };
        let page = page.unwrap().unwrap();
        pages += 1;
        tasks.extend(page.next);
        std::hint::black_box(page.items);
    }
}
