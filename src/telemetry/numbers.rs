//! Random bytes for what identifies and protects nothing, drawn in bulk: to ask the generator costs the same for many as for
//! a few.

use std::cell::RefCell;

use aws_lc_rs::rand;

/// Enough for a few dozen requests.
const DRAWN: usize = 1024;

struct Drawn {
    bytes: [u8; DRAWN],
    used: usize,
}

thread_local! {
    static DRAWN_HERE: RefCell<Drawn> =
        const { RefCell::new(Drawn { bytes: [0; DRAWN], used: DRAWN }) };
}

/// Bytes that nobody has got before. A lack of randomness does no harm.
pub(super) fn draw<const N: usize>() -> [u8; N] {
    DRAWN_HERE.with_borrow_mut(|drawn| {
        if drawn.used + N > DRAWN {
            let _ = rand::fill(&mut drawn.bytes);
            drawn.used = 0;
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&drawn.bytes[drawn.used..drawn.used + N]);
        drawn.used += N;
        bytes
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_is_drawn_twice() {
        let drawn: HashSet<[u8; 24]> = (0..1000).map(|_| draw()).collect();
        assert_eq!(drawn.len(), 1000);
        let elsewhere = std::thread::spawn(draw::<24>).join().unwrap();
        assert!(!drawn.contains(&elsewhere));
    }
}
