//! Groups that keep the names that they have here, whatever the cloud calls them now.

use std::collections::HashMap;

use super::Connector;
use crate::store::{Store, StoreError};

/// The names of groups that the directory has, by the cloud's ids.
pub(super) type Names = HashMap<String, String>;

/// The names that groups have here.
pub(super) async fn current_names(
    store: &Store,
    connector: &Connector,
) -> Result<Names, StoreError> {
    let source = connector.membership_source();
    let groups = store.list_groups_in(connector.directory).await?;
    let names: HashMap<_, _> =
        groups.into_iter().map(|(group, _)| (group.id, group.name)).collect();
    let known = store.list_external_groups(connector.directory, &source).await?;
    let name = |id, group| Some((id, names.get(&group)?.clone()));
    Ok(known.into_iter().filter_map(|known| name(known.external_id, known.group)).collect())
}

/// The names that groups have here and keep: none, if they follow the cloud.
pub(super) async fn kept_names(store: &Store, connector: &Connector) -> Result<Names, StoreError> {
    if connector.rules.scope.keeps_names() {
        return current_names(store, connector).await;
    }
    Ok(Names::new())
}
