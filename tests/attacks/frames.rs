//! HTTP/2 by hand: frames that no library would send.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use super::target::Places;

/// Types of frames (RFC 9113 section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The client's settings: no dynamic table, so that every answer can be read by itself.
const NO_TABLE: [u8; 6] = [0, 1, 0, 0, 0, 0];

/// A connection that speaks HTTP/2.
pub struct Http2 {
    tls: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// A frame that has come.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Status(u16),
    /// The stream was reset.
    Reset,
    /// The connection was.
    Closed,
    Silence,
}

impl Http2 {
    pub fn connect(places: &Places) -> Self {
        Self::to(&places.tls, &places.host, &places.ca)
    }

    /// To an address, for a host, with the certificate that is to be trusted.
    pub fn to(address: &str, host: &str, ca: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_millis(800))).unwrap();
        tcp.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut http2 = Self { tls: StreamOwned::new(client, tcp), buffer: Vec::new() };
        http2.tls.write_all(PREFACE).unwrap();
        http2.send(SETTINGS, 0, 0, &NO_TABLE).unwrap();
        http2
    }

    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.tls.write_all(&[&head, payload].concat())
    }

    /// Sends a request without a body.
    pub fn ask(&mut self, stream: u32, pairs: &[(&str, &str)]) -> io::Result<()> {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &block(pairs))
    }

    /// The next frame; nothing after a silence, an error if the connection ended.
    pub fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Ok(Some(frame));
            }
            let mut some = [0; 16384];
            match self.tls.read(&mut some) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.buffer.extend_from_slice(&some[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    fn take_frame(&mut self) -> Option<Frame> {
        let head = self.buffer.first_chunk::<9>()?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let (kind, flags) = (head[3], head[4]);
        let payload = self.buffer.get(9..9 + length)?.to_vec();
        self.buffer.drain(..9 + length);
        Some(Frame { kind, flags, stream, payload })
    }

    /// How a request ends. Answers what the connection needs to go on.
    pub fn end_of(&mut self, stream: u32) -> End {
        loop {
            let frame = match self.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return End::Silence,
                Err(_) => return End::Closed,
            };
            match frame.kind {
                SETTINGS | PING if frame.flags & 1 == 0 => {
                    let payload = if frame.kind == PING { frame.payload } else { Vec::new() };
                    let _ = self.send(frame.kind, 1, 0, &payload);
                }
                HEADERS if frame.stream == stream => return End::Status(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => return End::Reset,
                GOAWAY => return End::Closed,
                _ => {}
            }
        }
    }
}

/// A block of header fields (RFC 7541): every field as a literal, without Huffman's code and without
/// a table.
pub fn block(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in pairs {
        block.push(0);
        for text in [name, value] {
            write_length(text.chars().count(), &mut block);
            block.extend(super::case::bytes(text));
        }
    }
    block
}

/// A number with a prefix of seven bits (RFC 7541 section 5.1).
fn write_length(mut length: usize, block: &mut Vec<u8>) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push(u8::try_from(length % 128).unwrap() | 128);
        length /= 128;
    }
    block.push(u8::try_from(length).unwrap());
}

/// The status, which comes first in an answer: an entry of the static table, or a literal.
fn status(block: &[u8]) -> u16 {
    const TABLE: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of the table's size come before.
    let block = &block[block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap()..];
    match block[0] {
        index @ 0x88..=0x8e => TABLE[usize::from(index - 0x88)],
        0x08 | 0x18 | 0x48 => {
            let length = usize::from(block[1] & 0x7f);
            let text = &block[2..2 + length];
            let digits = if block[1] & 0x80 == 0 { text.to_vec() } else { huffman(text) };
            String::from_utf8(digits).unwrap().parse().unwrap()
        }
        other => panic!("an answer begins with {other:#x}"),
    }
}

/// Digits in Huffman's code (RFC 7541 appendix B): `0` to `2` have five bits, the others six, from
/// 0b011001 on.
fn huffman(bytes: &[u8]) -> Vec<u8> {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect::<Vec<_>>().concat();
    let (mut rest, mut digits) = (bits.as_str(), Vec::new());
    while rest.len() >= 5 && digits.len() < 3 {
        let five = u8::from_str_radix(&rest[..5], 2).unwrap();
        let (digit, length) = if five < 3 {
            (five, 5)
        } else {
            (u8::from_str_radix(&rest[..6], 2).unwrap() - 0b01_1001 + 3, 6)
        };
        digits.push(b'0' + digit);
        rest = &rest[length..];
    }
    digits
}

#[test]
fn statuses_are_read_in_every_form() {
    assert_eq!(status(&[0x88]), 200);
    assert_eq!(status(&[0x20, 0x8d]), 404);
    assert_eq!(status(&[0x08, 3, b'4', b'2', b'1']), 421);
    // 431: 011010 011001 00001, and ones to the end.
    assert_eq!(status(&[0x48, 0x83, 0b0110_1001, 0b1001_0000, 0b1111_1111]), 431);
}
