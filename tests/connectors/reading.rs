//! Whole rounds, as a run makes them: a bag of tasks that are stored between two of them.

use std::collections::{BTreeMap, VecDeque};

use gatehouse::cloud::{ConnectorError, Item, Page, Source, Task, Watermark};

use super::mirror::Mirror;

/// What has been read so far, and where the next round begins.
#[derive(Default)]
pub struct Reading {
    pub mirror: Mirror,
    pub mark: Option<Watermark>,
    /// How groups looked when all their members were read.
    fingerprints: BTreeMap<String, String>,
}

impl Reading {
    /// One round. Nothing is known of it until it is complete.
    pub async fn round(&mut self, source: &dyn Source) -> Result<(), ConnectorError> {
        self.round_with(source, async |task| source.fetch(task).await).await
    }

    /// One round, with pages as somebody gets them.
    pub async fn round_with(
        &mut self,
        source: &dyn Source,
        fetch: impl AsyncFn(&Task) -> Result<Page, ConnectorError>,
    ) -> Result<(), ConnectorError> {
        let round = source.begin(self.mark.as_ref());
        let mut mirror = self.mirror.clone();
        mirror.begin(&round);
        let (mut bag, mut marks) = (VecDeque::from(round.tasks), Watermark::default());
        let mut fingerprints = BTreeMap::new();
        while let Some(task) = bag.pop_front() {
            fingerprints.extend(task.group.clone().zip(task.fingerprint.clone()));
            if self.mark.is_some() && self.knows(&task) {
                continue;
            }
            let page = match fetch(&stored(&task)).await {
                Err(error) => gone(source, &task, error).await?,
                Ok(page) => page,
            };
            mirror.learn(&page);
            marks.0.extend(page.marks);
            bag.extend(page.next);
        }
        mirror.end();
        (self.mirror, self.mark, self.fingerprints) = (mirror, Some(marks), fingerprints);
        Ok(())
    }

    /// Whether a group looks as it did when its members were read.
    fn knows(&self, task: &Task) -> bool {
        let before = task.group.as_ref().and_then(|group| self.fingerprints.get(group));
        before.is_some() && before == task.fingerprint.as_ref()
    }

    /// Rounds until one is complete, as the next hours would bring them.
    pub async fn until_complete(&mut self, source: &dyn Source) {
        for _ in 0..20 {
            match self.round(source).await {
                Ok(()) => return,
                Err(ConnectorError::Restart(_)) => self.mark = None,
                Err(error) if error.is_passing() => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no round is complete");
    }
}

/// What it means that the members of a group are not there, if the group is not either.
async fn gone(
    source: &dyn Source,
    task: &Task,
    error: ConnectorError,
) -> Result<Page, ConnectorError> {
    let (ConnectorError::Gone(_), Some(group)) = (&error, &task.group) else {
        return Err(error);
    };
    let found = source.find_groups(std::slice::from_ref(group)).await?;
    let items = vec![Item::GroupGone(group.clone())];
    if found.is_empty() { Ok(Page { items, ..Page::default() }) } else { Err(error) }
}

/// A task as it comes back from a store.
fn stored(task: &Task) -> Task {
    serde_json::from_str(&serde_json::to_string(task).unwrap()).unwrap()
}
