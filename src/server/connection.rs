//! A connection of a browser, from its first request to its end.

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc};

use http::{HeaderValue, Request, StatusCode, Version, header};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant, sleep_until},
};

use super::{
    Held, Server, TAKE, broken,
    only_http1::OnlyHttp1,
    patient_stream::PatientStream,
    pulse::{Pulse, Verdict},
};
use crate::http::{Peer, Response};

/// A Kerberos ticket with many groups takes 64 KiB of header, in base64.
pub(super) const MAX_HEAD_BYTES: u32 = 128 * 1024;

/// Who does not answer is gone: a computer that was put to sleep says no goodbye.
const PING: Duration = Duration::from_secs(30);

/// How long the answer to that may take.
const PONG: Duration = Duration::from_secs(20);

/// A request that is on its way when the gateway closes has so long to arrive on a connection of HTTP/1.1 that nobody seems to
/// use. Load balancers learn meanwhile that there are no new ones: what was on its way is answered, and nothing follows it.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// What a browser asks for at a time on one connection.
const MAX_STREAMS: u32 = 100;

/// So many streams may be reset before anybody has looked at them: who opens and resets them faster than they can be
/// taken up is cut off (CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// So many streams the gateway itself resets for a client's mistakes, before it takes the client for one that means them.
const MAX_MISTAKES: usize = 1024;

/// Both versions of HTTP, as they are spoken with browsers.
#[derive(Clone, Debug)]
pub(super) struct Http {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Http {
    pub(super) fn new() -> Self {
        let mut http1 = http1::Builder::new();
        // How long a head may take says the connection's pulse.
        let most = MAX_HEAD_BYTES as usize;
        http1.header_read_timeout(None).max_buf_size(most).max_header_size(most);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG)
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_MISTAKES)
            // It bounds the frames that a head may be cut into as well (CVE-2024-27316).
            .max_header_list_size(MAX_HEAD_BYTES);
        Self { http1, http2 }
    }
}

impl Server {
    pub(super) async fn speak_http1<S>(&self, stream: S, peer: Peer, held: Held)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Arc::new(Pulse::begin(self.keep_alive));
        let stream = PatientStream::new(OnlyHttp1::new(stream, pulse.clone()), held, TAKE);
        // In a box: hyper moves what answers a request several times, and that has room for each way of answering.
        let service = service_fn(|request| Box::pin(self.answer(request, peer, &pulse)));
        let connection = self.http.http1.serve_connection(TokioIo::new(stream), service);
        let connection = connection.with_upgrades();
        self.attend(
            connection,
            http1::UpgradeableConnection::graceful_shutdown,
            false,
            peer,
            &pulse,
        )
        .await;
    }

    pub(super) async fn speak_http2<S>(&self, stream: S, peer: Peer, held: Held)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Arc::new(Pulse::begin(self.keep_alive));
        let stream = PatientStream::new(stream, held, TAKE);
        // Its streams are tasks of their own.
        let (server, beat) = (Arc::new(self.clone()), pulse.clone());
        let service = service_fn(move |request| {
            let (server, beat) = (server.clone(), beat.clone());
            async move { server.answer(request, peer, &beat).await }
        });
        let connection = self.http.http2.serve_connection(TokioIo::new(stream), service);
        self.attend(connection, http2::Connection::graceful_shutdown, true, peer, &pulse).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        pulse: &Pulse,
    ) -> Result<Response, Infallible> {
        let _asked = pulse.ask();
        let version = request.version();
        let router = self.router.load_full();
        let mut response = router.respond(request, peer).await;
        let is_tunnel = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if self.leaving.is_draining() && version < Version::HTTP_2 && !is_tunnel {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    /// Stays with a connection until it ends, and has it end when nobody wants anything of it any more, or the gateway
    /// closes.
    async fn attend<C>(
        &self,
        connection: C,
        leave: impl Fn(Pin<&mut C>),
        http2: bool,
        peer: Peer,
        pulse: &Pulse,
    ) where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut connection = std::pin::pin!(connection);
        let mut look = std::pin::pin!(sleep_until(pulse.first_look()));
        let goodbye = self.leaving.goodbye(http2);
        let (mut leaves, mut is_told) = (false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => return self.ended(ended, peer),
                () = goodbye.cancelled(), if !is_told => {
                    is_told = true;
                    if !http2 {
                        look.as_mut().reset(Instant::now() + LAST_CHANCE);
                        continue;
                    }
                }
                () = look.as_mut(), if !leaves => match pulse.judge() {
                    _ if is_told => {}
                    Verdict::GoesOn(until) => {
                        look.as_mut().reset(until);
                        continue;
                    }
                    Verdict::Leave => {}
                    Verdict::Late => {
                        return self.broke(Some("head-late"), peer.client, &"no request in time");
                    }
                },
            }
            leave(connection.as_mut());
            leaves = true;
        }
    }

    fn ended(&self, ended: hyper::Result<()>, peer: Peer) {
        if let Err(error) = ended {
            self.broke(broken::reason(&error), peer.client, &error);
        }
    }
}
