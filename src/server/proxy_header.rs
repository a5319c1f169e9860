//! The PROXY protocol: what a load balancer says first about a connection that it passes on.
//!
//! Versions 1 (a line of text) and 2 (binary) of
//! <https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>. Pure: bytes in, an answer out, and
//! nothing is believed that is not exactly as the specification has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What version 2 begins with (section 2.2): no request of HTTP and no TLS does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What version 1 begins with (section 2.1).
const WORD: &[u8] = b"PROXY ";

/// The longest line of version 1, with its end (section 2.1).
const MAX_LINE: usize = 107;

/// The part of version 2 that is always there.
const FIXED: usize = 16;

/// Addresses, and what else a load balancer has to tell (TLVs), such as names of certificates.
const MAX_REST: usize = 4096;

/// Who a connection is from, as far as the load balancer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This client.
    Client(IpAddr),
    /// The load balancer itself, such as for a health check; or it does not know.
    Balancer,
}

/// What the bytes of a connection's beginning are so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A header of so many bytes.
    Whole(Source, usize),
    /// The beginning of one.
    Partial,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// It begins with something else.
    #[error("the connection does not begin with a PROXY header")]
    Absent,
    /// The line of version 1.
    #[error("the line after PROXY is none of version 1")]
    Line,
    /// A version that does not exist.
    #[error("the header is of no known version or command")]
    Version,
    /// An address of another kind than it says, or cut.
    #[error("the header is too short for its addresses")]
    Address,
    /// More than any load balancer has to say.
    #[error("the header is longer than {MAX_REST} bytes")]
    TooLong,
}

/// Reads a connection's first bytes.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    if begins(bytes, &SIGNATURE) {
        return if bytes.len() < FIXED { Ok(Parsed::Partial) } else { parse_binary(bytes) };
    }
    if begins(bytes, WORD) {
        return parse_text(bytes);
    }
    Err(ProxyHeaderError::Absent)
}

/// Whether the bytes are the start of what is expected, as far as both go.
fn begins(bytes: &[u8], expected: &[u8]) -> bool {
    let length = bytes.len().min(expected.len());
    bytes[..length] == expected[..length]
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 50000 443\r\n` (section 2.1).
fn parse_text(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let start = &bytes[..bytes.len().min(MAX_LINE)];
    let Some(end) = start.windows(2).position(|pair| pair == b"\r\n") else {
        let over = start.len() == MAX_LINE;
        return if over { Err(ProxyHeaderError::Line) } else { Ok(Parsed::Partial) };
    };
    let line = start.get(WORD.len()..end).and_then(|line| str::from_utf8(line).ok());
    let line = line.ok_or(ProxyHeaderError::Line)?;
    let source = if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        Source::Balancer
    } else {
        Source::Client(parse_line(line).ok_or(ProxyHeaderError::Line)?)
    };
    Ok(Parsed::Whole(source, end + 2))
}

/// The client's address, if all five words are what they have to be.
fn parse_line(line: &str) -> Option<IpAddr> {
    let words: Vec<_> = line.split(' ').collect();
    let &[family, source, destination, source_port, destination_port] = words.as_slice() else {
        return None;
    };
    for port in [source_port, destination_port] {
        let plain = port == "0" || !port.starts_with(['0', '+']);
        port.parse::<u16>().ok().filter(|_| plain)?;
    }
    let (source, destination): (IpAddr, IpAddr) = (source.parse().ok()?, destination.parse().ok()?);
    let agrees = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    agrees.then_some(source)
}

/// Sixteen bytes, then addresses and TLVs as long as they say (section 2.2).
fn parse_binary(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let [command, family] = [bytes[12], bytes[13]];
    let rest = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if rest > MAX_REST {
        return Err(ProxyHeaderError::TooLong);
    }
    let length = FIXED + rest;
    // LOCAL is for the load balancer's own connections; what else it says then is passed over.
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyHeaderError::Version);
    }
    let Some(addresses) = bytes.get(FIXED..length) else {
        return Ok(Parsed::Partial);
    };
    let source =
        if command == 0x20 { Source::Balancer } else { parse_addresses(family, addresses)? };
    Ok(Parsed::Whole(source, length))
}

/// Source, destination, and their ports; first the sources of both.
fn parse_addresses(family: u8, addresses: &[u8]) -> Result<Source, ProxyHeaderError> {
    let too_short = ProxyHeaderError::Address;
    match family {
        // TCP over IPv4 and over IPv6.
        0x11 if addresses.len() >= 12 => {
            let source = addresses.first_chunk::<4>().ok_or(too_short)?;
            Ok(Source::Client(Ipv4Addr::from(*source).into()))
        }
        0x21 if addresses.len() >= 36 => {
            let source = addresses.first_chunk::<16>().ok_or(too_short)?;
            Ok(Source::Client(Ipv6Addr::from(*source).into()))
        }
        // Not specified: the load balancer does not know.
        0x00 => Ok(Source::Balancer),
        _ => Err(too_short),
    }
}

#[cfg(test)]
mod tests;
