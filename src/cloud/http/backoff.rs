//! How long to wait before trying again.

use std::time::Duration;

use crate::secrets::random;

/// A wait after so many failures: any time up to twice as long as after the one before ("full jitter"), so that not
/// everybody who failed together comes back together.
pub(super) fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(doubled).min(longest).mul_f64(lot())
}

/// A number between 0 and 1.
fn lot() -> f64 {
    f64::from(u32::from_be_bytes(random())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_are_spread_over_all_the_time() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_mins(1));
        for (failures, most) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (80, 60)] {
            let most = Duration::from_secs(most);
            let waits: Vec<_> = (0..500).map(|_| backoff(first, longest, failures)).collect();
            assert!(waits.iter().all(|wait| *wait <= most), "{failures}");
            assert!(waits.iter().any(|wait| *wait < most / 4), "{failures}");
            assert!(waits.iter().any(|wait| *wait > most * 3 / 4), "{failures}");
        }
    }
}
