//! The short word that ties a user's error page to the administrator's log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::numbers::draw;

/// The trace of one login or request: 12 characters that people can read out on the telephone.
///
/// A login keeps its trace over all its redirects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TraceId(u64);

/// Without `i l o u`: no two look alike, and no words come out (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

const LENGTH: usize = 12;

/// A text that is no trace id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a trace id")]
pub struct NotATraceId;

impl TraceId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(u64::from_le_bytes(draw()) & ((1 << (5 * LENGTH)) - 1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in (0..LENGTH).rev() {
            let index = (self.0 >> (5 * digit)) & 31;
            write!(f, "{}", char::from(ALPHABET[usize::from(index.to_le_bytes()[0])]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = NotATraceId;

    fn from_str(text: &str) -> Result<Self, NotATraceId> {
        if text.len() != LENGTH {
            return Err(NotATraceId);
        }
        text.bytes()
            .try_fold(0, |value, byte| {
                let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
                Some(value << 5 | digit as u64)
            })
            .map(Self)
            .ok_or(NotATraceId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_is_written() {
        let trace = TraceId::random();
        assert_eq!(trace.to_string().parse(), Ok(trace));
        assert_eq!(TraceId(0).to_string(), "000000000000");
        for wrong in ["", "00000000000", "00000000000i", "0000000000000"] {
            assert_eq!(wrong.parse::<TraceId>(), Err(NotATraceId), "{wrong}");
        }
    }
}
