//! The peers that tests run against.

pub mod browser;
pub mod clients;
pub mod clouds;
pub mod curl;
pub mod databases;
pub mod directory;
pub mod faults;
pub mod gateway;
pub mod idp;
pub mod judges;
pub mod kdc;
pub mod python;
pub mod scm;
pub mod tomcat;
pub mod upstream;

use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// A port that nobody has, a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
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
