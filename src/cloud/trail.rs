//! Pages that lead back to pages: a list that never ends.

use serde::{Deserialize, Serialize};

use crate::secrets::sha256;

/// The way from page to page, as far as it has to be known to notice that it leads in a circle.
///
/// It is kept with a task, so it must stay small however long the list is: it remembers one page, and from time to time
/// a later one (Brent's algorithm). A circle is noticed after three times its length at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trail {
    steps: u64,
    landmark: String,
}

impl Trail {
    /// A way that begins at a page.
    pub(super) fn new(page: &str) -> Self {
        Self { steps: 0, landmark: mark(page) }
    }

    /// Whether it has not led anywhere yet.
    pub(super) fn is_beginning(&self) -> bool {
        self.steps == 0
    }

    /// The way one page further on; none if it leads to the page that is remembered.
    pub(super) fn follow(&self, next: &str) -> Option<Self> {
        let (steps, next) = (self.steps + 1, mark(next));
        if next == self.landmark {
            return None;
        }
        let landmark = if steps.is_power_of_two() { next } else { self.landmark.clone() };
        Some(Self { steps, landmark })
    }
}

/// Half a digest is enough to tell pages apart, and short.
fn mark(page: &str) -> String {
    sha256(page.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many steps a way that goes straight, then round in a circle, is found out.
    fn found_after(straight: u64, circle: u64) -> Option<u64> {
        let page = |step| {
            format!(
                "{}",
                if step < straight { step } else { straight + (step - straight) % circle }
            )
        };
        let mut trail = Trail::new(&page(0));
        for step in 1..10_000 {
            match trail.follow(&page(step)) {
                Some(further) => trail = further,
                None => return Some(step),
            }
        }
        None
    }

    #[test]
    fn a_circle_is_noticed_soon_and_a_long_list_is_none() {
        assert_eq!(found_after(0, 1), Some(1), "a page that leads to itself");
        for (straight, circle) in [(0, 2), (1, 1), (5, 3), (100, 7), (7, 100)] {
            let after = found_after(straight, circle).unwrap();
            assert!(after <= 3 * (straight + circle) + 3, "{straight} and {circle}: {after}");
        }
        assert_eq!(found_after(20_000, 1), None);
    }
}
