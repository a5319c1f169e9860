//! Made-up people, the same every time.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

/// How many groups everybody is in.
pub const GROUPS_EACH: u64 = 10;

/// Members that a group has on average.
const MEMBERS: u64 = 500;

/// Writes a list of everybody, with another address for so many of them.
pub fn write(path: &Path, users: u64, changed: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "username,email,display_name,first_name,last_name,groups").unwrap();
    for user in 0..users {
        let domain = if user < changed { "new.example.com" } else { "example.com" };
        write!(file, "{0},{0}@{domain},User {user},First{user},Last{user},", name(user)).unwrap();
        for place in 0..GROUPS_EACH {
            let bar = if place == 0 { "" } else { "|" };
            write!(file, "{bar}group-{:05}", group(user, place, users)).unwrap();
        }
        writeln!(file).unwrap();
    }
}

pub fn name(user: u64) -> String {
    format!("user{user:07}")
}

/// The golden ratio spreads people evenly over the groups.
fn group(user: u64, place: u64, users: u64) -> u64 {
    let groups = (users * GROUPS_EACH / MEMBERS).max(GROUPS_EACH * 2);
    (user * 11_400_714_819 + place * 7919) % groups
}
