//! How much may be asked in a window of time.

use chrono::TimeDelta;

use super::time::Moment;

/// A window that begins with the first request after the one before has ended.
pub struct Bucket {
    pub limit: u32,
    pub window: TimeDelta,
    used: u32,
    ends: Moment,
}

/// What is left of a window, and when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub limit: u32,
    pub remaining: u32,
    pub ends: Moment,
    /// Whether this request was too much.
    pub over: bool,
}

impl Bucket {
    pub fn new(limit: u32, seconds: i64) -> Self {
        let window = TimeDelta::seconds(seconds);
        Self { limit, window, used: 0, ends: Moment::default() }
    }

    /// Takes so much out, if there is so much.
    pub fn take(&mut self, cost: u32, now: Moment) -> Level {
        if now >= self.ends {
            (self.used, self.ends) = (0, now + self.window);
        }
        let over = self.used.saturating_add(cost) > self.limit;
        if !over {
            self.used += cost;
        }
        Level { limit: self.limit, remaining: self.limit - self.used, ends: self.ends, over }
    }
}
