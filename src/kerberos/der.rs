//! As much of DER (X.690) as tokens need. Never reads beyond what it was given.

/// An element: its tag, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// The first element, and what comes after it.
pub(super) fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (length, rest) = split_length(rest)?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let count = usize::from(first & 0x7f);
    // Without a length (0x80) is not DER, and four bytes are more than a header can hold.
    if !(1..=4).contains(&count) {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    Some((digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest))
}

/// The content of the one element with that tag which `bytes` is.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (element, rest) = split(bytes)?;
    (element.tag == tag && rest.is_empty()).then_some(element.content)
}

/// The elements that `bytes` is made of; `None` if it is not.
pub(super) fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = split(bytes)?;
        found.push(element);
        bytes = rest;
    }
    Some(found)
}

/// The content of the field with that context tag (such as `0xa1`) in a SEQUENCE's content.
pub(super) fn field(sequence: &[u8], tag: u8) -> Option<&[u8]> {
    elements(sequence)?
        .into_iter()
        .find(|element| element.tag == tag)
        .map(|element| element.content)
}

/// An INTEGER of at most four bytes.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    let content = only(bytes, 0x02)?;
    let (&first, _) = content.split_first()?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    (content.len() <= 5)
        .then(|| content.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_short_and_long_lengths_and_nothing_beyond() {
        assert_eq!(only(&[0x04, 2, 7, 8], 0x04), Some(&[7, 8][..]));
        assert_eq!(only(&[0x04, 0x81, 1, 9], 0x04), Some(&[9][..]));
        for wrong in [
            &[][..],
            &[4],
            &[4, 2, 7],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 0],
            &[4, 0x84, 255, 255, 255, 255],
            &[4, 1, 7, 8],
        ] {
            assert_eq!(only(wrong, 0x04), None, "{wrong:?}");
        }
        assert_eq!(integer(&[2, 1, 18]), Some(18));
        assert_eq!(integer(&[2, 1, 0xff]), Some(-1));
        assert_eq!(integer(&[2, 0]), None);
    }
}
