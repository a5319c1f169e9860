//! Where the frames of a WebSocket end, and the last frame of one.

/// A frame that ends a WebSocket has this opcode (RFC 6455 section 5.5.1).
const CLOSE: u8 = 8;

/// Why the gateway ends a WebSocket (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The gateway stops: whoever connects again finds it, or another one.
    GoingAway,
    /// The session has ended.
    NotAllowed,
}

impl Farewell {
    /// The frame that says so, as servers send it: not masked.
    pub(super) fn frame(self) -> [u8; 4] {
        let code: u16 = match self {
            Self::GoingAway => 1001,
            Self::NotAllowed => 1008,
        };
        let [high, low] = code.to_be_bytes();
        [0x80 | CLOSE, 2, high, low]
    }
}

/// Follows frames as they go by, whatever is in them: something may be said between two of them only. A frame of control
/// may stand between the frames of one message (RFC 6455 section 5.4).
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Of a frame's head, as much as has come.
    head: Vec<u8>,
    /// What is still to come of the frame.
    rest: u64,
    closed: bool,
}

impl Frames {
    /// Whether everything that has begun has gone by.
    pub(super) fn are_whole(&self) -> bool {
        self.rest == 0 && self.head.is_empty()
    }

    /// Whether the last frame there can be has begun.
    pub(super) fn are_closed(&self) -> bool {
        self.closed
    }

    /// Goes by with `bytes`.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// Goes by with as much of `bytes` as belongs to the frame that has begun, and says how much that was.
    pub(super) fn finish(&mut self, bytes: &[u8]) -> usize {
        let mut gone = 0;
        while gone < bytes.len() && !self.are_whole() {
            gone += self.step(&bytes[gone..]);
        }
        gone
    }

    /// One byte of a head, or all that there is of what comes after it.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.rest > 0 {
            let gone = usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes.len());
            self.rest -= gone as u64;
            return gone;
        }
        self.head.push(bytes[0]);
        if let Some(rest) = length_behind(&self.head) {
            self.closed |= self.head[0] & 0x0f == CLOSE;
            self.rest = rest;
            self.head.clear();
        }
        1
    }
}

/// How much comes behind a head, once that is whole (RFC 6455 section 5.2). A mask counts as something that comes behind.
fn length_behind(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(*head.get(2..)?.first_chunk()?)),
        127 => u64::from_be_bytes(*head.get(2..)?.first_chunk()?),
        length => u64::from(length),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    Some(length.saturating_add(mask))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame with so much in it.
    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask: u8 = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(mask | u8::try_from(length).unwrap()),
            126..=0xffff => {
                frame.push(mask | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 0x7f);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x88; length + if masked { 4 } else { 0 }]);
        frame
    }

    proptest! {
        #[test]
        fn frames_are_whole_exactly_where_one_ends_however_they_come(
            frames in prop::collection::vec((0..16_u8, 0..70_000_usize, any::<bool>()), 1..6),
            cut in 1..5000_usize,
        ) {
            let mut ends = vec![0];
            let mut bytes = Vec::new();
            for (opcode, length, masked) in &frames {
                bytes.extend(frame(*opcode, *length, *masked));
                ends.push(bytes.len());
            }
            let (mut followed, mut gone) = (Frames::default(), 0);
            for chunk in bytes.chunks(cut) {
                followed.follow(chunk);
                gone += chunk.len();
                prop_assert_eq!(followed.are_whole(), ends.contains(&gone));
            }
            let closes = frames.iter().any(|(opcode, ..)| *opcode == CLOSE);
            prop_assert_eq!(followed.are_closed(), closes);

            // From any place on, only the frame that has begun is gone by with.
            let cut = cut.min(bytes.len());
            let mut finished = Frames::default();
            finished.follow(&bytes[..cut]);
            let end = ends.iter().find(|end| **end >= cut).unwrap();
            prop_assert_eq!(finished.finish(&bytes[cut..]), end - cut);
            prop_assert!(finished.are_whole());
        }
    }

    #[test]
    fn a_head_that_is_all_there_is_is_a_whole_frame() {
        let mut frames = Frames::default();
        frames.follow(&[0x89]);
        assert!(!frames.are_whole());
        frames.follow(&[0]);
        assert!(frames.are_whole() && !frames.are_closed());
        frames.follow(&Farewell::GoingAway.frame());
        assert!(frames.are_whole() && frames.are_closed());
    }
}
