//! Talks to a running gateway over its control socket; without one, does it here.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use axum::Router;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{BAD_CONFIGURATION, complain};
use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Config, Problems},
    http::Body,
    store::Store,
    sync,
};

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlError {
    #[error("{0}")]
    Configuration(#[from] Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("admin.socket {0}: {1}")]
    Socket(PathBuf, io::Error),
    #[error("{path}: {1}", path = .0.display())]
    File(PathBuf, io::Error),
    #[error("the gateway broke off: {0}")]
    Http(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Arguments(String),
}

/// Whoever does what the command line asks for.
pub(super) enum Control {
    /// A running gateway.
    Gateway(PathBuf),
    /// Nobody runs: the same routes, on the store.
    Store(Store, Router),
}

/// Runs a command to its end.
pub(super) fn run<F>(config: &Path, command: F) -> ExitCode
where
    F: AsyncFnOnce(&Control) -> Result<(), ControlError>,
{
    run_alone(config, async |config| {
        let control = Control::find(config).await?;
        let done = command(&control).await;
        control.close().await;
        done
    })
}

/// Runs a command to its end that needs the configuration, and no gateway.
pub(super) fn run_alone<F>(config: &Path, command: F) -> ExitCode
where
    F: AsyncFnOnce(&Config) -> Result<(), ControlError>,
{
    let run = async { command(&Config::load(config)?).await };
    let done = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run),
        Err(error) => Err(ControlError::Http(error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(ControlError::Configuration(problems)) => {
            complain(&format_args!("{} has problems:\n{problems}", config.display()));
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(error @ ControlError::Arguments(_)) => {
            complain(&error);
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

impl ControlError {
    /// What was refused was asked wrongly.
    pub(super) fn blames_arguments(self) -> Self {
        match self {
            Self::Refused(said) => Self::Arguments(said),
            other => other,
        }
    }
}

impl Control {
    /// A gateway that runs, if one does.
    pub(super) async fn running(config: &Config) -> Option<Self> {
        let socket = &config.admin.socket;
        UnixStream::connect(socket).await.ok().map(|_| Self::Gateway(socket.clone()))
    }

    async fn find(config: &Config) -> Result<Self, ControlError> {
        let socket = &config.admin.socket;
        match UnixStream::connect(socket).await {
            Ok(_) => Ok(Self::Gateway(socket.clone())),
            Err(error) if is_nobody(&error) => {
                let options = app::store_options(config)?;
                let store = Store::open(&options).await.map_err(StartError::from)?;
                // Only SQLite promises that nobody else is at work on a plan.
                let alone = matches!(store, Store::Sqlite { .. });
                let left = sync::left_plans(&store, &Clock::System, alone).await;
                let left = left.map_err(StartError::from)?;
                sync::go_on(&store, &Clock::System, left).await.map_err(StartError::from)?;
                let admin = app::open_admin(config, &store, &Clock::System).await?;
                Ok(Self::Store(store, admin.routes()))
            }
            Err(error) => Err(ControlError::Socket(socket.clone(), error)),
        }
    }

    /// A running gateway, for what only that can do.
    pub(super) async fn find_running(config: &Config) -> Result<Self, ControlError> {
        let socket = &config.admin.socket;
        match UnixStream::connect(socket).await {
            Ok(_) => Ok(Self::Gateway(socket.clone())),
            Err(error) => Err(ControlError::Socket(socket.clone(), error)),
        }
    }

    /// Asks for something, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, ControlError> {
        self.send(method, path, Body::empty()).await
    }

    /// Asks for something with JSON, and reads the answer.
    pub(super) async fn ask_with<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, ControlError> {
        self.send(method, path, Body::from(body.to_string())).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, ControlError> {
        let broken = |error: &dyn std::fmt::Display| ControlError::Http(error.to_string());
        let (status, body) = self.exchange(method, path, body).await?;
        let text = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&text).map_err(|error| broken(&error));
        }
        Err(refused(status, &text))
    }

    /// Sends something long, and hears the answer piece by piece, perhaps before all has been sent.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Body,
        mut hear: impl FnMut(&[u8]) -> Result<(), ControlError>,
    ) -> Result<(), ControlError> {
        let broken = |error: &dyn std::fmt::Display| ControlError::Http(error.to_string());
        let (status, mut body) = self.exchange(method, path, body).await?;
        if !status.is_success() {
            let text = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
            return Err(refused(status, &text));
        }
        while let Some(frame) = body.frame().await {
            if let Some(piece) = frame.map_err(|error| broken(&error))?.data_ref() {
                hear(piece)?;
            }
        }
        Ok(())
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<(StatusCode, Body), ControlError> {
        let broken = |error: &dyn std::fmt::Display| ControlError::Http(error.to_string());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "gatehouse")
            .header("content-type", "application/json");
        let request = request.body(body).map_err(|error| broken(&error))?;
        let answer = match self {
            Self::Gateway(socket) => ask_socket(socket, request).await?.map(Body::new),
            Self::Store(_, routes) => {
                let answer = tower::ServiceExt::oneshot(routes.clone(), request).await;
                answer.map_err(|error| broken(&error))?
            }
        };
        Ok((answer.status(), answer.into_body()))
    }

    async fn close(self) {
        if let Self::Store(store, _) = self {
            store.close().await;
        }
    }
}

/// Whether nobody listens there, rather than somebody whom we may not talk to.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

async fn ask_socket(
    socket: &Path,
    request: Request<Body>,
) -> Result<Response<Incoming>, ControlError> {
    let failed = |error| ControlError::Socket(socket.to_owned(), error);
    let broken = |error: hyper::Error| ControlError::Http(error.to_string());
    let stream = UnixStream::connect(socket).await.map_err(failed)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

/// What an answer says that is no success.
fn refused(status: StatusCode, text: &[u8]) -> ControlError {
    let said: Value = serde_json::from_slice(text).unwrap_or_default();
    let said = said["error"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    ControlError::Refused(said)
}
