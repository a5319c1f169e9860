//! Where a gateway listens.

use tokio::net::{TcpListener, UnixListener};

use super::StartError;
use crate::{
    admin,
    config::{Config, ServerConfig},
    server::{self, BindError, Entrance, Inherited},
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
        let bound = bind(&config.server, &mut inherited).await;
        // One of them may be what is in the way.
        inherited.warn_of_the_rest();
        let (listeners, internal) = bound?;
        let control = admin::bind_socket(&config.admin.socket).await?;
        Ok(Self { listeners, internal, control })
    }
}

/// Those for browsers, and the one for machines.
async fn bind(
    config: &ServerConfig,
    inherited: &mut Inherited,
) -> Result<(Vec<(TcpListener, Entrance)>, TcpListener), BindError> {
    let mut listeners = Vec::new();
    for address in &config.listen {
        let listener = server::bind("server.listen", *address, inherited).await?;
        listeners.push((listener, Entrance::Browsers));
    }
    for address in &config.proxy_protocol_listen {
        let listener = server::bind("server.proxy_protocol_listen", *address, inherited).await?;
        listeners.push((listener, Entrance::Balancers));
    }
    let address = config.internal_listen;
    let internal = server::bind("server.internal_listen", address, inherited).await?;
    Ok((listeners, internal))
}
