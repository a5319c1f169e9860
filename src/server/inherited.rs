//! Sockets that somebody else has opened: systemd keeps them while the gateway starts again, so that nobody who connects
//! meanwhile is turned away (`systemd.socket(5)`, `sd_listen_fds(3)`).

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// Listening sockets that this process was given, and that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment says (`LISTEN_FDS`), which forgets it so that no child takes it for its own. To be called
    /// before there are other threads.
    #[must_use]
    pub fn from_env() -> Self {
        let mut given = ListenFd::from_env();
        let sockets = (0..given.len()).filter_map(|index| given.take_tcp_listener(index).ok()?);
        Self(sockets.collect())
    }

    /// The one at an address.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|own| own == address);
        let socket = self.0.swap_remove(self.0.iter().position(is_it)?);
        // Whoever opened it need not have thought of that.
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    }

    /// Tells of those at addresses that the configuration does not name.
    pub fn warn_of_the_rest(&self) {
        for socket in &self.0 {
            let address = socket.local_addr().map(|address| address.to_string());
            let address = address.unwrap_or_default();
            tracing::warn!(
                address,
                "a socket was handed over that the configuration does not name"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_its_address_and_taken_once() {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (first, second) = (socket(), socket());
        let address = second.local_addr().unwrap();
        let mut inherited = Inherited(vec![first, second]);
        assert_eq!(inherited.take(address).unwrap().local_addr().unwrap(), address);
        assert!(inherited.take(address).is_none());
        assert_eq!(inherited.0.len(), 1);
    }
}
