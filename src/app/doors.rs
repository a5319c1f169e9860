//! Where a gateway listens.

use tokio::net::{TcpListener, UnixListener};

use super::StartError;
use crate::{
    admin,
    config::Config,
    server::{self, Entrance, Inherited},
};

/// Where the gateway listens.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) listeners: Vec<(TcpListener, Entrance)>,
    pub(super) internal: TcpListener,
    pub(super) control: UnixListener,
}

impl Doors {
    /// Takes all addresses; nobody is served yet.
    pub(super) async fn open(
        config: &Config,
        mut inherited: Inherited,
    ) -> Result<Self, StartError> {
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
