//! Made-up people, the same every time.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// How many groups everybody is in.
pub const GROUPS_EACH: u64 = 10;

/// Members that a group has on average.
const MEMBERS: u64 = 1000;

/// The lists that are imported.
pub struct Lists {
    /// Everybody.
    pub all: PathBuf,
    /// Everybody, with changes.
    pub later: PathBuf,
    /// How many people.
    pub users: u64,
    /// How many changes.
    pub changes: u64,
}

impl Lists {
    /// Writes them, in no particular order of the names.
    pub fn write(dir: &Path, users: u64) -> Self {
        let changes = 1000.min(users / 10);
        let (all, later) = (dir.join("all.csv"), dir.join("later.csv"));
        write(&all, users, 0);
        write(&later, users, changes);
        Self { all, later, users, changes }
    }
}

/// A third of the changes are new addresses, a third other groups beside an address, a third newcomers.
fn write(path: &Path, users: u64, changes: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "username,email,display_name,first_name,last_name,groups").unwrap();
    let newcomers = changes / 3;
    let every = users.checked_div(changes - newcomers).unwrap_or(u64::MAX);
    let groups = (users * GROUPS_EACH / MEMBERS).max(GROUPS_EACH * 2);
    let mut done = newcomers;
    for index in 0..users + newcomers {
        let user = if index < users { shuffled(index, users) } else { index };
        let is_changed = index < users && index % every == 0 && done < changes;
        done += u64::from(is_changed);
        let domain = if is_changed { "new.example.com" } else { "example.com" };
        write!(file, "user{user:07},user{user:07}@{domain},User {user},First{user},Last{user},")
            .unwrap();
        let moves = u64::from(is_changed && done.is_multiple_of(2));
        for place in 0..GROUPS_EACH {
            // The golden ratio spreads people evenly over the groups.
            let group =
                (user * 11_400_714_819 + place * 7919 + moves * u64::from(place == 0)) % groups;
            write!(file, "{}group-{group:05}", if place == 0 { "" } else { "|" }).unwrap();
        }
        writeln!(file).unwrap();
    }
}

/// A permutation: a step that has no common divisor with the number of users.
fn shuffled(index: u64, users: u64) -> u64 {
    const STEP: u64 = 611_953;
    (index * STEP) % users
}
