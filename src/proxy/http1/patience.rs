//! How long an application may say nothing.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for the whole life of a connection. It is not set anew with every byte that moves, but when it has run out and
/// something has moved meanwhile: else each request would have to find the timer's place among all others twice.
#[derive(Debug)]
pub(super) struct Patience {
    length: Duration,
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { length: Duration::ZERO, until: Instant::now(), timer: None }
    }

    /// From now on, this is how much there is of it.
    pub(super) fn begin(&mut self, length: Duration) {
        self.length = length;
        self.renew();
        if let Some(timer) = &mut self.timer
            && timer.deadline() > self.until
        {
            timer.as_mut().reset(self.until);
        }
    }

    /// Something has moved.
    pub(super) fn renew(&mut self) {
        self.until = Instant::now() + self.length;
    }

    /// How much there is of it.
    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Ready when it is over.
    pub(super) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn ends_when_nothing_has_moved_for_so_long() {
        let mut patience = Patience::new();
        patience.begin(PATIENCE);
        let began = Instant::now();
        for _ in 0..10 {
            let moves = sleep(PATIENCE / 2);
            tokio::select! {
                () = poll_fn(|context| patience.poll_over(context)) => panic!("something moved"),
                () = moves => {}
            }
            patience.renew();
        }
        poll_fn(|context| patience.poll_over(context)).await;
        assert_eq!(began.elapsed(), PATIENCE * 6);
        patience.begin(PATIENCE / 10);
        poll_fn(|context| patience.poll_over(context)).await;
        assert_eq!(began.elapsed(), PATIENCE * 6 + PATIENCE / 10);
    }
}
