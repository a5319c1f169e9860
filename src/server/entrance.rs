//! What is asked of a connection before anything is believed of it.

use std::{net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::proxy_header::{Parsed, ProxyHeaderError, Source, parse};
use crate::http::{Peer, TrustedProxies};

/// A load balancer says at once for whom it opens a connection.
const HEADER: Duration = Duration::from_secs(5);

/// Enough for every header without an exotic TLV; larger ones come in several steps.
const BUFFER: usize = 512;

/// What kind of address a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// For browsers, and for proxies that speak HTTP.
    Browsers,
    /// For load balancers that say in a PROXY header for whom they speak.
    Balancers,
}

/// Why a connection was closed before it could say anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntranceError {
    /// Whoever is not trusted could make up a client.
    #[error("only trusted proxies may come to this address")]
    Untrusted,
    /// Not what the PROXY protocol says.
    #[error(transparent)]
    Header(#[from] ProxyHeaderError),
    /// It did not come.
    #[error("no PROXY header came in time")]
    Late,
    /// The connection broke.
    #[error("the connection ended before its PROXY header did: {0}")]
    Broken(#[from] std::io::Error),
    /// Nothing was said: load balancers look so whether somebody listens.
    #[error("the connection ended before its PROXY header began")]
    Empty,
}

impl EntranceError {
    /// The word for it in logs and metrics; none if nobody did anything wrong.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted => Some("proxy-untrusted"),
            Self::Header(_) => Some("proxy-header"),
            Self::Late => Some("proxy-header-late"),
            Self::Broken(_) => Some("proxy-header-broken"),
            Self::Empty => None,
        }
    }
}

/// Reads the PROXY header of a connection, and says for whom it is. The rest stays to be read.
pub(super) async fn welcome(
    stream: TcpStream,
    address: IpAddr,
    trusted: &TrustedProxies,
) -> Result<(BufReader<TcpStream>, Peer), EntranceError> {
    if !trusted.has(address) {
        return Err(EntranceError::Untrusted);
    }
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let source = timeout(HEADER, read_header(&mut stream)).await;
    let peer = match source.map_err(|_| EntranceError::Late)?? {
        Source::Client(client) => Peer { address, client: client.to_canonical() },
        Source::Balancer => Peer::direct(address),
    };
    Ok((stream, peer))
}

async fn read_header(stream: &mut BufReader<TcpStream>) -> Result<Source, EntranceError> {
    let mut header = Vec::new();
    loop {
        let before = header.len();
        let some = stream.fill_buf().await?;
        if some.is_empty() && header.is_empty() {
            return Err(EntranceError::Empty);
        }
        if some.is_empty() {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        header.extend_from_slice(some);
        match parse(&header)? {
            Parsed::Whole(source, length) => {
                stream.consume(length - before);
                return Ok(source);
            }
            Parsed::Partial => stream.consume(header.len() - before),
        }
    }
}
