//! A connection whose bytes can be cut off and slowed down, in the middle of a head or of a body; with TLS or without.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Sleep,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What is done to the bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The connection is reset after so many bytes of the head.
    ResetInHead(usize),
    /// After so many bytes of the body.
    ResetInBody(usize),
    /// The connection is closed in order, but too early.
    CloseInBody(usize),
    /// So many bytes at a time, with a pause between them.
    Slow(usize, Duration),
}

#[derive(Default)]
struct Armed {
    harm: Option<Harm>,
    written: usize,
    /// The last bytes written, and where the body begins, once it has.
    tail: [u8; 4],
    body: Option<usize>,
}

/// The connection that a request came on, to be harmed.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Armed>>);

impl Line {
    /// Harms the next answer.
    pub fn arm(&self, harm: Harm) {
        let armed = Armed { harm: Some(harm), ..Armed::default() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = armed;
    }

    fn with<T>(&self, look: impl FnOnce(&mut Armed) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Armed {
    /// How many bytes may be written now; none means that it is over.
    fn allowed(&self, wanted: usize) -> usize {
        let left = |limit: usize| limit.saturating_sub(self.written).min(wanted);
        match (self.harm, self.body) {
            (Some(Harm::ResetInHead(limit)), _) => left(limit),
            (Some(Harm::ResetInBody(limit) | Harm::CloseInBody(limit)), Some(body)) => {
                left(body + limit)
            }
            // The head may go byte by byte, so that its end is seen.
            (Some(Harm::ResetInBody(_) | Harm::CloseInBody(_)), None) => wanted.min(1),
            (Some(Harm::Slow(bytes, _)), _) => wanted.min(bytes.max(1)),
            (None, _) => wanted,
        }
    }

    /// Where the body begins only matters to harm.
    fn wrote(&mut self, bytes: &[u8]) {
        if self.harm.is_none() {
            return;
        }
        for byte in bytes {
            self.written += 1;
            self.tail.rotate_left(1);
            self.tail[3] = *byte;
            if self.body.is_none() && self.tail == *b"\r\n\r\n" {
                self.body = Some(self.written);
            }
        }
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub struct Stream {
    wire: Wire,
    line: Line,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Ends the connection, as the harm wants it.
    fn end(&self, harm: Harm) -> io::Error {
        if matches!(harm, Harm::ResetInHead(_) | Harm::ResetInBody(_)) {
            let _ = self.tcp().set_zero_linger();
        }
        io::Error::from(io::ErrorKind::ConnectionReset)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let (harm, allowed) = self.line.with(|armed| (armed.harm, armed.allowed(bytes.len())));
        if let (Some(harm), 0) = (harm, allowed)
            && !bytes.is_empty()
        {
            return Poll::Ready(Err(self.end(harm)));
        }
        let bytes = &bytes[..allowed];
        let written = match &mut self.wire {
            Wire::Plain(stream) => ready!(Pin::new(stream).poll_write(cx, bytes))?,
            Wire::Tls(stream) => ready!(Pin::new(stream).poll_write(cx, bytes))?,
        };
        self.line.with(|armed| armed.wrote(&bytes[..written]));
        if let Some(Harm::Slow(_, pause)) = harm {
            self.pause = Some(Box::pin(tokio::time::sleep(pause)));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Where connections come in. Handshakes do not wait for each other.
pub struct Door {
    address: std::net::SocketAddr,
    streams: mpsc::Receiver<Stream>,
}

impl Door {
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, streams) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(enter(tcp, tls.clone(), sender.clone()));
            }
        });
        Ok(Self { address, streams })
    }
}

async fn enter(tcp: TcpStream, tls: Option<TlsAcceptor>, door: mpsc::Sender<Stream>) {
    let _ = tcp.set_nodelay(true);
    let wire = match tls {
        None => Ok(Wire::Plain(tcp)),
        Some(tls) => tls.accept(tcp).await.map(|stream| Wire::Tls(Box::new(stream))),
    };
    // Who does not finish the handshake is not here.
    if let Ok(wire) = wire {
        let _ = door.send(Stream { wire, line: Line::default(), pause: None }).await;
    }
}

impl axum::serve::Listener for Door {
    type Io = Stream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Stream, Self::Addr) {
        match self.streams.recv().await {
            Some(stream) => (stream, self.address),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}
