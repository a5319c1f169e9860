//! Looks at every row of a list, and sorts those that can be used.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use super::{
    formats::{Format, RawRow, RowError, Stop, Verdict, read_rows},
    listed_row::{Digest, ListedRow, shorten},
    progress::{Events, Phase},
    sorter::{Sorted, Sorter},
};
use crate::{
    config::is_attribute_name,
    directory::{InactiveReason, NameKey},
    provisioning::{Standing, is_plain},
};

/// What sorting keeps in memory; the rest waits in temporary files.
const MEMORY: usize = 96 << 20;

/// So many bad rows are named, if one is enough to refuse the list.
const MAX_PROBLEMS: usize = 20;

/// Longer texts are no names and addresses.
const MAX_TEXT: usize = 255;

const TELL_EVERY: u64 = 4096;

/// A list that has been read.
pub(super) struct Intake {
    pub(super) rows: Sorted<ListedRow>,
    pub(super) count: u64,
    pub(super) rejected: u64,
    /// The groups that rows name, in the order of the places that rows give.
    pub(super) groups: Vec<String>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum IntakeError {
    #[error("{}", join(.0))]
    Rows(Vec<RowError>),
    #[error("the rows cannot be sorted: {0}; let there be room in the temporary directory")]
    Sort(#[from] io::Error),
}

fn join(rows: &[RowError]) -> String {
    let mut text = rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if rows.len() >= MAX_PROBLEMS {
        text.push_str("\nand perhaps more");
    }
    text
}

/// The groups that rows name.
#[derive(Default)]
struct Groups {
    /// As they are written, so that most need not be folded.
    by_name: HashMap<String, u32>,
    by_key: HashMap<NameKey, u32>,
    names: Vec<String>,
    /// Of the keys of the names.
    digests: Vec<Digest>,
}

impl Groups {
    fn place(&mut self, name: &str) -> Option<u32> {
        if let Some(place) = self.by_name.get(name) {
            return Some(*place);
        }
        if !is_plain(name) {
            return None;
        }
        let next = u32::try_from(self.names.len()).ok()?;
        let place = *self.by_key.entry(NameKey::of(name)).or_insert(next);
        if place == next {
            self.names.push(name.to_owned());
            self.digests.push(shorten(NameKey::of(name).as_str().as_bytes()));
        }
        self.by_name.insert(name.to_owned(), place);
        Some(place)
    }
}

/// Reads and sorts a list. Blocks. A row that cannot be used is left out and told, or refuses the list.
pub(super) fn take_in(
    format: Format,
    mut from: impl Read,
    leave_out: bool,
    events: &Events,
) -> Result<Intake, IntakeError> {
    let mut groups = Groups::default();
    let mut sorter = Sorter::new(MEMORY);
    let (mut count, mut rejected) = (0, 0);
    let (mut problems, mut unsorted) = (Vec::new(), None);
    let read = read_rows(format, &mut from, &mut |row, text| -> Verdict {
        count += 1;
        if count % TELL_EVERY == 0 {
            events.progress(Phase::Reading, count, None);
        }
        match row.and_then(|row| listed_row(row, &mut groups)) {
            Ok(row) => sorter.push(row).map_err(|error| {
                unsorted = Some(error);
                Stop
            }),
            Err(problem) if leave_out => {
                rejected += 1;
                events.reject_blocking(problem.with_row(text()));
                Ok(())
            }
            Err(problem) => {
                problems.push(problem);
                if problems.len() < MAX_PROBLEMS { Ok(()) } else { Err(Stop) }
            }
        }
    });
    // Whoever sends the list hears what is wrong with it once they have sent it.
    let _ = io::copy(&mut from, &mut io::sink());
    if let Some(error) = unsorted {
        return Err(error.into());
    }
    problems.extend(read.err());
    if !problems.is_empty() {
        return Err(IntakeError::Rows(problems));
    }
    events.progress(Phase::Reading, count, Some(count));
    Ok(Intake { rows: sorter.finish()?, count, rejected, groups: groups.names })
}

fn listed_row(row: RawRow, groups: &mut Groups) -> Result<ListedRow, RowError> {
    let RawRow { line, username, texts, attributes, active, groups: names } = row;
    let fail = |column: &str, problem: String| RowError::new(line, column, problem);
    if !is_plain(&username) {
        let problem = format!(
            "{username:?} cannot be a username: it is empty, or has control characters, outer spaces \
             or more than {MAX_TEXT} characters"
        );
        return Err(fail("username", problem));
    }
    for (column, text) in ["email", "display_name", "first_name", "last_name"].iter().zip(&texts) {
        if text.as_ref().is_some_and(|text| !is_plain(text)) {
            let problem = format!("has control characters or more than {MAX_TEXT} characters");
            return Err(fail(column, problem));
        }
    }
    for (name, value) in &attributes {
        if !is_attribute_name(name) || !is_plain(value) {
            let problem = format!(
                "cannot be used: names have up to 64 letters, digits, '-', '_' and '.', and values no \
                 control characters and no more than {MAX_TEXT} characters"
            );
            return Err(fail(&format!("attributes.{name}"), problem));
        }
    }
    let places = names.map(|names| {
        let places = names.iter().map(|name| {
            let problem = || format!("{name:?} cannot be the name of a group");
            groups.place(name).ok_or_else(|| fail("groups", problem()))
        });
        let mut places = places.collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable();
        places.dedup();
        Ok::<_, RowError>(places)
    });
    let key = NameKey::of(&username).as_str().to_owned();
    let mut row = ListedRow {
        key,
        line,
        username,
        texts,
        attributes,
        standing: match active {
            None => Standing::Unsaid,
            Some(true) => Standing::Active,
            Some(false) => Standing::Inactive(InactiveReason::DisabledAtSource),
        },
        match_key: None,
        groups: places.transpose()?,
        digest: Digest::default(),
    };
    let digest = |place: &u32| groups.digests.get(*place as usize).copied().unwrap_or_default();
    let said = row.groups.as_ref().map(|places| places.iter().map(digest).collect());
    row.digest = row.say(said);
    Ok(row)
}
#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Vec<ListedRow>, String> {
        let intake = take_in(Format::Csv, text.as_bytes(), false, &Events::default());
        let intake = intake.map_err(|error| error.to_string())?;
        Ok(intake.rows.map(Result::unwrap).collect())
    }

