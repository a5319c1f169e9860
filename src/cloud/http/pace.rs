//! How fast a cloud may be asked that does not say with each answer what is left.

use std::time::Duration;

use tokio::time::Instant;

/// What a cloud lets anybody ask.
#[derive(Clone, Copy, Debug)]
pub(in crate::cloud) struct Pace {
    /// So many units of its own,
    pub units: u32,
    /// in so long a time.
    pub per: Duration,
}

/// What is left of it: a bucket that fills steadily. It holds a tenth of what the cloud allows, so that no burst uses up
/// what others need.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Units a second.
    rate: f64,
    most: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(pace: Pace, share: f64, now: Instant) -> Self {
        let units = f64::from(pace.units) * share;
        let most = (units / 10.0).max(1.0);
        Self { rate: units / pace.per.as_secs_f64(), most, level: most, at: now }
    }

    /// When there is a unit.
    pub(super) fn ready(&mut self, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.most);
        self.at = now;
        let missing = (1.0 - self.level).max(0.0);
        now + Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX / 4)
    }

    /// Takes units out, also those that are not there yet.
    pub(super) fn take(&mut self, units: f64) {
        self.level -= units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_short_and_then_it_goes_steadily() {
        let pace = Pace { units: 2_400, per: Duration::from_mins(1) };
        let begun = Instant::now();
        let (mut bucket, mut now) = (Bucket::new(pace, 0.5, begun), begun);
        for _ in 0..1_320 {
            now = bucket.ready(now);
            bucket.take(1.0);
        }
        let took = (now - begun).as_secs_f64();
        assert!((took - 60.0).abs() < 0.2, "120 at once, and 1,200 a minute: {took}");
        bucket.take(20.0);
        assert!(bucket.ready(now) > now + Duration::from_millis(900), "a dear one is paid later");
    }
}
