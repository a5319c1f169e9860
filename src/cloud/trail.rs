//! Whether pages lead in a circle. Clouds have been seen to do that, and a round would never end.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

/// So often the same objects come in a row before it is a circle. Twice is a replay.
const SAME: u32 = 20;

/// Empty pages are usual, as long as they end.
const EMPTY: u32 = 1_000;

/// What is kept of the pages read so far: always the same few numbers, however many pages there are (Brent's algorithm).
/// They are stored with a task, so that a circle is found across restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trail {
    /// A link that was followed, to which no other must lead back.
    mark: u64,
    /// Links since then.
    since: u32,
    /// After so many, the mark moves on.
    until: u32,
    /// The last page's objects, and how often they came.
    objects: u64,
    same: u32,
}

impl Trail {
    /// Remembers a page with these objects that leads to a link. Says whether it is a circle.
    pub(super) fn is_circle<'a>(&mut self, link: &str, ids: impl Iterator<Item = &'a str>) -> bool {
        let link = hash(std::iter::once(link));
        let mut ids = ids.peekable();
        let most = if ids.peek().is_none() { EMPTY } else { SAME };
        let objects = hash(ids);
        self.same = if objects == self.objects { self.same + 1 } else { 0 };
        self.objects = objects;
        if link == self.mark || self.same >= most {
            return true;
        }
        self.since += 1;
        if self.since >= self.until {
            (self.mark, self.since) = (link, 0);
            self.until = self.until.saturating_mul(2).max(1);
        }
        false
    }
}

fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.for_each(|text| text.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many pages it is found, if at all.
    fn found(pages: impl Iterator<Item = (String, Vec<String>)>) -> Option<usize> {
        let mut trail = Trail::default();
        pages
            .take(100_000)
            .position(|(link, ids)| trail.is_circle(&link, ids.iter().map(String::as_str)))
    }

    fn page(number: usize) -> (String, Vec<String>) {
        (format!("/users/delta?$skiptoken={number}"), vec![number.to_string()])
    }

    #[test]
    fn a_straight_way_is_none() {
        assert_eq!(found((0..100_000).map(page)), None);
    }

    #[test]
    fn a_circle_is_found_wherever_it_begins() {
        for (straight, round) in [(0, 1), (0, 5), (3, 1), (100, 7), (1_000, 300)] {
            let at = |step: usize| {
                if step < straight { step } else { straight + (step - straight) % round }
            };
            let found = found((0..).map(|step| page(at(step)))).unwrap();
            assert!(found <= 4 * (straight + round), "{straight} {round}: {found}");
        }
    }

    #[test]
    fn the_same_objects_behind_ever_new_links_are_a_circle_and_a_few_replays_are_not() {
        let same = |number: usize| (page(number).0, vec!["a".to_owned()]);
        assert_eq!(found((0..).map(same)), Some(20));
        let replays = |number: usize| (page(number).0, page(number / 3).1);
        assert_eq!(found((0..5_000).map(replays)), None);
    }

    #[test]
    fn many_empty_pages_are_usual_and_too_many_are_not() {
        let empty = |number: usize| (page(number).0, Vec::new());
        let then_one = (0..900).map(empty).chain((900..1_000).map(page));
        assert_eq!(found(then_one), None);
        assert!(found((0..).map(empty)).is_some());
    }
}
