//! Long answers: read and written a page at a time, no faster than they are taken.

use std::{future::Future, io};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use tokio::sync::mpsc;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_group, write_group_name, write_user, write_user_name},
    failure::Failure,
    query::{Page, Query},
    writer::Writer,
};
use crate::{
    http::Response,
    store::{Condition, Cut, Seen, Sight, Store, StoreError},
};

/// So much is written before it is sent: few packets, and little memory.
const PIECE_BYTES: usize = 64 * 1024;

/// So many pieces wait for whoever takes them.
const PIECES: usize = 2;

/// So much is read at a time: whole entities, or names.
const ENTITIES: i64 = 1000;
const NAMES: i64 = 5000;

/// A list that is written in steps.
pub(super) trait Listing: Send + 'static {
    /// Writes what comes next; whether that was all.
    fn step(
        &mut self,
        store: &Store,
        writer: &mut Writer,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl Crowd {
    /// Answers with a list. What is short is one piece; what is long is written while it is read. If that fails
    /// in the middle the connection breaks, so that nobody takes a part for the whole.
    pub(super) async fn answer_listing(
        &self,
        mut writer: Writer,
        mut listing: impl Listing,
    ) -> Result<Response, Failure> {
        let content_type = writer.format().content_type();
        while writer.len() < PIECE_BYTES {
            if listing.step(&self.store, &mut writer).await? {
                return Ok(writer.into_response(StatusCode::OK));
            }
        }
        let (pieces, taken) = mpsc::channel(PIECES);
        let store = self.store.clone();
        // It ends with the connection, whose end is waited for: nobody takes the pieces any more then.
        tokio::spawn(async move {
            if let Err(error) = write_on(&store, &mut writer, &mut listing, &pieces).await {
                tracing::error!(%error, "a list could not be read to its end");
            }
        });
        let pieces = stream::unfold(Some(taken), async |taken| take(taken?).await);
        let mut response = Response::new(Body::from_stream(pieces));
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        Ok(response)
    }
}

/// A part of a long answer.
enum Piece {
    More(Bytes),
    Last(Bytes),
}

/// Writes the rest, as long as somebody takes it.
async fn write_on(
    store: &Store,
    writer: &mut Writer,
    listing: &mut impl Listing,
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), StoreError> {
    loop {
        if writer.len() < PIECE_BYTES && listing.step(store, writer).await? {
            let _ = pieces.send(Piece::Last(writer.take())).await;
            return Ok(());
        }
        if writer.len() >= PIECE_BYTES && pieces.send(Piece::More(writer.take())).await.is_err() {
            return Ok(());
        }
    }
}

/// The next piece. Where it ends without a last one, whoever wrote it has failed, and the answer breaks.
async fn take(
    mut taken: mpsc::Receiver<Piece>,
) -> Option<(io::Result<Bytes>, Option<mpsc::Receiver<Piece>>)> {
    Some(match taken.recv().await {
        Some(Piece::More(piece)) => (Ok(piece), Some(taken)),
        Some(Piece::Last(piece)) => (Ok(piece), None),
        None => (Err(io::Error::other("the list ends in the middle")), None),
    })
}

/// Whom or what a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Users,
    Groups,
}

impl Kind {
    /// What a list of them is called, and one of them.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Users => ("users", "user"),
            Self::Groups => ("groups", "group"),
        }
    }
}

/// Users or groups, in the order of their names.
#[derive(Debug)]
pub(super) struct Entries {
    kind: Kind,
    sight: Sight,
    condition: Condition,
    links: Links,
    /// How much of each is shown; only the names if nothing is said.
    shown: Option<Shown>,
    /// So many are still wanted.
    left: i64,
    cut: Cut,
}

impl Crowd {
    /// Answers with the part of a list that an address asks for.
    pub(super) async fn answer_entries(
        &self,
        asking: &Asking,
        query: &Query,
        kind: Kind,
        condition: Condition,
    ) -> Result<Response, Failure> {
        let Page { start, most } = query.page()?;
        let (list, entry) = kind.names();
        let mut writer = Writer::new(asking.reply);
        writer.begin_document(list);
        writer.attribute("expand", entry);
        writer.begin_list(list);
        let entries = Entries {
            kind,
            sight: self.store.look(&asking.application.directories).await?,
            condition,
            links: Links::of(asking),
            shown: query.expands(entry).then(|| Shown::of(query)),
            left: most.unwrap_or(i64::MAX),
            cut: Cut { after: String::new(), skip: start, limit: 0 },
        };
        self.answer_listing(writer, entries).await
    }
}

impl Listing for Entries {
    async fn step(&mut self, store: &Store, writer: &mut Writer) -> Result<bool, StoreError> {
        let page = if self.shown.is_some() { ENTITIES } else { NAMES };
        self.cut.limit = page.min(self.left);
        let none = self.cut.limit == 0 || self.condition == Condition::Nothing;
        let written = if none { 0 } else { self.write_page(store, writer).await? };
        self.left -= written;
        let is_all = written < page;
        if is_all {
            writer.end_list();
            writer.end(self.kind.names().0);
        }
        Ok(is_all)
    }
}

impl Entries {
    /// Writes a page; how many were on it.
    async fn write_page(&mut self, store: &Store, writer: &mut Writer) -> Result<i64, StoreError> {
        let Self { sight, condition, cut, links, .. } = self;
        match (self.kind, self.shown) {
            (Kind::Users, Some(shown)) => {
                let page = store.list_seen_users(sight, cut, condition).await?;
                Ok(write_all(cut, writer, "user", page, |writer, user| {
                    write_user(writer, links, user, shown);
                }))
            }
            (Kind::Users, None) => {
                let page = store.list_seen_usernames(sight, cut, condition).await?;
                Ok(write_all(cut, writer, "user", page, |writer, name| {
                    write_user_name(writer, links, name);
                }))
            }
            (Kind::Groups, shown) => {
                let page = store.list_seen_groups(sight, cut, condition).await?;
                Ok(write_all(cut, writer, "group", page, |writer, group| match shown {
                    Some(shown) => write_group(writer, links, group, shown),
                    None => write_group_name(writer, links, &group.name),
                }))
            }
        }
    }
}

/// Writes the entries of a page, and lets the next begin after it.
fn write_all<T>(
    cut: &mut Cut,
    writer: &mut Writer,
    name: &str,
    page: Seen<T>,
    write: impl Fn(&mut Writer, &T),
) -> i64 {
    for entry in &page.entries {
        writer.begin_item(name);
        write(writer, entry);
        writer.end(name);
    }
    cut.skip = 0;
    cut.after = page.last.unwrap_or_default();
    i64::try_from(page.entries.len()).unwrap_or(i64::MAX)
}
