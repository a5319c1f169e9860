//! A wire between two programs that can be cut.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// They arrive.
    Whole,
    /// They arrive nowhere, and nobody is told.
    Cut,
}

/// Passes connections on to another port.
pub struct Forwarder {
    pub port: u16,
    wire: Arc<watch::Sender<Wire>>,
    forwarding: JoinHandle<()>,
}

impl Forwarder {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let wire = Arc::new(watch::Sender::new(Wire::Whole));
        let told = wire.clone();
        let forwarding = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forward(near, port, told.subscribe()));
            }
        });
        Self { port: own, wire, forwarding }
    }

    /// Cuts the wire, or mends it. What was cut stays cut: its connections are dead.
    pub fn be(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(near: TcpStream, port: u16, wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Cut {
        // Held open, and nothing comes of it.
        tokio::time::sleep(Duration::from_mins(10)).await;
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(copy(near_in, far_out, wire.clone()), copy(far_in, near_out, wire));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut bytes = vec![0; 16384];
    loop {
        tokio::select! {
            read = from.read(&mut bytes) => match read {
                Ok(length @ 1..) => if to.write_all(&bytes[..length]).await.is_err() { return },
                _ => return,
            },
            () = cut(&mut wire) => {
                tokio::time::sleep(Duration::from_mins(10)).await;
                return;
            }
        }
    }
}

async fn cut(wire: &mut watch::Receiver<Wire>) {
    let _ = wire.wait_for(|wire| *wire == Wire::Cut).await;
}
