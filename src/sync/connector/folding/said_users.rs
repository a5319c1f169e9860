//! What a round says of users, sorted by their ids.

use std::io::{self, Read, Write};

use tokio::sync::mpsc;

use super::{FoldError, MEMORY};
use crate::{
    cloud::{Item, Standing, User},
    store::StoreError,
    sync::{
        connector::{
            known::{KnownUser, pack, unpack},
            staged::StagedPage,
        },
        sorter::{Sorted, Sorter, Spill, read_or_end},
    },
};

/// People whom the mirror is asked for at once.
const BATCH: usize = 1000;

/// One thing that was said of a user. Ordered by id, then by when it was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    id: String,
    order: u64,
    what: What,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Gone,
    /// All there is to know, as the mirror keeps it.
    Whole(Vec<u8>),
    /// A part of it: a [`User`] (JSON).
    Part(Vec<u8>),
}

/// Everything that was said of one user, in order.
pub(super) struct SaidOf {
    pub(super) id: String,
    what: Vec<What>,
}

impl SaidOf {
    /// What is known of the user afterwards.
    pub(super) fn heard_by(
        self,
        mut known: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        for what in self.what {
            known = match what {
                What::Gone => None,
                What::Whole(whole) => Some(whole),
                What::Part(user) => {
                    let before = known.as_deref().map(unpack::<KnownUser>).transpose()?;
                    let mut user_known = before.unwrap_or_default();
                    user_known.hear(unpack(&user)?);
                    Some(pack(&user_known)?)
                }
            };
        }
        Ok(known)
    }
}

/// What was said of users, by id; and whether anybody is there at all.
pub(super) struct SaidUsers {
    pub(super) sorted: Sorted<Said>,
    pub(super) named: u64,
}

/// Sorts all that was said. Blocks.
pub(super) fn sort(
    mut pages: mpsc::Receiver<Result<StagedPage, StoreError>>,
) -> Result<SaidUsers, FoldError> {
    let (mut sorter, mut order, mut named) = (Sorter::new(MEMORY), 0, 0);
    while let Some(page) = pages.blocking_recv() {
        for item in page?.items {
            let (id, what) = match item {
                Item::User(user) => {
                    named += 1;
                    (user.id.clone(), said(user)?)
                }
                Item::UserGone(id) => (id, What::Gone),
                _ => continue,
            };
            sorter.push(Said { id, order, what })?;
            order += 1;
        }
    }
    Ok(SaidUsers { sorted: sorter.finish()?, named })
}

fn said(user: User) -> Result<What, StoreError> {
    if !user.whole || user.standing == Standing::Unsaid {
        return Ok(What::Part(pack(&user)?));
    }
    let mut known = KnownUser::default();
    known.hear(user);
    Ok(What::Whole(pack(&known)?))
}

/// Gives users some at a time, in order; each is in one of them with all that was said.
pub(super) fn batches(mut sorted: Sorted<Said>) -> mpsc::Receiver<io::Result<Vec<SaidOf>>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let (mut batch, mut failed) = (Vec::<SaidOf>::with_capacity(BATCH), None);
        for said in sorted.by_ref() {
            let Said { id, what, .. } = match said {
                Ok(said) => said,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            match batch.last_mut() {
                Some(last) if last.id == id => last.what.push(what),
                _ => {
                    if batch.len() >= BATCH
                        && sender.blocking_send(Ok(std::mem::take(&mut batch))).is_err()
                    {
                        return;
                    }
                    batch.push(SaidOf { id, what: vec![what] });
                }
            }
        }
        // Whoever has gone does not want to know.
        let _ = sender.blocking_send(failed.map_or(Ok(batch), Err));
    });
    receiver
}

impl Spill for Said {
    fn weight(&self) -> usize {
        let what = match &self.what {
            What::Gone => 0,
            What::Whole(bytes) | What::Part(bytes) => bytes.len() + 16,
        };
        size_of::<Self>() + self.id.len() + 16 + what
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (mark, bytes): (u8, &[u8]) = match &self.what {
            What::Gone => (0, &[]),
            What::Whole(bytes) => (1, bytes),
            What::Part(bytes) => (2, bytes),
        };
        write_bytes(to, self.id.as_bytes())?;
        to.write_all(&self.order.to_le_bytes())?;
        to.write_all(&[mark])?;
        write_bytes(to, bytes)
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        if !read_or_end(from, &mut length)? {
            return Ok(None);
        }
        let id = String::from_utf8(read_bytes(from, length)?).map_err(io::Error::other)?;
        let (mut order, mut mark) = ([0; 8], [0]);
        from.read_exact(&mut order)?;
        from.read_exact(&mut mark)?;
        from.read_exact(&mut length)?;
        let bytes = read_bytes(from, length)?;
        let what = match mark {
            [0] => What::Gone,
            [1] => What::Whole(bytes),
            _ => What::Part(bytes),
        };
        Ok(Some(Self { id, order: u64::from_le_bytes(order), what }))
    }
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

fn read_bytes(from: &mut impl Read, length: [u8; 4]) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written() {
        let said = |what| Said { id: "ä".to_owned(), order: 7, what };
        for said in [said(What::Gone), said(What::Whole(vec![1, 2])), said(What::Part(vec![]))] {
            let mut bytes = Vec::new();
            said.write(&mut bytes).unwrap();
            let mut from = bytes.as_slice();
            assert_eq!(Said::read(&mut from).unwrap(), Some(said));
            assert_eq!(Said::read(&mut from).unwrap(), None);
        }
    }
}
