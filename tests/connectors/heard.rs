//! What is logged while a test runs.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, Level, subscriber::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Hears everything that this thread logs, until the second answer is dropped.
    pub fn hear() -> (Self, (DefaultGuard, Dispatch)) {
        let log = Self::default();
        let heard = || {
            let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE);
            Dispatch::new(subscriber.with_writer(log.clone()).finish())
        };
        // Of one alone, other tests' threads would decide which events it hears.
        let another = heard();
        let guard = tracing::dispatcher::set_default(&heard());
        (log, (guard, another))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// None of these is in a text.
pub fn assert_hidden(text: &str, hidden: &[&str]) {
    for hidden in hidden {
        assert!(!text.contains(hidden), "{hidden:?} was seen in {}", excerpt(text, hidden));
    }
}

fn excerpt<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or_default();
    text.get(at.saturating_sub(300)..at + 50).unwrap_or_default()
}
