//! Signatures of messages, for whoever has the same secret.

use std::fmt::Write as _;

use aws_lc_rs::hmac;

/// The signature of a message (HMAC-SHA-256, RFC 2104) in hexadecimal.
#[must_use]
pub fn hmac_sha256(secret: &[u8], message: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut text = String::new();
    for byte in hmac::sign(&key, message).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_standard_says() {
        // RFC 4231 4.3.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_sha256(b"Jefe", b"what do ya want for nothing?"), expected);
    }
}
