//! How text is written in a header, of which only ASCII is safe everywhere.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::HeaderValue;

use crate::config::HeaderEncoding;

/// An encoded word may take 75 characters (RFC 2047 section 2): `=?UTF-8?B?`, 60 of Base64, `?=`.
const WORD_BYTES: usize = 45;

/// A word with the blank before it.
const WORD_LENGTH: usize = 73;

/// A text as the value of a header; none if it cannot be one: no control character ever gets in.
pub(super) fn encode(text: &str, encoding: HeaderEncoding) -> Option<HeaderValue> {
    let encoded = match encoding {
        HeaderEncoding::Utf8 => return HeaderValue::from_bytes(text.as_bytes()).ok(),
        HeaderEncoding::Percent => escape(text, true, None),
        HeaderEncoding::Rfc2047 if is_plain(text) => text.to_owned(),
        HeaderEncoding::Rfc2047 => encoded_words(text),
    };
    HeaderValue::try_from(encoded).ok()
}

/// What a text of so many bytes takes at most, once it is escaped.
pub(super) fn length(bytes: usize, is_plain: bool, encoding: HeaderEncoding) -> usize {
    match encoding {
        HeaderEncoding::Rfc2047 if !is_plain => {
            // A character of four bytes may have to wait for the next word.
            bytes.div_ceil(WORD_BYTES - 3) * WORD_LENGTH
        }
        _ => bytes,
    }
}

/// Writes `%`, control characters, the separator and, if wanted, everything beyond ASCII as `%C3`.
pub(super) fn escape(text: &str, only_ascii: bool, separator: Option<char>) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut bytes = [0; 4];
    for c in text.chars() {
        let plain = c != '%' && Some(c) != separator && !c.is_control();
        if plain && (c.is_ascii() || !only_ascii) {
            escaped.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut bytes).bytes() {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Whether a text stays as it is: nobody takes it for an encoded word.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?")
}

/// Blanks between encoded words are not read (RFC 2047 section 6.2).
fn encoded_words(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str("=?UTF-8?B?");
        BASE64.encode_string(word, &mut words);
        words.push_str("?=");
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [HeaderEncoding; 3] =
        [HeaderEncoding::Utf8, HeaderEncoding::Percent, HeaderEncoding::Rfc2047];

    fn written(text: &str, encoding: HeaderEncoding) -> Option<Vec<u8>> {
        encode(text, encoding).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn ascii_stays_as_it_is() {
        for encoding in ALL {
            assert_eq!(written("Ada (Math) a@b", encoding).unwrap(), b"Ada (Math) a@b");
        }
    }

    #[test]
    fn what_is_not_ascii_is_written_as_was_asked_for() {
        assert_eq!(written("Zoë 50%", HeaderEncoding::Utf8).unwrap(), "Zoë 50%".as_bytes());
        assert_eq!(written("Zoë 50%", HeaderEncoding::Percent).unwrap(), b"Zo%C3%AB 50%25");
        assert_eq!(written("Zoë", HeaderEncoding::Rfc2047).unwrap(), b"=?UTF-8?B?Wm/Dqw==?=");
        assert_eq!(written("=?x?=", HeaderEncoding::Rfc2047).unwrap(), b"=?UTF-8?B?PT94Pz0=?=");
    }

    #[test]
    fn a_line_break_never_gets_into_a_header() {
        let evil = "alice\r\nX-Forwarded-Groups: admins\0";
        assert_eq!(written(evil, HeaderEncoding::Utf8), None);
        for encoding in [HeaderEncoding::Percent, HeaderEncoding::Rfc2047] {
            let written = written(evil, encoding).unwrap();
            assert!(written.iter().all(|byte| (b' '..=b'~').contains(byte)), "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn percents_decode_back(text in any::<String>()) {
            let written = encode(&text, HeaderEncoding::Percent).unwrap();
            let decoded = percent_encoding::percent_decode(written.as_bytes()).decode_utf8().unwrap();
            prop_assert_eq!(decoded, text);
        }

        #[test]
        fn no_word_is_too_long_and_all_of_them_within_the_estimate(text in any::<String>()) {
            let written = encode(&text, HeaderEncoding::Rfc2047).unwrap();
            let written = written.to_str().unwrap();
            if !is_plain(&text) {
                prop_assert!(written.split(' ').all(|word| word.len() <= 75));
                prop_assert!(written.len() <= length(text.len(), false, HeaderEncoding::Rfc2047));
            }
        }
    }
}
