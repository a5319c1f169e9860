//! What lies between the gateway and people's pages in applications.

use std::sync::Arc;

use super::administration::Directories;
use crate::{
    admin::{ChainApp, ChainCrowd, Chains},
    config::{AppConfig, Config},
    session::Sessions,
};

/// Of every application; with sessions if a gateway runs.
pub(super) fn chains(
    config: &Config,
    directories: &Directories,
    sessions: Option<Arc<Sessions>>,
) -> Arc<Chains> {
    let app = |app: &AppConfig| ChainApp { kind: app.kind, crowd: crowd(app, directories) };
    Arc::new(Chains {
        sessions,
        crowd_url: config.server.crowd_url("127.0.0.1"),
        apps: config.apps.iter().map(app).collect(),
    })
}

fn crowd(app: &AppConfig, directories: &Directories) -> Option<ChainCrowd> {
    let signs_in = app.crowd.iter().find(|crowd| crowd.single_sign_on);
    let crowd = signs_in.or(app.crowd.first())?;
    let seen = crowd.directories.as_ref().unwrap_or(&app.directories);
    Some(ChainCrowd {
        application: crowd.application(&app.name).to_owned(),
        cookie: crowd.single_sign_on.then(|| crowd.cookie.clone()),
        directories: seen.iter().map(|name| directories[name]).collect(),
    })
}
