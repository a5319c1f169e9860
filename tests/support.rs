//! The peers that tests run against.

pub mod browser;
pub mod clients;
pub mod clouds;
pub mod crowd_app;
pub mod crowd_client;
pub mod curl;
pub mod databases;
pub mod directory;
pub mod django;
pub mod faults;
pub mod forwarder;
pub mod gateway;
pub mod idp;
pub mod judges;
pub mod kdc;
pub mod nginx;
pub mod own_sessions;
pub mod podman;
pub mod postgres;
pub mod python;
pub mod scm;
pub mod tls;
pub mod tomcat;
pub mod upstream;

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::atomic::{AtomicU16, Ordering},
};

/// A port that nobody has: below those that connections go out from, and given to one test of this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Waits until somebody listens there.
pub async fn wait_for_port(port: u16, whose: &str) {
    for _ in 0..400 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{whose} did not start");
}
