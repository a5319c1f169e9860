//! Reads JSON without a word about what it means.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{MOST_LEVELS, MOST_NODES, Node, Unreadable};

/// Reads one value with all that is in it.
pub(super) fn read(body: &[u8]) -> Result<Node, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    // The limit is the same as for XML, and counted here.
    reader.disable_recursion_limit();
    let left = Cell::new(MOST_NODES);
    let seed = Seed { name: String::new(), levels: MOST_LEVELS, left: &left };
    let malformed = |error: serde_json::Error| Unreadable::Json(error.to_string());
    let node = seed.deserialize(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(node)
}

/// A node of that name, with so many levels left below it, and so many nodes in all.
struct Seed<'l> {
    name: String,
    levels: usize,
    left: &'l Cell<usize>,
}

impl Seed<'_> {
    fn text(self, text: &(impl ToString + ?Sized)) -> Node {
        Node { name: self.name, text: Some(text.to_string()), children: Vec::new() }
    }

    fn below<E: Error>(&self, name: String) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1);
        let levels = levels.ok_or_else(|| E::custom(Unreadable::TooDeep))?;
        Ok(Self { name, levels, left: self.left })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        // Here, and not where it is begun: before the end of an array one is begun that never comes.
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom(Unreadable::TooMany))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(self.text(&value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(self.text(&value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(self.text(&value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(self.text(&value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        // No database holds such a text.
        if value.contains('\0') {
            return Err(E::custom(Unreadable::Character));
        }
        Ok(self.text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::new(self.name))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut children = Vec::new();
        while let Some(child) = entries.next_element_seed(self.below(String::new())?)? {
            children.push(child);
        }
        Ok(Node { name: self.name, text: None, children })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut children = Vec::new();
        while let Some(name) = members.next_key()? {
            children.push(members.next_value_seed(self.below(name)?)?);
        }
        Ok(Node { name: self.name, text: None, children })
    }
}
