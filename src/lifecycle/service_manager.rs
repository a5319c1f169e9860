//! What systemd is told of the gateway (`sd_notify(3)`), if it wants to know.

use std::{
    convert::Infallible,
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Whoever has started the gateway, and waits to hear of it: `Type=notify` or `notify-reload`. Nobody, if it says of no
/// socket in the environment.
#[derive(Debug)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// As the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        let path = env::var_os("NOTIFY_SOCKET");
        let socket = path.and_then(|path| {
            let opened = open(&path);
            opened
                .inspect_err(|error| tracing::warn!(%error, "systemd cannot be told anything"))
                .ok()
        });
        Self { socket, watchdog: watchdog() }
    }

    /// Everything is there.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is read again. Then the gateway is ready once more, whatever came of it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The gateway is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells systemd that the gateway is alive as often as it wants to hear it, for as long as it is waited for.
    pub async fn keep_alive(&self) -> Infallible {
        let Some(every) = self.watchdog else {
            return std::future::pending().await;
        };
        loop {
            self.tell("WATCHDOG=1");
            tokio::time::sleep(every).await;
        }
    }

    fn tell(&self, words: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(words.as_bytes(), address)
        {
            tracing::warn!(%error, words, "systemd was not told");
        }
    }
}

/// A path, or a name in the abstract namespace if it begins with `@`.
fn open(path: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    Ok((UnixDatagram::unbound()?, address))
}

/// How often systemd wants to hear something, halved as it recommends (`sd_watchdog_enabled(3)`); if it asks this process.
fn watchdog() -> Option<Duration> {
    let asked = env::var_os("WATCHDOG_PID");
    let is_asked = asked.is_none_or(|pid| *pid == *std::process::id().to_string());
    let micros: u64 = env::var_os("WATCHDOG_USEC")?.to_str()?.parse().ok()?;
    (is_asked && micros > 0).then(|| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn systemd_is_told_at_a_path_and_in_the_abstract_namespace() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let at_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("gatehouse-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let at_name = UnixDatagram::bind_addr(&abstract_name).unwrap();
        for (socket, address) in
            [(at_path, path.into_os_string()), (at_name, format!("@{name}").into())]
        {
            let manager = ServiceManager { socket: Some(open(&address).unwrap()), watchdog: None };
            manager.ready();
            assert_eq!(hear(&socket), "READY=1");
            manager.reloading();
            assert!(hear(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
            manager.stopping();
            assert_eq!(hear(&socket), "STOPPING=1");
        }
    }
}
