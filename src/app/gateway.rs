//! A gateway that has everything it needs, and its life until it is stopped.

use std::{convert::Infallible, future::Future, path::Path, time::Duration};

use tokio::{
    sync::mpsc::Receiver,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    background::report,
    doors::Doors,
    parts::Foundation,
    reload::{Current, Source},
};
use crate::{
    admin,
    lifecycle::{Order, Orders, Reloaded, ServiceManager},
    server::{InternalServer, Leaving, Readiness, Server},
    telemetry::{Exporter, LogLevel},
};

/// After requests have taken all the time that they have, other work has so long to end, and then machines' questions.
const LAST_MOMENT: Duration = Duration::from_secs(5);

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

/// A listener has ended that nobody has asked to.
#[derive(Debug, thiserror::Error)]
#[error("nobody listens to {0} any more, which is a mistake in the gateway: it ends")]
pub struct Deaf(&'static str);

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
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Deaf> {
        let orders = self.orders();
        let stop = async {
            stop.await;
            orders.give(Order::Drain).await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            ended = self.run() => ended,
            never = stop => match never {},
        }
    }

    /// Serves until it is told to stop. Where nobody listens any more, the gateway ends as well: whoever watches over it
    /// begins another one.
    pub async fn run(self) -> Result<(), Deaf> {
        let manager = ServiceManager::from_env();
        tokio::select! {
            ended = self.live(&manager) => ended,
            never = manager.keep_alive() => match never {},
        }
    }

    async fn live(self, manager: &ServiceManager) -> Result<(), Deaf> {
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
        let mut exporting = JoinSet::new();
        if let Some(exporter) = exporter {
            let (background, run) = (foundation.background.clone(), exporter.run(closing.clone()));
            exporting.spawn(async move {
                let _ = background.attempt("export spans", run).await;
            });
        }
        readiness.begin();
        manager.ready();
        tracing::info!("ready");

        let heard = tokio::select! {
            drains = obey(&mut told, &mut current, &foundation, manager) => Ok(drains),
            () = one_ends(&mut servers) => Err(Deaf("browsers")),
            () = one_ends(&mut others) => Err(Deaf("machines")),
        };
        // Who tells it something from now on is told that it stops.
        drop(told);
        readiness.end();
        manager.stopping();
        match &heard {
            Ok(true) => drain(&leaving, seconds(current.config.server.drain_seconds)).await,
            Ok(false) => {}
            Err(deaf) => tracing::error!("{deaf}"),
        }
        tracing::info!("stopping");
        let began = Instant::now();
        let rest = || grace.saturating_sub(began.elapsed()).max(LAST_MOMENT);
        leaving.close();
        // Tunnels end with the background work, not by themselves.
        foundation.background.stop();
        while servers.join_next().await.is_some() {}
        foundation.background.shut_down(rest()).await;
        report("write down who was seen", foundation.sessions.write_seen().await);
        closing.cancel();
        let ended = async {
            while others.join_next().await.is_some() {}
            while exporting.join_next().await.is_some() {}
        };
        let _ = timeout(rest(), ended).await;
        foundation.store.close().await;
        tracing::info!("stopped");
        heard.map(|_| ())
    }
}

/// Goes on serving until load balancers have turned away.
async fn drain(leaving: &Leaving, time: Duration) {
    if !time.is_zero() {
        tracing::info!(seconds = time.as_secs(), "draining: unready, and still serving");
        leaving.drain();
        sleep(time).await;
    }
}

/// Waits until one of several that have no end of their own has ended all the same.
async fn one_ends(listeners: &mut JoinSet<()>) {
    if listeners.join_next().await.is_none() {
        std::future::pending::<()>().await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_panics_is_noticed_and_one_that_goes_on_is_waited_for() {
        let mut listeners = JoinSet::new();
        listeners.spawn(std::future::pending());
        let short = Duration::from_millis(20);
        assert!(timeout(short, one_ends(&mut listeners)).await.is_err());
        listeners.spawn(async { panic!("a panic of the test's") });
        one_ends(&mut listeners).await;
        assert!(timeout(short, one_ends(&mut JoinSet::new())).await.is_err());
    }
}
