//! A directory, account by account in the order of what they are told apart by.
//!
//! It is read while the list still comes in, so that comparing need not wait for it; what is ahead of the
//! comparison waits in a temporary file.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use tokio::{io::AsyncWriteExt as _, sync::mpsc};

use crate::{
    directory::DirectoryId,
    provisioning::HeldUser,
    store::{AccountKey, Store, StoreError, read_held_page},
    sync::import::ImportError,
};

/// Accounts that are read at once.
const PAGE: i64 = 1000;

/// Where a page is in the file.
struct Place {
    offset: u64,
    length: usize,
}

type Page = Result<Vec<(String, HeldUser)>, ImportError>;

/// A directory, account by account.
pub(super) struct Accounts {
    pages: mpsc::Receiver<Page>,
    page: std::vec::IntoIter<(String, HeldUser)>,
    next: Option<(String, HeldUser)>,
}

impl Accounts {
    /// Begins to read. Whoever changes an account from now on may do so before or after it is read.
    pub(super) fn read(
        store: &Store,
        directory: DirectoryId,
        source: &str,
        by: &AccountKey,
    ) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        let (to_places, places) = mpsc::unbounded_channel();
        let (to_pages, pages) = mpsc::channel(2);
        let (store, source, to) = (store.clone(), source.to_owned(), file.try_clone()?);
        let by = by.clone();
        tokio::spawn(async move {
            let to = tokio::fs::File::from_std(to);
            if let Err(error) = spool(&store, directory, (&source, &by), to, &to_places).await {
                let _ = to_places.send(Err(error));
            }
        });
        tokio::task::spawn_blocking(move || unspool(&file, places, &to_pages));
        Ok(Self { pages, page: Vec::new().into_iter(), next: None })
    }

    async fn look(&mut self) -> Result<Option<&(String, HeldUser)>, ImportError> {
        while self.next.is_none() {
            self.next = self.page.next();
            if self.next.is_none() {
                match self.pages.recv().await.transpose()? {
                    Some(page) => self.page = page.into_iter(),
                    None => return Ok(None),
                }
            }
        }
        Ok(self.next.as_ref())
    }

    /// The next account with its key, if that comes before `key`; any if there is no key.
    pub(super) async fn next_before(
        &mut self,
        key: Option<&str>,
    ) -> Result<Option<(String, HeldUser)>, ImportError> {
        let next = self.look().await?;
        let is_before = next.is_some_and(|(next, _)| key.is_none_or(|key| next.as_str() < key));
        Ok(self.next.take_if(|_| is_before))
    }

    /// The next account, if that is its key.
    pub(super) async fn next_named(&mut self, key: &str) -> Result<Option<HeldUser>, ImportError> {
        let is_named = self.look().await?.is_some_and(|(next, _)| next == key);
        Ok(self.next.take_if(|_| is_named).map(|(_, held)| held))
    }
}

/// Reads to the end, as long as anybody wants to know.
async fn spool(
    store: &Store,
    directory: DirectoryId,
    (source, by): (&str, &AccountKey),
    mut to: tokio::fs::File,
    places: &mpsc::UnboundedSender<Result<Place, ImportError>>,
) -> Result<(), ImportError> {
    let (mut after, mut offset) = (String::new(), 0);
    while let Some(page) = store.list_held_users(directory, source, by, &after, PAGE).await? {
        to.write_all(page.text.as_bytes()).await?;
        to.flush().await?;
        let length = page.text.len();
        if places.send(Ok(Place { offset, length })).is_err() {
            break;
        }
        offset += length as u64;
        after = page.last;
    }
    Ok(())
}

/// Reads back what was read, a little ahead of the comparison. Blocks.
fn unspool(
    from: &File,
    mut places: mpsc::UnboundedReceiver<Result<Place, ImportError>>,
    to: &mpsc::Sender<Page>,
) {
    let read = |Place { offset, length }| -> Page {
        let mut bytes = vec![0; length];
        from.read_exact_at(&mut bytes, offset)?;
        let unreadable =
            |_| StoreError::Unreadable { what: "a page of accounts", value: "no text".to_owned() };
        let text = String::from_utf8(bytes).map_err(unreadable)?;
        Ok(read_held_page(&text)?)
    };
    while let Some(place) = places.blocking_recv() {
        if to.blocking_send(place.and_then(read)).is_err() {
            return;
        }
    }
}
