//! A gateway that has everything it needs, and its life until it is stopped.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::background::report;
use crate::{
    admin::{self, Admin},
    config::Config,
    lifecycle::Background,
    server::{self, Entrance, InternalServer, Readiness, Server},
    session::Sessions,
    store::Store,
    telemetry::Exporter,
};

/// A gateway that has everything it needs.
#[derive(Debug)]
pub struct Gateway {
    pub(super) server: Server,
    pub(super) doors: Doors,
    pub(super) internal: InternalServer,
    pub(super) admin: Admin,
    pub(super) exporter: Option<Exporter>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) store: Store,
    pub(super) readiness: Readiness,
    pub(super) background: Background,
    pub(super) grace: Duration,
}

/// Where the gateway listens.
#[derive(Debug)]
pub(super) struct Doors {
    listeners: Vec<(TcpListener, Entrance)>,
    internal: TcpListener,
    control: UnixListener,
}

impl Doors {
    /// Takes all addresses; nobody is served yet.
    pub(super) async fn open(config: &Config) -> Result<Self, super::StartError> {
        Ok(Self {
            listeners: bind_all(config).await?,
            internal: server::bind("server.internal_listen", config.server.internal_listen).await?,
            control: admin::bind_socket(&config.admin.socket).await?,
        })
    }
}

async fn bind_all(config: &Config) -> Result<Vec<(TcpListener, Entrance)>, server::BindError> {
    let mut listeners = Vec::new();
    for address in &config.server.listen {
        listeners.push((server::bind("server.listen", *address).await?, Entrance::Browsers));
    }
    for address in &config.server.proxy_protocol_listen {
        let listener = server::bind("server.proxy_protocol_listen", *address).await?;
        listeners.push((listener, Entrance::Balancers));
    }
    Ok(listeners)
}

impl Gateway {
    /// Serves until `stop` is ready, then lets running requests end.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let (stopping, closing) = (CancellationToken::new(), CancellationToken::new());
        let mut servers = JoinSet::new();
        let Doors { listeners, internal, control } = self.doors;
        for listener in listeners {
            servers.spawn(self.server.clone().serve(listener, stopping.clone(), self.grace));
        }
        let mut others = JoinSet::new();
        others.spawn(self.internal.serve(internal, closing.clone(), self.grace));
        others.spawn(admin::serve_socket(control, self.admin, closing.clone()));
        if let Some(exporter) = self.exporter {
            others.spawn(exporter.run(closing.clone()));
        }
        self.readiness.begin();
        tracing::info!("ready");

        stop.await;
        tracing::info!("stopping");
        self.readiness.end();
        stopping.cancel();
        // Tunnels end with the background work, not by themselves.
        self.background.stop();
        servers.join_all().await;
        self.background.shut_down(self.grace).await;
        report("write down who was seen", self.sessions.write_seen().await);
        closing.cancel();
        let _ = tokio::time::timeout(self.grace, others.join_all()).await;
        self.store.close().await;
        tracing::info!("stopped");
    }
}
