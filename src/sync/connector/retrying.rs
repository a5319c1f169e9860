//! Asks again, and only, of whom and of which groups the last run left something undone.

use serde::{Deserialize, Serialize};

use crate::cloud::{ConnectorError, Item, Page, Source, Task};

/// What the work of these tasks begins with; sources have none that does.
const MARK: &str = "again ";

/// Groups that are asked for at once.
const GROUPS: usize = 100;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Again {
    User(String),
    Groups(Vec<String>),
}

impl Again {
    fn task(&self) -> Task {
        let work = format!("{MARK}{}", serde_json::to_string(self).unwrap_or_default());
        Task { work, group: None, fingerprint: None }
    }
}

/// Tasks that ask of some users and groups, by the cloud's ids.
pub(super) fn tasks(users: Vec<String>, groups: &[String]) -> Vec<Task> {
    let users = users.into_iter().map(|id| Again::User(id).task());
    let groups = groups.chunks(GROUPS).map(|some| Again::Groups(some.to_vec()).task());
    users.chain(groups).collect()
}

/// Does a task, whether or not it is one of these.
pub(super) async fn fetch(source: &dyn Source, task: &Task) -> Result<Page, ConnectorError> {
    let Some(again) = task.work.strip_prefix(MARK) else {
        return source.fetch(task).await;
    };
    let again = serde_json::from_str(again)
        .map_err(|_| ConnectorError::Restart("a task that another version has left".to_owned()))?;
    let items = match again {
        Again::User(id) => {
            let found = source.find_user(&id).await?;
            vec![found.map_or(Item::UserGone(id), Item::User)]
        }
        Again::Groups(ids) => {
            let mut found = source.find_groups(&ids).await?;
            found.retain(|group| ids.contains(&group.id));
            let gone = ids.into_iter().filter(|id| found.iter().all(|group| group.id != *id));
            let gone: Vec<_> = gone.map(Item::GroupGone).collect();
            found.into_iter().map(Item::Group).chain(gone).collect()
        }
    };
    Ok(Page { items, ..Page::default() })
}
