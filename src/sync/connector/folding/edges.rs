//! Who joins and leaves groups, sorted by the groups' numbers.

use std::io::{self, Read, Write};

use tokio::sync::mpsc;

use crate::sync::sorter::{Sorted, Spill, read_or_end};

/// So much of it is taken at once.
const BATCH_EDGES: usize = 200_000;

/// Sets of members that are read at once.
const BATCH_GROUPS: usize = 100;

/// Who joins or leaves. Ordered by group, then by who it is, then by when it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) group: u32,
    pub(super) who: Who,
    pub(super) order: u32,
    pub(super) joins: bool,
}

/// A member, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    User(u32),
    Group(u32),
    Everybody,
}

/// A group that is to be looked at, with all that is said of its members.
pub(super) struct Visit {
    pub(super) group: u32,
    pub(super) edges: Vec<Edge>,
}

impl Spill for Edge {
    fn weight(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, number) = match self.who {
            Who::User(number) => (0, number),
            Who::Group(number) => (2, number),
            Who::Everybody => (4, 0),
        };
        to.write_all(&self.group.to_le_bytes())?;
        to.write_all(&[kind | u8::from(self.joins)])?;
        to.write_all(&number.to_le_bytes())?;
        to.write_all(&self.order.to_le_bytes())
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; 13];
        if !read_or_end(from, &mut bytes)? {
            return Ok(None);
        }
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let who = match bytes[4] & !1 {
            0 => Who::User(number(5)),
            2 => Who::Group(number(5)),
            _ => Who::Everybody,
        };
        Ok(Some(Self { group: number(0), who, order: number(9), joins: bytes[4] & 1 == 1 }))
    }
}

/// Gives the groups some at a time, in order: those that edges are about, and those that are to be looked at anyway.
pub(super) fn visits(
    edges: Sorted<Edge>,
    mut anyway: Vec<u32>,
) -> mpsc::Receiver<io::Result<Vec<Visit>>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        anyway.sort_unstable();
        anyway.dedup();
        let mut visits = Visits { batch: Vec::new(), edges: 0, sender };
        if let Err(error) = visits.send_all(edges, anyway) {
            let _ = visits.sender.blocking_send(Err(error));
        }
    });
    receiver
}

struct Visits {
    batch: Vec<Visit>,
    edges: usize,
    sender: mpsc::Sender<io::Result<Vec<Visit>>>,
}

impl Visits {
    fn send_all(&mut self, edges: Sorted<Edge>, anyway: Vec<u32>) -> io::Result<()> {
        let mut anyway = anyway.into_iter().peekable();
        for edge in edges {
            let edge = edge?;
            while let Some(group) = anyway.next_if(|group| *group < edge.group) {
                self.begin(group);
            }
            anyway.next_if_eq(&edge.group);
            if self.batch.last().is_none_or(|last| last.group != edge.group) {
                self.begin(edge.group);
            }
            if let Some(last) = self.batch.last_mut() {
                last.edges.push(edge);
            }
            self.edges += 1;
        }
        for group in anyway {
            self.begin(group);
        }
        self.send();
        Ok(())
    }

    /// Goes on to a group, once those before are enough.
    fn begin(&mut self, group: u32) {
        if self.batch.len() >= BATCH_GROUPS || self.edges >= BATCH_EDGES {
            self.send();
        }
        self.batch.push(Visit { group, edges: Vec::new() });
    }

    fn send(&mut self) {
        self.edges = 0;
        // Whoever has gone does not want to know.
        let _ = self.sender.blocking_send(Ok(std::mem::take(&mut self.batch)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written() {
        for (who, joins) in [
            (Who::User(7), true),
            (Who::User(7), false),
            (Who::Group(u32::MAX), true),
            (Who::Everybody, false),
        ] {
            let edge = Edge { group: 1, who, order: 300, joins };
            let mut bytes = Vec::new();
            edge.write(&mut bytes).unwrap();
            assert_eq!(Edge::read(&mut bytes.as_slice()).unwrap(), Some(edge));
        }
    }
}
