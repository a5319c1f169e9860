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

/// A listener has ended that nobody has asked to.
#[derive(Debug, thiserror::Error)]
#[error("nobody listens to {0} any more, which is a mistake in the gateway: it ends")]
pub struct Deaf(&'static str);

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
    /// Serves until `stop` is ready, then lets running requests end. Where nobody listens any more, the gateway ends as
    /// well: whoever watches over it begins another one.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Deaf> {
        let (stopping, closing) = (CancellationToken::new(), CancellationToken::new());
        let mut servers = JoinSet::new();
        let Doors { listeners, internal, control } = self.doors;
        for listener in listeners {
            servers.spawn(self.server.clone().serve(listener, stopping.clone(), self.grace));
        }
        let mut others = JoinSet::new();
        others.spawn(self.internal.serve(internal, closing.clone(), self.grace));
        others.spawn(admin::serve_socket(control, self.admin, closing.clone()));
        let mut exporting = JoinSet::new();
        if let Some(exporter) = self.exporter {
            let (background, run) = (self.background.clone(), exporter.run(closing.clone()));
            exporting.spawn(async move {
                let _ = background.attempt("export spans", run).await;
            });
        }
        self.readiness.begin();
        tracing::info!("ready");

        let heard = tokio::select! {
            () = stop => Ok(()),
            () = one_ends(&mut servers) => Err(Deaf("browsers")),
            () = one_ends(&mut others) => Err(Deaf("machines")),
        };
        if let Err(deaf) = &heard {
            tracing::error!("{deaf}");
        }
        tracing::info!("stopping");
        self.readiness.end();
        stopping.cancel();
        // Tunnels end with the background work, not by themselves.
        self.background.stop();
        while servers.join_next().await.is_some() {}
        self.background.shut_down(self.grace).await;
        report("write down who was seen", self.sessions.write_seen().await);
        closing.cancel();
        let ended = async {
            while others.join_next().await.is_some() {}
            while exporting.join_next().await.is_some() {}
        };
        let _ = tokio::time::timeout(self.grace, ended).await;
        self.store.close().await;
        tracing::info!("stopped");
        heard
    }
}

/// Waits until one of several that have no end of their own has ended all the same.
async fn one_ends(listeners: &mut JoinSet<()>) {
    if listeners.join_next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_panics_is_noticed_and_one_that_goes_on_is_waited_for() {
        let mut listeners = JoinSet::new();
        listeners.spawn(std::future::pending());
        let short = Duration::from_millis(20);
        assert!(tokio::time::timeout(short, one_ends(&mut listeners)).await.is_err());
        listeners.spawn(async { panic!("a panic of the test's") });
        one_ends(&mut listeners).await;
        assert!(tokio::time::timeout(short, one_ends(&mut JoinSet::new())).await.is_err());
    }
}
