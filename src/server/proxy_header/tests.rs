use proptest::prelude::*;

use super::*;

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

fn client(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

#[test]
fn reads_lines_of_version_1() {
    for (line, source) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 50000 443\r\n", client("192.0.2.1")),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", client("2001:db8::1")),
        ("PROXY UNKNOWN\r\n", Source::Balancer),
        ("PROXY UNKNOWN ffff::1 whatever\r\n", Source::Balancer),
    ] {
        let with_request = format!("{line}GET / HTTP/1.1\r\n");
        assert_eq!(parse(with_request.as_bytes()), Ok(Parsed::Whole(source, line.len())), "{line}");
        for end in 0..line.len() {
            assert_eq!(parse(&line.as_bytes()[..end]), Ok(Parsed::Partial), "{line} {end}");
        }
    }
}

#[test]
fn refuses_lines_that_are_almost_right() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.1 50000\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 50000 443 x\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 50000 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +5 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 05 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 5 443\r\n",
        "PROXY TCP4 2001:db8::1 198.51.100.1 5 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 5 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 5 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY \r\n",
        "PROXY \u{e4}\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(ProxyHeaderError::Line), "{line:?}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(parse(endless.as_bytes()), Err(ProxyHeaderError::Line));
    for other in ["GET / HTTP/1.1\r\n", "proxy TCP4", "PROXYX", "\x16\x03\x01"] {
        assert_eq!(parse(other.as_bytes()), Err(ProxyHeaderError::Absent), "{other:?}");
    }
}

#[test]
fn reads_headers_of_version_2() {
    let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xc3, 0x50, 1, 0xbb];
    let v6 = [&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets()[..], &[0; 20]].concat();
    let with_tlv = [&v4[..], &[4, 0, 1, 7]].concat();
    for (bytes, source) in [
        (binary(0x21, 0x11, &v4), client("192.0.2.1")),
        (binary(0x21, 0x11, &with_tlv), client("192.0.2.1")),
        (binary(0x21, 0x21, &v6), client("2001:db8::1")),
        (binary(0x21, 0x00, &[]), Source::Balancer),
        (binary(0x20, 0x11, &v4), Source::Balancer),
        (binary(0x20, 0x00, &[]), Source::Balancer),
    ] {
        assert_eq!(parse(&bytes), Ok(Parsed::Whole(source, bytes.len())), "{bytes:?}");
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(Parsed::Partial), "{bytes:?} {end}");
        }
    }
}

#[test]
fn refuses_headers_that_lie_about_themselves() {
    let v4 = [0; 12];
    for (bytes, error) in [
        (binary(0x22, 0x11, &v4), ProxyHeaderError::Version),
        (binary(0x11, 0x11, &v4), ProxyHeaderError::Version),
        (binary(0x21, 0x11, &v4[1..]), ProxyHeaderError::Address),
        (binary(0x21, 0x21, &v4), ProxyHeaderError::Address),
        (binary(0x21, 0x12, &v4), ProxyHeaderError::Address),
        (binary(0x21, 0x31, &[0; 216]), ProxyHeaderError::Address),
        (binary(0x21, 0x11, &[0; MAX_REST + 1]), ProxyHeaderError::TooLong),
    ] {
        assert_eq!(parse(&bytes), Err(error), "{:?}", &bytes[12..]);
    }
}

proptest! {
    /// Whatever comes: no panic, never more bytes than there are, and what was decided stays decided
    /// when more comes.
    #[test]
    fn more_bytes_never_change_what_was_decided(
        kind in 0..3, rest in proptest::collection::vec(any::<u8>(), 0..200), more in proptest::collection::vec(any::<u8>(), 0..50)
    ) {
        let start: &[u8] = [&b""[..], WORD, &SIGNATURE][usize::try_from(kind).unwrap()];
        let bytes = [start, &rest].concat();
        let longer = [&bytes[..], &more].concat();
        match parse(&bytes) {
            Ok(Parsed::Partial) => prop_assert!(bytes.len() < FIXED + MAX_REST),
            Ok(Parsed::Whole(_, length)) => {
                prop_assert!(length <= bytes.len());
                prop_assert_eq!(parse(&longer), parse(&bytes));
            }
            Err(_) => prop_assert_eq!(parse(&longer), parse(&bytes)),
        }
    }
}
