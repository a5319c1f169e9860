//! What an application keeps of its directories: it reads all of it, or heeds what it is told.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse::{
    directory::{DirectoryId, NameKey, User},
    store::{CrowdEvent, EventUser, LogPlace, Store},
};
use uuid::Uuid;

/// An account: its number, what it shows, and its attributes.
type Kept = (Uuid, String, BTreeMap<String, String>);

/// An application's copy.
#[derive(Debug, Default)]
pub struct Copy {
    pub directories: Vec<DirectoryId>,
    place: Option<LogPlace>,
    users: BTreeMap<NameKey, Kept>,
    groups: BTreeMap<NameKey, String>,
    memberships: BTreeMap<NameKey, BTreeSet<NameKey>>,
    /// Parent and child.
    nestings: BTreeSet<(NameKey, NameKey)>,
}

fn keys(names: &[String]) -> BTreeSet<NameKey> {
    names.iter().map(|name| NameKey::of(name)).collect()
}

fn kept(user: &User) -> Kept {
    let mut profile = user.profile.clone();
    let attributes = std::mem::take(&mut profile.attributes);
    (user.uuid, format!("{profile:?} {:?}", user.inactive), attributes)
}

impl Copy {
    /// Of these directories, with nothing in it yet.
    pub fn of(directories: &[DirectoryId]) -> Self {
        Self { directories: directories.to_vec(), ..Self::default() }
    }

    /// Heeds what has happened, and says how many events it was; or reads all of it.
    pub async fn follow(&mut self, store: &Store) -> Option<usize> {
        if let Some(place) = &self.place {
            let text = place.text();
            let place = LogPlace::parse(&text).unwrap();
            let told = store.read_crowd_events(&self.directories, &place).await.unwrap();
            if let Some(told) = told {
                let count = told.events.len();
                for event in told.events {
                    self.heed(event);
                }
                self.place = Some(told.place);
                return Some(count);
            }
        }
        let place = store.find_log_place(&self.directories).await.unwrap();
        *self = Self { place: Some(place), ..Self::read(store, &self.directories).await };
        None
    }

    fn heed(&mut self, event: CrowdEvent) {
        match event {
            CrowdEvent::Group(group) => {
                self.groups.insert(NameKey::of(&group.name), group.name);
            }
            CrowdEvent::NoGroup(name) => {
                let key = NameKey::of(&name);
                self.groups.remove(&key);
                self.nestings.retain(|(parent, child)| *parent != key && *child != key);
                for groups in self.memberships.values_mut() {
                    groups.remove(&key);
                }
            }
            CrowdEvent::User(user) => self.heed_user(&user),
            CrowdEvent::NoUser(name) => {
                self.users.remove(&NameKey::of(&name));
                self.memberships.remove(&NameKey::of(&name));
            }
            CrowdEvent::GroupsOfUser { username, groups } => {
                assert!(self.users.contains_key(&NameKey::of(&username)), "{username} is unknown");
                let groups = keys(&groups);
                for group in &groups {
                    assert!(self.groups.contains_key(group), "{group} is unknown");
                }
                self.memberships.insert(NameKey::of(&username), groups);
            }
            CrowdEvent::GroupsOfGroup { group, parents, children } => {
                let key = NameKey::of(&group);
                let (parents, children) = (keys(&parents), keys(&children));
                for group in parents.iter().chain(&children).chain([&key]) {
                    assert!(self.groups.contains_key(group), "{group} is unknown");
                }
                self.nestings.retain(|(parent, child)| *parent != key && *child != key);
                self.nestings.extend(parents.into_iter().map(|parent| (parent, key.clone())));
                self.nestings.extend(children.into_iter().map(|child| (key.clone(), child)));
            }
        }
    }

    /// An account that is known by another name is renamed, and keeps what it has.
    fn heed_user(&mut self, told: &EventUser) {
        let key = NameKey::of(&told.seen.user.profile.username);
        let (uuid, shown, attributes) = kept(&told.seen.user);
        let known = self.users.iter().find(|(_, (known, ..))| *known == uuid);
        let mut before = BTreeMap::new();
        if let Some(known) = known.map(|(key, _)| key.clone()) {
            before = self.users.remove(&known).unwrap().2;
            if let Some(groups) = self.memberships.remove(&known) {
                self.memberships.insert(key.clone(), groups);
            }
        }
        for name in &told.dropped_attributes {
            before.remove(name);
        }
        before.extend(attributes);
        self.users.insert(key, (uuid, shown, before));
    }

    /// All that is there: of users, those of the first directory that has their name.
    pub async fn read(store: &Store, directories: &[DirectoryId]) -> Self {
        let mut copy = Self::of(directories);
        let all = store.list_directories().await.unwrap();
        let enabled = |id: &&DirectoryId| {
            all.iter().any(|listed| listed.id == **id && listed.disabled_at.is_none())
        };
        for directory in directories.iter().filter(enabled) {
            for details in store.list_users(Some(*directory), 100_000).await.unwrap() {
                let key = NameKey::of(&details.user.profile.username);
                if copy.users.contains_key(&key) {
                    continue;
                }
                copy.users.insert(key.clone(), kept(&details.user));
                let groups = details.memberships.iter().map(|(group, _)| NameKey::of(group));
                copy.memberships.insert(key, groups.collect());
            }
            for (group, _) in store.list_groups_in(*directory).await.unwrap() {
                copy.groups.entry(group.key()).or_insert(group.name);
                for nesting in store.list_nestings(group.id).await.unwrap() {
                    let (parent, child) = (&nesting.parent, &nesting.child);
                    copy.nestings.insert((NameKey::of(parent), NameKey::of(child)));
                }
            }
        }
        copy
    }

    pub fn assert_same(&self, other: &Self, step: usize) {
        assert_eq!(self.users, other.users, "users after step {step}");
        assert_eq!(self.groups, other.groups, "groups after step {step}");
        assert_eq!(self.memberships, other.memberships, "memberships after step {step}");
        assert_eq!(self.nestings, other.nestings, "groups in groups after step {step}");
    }
}
