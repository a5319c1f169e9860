//! The clouds that are read, from the configuration.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clock::Clock,
    cloud::{self, Patience, Source},
    config::{Config, Problems},
};

/// The clouds, by the names of their connectors.
pub(super) type Clouds = BTreeMap<String, Arc<dyn Source>>;

/// Opens all of them. What the configuration names is read, and nobody is asked yet.
pub(super) fn open_clouds(config: &Config, clock: &Clock) -> Result<Clouds, Problems> {
    let mut problems = Problems::default();
    let mut clouds = Clouds::new();
    for (index, connector) in config.connectors.iter().enumerate() {
        let opened = cloud::open(connector, clock, Patience::default());
        let opened = problems.check(format!("connector[{index}]"), opened);
        clouds.extend(opened.map(|source| (connector.name.clone(), source)));
    }
    problems.into_result().map(|()| clouds)
}
