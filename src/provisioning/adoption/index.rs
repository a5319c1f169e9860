//! What an application has, by everything that users can be found by.

use std::collections::{HashMap, HashSet};

use super::ExistingUser;
use crate::directory::NameKey;

/// A username that an application has, and everybody who goes by it.
///
/// An application that reads several directories may list one name several times; for the application it
/// is one user.
#[derive(Debug)]
pub(super) struct Named<'a> {
    /// As it is first spelled.
    pub(super) username: &'a str,
    /// The rows that have it.
    pub(super) rows: Vec<&'a ExistingUser>,
}

/// The names that have something in common. Numbers are those of [`Index::names`].
type Bucket = HashMap<String, Vec<usize>>;

/// The names of an application, and the ways to find them.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) names: Vec<Named<'a>>,
    by_username: HashMap<NameKey, usize>,
    by_id: Bucket,
    by_email: Bucket,
    by_local: Bucket,
    by_display_name: Bucket,
}

impl<'a> Index<'a> {
    pub(super) fn new(existing: &'a [ExistingUser]) -> Self {
        let mut index = Self {
            names: Vec::new(),
            by_username: HashMap::with_capacity(existing.len()),
            by_id: HashMap::new(),
            by_email: HashMap::new(),
            by_local: HashMap::new(),
            by_display_name: HashMap::new(),
        };
        for user in existing {
            let key = NameKey::of(&user.username);
            let number = *index.by_username.entry(key).or_insert(index.names.len());
            match index.names.get_mut(number) {
                Some(named) => named.rows.push(user),
                None => index.names.push(Named { username: &user.username, rows: vec![user] }),
            }
        }
        for (number, named) in index.names.iter().enumerate() {
            let rows = || named.rows.iter();
            add(&mut index.by_id, number, rows().filter_map(|row| row.id.clone()));
            add(
                &mut index.by_email,
                number,
                rows().filter_map(|row| email_key(row.email.as_ref())),
            );
            let locals = rows().flat_map(|row| locals(Some(&row.username), row.email.as_deref()));
            add(&mut index.by_local, number, locals);
            let shown = rows().filter_map(|row| words(row.display_name.as_deref()));
            add(&mut index.by_display_name, number, shown);
        }
        index
    }

    pub(super) fn username(&self, username: &str) -> Option<usize> {
        self.by_username.get(&NameKey::of(username)).copied()
    }

    pub(super) fn id(&self, id: &str) -> &[usize] {
        find(&self.by_id, id)
    }

    pub(super) fn email(&self, key: &str) -> &[usize] {
        find(&self.by_email, key)
    }

    pub(super) fn local(&self, key: &str) -> &[usize] {
        find(&self.by_local, key)
    }

    pub(super) fn display_name(&self, key: &str) -> &[usize] {
        find(&self.by_display_name, key)
    }
}

fn find<'b>(bucket: &'b Bucket, key: &str) -> &'b [usize] {
    bucket.get(key).map_or(&[], Vec::as_slice)
}

/// Puts a name under each key, once.
fn add(bucket: &mut Bucket, number: usize, keys: impl Iterator<Item = String>) {
    for key in keys.collect::<HashSet<_>>() {
        bucket.entry(key).or_default().push(number);
    }
}

/// What an address is compared by: the case makes no difference.
pub(super) fn email_key(email: Option<&String>) -> Option<String> {
    email.map(|email| NameKey::of(email).as_str().to_owned())
}

/// The parts before the `@` of a name and of an address, or the name itself if it is none.
pub(super) fn locals(username: Option<&str>, email: Option<&str>) -> Vec<String> {
    let local = |name: &str| {
        let key = NameKey::of(name);
        key.as_str().split('@').next().unwrap_or_default().to_owned()
    };
    let mut found: Vec<_> = [username, email].into_iter().flatten().map(local).collect();
    found.retain(|local| !local.is_empty());
    found.dedup();
    found
}

/// The words of a name in a fixed order: `Smith, Alice` and `Alice Smith` are one.
pub(super) fn words(name: Option<&str>) -> Option<String> {
    let key = NameKey::of(name?);
    let words = key.as_str().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    (!words.is_empty()).then(|| words.join(" "))
}
