//! Just enough DER (X.690) to read the clear part of a token and to wrap an answer.
//!
//! Every structure is read field by field in the order of its standard, and ends where it says:
//! what we read is then the only thing that the Kerberos library behind us can read in the same
//! bytes. There is no recursion, so depth is bounded by the code.

/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(super) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(super) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// `ENUMERATED`.
pub(super) const ENUMERATED: u8 = 0x0a;
/// `GeneralString`, which all Kerberos strings are (RFC 4120, 5.2.1).
pub(super) const GENERAL_STRING: u8 = 0x1b;
/// `SEQUENCE`.
pub(super) const SEQUENCE: u8 = 0x30;

/// `[APPLICATION number]`, constructed.
pub(super) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// `[number]`, constructed: an explicitly tagged field.
pub(super) const fn field(number: u8) -> u8 {
    0xa0 | number
}

/// Why bytes are not the structure that was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct DerError(pub(super) &'static str);

/// The elements of a structure, read from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The tag of the next element, without taking it.
    pub(super) fn next_tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// What the next element holds; it has to have this tag.
    pub(super) fn content(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        let (&found, rest) = self.0.split_first().ok_or(DerError("an element is missing"))?;
        if found != tag {
            return Err(DerError("an element has another tag than its standard says"));
        }
        let (length, rest) = split_length(rest)?;
        let (content, rest) =
            rest.split_at_checked(length).ok_or(DerError("an element is cut off"))?;
        self.0 = rest;
        Ok(content)
    }

    /// The elements inside the next element.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.content(tag).map(Reader)
    }

    /// What the one element inside an explicitly tagged field holds.
    pub(super) fn field(&mut self, number: u8, tag: u8) -> Result<&'a [u8], DerError> {
        let mut field = self.inside(field(number))?;
        let content = field.content(tag)?;
        field.end()?;
        Ok(content)
    }

    /// The same, if the field is there.
    pub(super) fn optional_field(
        &mut self,
        number: u8,
        tag: u8,
    ) -> Result<Option<&'a [u8]>, DerError> {
        let is_there = self.next_tag() == Some(field(number));
        is_there.then(|| self.field(number, tag)).transpose()
    }

    /// Takes these very bytes, which are no element.
    pub(super) fn literal(&mut self, bytes: &[u8]) -> Result<(), DerError> {
        self.0 =
            self.0.strip_prefix(bytes).ok_or(DerError("the token is not framed as Kerberos is"))?;
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) const fn end(self) -> Result<(), DerError> {
        if self.0.is_empty() { Ok(()) } else { Err(DerError("bytes are left over")) }
    }
}

/// Takes the length octets off (X.690 8.1.3); the indefinite form is not DER.
///
/// A length with leading zeros is not DER either, but has one meaning only, so it is let through.
fn split_length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError("an element has no length"))?;
    match first {
        0..=0x7f => Ok((usize::from(first), rest)),
        0x81..=0x84 => {
            let (octets, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .ok_or(DerError("a length is cut off"))?;
            let length = octets.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
            Ok((length, rest))
        }
        _ => Err(DerError("a length is indefinite or too long")),
    }
}

/// Reads an `INTEGER` that fits 40 bits: what RFC 4120 calls `Int32` and `UInt32`.
pub(super) fn integer(content: &[u8]) -> Result<i64, DerError> {
    match content {
        [first, ..] if content.len() <= 5 => {
            let sign = if first & 0x80 == 0 { 0 } else { -1 };
            Ok(content.iter().fold(sign, |sum, &octet| sum << 8 | i64::from(octet)))
        }
        _ => Err(DerError("a number has no or too many octets")),
    }
}

/// An element with this content.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let octets = &length[length.iter().take_while(|&&octet| octet == 0).count()..];

    let mut element = vec![tag];
    match octets {
        [] => element.push(0),
        [short @ 0..=0x7f] => element.push(*short),
        long => {
            element.extend(u8::try_from(long.len()).map(|count| 0x80 | count));
            element.extend(long);
        }
    }
    element.extend(content);
    element
}

/// Content octets of an `OBJECT IDENTIFIER` as `1.3.6.1.5.5.2`, for people.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    for &octet in oid {
        arc = arc.wrapping_shl(7) | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    // X.690 8.19.4: the first number holds the first two arcs.
    if let Some(&both) = arcs.first() {
        let first = (both / 40).min(2);
        arcs.splice(..1, [first, both - 40 * first]);
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_it_writes_at_every_boundary_of_the_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let written = element(OCTET_STRING, &vec![7; length]);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.content(OCTET_STRING).unwrap().len(), length);
            assert!(reader.end().is_ok());
        }
        assert_eq!(element(OCTET_STRING, &[7; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(OCTET_STRING, &[7; 0x100])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn refuses_what_has_two_readings_or_no_end() {
        for bytes in [
            &[][..],
            &[4],
            &[5, 0],
            &[4, 1],
            &[4, 0x80, 1, 0, 0],
            &[4, 0x81],
            &[4, 0x85, 0, 0, 0, 0, 1, 7],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[4, 0xff],
        ] {
            assert!(Reader::new(bytes).content(OCTET_STRING).is_err(), "{bytes:?}");
        }
        let mut two_in_a_field = Reader::new(&[0xa0, 4, 4, 0, 4, 0]);
        assert!(two_in_a_field.field(0, OCTET_STRING).is_err());
    }

    #[test]
    fn numbers_have_a_sign_and_a_bound() {
        assert_eq!(integer(&[18]), Ok(18));
        assert_eq!(integer(&[0xff, 0x7b]), Ok(-133));
        assert_eq!(integer(&[0, 0xff, 0xff, 0xff, 0xff]), Ok(0xffff_ffff));
        assert!(integer(&[]).is_err());
        assert!(integer(&[0; 6]).is_err());
    }

    #[test]
    fn object_identifiers_are_dotted() {
        assert_eq!(dotted(b"\x2b\x06\x01\x05\x05\x02"), "1.3.6.1.5.5.2");
        assert_eq!(dotted(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"), "1.2.840.113554.1.2.2");
        assert_eq!(dotted(b"\x88\x37\x03"), "2.999.3");
        assert_eq!(dotted(b""), "");
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, tag: u8) {
            let _ = dotted(&bytes);
            let _ = integer(&bytes);
            let mut reader = Reader::new(&bytes);
            while reader.content(reader.next_tag().unwrap_or(tag)).is_ok() {}
        }
    }
}
