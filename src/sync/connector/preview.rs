//! What filters and a mapping would make of the mirror: the cloud is not asked, and nothing is written.

mod groups;
mod names;
mod people;
mod report;

use std::sync::Arc;

pub use self::report::{
    ChangesPreview, FilterPreview, GroupPreview, GroupsPreview, MirrorPreview, NamesPreview,
    PartPreview, Preview, UserPreview, UsersPreview,
};
use super::{
    Connector,
    judge::Judge,
    organisation::Organisation,
    rows::{Making, Rows, RowsError},
};
use crate::store::{ConnectorId, RunId, Store, StoreError};

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Nothing is known of the cloud.
    #[error("nothing is known of the cloud yet: `gatehouse sync {0} --dry-run` asks it first")]
    NoMirror(String),
    /// It is half what it was.
    #[error("a run is writing down what the cloud has said: look again when it is over")]
    Folding,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Temporary files.
    #[error("temporary files cannot be used: {0}; let there be room in the temporary directory")]
    Sort(#[from] std::io::Error),
}

/// What a connector would make of the mirror, with the names of so many users by their parts.
pub async fn preview(
    store: &Store,
    connector: &Connector,
    users: usize,
) -> Result<Preview, PreviewError> {
    let id = store.ensure_connector(&connector.name).await?;
    let state = store.find_connector(id).await?;
    let Some(run) = state.folded_run else {
        return Err(PreviewError::NoMirror(connector.name.clone()));
    };
    if state.is_folding() {
        return Err(PreviewError::Folding);
    }
    let organisation = Organisation::read(store, id, connector.rules.scope.is_nested()).await?;
    let looking = Looking { store, id, connector };
    let judge = looking.judge(&organisation);
    let run = store.find_run(RunId(run)).await?;
    let mut preview = Preview {
        mirror: MirrorPreview {
            read_at: run.map(|run| run.begun_at),
            is_other_cloud: state.reads.as_deref() != Some(&connector.reads[..]),
        },
        is_new: state.applied_rules.as_deref() != Some(&connector.rules_digest[..]),
        users: looking.people(&judge).await?,
        groups: looking.groups(&organisation),
        ..Preview::default()
    };
    drop(organisation);
    match (Making { store, id, connector }).run(Rows::Everything).await {
        Ok(made) => looking.names(&judge, made, users, &mut preview).await?,
        Err(RowsError::Store(error)) => return Err(error.into()),
        Err(RowsError::Sort(error)) => return Err(error.into()),
        Err(error @ (RowsError::Nobody | RowsError::Unsaid(_))) => {
            preview.problem = Some(error.to_string());
        }
    }
    Ok(preview)
}

/// Who looks, and at what.
struct Looking<'a> {
    store: &'a Store,
    id: ConnectorId,
    connector: &'a Connector,
}

impl Looking<'_> {
    /// Judges as a run does, but for usernames that are kept for somebody.
    fn judge(&self, organisation: &Organisation) -> Arc<Judge> {
        let rules = self.connector.rules.clone();
        let applied = rules.scope.apply(organisation);
        Arc::new(Judge { rules, applied, aliases: std::collections::HashMap::new() })
    }
}
