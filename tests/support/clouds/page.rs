//! One page of a list, and what faults make of it.

use serde_json::{Value, json};

use super::{asked::Asked, cloud::Cloud, faults::Trouble};

/// Objects, and where the list goes on.
pub struct Page {
    pub items: Vec<Value>,
    /// What names the next page; none if this is the last.
    pub next: Option<String>,
}

impl Page {
    /// Does what was asked for; `here` is what names this page.
    pub fn twisted(mut self, cloud: &Cloud, asked: &Asked, here: &str) -> Self {
        let before = cloud.remember_page(&asked.path, &self.items);
        for trouble in &asked.troubles {
            match trouble {
                Trouble::EmptyPage => {
                    self = Self { items: Vec::new(), next: Some(here.to_owned()) };
                }
                Trouble::Duplicate => {
                    self.items =
                        self.items.iter().flat_map(|it| [it.clone(), it.clone()]).collect();
                }
                Trouble::Backwards => self.items.reverse(),
                Trouble::Loop => self.next = Some(here.to_owned()),
                Trouble::Truncated => self.next = None,
                Trouble::Limited => self.items.iter_mut().for_each(limit),
                _ => {}
            }
        }
        if asked.troubles.contains(&Trouble::Replay) {
            // It may be of the round before: what has become of its objects since comes after it.
            self.items.splice(..0, before);
        }
        self
    }
}

/// What remains of an object that may not be read.
fn limit(item: &mut Value) {
    if let Some(object) = item.as_object_mut() {
        object
            .iter_mut()
            .filter(|(key, _)| !matches!(key.as_str(), "id" | "@odata.type"))
            .for_each(|(_, value)| {
                *value = json!(null);
            });
    }
}

/// Where links lead to: here, or to where a fault says.
pub fn origin(asked: &Asked) -> &str {
    let foreign = asked.troubles.iter().find_map(|trouble| match trouble {
        Trouble::ForeignNext { origin } => Some(origin.as_str()),
        _ => None,
    });
    foreign.unwrap_or(&asked.origin)
}
