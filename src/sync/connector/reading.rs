//! Asks a cloud, task by task, until nothing is left to be asked.
//!
//! What was answered is stored together with what is left to be asked, so that a run that is killed goes on there. The
//! latest tasks are done first: that keeps few of them waiting.

use std::{collections::HashMap, sync::Arc};

use tokio::task::{JoinHandle, JoinSet};

use super::{
    progress::Meter,
    retrying,
    staged::StagedPage,
    stager::{Stager, Staging},
};
use crate::{
    clock::Clock,
    cloud::{ConnectorError, Item, Page, Source, Task},
    store::{Lease, RunId, Store, StoreError},
};

/// If more groups than this cannot be read, something else is wrong.
const MOST_FAILED: usize = 100;

/// What is asked, and where the answers go.
pub(super) struct Reading<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) lease: Lease,
    pub(super) run: RunId,
    pub(super) source: Arc<dyn Source>,
    /// How many questions are asked at a time.
    pub(super) at_once: usize,
    /// The fingerprints of groups whose members need not be asked for if they are the same.
    pub(super) read_before: Arc<HashMap<String, String>>,
    pub(super) meter: &'a Meter,
}

/// Why a cloud was not read to the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Cloud(#[from] ConnectorError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the members of more than {MOST_FAILED} groups cannot be read: {0}")]
    ManyGroups(String),
}

/// A page that is being packed.
pub(super) type Packing = JoinHandle<Result<Vec<u8>, StoreError>>;

/// An answer. While it is made ready to be stored, the next one is asked for.
pub(super) struct Answer {
    /// Of which task.
    pub(super) place: i64,
    pub(super) next: Vec<Task>,
    pub(super) items: usize,
    pub(super) about: [bool; 2],
    pub(super) packing: Packing,
    failed: Option<String>,
}

impl Reading<'_> {
    /// Does all tasks of the run that are left.
    pub(super) async fn run(self) -> Result<(), ReadError> {
        let mut bag = Vec::new();
        for stored in self.store.list_tasks(self.run).await? {
            let unreadable =
                |_| StoreError::Unreadable { what: "a task", value: stored.task.clone() };
            bag.push((stored.number, serde_json::from_str(&stored.task).map_err(unreadable)?));
        }
        let first =
            [self.store.next_page(self.run).await?, bag.last().map_or(0, |last| last.0 + 1)];
        let staging = Staging::begin(self.store, self.clock, self.lease, self.run);
        let read = self.read(bag, staging.stager(first)).await;
        // What has been answered is kept, also if something else failed.
        let staged = staging.end().await;
        read.and(staged.map_err(Into::into))
    }

    async fn read(&self, mut bag: Vec<(i64, Task)>, mut to: Stager) -> Result<(), ReadError> {
        let (mut fetching, mut failed) = (JoinSet::new(), 0);
        loop {
            while fetching.len() < self.at_once.max(1)
                && let Some((place, task)) = bag.pop()
            {
                let (source, read_before) = (self.source.clone(), self.read_before.clone());
                fetching.spawn(async move { fetch(&*source, place, task, &read_before).await });
            }
            let Some(fetched) = fetching.join_next().await else {
                return Ok(());
            };
            let answer: Answer = fetched.map_err(|_| StoreError::NotWritten)??;
            if let Some(why) = &answer.failed {
                failed += 1;
                if failed > MOST_FAILED {
                    return Err(ReadError::ManyGroups(why.clone()));
                }
            }
            self.meter.count_page(answer.items);
            bag.extend(to.stage(answer).await?);
        }
    }
}

/// Asks, and makes an answer of what became of it.
async fn fetch(
    source: &dyn Source,
    place: i64,
    task: Task,
    read_before: &HashMap<String, String>,
) -> Result<Answer, ReadError> {
    let fetched = retrying::fetch(source, &task).await;
    let Task { group, fingerprint, .. } = task;
    let (mut page, mut next) = (StagedPage::default(), Vec::new());
    match (fetched, &group) {
        (Ok(Page { items, next: left, marks }), _) => {
            let same = |task: &Task| task.fingerprint.is_some() && is_read(task, read_before);
            let (kept, left) = left.into_iter().partition(same);
            page = StagedPage { items, marks, kept: groups(kept), ..page };
            next = left;
        }
        (Err(error @ ConnectorError::Gone(_)), Some(group)) => {
            match is_there(source, group).await {
                Ok(false) => page.items.push(Item::GroupGone(group.clone())),
                Ok(true) => page.failed = Some(error.to_string()),
                Err(error) if is_about_one_group(&error) => page.failed = Some(error.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
        (Err(error), Some(_)) if is_about_one_group(&error) => {
            page.failed = Some(error.to_string());
        }
        (Err(error), _) => return Err(error.into()),
    }
    page.group = group.map(|group| (group, fingerprint));
    let (items, about, failed) = (page.items.len(), page.is_about(), page.failed.clone());
    let packing = tokio::task::spawn_blocking(move || page.pack());
    Ok(Answer { place, next, items, about, packing, failed })
}

/// Whether a group is there whose members are said not to be. Clouds say so for a moment of groups that are, for not all
/// of their servers have heard of them.
async fn is_there(source: &dyn Source, group: &str) -> Result<bool, ConnectorError> {
    let found = source.find_groups(&[group.to_owned()]).await?;
    Ok(found.iter().any(|found| found.id == group))
}

fn is_read(task: &Task, read_before: &HashMap<String, String>) -> bool {
    let before = task.group.as_ref().and_then(|group| read_before.get(group));
    before == task.fingerprint.as_ref()
}

fn groups(tasks: Vec<Task>) -> Vec<String> {
    tasks.into_iter().filter_map(|task| task.group).collect()
}

/// Whether another group may well be read all the same.
fn is_about_one_group(error: &ConnectorError) -> bool {
    matches!(
        error,
        ConnectorError::Forbidden { .. }
            | ConnectorError::Blank { .. }
            | ConnectorError::Failed { .. }
            | ConnectorError::Malformed { .. }
            | ConnectorError::Loop(_)
            | ConnectorError::TooLarge { .. }
    )
}
