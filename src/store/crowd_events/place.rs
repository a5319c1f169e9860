//! A place in the log, by which a reader says what it has seen.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use uuid::Uuid;

use crate::{
    directory::DirectoryId,
    secrets::sha256,
    store::{Connection, StoreError, within},
};

/// What this version of the gateway writes.
const VERSION: u8 = 1;

/// The version, and four numbers.
const LENGTH: usize = 1 + 4 * 8;

/// A place in the log, for who sees certain directories. Everything up to there is known.
///
/// It says whose log, who sees it, where, and when the change at that place was made: a database that was restored from
/// a backup gives the same number again, to another change at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    instance: u64,
    view: u64,
    seq: i64,
    at: i64,
}

impl LogPlace {
    /// The last change that is known.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Whether it is in the same log, seen by who sees the same.
    #[must_use]
    pub(in crate::store) fn sees_as(&self, other: &Self) -> bool {
        (self.instance, self.view) == (other.instance, other.view)
    }

    /// As applications keep it; nothing of it is theirs to understand.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.instance.to_be_bytes());
        bytes.extend(self.view.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.at.to_be_bytes());
        BASE64.encode(bytes)
    }

    /// From its text; nothing if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = BASE64.decode(text).ok()?.try_into().ok()?;
        let (&[VERSION], rest) = bytes.split_first_chunk::<1>()? else {
            return None;
        };
        let (numbers, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let &[instance, view, seq, at] = numbers else {
            return None;
        };
        let (instance, view) = (u64::from_be_bytes(instance), u64::from_be_bytes(view));
        Some(Self { instance, view, seq: i64::from_be_bytes(seq), at: i64::from_be_bytes(at) })
    }
}

/// Where the log is.
#[derive(Debug)]
pub(super) struct Here {
    /// The last change.
    pub(super) head: i64,
    /// The directories that are seen: those that are enabled, in order.
    pub(super) directories: Vec<DirectoryId>,
    /// What a reader knows who has read everything.
    pub(super) place: LogPlace,
}

/// Where the log is, for who sees these directories.
pub(super) async fn find(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
) -> Result<Here, StoreError> {
    const INSTANCE: &str = "SELECT uuid FROM instance";
    const HEAD: &str = "SELECT seq FROM change_head";
    // The members that a large plan brings stand in the log before all of them are there in the order of the
    // groups. Whoever reads meanwhile is to read the plan's part of the log once more.
    const UNDER_WAY: &str = "
        SELECT batch, directory_id FROM plans
        WHERE state = 'sealed' AND next_chunk < first_ending AND batch IS NOT NULL";
    type UnderWay = Vec<(i64, i64)>;
    let (instance, head, under_way): (Uuid, i64, UnderWay) = within!(connection, |connection| {
        (
            sqlx::query_scalar(INSTANCE).fetch_one(&mut *connection).await?,
            sqlx::query_scalar(HEAD).fetch_one(&mut *connection).await?,
            sqlx::query_as(UNDER_WAY).fetch_all(&mut *connection).await?,
        )
    });
    let (directories, view) = find_view(connection, directories).await?;
    let seen = |(batch, directory)| directories.contains(&DirectoryId(directory)).then_some(batch);
    let seq = under_way.into_iter().filter_map(seen).fold(head, |seq, batch| seq.min(batch - 1));
    let at = find_time(connection, seq, head).await?.unwrap_or_default();
    let place = LogPlace { instance: digest(instance.as_bytes()), view, seq, at };
    Ok(Here { head, directories, place })
}

impl Here {
    /// Whether the log still says what a reader has seen, and all that came after it.
    pub(super) async fn leads_on_from(
        &self,
        connection: &mut Connection<'_>,
        since: &LogPlace,
    ) -> Result<bool, StoreError> {
        if !since.sees_as(&self.place) || since.seq > self.head {
            return Ok(false);
        }
        Ok(find_time(connection, since.seq, self.head).await? == Some(since.at))
    }
}

/// Those of some directories that are seen, if they are what was seen at a place.
pub(in crate::store) async fn find_seen_at(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    place: &LogPlace,
) -> Result<Option<Vec<DirectoryId>>, StoreError> {
    let (enabled, view) = find_view(connection, directories).await?;
    Ok((view == place.view).then_some(enabled))
}

/// When a change was made, if all that came after it are there. Before the first one was the beginning.
async fn find_time(
    connection: &mut Connection<'_>,
    seq: i64,
    head: i64,
) -> Result<Option<i64>, StoreError> {
    const AT: &str = "SELECT at FROM changes WHERE seq = $1";
    const OLDEST: &str = "SELECT MIN(seq) FROM changes";
    const FORGOTTEN: &str = "SELECT at FROM last_forgotten WHERE seq = $1";
    let at: Option<i64> = within!(connection, |connection| {
        sqlx::query_scalar(AT).bind(seq).fetch_optional(connection).await?
    });
    // They are forgotten from the oldest on.
    if at.is_some() {
        return Ok(at);
    }
    let (oldest, forgotten): (Option<i64>, Option<i64>) = within!(connection, |connection| {
        (
            sqlx::query_scalar(OLDEST).fetch_one(&mut *connection).await?,
            sqlx::query_scalar(FORGOTTEN).bind(seq).fetch_optional(&mut *connection).await?,
        )
    });
    let nothing_since = oldest.unwrap_or(head + 1) == seq + 1;
    let at = if seq == 0 { Some(0) } else { forgotten };
    Ok(at.filter(|_| nothing_since))
}

/// The directories that are enabled, in order, and what tells this set from any other. One of which something was
/// taken that the log does not know is another one.
async fn find_view(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
) -> Result<(Vec<DirectoryId>, u64), StoreError> {
    const SQL: &str = "SELECT id, uuid, purges FROM directories WHERE disabled_at IS NULL";
    let rows: Vec<(i64, Uuid, i64)> =
        within!(connection, |connection| sqlx::query_as(SQL).fetch_all(connection).await?);
    let (mut enabled, mut bytes) = (Vec::new(), Vec::new());
    for directory in directories {
        if let Some((id, uuid, purges)) = rows.iter().find(|(id, ..)| *id == directory.0) {
            enabled.push(DirectoryId(*id));
            bytes.extend(uuid.as_bytes());
            bytes.extend(purges.to_be_bytes());
        }
    }
    Ok((enabled, digest(&bytes)))
}

fn digest(bytes: &[u8]) -> u64 {
    let hash = sha256(bytes);
    hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let place = LogPlace { instance: u64::MAX, view: 7, seq: 12, at: -1 };
        let text = place.text();
        assert_eq!(LogPlace::parse(&text), Some(place));
        let other = BASE64.encode([&[2][..], &[0; LENGTH - 1]].concat());
        for garbage in
            ["", "12", &text[1..], &format!("{text}AAAA"), "8047511070899496297:12", &other]
        {
            assert_eq!(LogPlace::parse(garbage), None, "{garbage}");
        }
    }
}
