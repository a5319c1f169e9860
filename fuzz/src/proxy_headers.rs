//! What a load balancer says first about a connection.

use std::net::IpAddr;

use gatehouse::server::proxy_header::{Parsed, Source, parse};

/// The longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;

/// A header is read the same whatever follows it, every beginning of it is only a beginning, and whoever writes
/// down what was read is read the same.
pub fn proxy_headers(data: &[u8]) {
    let Ok(Parsed::Whole(source, length)) = parse(data) else { return };
    let header = &data[..length];
    for end in 0..length {
        assert_eq!(parse(&header[..end]), Ok(Parsed::Partial), "{end}");
    }
    let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(parse(&followed), Ok(Parsed::Whole(source, length)));

    if header.starts_with(b"PROXY ") {
        assert!(length <= LONGEST_LINE && header.ends_with(b"\r\n"));
        assert_eq!(header.windows(2).filter(|pair| pair == b"\r\n").count(), 1);
    } else {
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        assert_eq!(length, 16 + rest);
    }
    for again in [text(source), binary(source)] {
        assert_eq!(parse(&again), Ok(Parsed::Whole(source, again.len())));
    }
}

/// Version 1.
fn text(source: Source) -> Vec<u8> {
    let line = match source {
        Source::Client(IpAddr::V4(client)) => format!("TCP4 {client} 198.51.100.1 1 443"),
        Source::Client(IpAddr::V6(client)) => format!("TCP6 {client} 2001:db8::1 1 443"),
        Source::Balancer => "UNKNOWN".to_owned(),
    };
    format!("PROXY {line}\r\n").into_bytes()
}

/// Version 2.
fn binary(source: Source) -> Vec<u8> {
    let (family, client) = match source {
        Source::Client(IpAddr::V4(client)) => (0x11, client.octets().to_vec()),
        Source::Client(IpAddr::V6(client)) => (0x21, client.octets().to_vec()),
        Source::Balancer => (0x00, Vec::new()),
    };
    let ports = if client.is_empty() { 0 } else { 4 };
    let rest = [client.as_slice(), &vec![0; client.len() + ports]].concat();
    let length = u8::try_from(rest.len()).unwrap();
    let start = [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &[family, 0, length]].concat();
    [start, rest].concat()
}
