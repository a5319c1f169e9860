//! Keeps what a list says, for the next one.
//!
//! As long as it says what the last one said, it waits in a temporary file: nothing may have to be stored at
//! all. From the first difference on it is stored while the comparison goes on.

use std::{
    fs::File,
    io::{self, BufWriter, IntoInnerError, Read as _, Seek as _, Write as _},
};

use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    provisioning::Unlisted,
    store::{PlanId, Store, StoreError},
    sync::import::ImportError,
};

/// What is stored at a time.
const PAGE: usize = 32 * 1024;

/// Pages that wait to be stored.
const AHEAD: usize = 64;

/// What a list is kept for.
#[derive(Clone, Debug)]
pub(in crate::sync) struct KeptFor {
    pub(in crate::sync) store: Store,
    pub(in crate::sync) plan: PlanId,
    pub(in crate::sync) unlisted: Unlisted,
}

/// Keeps what a list says.
pub(in crate::sync) struct Keeper {
    kept_for: KeptFor,
    way: Way,
}

enum Way {
    /// Not at all.
    Dropped,
    /// For the time being.
    Spooled(BufWriter<File>),
    Stored(Storing),
}

/// Pages on their way into the store.
struct Storing {
    page: Vec<u8>,
    pages: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Keeper {
    /// Keeps nothing: a dry run says nothing of what is.
    pub(in crate::sync) fn of_nothing(kept_for: KeptFor) -> Self {
        Self { kept_for, way: Way::Dropped }
    }

    /// Waits for the first difference.
    pub(in crate::sync) fn new(kept_for: KeptFor) -> io::Result<Self> {
        let file = BufWriter::with_capacity(PAGE, tempfile::tempfile()?);
        Ok(Self { kept_for, way: Way::Spooled(file) })
    }

    /// Keeps entries that follow those before.
    pub(in crate::sync) async fn push(&mut self, entries: &[u8]) -> Result<(), ImportError> {
        match &mut self.way {
            Way::Dropped => Ok(()),
            Way::Spooled(file) => Ok(file.write_all(entries)?),
            Way::Stored(storing) => storing.push(entries).await,
        }
    }

    /// It says something else than the last one.
    pub(in crate::sync) async fn differs(&mut self) -> Result<(), ImportError> {
        let way = std::mem::replace(&mut self.way, Way::Dropped);
        self.way = match way {
            Way::Spooled(file) => {
                let mut storing = Storing::begin(&self.kept_for);
                let mut file = file.into_inner().map_err(IntoInnerError::into_error)?;
                file.rewind()?;
                let mut some = vec![0; PAGE];
                loop {
                    match file.read(&mut some)? {
                        0 => break,
                        count => storing.push(&some[..count]).await?,
                    }
                }
                Way::Stored(storing)
            }
            way => way,
        };
        Ok(())
    }

    /// All has been said. `settled` says that nothing has to be applied for it to be true. Says whether it is
    /// kept.
    pub(in crate::sync) async fn finish(self, settled: bool) -> Result<bool, ImportError> {
        let Way::Stored(Storing { page, pages, task }) = self.way else {
            return Ok(false);
        };
        // If nobody takes it, the task says why.
        let _ = pages.send(page).await;
        drop(pages);
        task.await.map_err(|_| StoreError::NotWritten)??;
        self.kept_for.store.end_list(self.kept_for.plan, settled).await?;
        Ok(true)
    }
}

impl Storing {
    fn begin(kept_for: &KeptFor) -> Self {
        let (pages, taken) = mpsc::channel(AHEAD);
        let KeptFor { store, plan, unlisted } = kept_for.clone();
        let task = tokio::spawn(async move { store.begin_list(plan, unlisted, taken).await });
        Self { page: Vec::with_capacity(PAGE), pages, task }
    }

    async fn push(&mut self, entries: &[u8]) -> Result<(), ImportError> {
        self.page.extend(entries);
        if self.page.len() >= PAGE {
            let page = std::mem::replace(&mut self.page, Vec::with_capacity(PAGE + 512));
            // If nobody takes it, the end says why.
            let _ = self.pages.send(page).await;
        }
        Ok(())
    }
}
