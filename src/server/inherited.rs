//! Sockets that somebody else has opened: systemd keeps them while the gateway starts again, so that nobody who connects
//! meanwhile is turned away (`systemd.socket(5)`, `sd_listen_fds(3)`).

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// Listening sockets that this process was given, and that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<TcpListener>,
    /// What is wrong with others that were handed over.
    unusable: Vec<String>,
}

impl Inherited {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment says (`LISTEN_FDS`), which forgets it so that no child takes it for its own. To be called
    /// before there are other threads, and before anything else is opened that could stand where a socket should.
    #[must_use]
    pub fn from_env() -> Self {
        let (mut given, mut inherited) = (ListenFd::from_env(), Self::default());
        for index in 0..given.len() {
            match given.take_tcp_listener(index) {
                Ok(socket) => socket.into_iter().for_each(|socket| inherited.add(socket)),
                Err(error) => inherited.unusable.push(error.to_string()),
            }
        }
        inherited
    }

    fn add(&mut self, socket: TcpListener) {
        // With `Accept=yes`, systemd hands over connections.
        if socket_acceptconn(&socket).unwrap_or_default() {
            self.sockets.push(socket);
        } else {
            self.unusable.push("a TCP socket does not listen".to_owned());
        }
    }

    /// The one at an address.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|own| own == address);
        let socket = self.sockets.swap_remove(self.sockets.iter().position(is_it)?);
        // Whoever opened it need not have thought of that.
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    }

    /// Tells of those at addresses that the configuration does not name, and of what is no socket for connections.
    pub fn warn_of_the_rest(&self) {
        for socket in &self.sockets {
            let address = socket.local_addr().map(|address| address.to_string());
            let address = address.unwrap_or_default();
            tracing::warn!(
                address,
                "a socket was handed over that the configuration does not name"
            );
        }
        for problem in &self.unusable {
            tracing::warn!(problem, "something was handed over that cannot be used");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpStream, os::fd::OwnedFd};

    use super::*;

    fn socket() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn a_socket_is_found_by_its_address_and_taken_once() {
        let (first, second) = (socket(), socket());
        let address = second.local_addr().unwrap();
        let mut inherited = Inherited { sockets: vec![first, second], unusable: Vec::new() };
        assert_eq!(inherited.take(address).unwrap().local_addr().unwrap(), address);
        assert!(inherited.take(address).is_none());
        assert_eq!(inherited.sockets.len(), 1);
    }

    #[test]
    fn a_connection_is_no_listener() {
        let listener = socket();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut inherited = Inherited::none();
        inherited.add(TcpListener::from(OwnedFd::from(stream)));
        inherited.add(listener);
        assert_eq!((inherited.sockets.len(), inherited.unusable.len()), (1, 1));
    }
}