    #[test]
    fn rows_come_in_the_order_of_their_names_with_each_group_once() {
        let rows = take("username,groups\nzoe,A|b|a\nÄda,\nada,B\n").unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.username.as_str()).collect();
        assert_eq!(names, ["ada", "zoe", "Äda"]);
        assert_eq!(rows[1].groups.as_deref(), Some(&[0, 1][..]));
        assert_eq!(rows[0].groups.as_deref(), Some(&[1][..]));
    }

    #[test]
    fn a_digest_is_of_what_a_row_says_and_not_of_how() {
        let digest = |list: &str| {
            let row = take(list).unwrap().into_iter().find(|row| row.key == "zoe");
            row.unwrap().digest
        };
        let said = digest("username,email,active,groups\nzoe,z@example.com,yes,a|b\n");
        for same in [
            "username,email,active,groups\nada,,,b\nzoe,z@example.com,true,B|A|b\n",
            "groups,active,username,email\nb|a,yes,zoe,z@example.com\n",
        ] {
            assert_eq!(digest(same), said, "{same}");
        }
        for other in [
            "username,email,active,groups\nZoe,z@example.com,yes,a|b\n",
            "username,email,active,groups\nzoe,y@example.com,yes,a|b\n",
            "username,email,active,groups\nzoe,z@example.com,no,a|b\n",
            "username,email,active,groups\nzoe,z@example.com,,a|b\n",
            "username,email,active,groups\nzoe,z@example.com,yes,a\n",
            "username,email,active,groups\nzoe,z@example.com,yes,\n",
            "username,display_name,active,groups\nzoe,z@example.com,yes,a|b\n",
            "username,email,active\nzoe,z@example.com,yes\n",
            "username,email,active,groups,attributes.a\nzoe,z@example.com,yes,a|b,1\n",
        ] {
            assert_ne!(digest(other), said, "{other}");
        }
    }

    #[test]
    fn every_bad_row_is_named_up_to_a_limit() {
        let problems = take("username,groups\n,\na\u{202e}b,\nc,d\u{7}\n").unwrap_err();
        assert_eq!(problems.lines().count(), 3, "{problems}");
        assert!(problems.contains("line 4, groups"), "{problems}");
        let many = format!("username\n{}", "\"\"\n".repeat(100));
        assert_eq!(take(&many).unwrap_err().lines().count(), MAX_PROBLEMS + 1);
    }
}
