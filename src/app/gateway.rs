//! A gateway that has everything it needs, and its life until it is stopped.

use std::{future::Future, path::Path, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::mpsc::Receiver,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    background::report,
    parts::Foundation,
    reload::{Current, Source},
};
use crate::{
    admin,
    config::Config,
    lifecycle::{Order, Orders, Reloaded, ServiceManager},
    server::{self, Entrance, Inherited, InternalServer, Leaving, Readiness, Server},
    telemetry::{Exporter, LogLevel},
};

/// A gateway that has everything it needs.
#[derive(Debug)]
pub struct Gateway {
    pub(super) server: Server,
    pub(super) doors: Doors,
    pub(super) internal: InternalServer,
    pub(super) exporter: Option<Exporter>,
    pub(super) readiness: Readiness,
    pub(super) leaving: Leaving,
    pub(super) orders: (Orders, Receiver<Order>),
    pub(super) foundation: Foundation,
    pub(super) current: Current,
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
    pub(super) async fn open(
        config: &Config,
        mut inherited: Inherited,
    ) -> Result<Self, super::StartError> {
        let config_server = &config.server;
        let mut listeners = Vec::new();
        for address in &config_server.listen {
            let listener = server::bind("server.listen", *address, &mut inherited).await?;
            listeners.push((listener, Entrance::Browsers));
        }
        for address in &config_server.proxy_protocol_listen {
            let key = "server.proxy_protocol_listen";
            let listener = server::bind(key, *address, &mut inherited).await?;
            listeners.push((listener, Entrance::Balancers));
        }
        let address = config_server.internal_listen;
        let internal = server::bind("server.internal_listen", address, &mut inherited).await?;
        inherited.warn_of_the_rest();
        let control = admin::bind_socket(&config.admin.socket).await?;
        Ok(Self { listeners, internal, control })
    }
}

impl Gateway {
    /// Has it read its configuration from this file again when it is told to.
    #[must_use]
    pub fn reading(mut self, path: &Path, log_level: LogLevel) -> Self {
        self.current.source = Some(Source { path: path.to_owned(), log_level });
        self
    }

    /// The way to tell it something.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders.0.clone()
    }

    /// Serves until `stop` is ready, then lets running requests end, as after SIGTERM.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let orders = self.orders();
        let stop = async {
            stop.await;
            orders.give(Order::Drain).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.run() => {}
            () = stop => {}
        }
    }

    /// Serves until it is told to stop.
    pub async fn run(self) {
        let manager = ServiceManager::from_env();
        tokio::select! {
            () = self.live(&manager) => {}
            () = manager.keep_alive() => {}
        }
    }

    async fn live(self, manager: &ServiceManager) {
        let Self { server, doors, internal, exporter, readiness, leaving, .. } = self;
        let (orders, mut told) = self.orders;
        let (mut current, foundation) = (self.current, self.foundation);
        let grace = seconds(current.config.server.shutdown_grace_seconds);
        let closing = CancellationToken::new();
        let mut servers = JoinSet::new();
        for listener in doors.listeners {
            servers.spawn(server.clone().serve(listener, grace));
        }
        let mut others = JoinSet::new();
        others.spawn(internal.serve(doors.internal, closing.clone(), grace));
        let control = current.control.clone();
        others.spawn(admin::serve_socket(doors.control, control, orders, closing.clone()));
        if let Some(exporter) = exporter {
            others.spawn(exporter.run(closing.clone()));
        }
        readiness.begin();
        manager.ready();
        tracing::info!("ready");

        let drains = obey(&mut told, &mut current, &foundation, manager).await;
        drop(told);
        readiness.end();
        manager.stopping();
        let drain = seconds(current.config.server.drain_seconds);
        if drains && !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "draining: unready, and still serving");
            leaving.drain();
            tokio::time::sleep(drain).await;
        }
        tracing::info!("stopping");
        leaving.close();
        // Tunnels end with the background work, not by themselves.
        foundation.background.stop();
        servers.join_all().await;
        foundation.background.shut_down(grace).await;
        report("write down who was seen", foundation.sessions.write_seen().await);
        closing.cancel();
        let _ = timeout(grace, others.join_all()).await;
        foundation.store.close().await;
        tracing::info!("stopped");
    }
}

/// Does what it is told until that is to stop; says whether load balancers are to be waited for.
async fn obey(
    told: &mut Receiver<Order>,
    current: &mut Current,
    foundation: &Foundation,
    manager: &ServiceManager,
) -> bool {
    loop {
        match told.recv().await {
            Some(Order::Reload(asker)) => {
                manager.reloading();
                let reloaded = current.reload(foundation).await;
                tell(&reloaded);
                manager.ready();
                if let Some(asker) = asker {
                    // Who asked may have gone.
                    let _ = asker.send(reloaded);
                }
            }
            Some(Order::Stop) => return false,
            Some(Order::Drain) | None => return true,
        }
    }
}

fn tell(reloaded: &Result<Reloaded, String>) {
    match reloaded {
        Ok(Reloaded { changed, needs_restart }) => {
            tracing::info!(?changed, ?needs_restart, "the configuration was read again");
        }
        Err(error) => {
            tracing::error!(error, "the configuration cannot be used: what was there goes on");
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
