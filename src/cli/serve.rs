//! `gatehouse serve`.

use std::{path::Path, process::ExitCode};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

use super::{BAD_CONFIGURATION, complain};
use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Config, LogFormat},
    lifecycle::{Order, Orders},
    server::Inherited,
    telemetry::{self, LogLevel},
};

pub(super) fn run(path: &Path) -> ExitCode {
    let inherited = Inherited::from_env();
    keep_memory_small();
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => return bad_configuration(path, &problems),
    };
    let json = config.telemetry.log_format == LogFormat::Json;
    let log_level = match telemetry::init(&config.telemetry.log_level, json) {
        Ok(log_level) => log_level,
        Err(error) => {
            return bad_configuration(path, &format_args!("telemetry.log_level: {error}"));
        }
    };
    let served = runtime().map(|runtime| {
        let served = runtime.block_on(serve(path, &config, log_level, inherited));
        // Nothing is waited for that is still at work: all that had to be waited for has been, or somebody is in a hurry.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(Ok(End::Orderly)) => ExitCode::SUCCESS,
        Ok(Ok(End::Hurried)) => ExitCode::FAILURE,
        Ok(Err(StartError::Configuration(problems))) => bad_configuration(path, &problems),
        Ok(Err(error)) => {
            complain(&error);
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Takes memory from the kernel by the page of 4 KiB, not of 2 MiB: connections come and go, and one that is left would keep
/// 500 others in memory. Where the kernel does not know this, it takes more.
fn keep_memory_small() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// A thread for each core. Where there is one core, all is done in one: a second thread would only hand work over to the first.
fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runtime =
        if cores == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    runtime.enable_all().build()
}

fn bad_configuration(path: &Path, problems: &dyn std::fmt::Display) -> ExitCode {
    complain(&format_args!("{} has problems:\n{problems}", path.display()));
    ExitCode::from(BAD_CONFIGURATION)
}

/// How the gateway has ended.
enum End {
    /// After everybody whom it served.
    Orderly,
    /// At once, because somebody insisted.
    Hurried,
}

async fn serve(
    path: &Path,
    config: &Config,
    log_level: LogLevel,
    inherited: Inherited,
) -> Result<End, StartError> {
    let gateway = app::start_with(config, Clock::System, inherited).await?;
    let gateway = gateway.reading(path, log_level);
    let orders = gateway.orders();
    tokio::select! {
        ended = gateway.run() => Ok(ended.map(|()| End::Orderly)?),
        () = pass_on_signals(&orders) => {
            tracing::warn!("asked to stop once more: ending at once");
            Ok(End::Hurried)
        }
    }
}

/// Signals are orders: SIGHUP to read the configuration again, SIGTERM (from a service manager) and SIGINT (from a keyboard)
/// to stop. Returns when one of these comes for the second time.
async fn pass_on_signals(orders: &Orders) {
    let wanted = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()];
    let [Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)] = wanted.map(signal) else {
        return std::future::pending().await;
    };
    let mut stops = false;
    loop {
        let order = next_order(&mut hangup, &mut terminate, &mut interrupt).await;
        let is_stop = !matches!(order, Order::Reload(_));
        if is_stop && stops {
            return;
        }
        stops |= is_stop;
        orders.give(order).await;
    }
}

async fn next_order(hangup: &mut Signal, terminate: &mut Signal, interrupt: &mut Signal) -> Order {
    tokio::select! {
        _ = hangup.recv() => Order::Reload(None),
        _ = terminate.recv() => Order::Drain,
        // Who sits before it has no load balancer.
        _ = interrupt.recv() => Order::Stop,
    }
}
