//! A body that comes in pieces (RFC 9112 section 7.1).

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::Status;

use super::NotHttp;

/// How much stands before a piece at most: its length, and extensions that nobody uses.
const MAX_SIZE_LINE: usize = 1024;

/// A piece's length has so many digits at most.
const MAX_DIGITS: usize = 16;

/// How much stands behind the last piece at most.
const MAX_TRAILERS: usize = 16 * 1024;

/// So many headers are read there.
const MAX_HEADERS: usize = 32;

/// Where in such a body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// Before a piece.
    Size,
    /// So much is left of a piece.
    Data(u64),
    /// Behind a piece.
    DataEnd,
    /// Behind the last one.
    Trailers,
    /// At the end.
    End,
}

/// What has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    Data(Bytes),
    Trailers(HeaderMap),
    /// Not enough of it yet.
    More,
    End,
}

impl Chunks {
    /// Takes what comes next out of what has come.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Chunk, NotHttp> {
        loop {
            match *self {
                Self::Size => match size(buffer)? {
                    Some((line, 0)) => {
                        buffer.advance(line);
                        *self = Self::Trailers;
                    }
                    Some((line, length)) => {
                        buffer.advance(line);
                        *self = Self::Data(length);
                    }
                    None => return Ok(Chunk::More),
                },
                Self::Data(left) => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    if length == 0 {
                        return Ok(Chunk::More);
                    }
                    let left = left - length as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Chunk::Data(buffer.split_to(length).freeze()));
                }
                Self::DataEnd => {
                    if buffer.len() < 2 {
                        let begins = buffer.is_empty() || buffer[0] == b'\r';
                        return if begins { Ok(Chunk::More) } else { Err(NotHttp::Chunk) };
                    }
                    if &buffer[..2] != b"\r\n" {
                        return Err(NotHttp::Chunk);
                    }
                    buffer.advance(2);
                    *self = Self::Size;
                }
                Self::Trailers => {
                    let Some((length, trailers)) = trailers(buffer)? else {
                        return Ok(Chunk::More);
                    };
                    buffer.advance(length);
                    *self = Self::End;
                    if !trailers.is_empty() {
                        return Ok(Chunk::Trailers(trailers));
                    }
                }
                Self::End => return Ok(Chunk::End),
            }
        }
    }
}

/// How long a piece is, and how long the line is that says so. A line that could end in two ways is refused.
fn size(buffer: &[u8]) -> Result<Option<(usize, u64)>, NotHttp> {
    let digits = buffer.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = &buffer[digits..];
    let extension = behind.iter().take_while(|byte| !byte.is_ascii_control() || **byte == b'\t');
    let line = digits + extension.count();
    // Before an extension there may be blanks, and some say only blanks.
    let begins_well = behind.first().is_none_or(|byte| b"; \t\r".contains(byte));
    let (is_number, end) = ((1..=MAX_DIGITS).contains(&digits), &buffer[line..]);
    match end {
        _ if !begins_well || line > MAX_SIZE_LINE => Err(NotHttp::Chunk),
        [] if digits <= MAX_DIGITS && (digits > 0 || line == 0) => Ok(None),
        [b'\r'] if is_number => Ok(None),
        [b'\r', b'\n', ..] if is_number => {
            let text = str::from_utf8(&buffer[..digits]).unwrap_or_default();
            let length = u64::from_str_radix(text, 16).map_err(|_| NotHttp::Chunk)?;
            Ok(Some((line + 2, length)))
        }
        _ => Err(NotHttp::Chunk),
    }
}

/// What stands behind the last piece, and how long that is.
fn trailers(buffer: &[u8]) -> Result<Option<(usize, HeaderMap)>, NotHttp> {
    if buffer.starts_with(b"\r\n") {
        return Ok(Some((2, HeaderMap::new())));
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let parsed = httparse::parse_headers(buffer, &mut fields).map_err(|_| NotHttp::Trailers)?;
    let Status::Complete((length, fields)) = parsed else {
        let is_too_long = buffer.len() >= MAX_TRAILERS;
        return if is_too_long { Err(NotHttp::Trailers) } else { Ok(None) };
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(NotHttp::Trailers);
        };
        trailers.append(name, value);
    }
    Ok(Some((length, trailers)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body, how many headers came behind it, and what is left.
    type Whole = (Vec<u8>, usize, Vec<u8>);

    /// What is read of bytes that come in parts; nothing if there is no end.
    fn read(parts: &[&[u8]]) -> Result<Option<Whole>, NotHttp> {
        let (mut chunks, mut buffer) = (Chunks::Size, BytesMut::new());
        let (mut body, mut trailers) = (Vec::new(), 0);
        for (index, part) in parts.iter().enumerate() {
            buffer.extend_from_slice(part);
            loop {
                match chunks.take(&mut buffer)? {
                    Chunk::Data(data) => body.extend_from_slice(&data),
                    Chunk::Trailers(all) => trailers += all.len(),
                    Chunk::More => break,
                    Chunk::End => {
                        let rest = parts[index + 1..].concat();
                        return Ok(Some((body, trailers, [&buffer[..], &rest].concat())));
                    }
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn pieces_are_put_together_however_they_come() {
        let text = b"5;a=\"b\"\r\nhello\r\n0b\r\n you there \r\n0\r\nX: y\r\nZ: 1\r\n\r\nHTTP/1.1";
        for cut in 1..text.len() {
            let parts: Vec<_> = text.chunks(cut).collect();
            let (body, trailers, rest) = read(&parts).unwrap().unwrap();
            assert_eq!(
                (&body[..], trailers, &rest[..]),
                (&b"hello you there "[..], 2, &b"HTTP/1.1"[..])
            );
        }
        assert_eq!(read(&[b"0\r\n\r\n"]).unwrap().unwrap(), (vec![], 0, vec![]));
        for cut in 0..8 {
            assert_eq!(read(&[&b"1\r\na\r\n0\r\n\r\n"[..cut]]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            " 1\r\n",
            "0x1\r\na\r\n",
            "1\ra\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "1\r\na0\r\n\r\n",
            "fffffffffffffffff\r\n",
            "0\r\nX : y\r\n\r\n",
            "0\r\n X: y\r\n\r\n",
            "1\na\r\n0\r\n\r\n",
            "1;a\nb\r\na\r\n0\r\n\r\n",
        ] {
            assert!(read(&[text.as_bytes()]).is_err(), "{text:?}");
        }
        let long = format!("1;{}", "x".repeat(MAX_SIZE_LINE));
        assert_eq!(read(&[long.as_bytes()]), Err(NotHttp::Chunk));
        let long = format!("0\r\nX: {}", "x".repeat(MAX_TRAILERS));
        assert_eq!(read(&[long.as_bytes()]), Err(NotHttp::Trailers));
    }

    proptest! {
        #[test]
        fn what_is_cut_in_pieces_is_whole_again(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6),
            cut in 1..100_usize,
        ) {
            let mut text = Vec::new();
            for piece in &pieces {
                text.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
                text.extend_from_slice(piece);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\nrest");
            let parts: Vec<_> = text.chunks(cut).collect();
            prop_assert_eq!(read(&parts).unwrap().unwrap(), (pieces.concat(), 0, b"rest".to_vec()));
        }
    }
}
