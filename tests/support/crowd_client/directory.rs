//! What an application keeps of a Crowd directory, and how it keeps up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CrowdClient, CrowdError,
    calls::{Entries, Restriction},
    entities::{Group, Membership, User},
    events::{Event, Events, Operation},
};

/// The copy in the application's own database. Names are compared without case.
#[derive(Debug, Default)]
pub struct CachedDirectory {
    /// By name.
    pub users: BTreeMap<String, CachedUser>,
    /// By name.
    pub groups: BTreeMap<String, Group>,
    /// The groups of each user.
    groups_of: BTreeMap<String, BTreeSet<String>>,
    /// The parents of each group.
    parents_of: BTreeMap<String, BTreeSet<String>>,
    token: Option<String>,
    next_id: u64,
}

/// A user, and the number by which everything that they have made belongs to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedUser {
    pub id: u64,
    pub user: User,
}

/// How it was kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronised {
    Full,
    /// By so many events.
    By(usize),
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

fn keys(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| key(name)).collect()
}

impl CachedDirectory {
    /// As the scheduled job does: by events if that is possible.
    pub async fn synchronise(&mut self, client: &CrowdClient) -> Result<Synchronised, CrowdError> {
        if let Some(token) = self.token.clone() {
            match client.events_since(&token).await {
                Ok(events) if events.available => return Ok(self.apply(events)),
                Ok(_) | Err(CrowdError::Unsupported) => {}
                Err(error) => match error.reason() {
                    Some("EVENT_TOKEN_EXPIRED" | "INCREMENTAL_SYNC_NOT_AVAILABLE") => {}
                    _ => return Err(error),
                },
            }
        }
        self.synchronise_all(client, None).await.map(|()| Synchronised::Full)
    }

    /// Everything, in pages of a size if one is given.
    pub async fn synchronise_all(
        &mut self,
        client: &CrowdClient,
        page: Option<usize>,
    ) -> Result<(), CrowdError> {
        self.token = None;
        let before = token(client).await?;
        let mut users = Vec::new();
        loop {
            let entries = Entries { start: users.len(), most: page };
            let more = client.search_users(Restriction::None, entries).await?;
            let is_last = page.is_none_or(|page| more.len() < page);
            users.extend(more);
            if is_last {
                break;
            }
        }
        let groups = client.search_groups(Restriction::None, Entries::ALL).await?;
        let memberships = client.memberships().await?;
        self.replace(users, groups, memberships)?;
        let after = token(client).await?;
        // If something happened meanwhile, the next round sees it once more.
        self.token = if before == after { after } else { before };
        Ok(())
    }

    /// The groups that a user is directly in.
    pub fn groups_of(&self, user: &str) -> Vec<&str> {
        self.groups_of.get(&key(user)).into_iter().flatten().map(String::as_str).collect()
    }

    /// The groups that a group is directly in.
    pub fn parents_of(&self, group: &str) -> Vec<&str> {
        self.parents_of.get(&key(group)).into_iter().flatten().map(String::as_str).collect()
    }

    /// What the server says of somebody who has just signed in: the user, and all groups, with those
    /// that are new.
    pub fn take_in(&mut self, user: User, groups: &[String]) {
        let name = user.name.clone();
        self.happen(Event::User(Operation::Updated, user));
        for group in groups {
            let name = group.clone();
            let new = || Group { name, description: None, active: true, attributes: [].into() };
            self.groups.entry(key(group)).or_insert_with(new);
        }
        let groups = groups.to_vec();
        self.happen(Event::UserMembership { operation: Operation::Updated, user: name, groups });
    }

    /// How many memberships of users there are.
    pub fn memberships(&self) -> usize {
        self.groups_of.values().map(BTreeSet::len).sum()
    }

    fn replace(
        &mut self,
        users: Vec<User>,
        groups: Vec<Group>,
        memberships: Vec<Membership>,
    ) -> Result<(), CrowdError> {
        let named: BTreeSet<_> = users.iter().map(|user| key(&user.name)).collect();
        if named.len() != users.len() {
            return Err(CrowdError::Malformed("a user is there twice".to_owned()));
        }
        self.put_all(users);
        self.users.retain(|name, _| named.contains(name));
        let all = groups.len();
        self.groups = groups.into_iter().map(|group| (key(&group.name), group)).collect();
        if self.groups.len() != all {
            return Err(CrowdError::Malformed("a group is there twice".to_owned()));
        }
        self.groups_of.clear();
        self.parents_of.clear();
        for membership in memberships {
            let group = key(&membership.group);
            if !self.groups.contains_key(&group) {
                continue;
            }
            // Somebody who is not here is passed over, with a warning.
            for user in membership.users.iter().map(|user| key(user)) {
                if self.users.contains_key(&user) {
                    self.groups_of.entry(user).or_default().insert(group.clone());
                }
            }
            for child in membership.groups.iter().map(|child| key(child)) {
                self.parents_of.entry(child).or_default().insert(group.clone());
            }
        }
        Ok(())
    }

    /// Who has got another name is found by the key.
    fn put_all(&mut self, users: Vec<User>) {
        let keyed = |(name, cached): (&String, &CachedUser)| {
            cached.user.key.clone().map(|key| (key, name.clone()))
        };
        let mut names: BTreeMap<String, String> = self.users.iter().filter_map(keyed).collect();
        for user in users {
            let old = user.key.as_ref().and_then(|key| names.remove(key));
            self.put(user, old);
        }
    }

    fn put(&mut self, user: User, old: Option<String>) {
        let name = key(&user.name);
        if let Some(old) = old.filter(|old| *old != name)
            && let Some(cached) = self.users.remove(&old)
        {
            self.users.insert(name.clone(), cached);
            if let Some(groups) = self.groups_of.remove(&old) {
                self.groups_of.insert(name.clone(), groups);
            }
        }
        let known = self.users.get(&name).map(|cached| cached.id);
        let id = known.unwrap_or_else(|| {
            self.next_id += 1;
            self.next_id
        });
        self.users.insert(name, CachedUser { id, user });
    }

    fn apply(&mut self, events: Events) -> Synchronised {
        let count = events.events.len();
        for event in events.events {
            self.happen(event);
        }
        self.token = Some(events.new_token);
        Synchronised::By(count)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::User(_, user) => {
                let is_same =
                    |cached: &&CachedUser| user.key.is_some() && cached.user.key == user.key;
                let old = self.users.values().find(is_same).map(|cached| key(&cached.user.name));
                self.put(user, old);
            }
            Event::UserGone(name) => {
                self.users.remove(&key(&name));
                self.groups_of.remove(&key(&name));
            }
            Event::Group(_, group) => {
                self.groups.insert(key(&group.name), group);
            }
            Event::GroupGone(name) => self.forget_group(&key(&name)),
            Event::UserMembership { operation, user, groups } => {
                change(self.groups_of.entry(key(&user)).or_default(), operation, &groups);
            }
            Event::GroupMembership { operation, group, parents, children } => {
                let group = key(&group);
                if operation == Operation::Updated {
                    self.parents_of.values_mut().for_each(|parents| {
                        parents.remove(&group);
                    });
                }
                change(self.parents_of.entry(group.clone()).or_default(), operation, &parents);
                for child in keys(&children) {
                    let parents = self.parents_of.entry(child).or_default();
                    if operation == Operation::Deleted {
                        parents.remove(&group);
                    } else {
                        parents.insert(group.clone());
                    }
                }
            }
        }
    }

    fn forget_group(&mut self, group: &str) {
        self.groups.remove(group);
        self.parents_of.remove(group);
        for groups in self.groups_of.values_mut().chain(self.parents_of.values_mut()) {
            groups.remove(group);
        }
    }
}

fn change(set: &mut BTreeSet<String>, operation: Operation, names: &[String]) {
    match operation {
        Operation::Created => set.extend(keys(names)),
        Operation::Deleted => set.retain(|name| !keys(names).contains(name)),
        Operation::Updated => *set = keys(names),
    }
}

/// Where the events are, if there are any.
async fn token(client: &CrowdClient) -> Result<Option<String>, CrowdError> {
    match client.event_token().await {
        Ok(events) => Ok(events.available.then_some(events.new_token)),
        Err(CrowdError::Unsupported) => Ok(None),
        Err(error) if error.reason() == Some("INCREMENTAL_SYNC_NOT_AVAILABLE") => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, key: &str) -> User {
        User { name: name.to_owned(), key: Some(key.to_owned()), active: true, ..User::default() }
    }

    fn group(name: &str) -> Group {
        Group { name: name.to_owned(), description: None, active: true, attributes: [].into() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn small() -> CachedDirectory {
        let mut directory = CachedDirectory::default();
        let users = vec![user("Alice", "1"), user("bob", "2")];
        let (both, alice) = (names(&["ALICE", "bob", "lost"]), names(&["alice"]));
        let memberships = vec![
            Membership { group: "G".to_owned(), users: both, groups: names(&["h"]) },
            Membership { group: "h".to_owned(), users: alice, groups: Vec::new() },
        ];
        directory.replace(users, vec![group("g"), group("H")], memberships).unwrap();
        directory
    }

    #[test]
    fn names_are_the_same_in_any_case() {
        let directory = small();
        assert_eq!(directory.groups_of("aLICE"), ["g", "h"]);
        assert_eq!(directory.parents_of("H"), ["g"]);
        assert_eq!(directory.memberships(), 3);
        let twice = vec![user("alice", "1"), user("ALICE", "2")];
        assert!(CachedDirectory::default().replace(twice, Vec::new(), Vec::new()).is_err());
    }

    #[test]
    fn somebody_with_another_name_is_the_same_by_the_key() {
        for by_event in [true, false] {
            let mut directory = small();
            let id = directory.users["bob"].id;
            if by_event {
                directory.happen(Event::User(Operation::Updated, user("robert", "2")));
                assert_eq!(directory.groups_of("robert"), ["g"]);
            } else {
                directory.replace(vec![user("robert", "2")], Vec::new(), Vec::new()).unwrap();
                assert_eq!(directory.users.len(), 1);
            }
            assert_eq!(directory.users["robert"].id, id);
            assert!(!directory.users.contains_key("bob"));
        }
    }

    #[test]
    fn an_update_of_memberships_is_all_of_them() {
        let mut directory = small();
        let mut happen = |operation, groups: &[&str]| {
            let (user, groups) = ("alice".to_owned(), names(groups));
            directory.happen(Event::UserMembership { operation, user, groups });
            directory.groups_of("alice").join(" ")
        };
        assert_eq!(happen(Operation::Updated, &["H"]), "h");
        assert_eq!(happen(Operation::Created, &["G"]), "g h");
        assert_eq!(happen(Operation::Deleted, &["g"]), "h");
    }

    #[test]
    fn what_is_gone_takes_its_memberships_along() {
        let mut directory = small();
        directory.happen(Event::GroupGone("g".to_owned()));
        directory.happen(Event::UserGone("bob".to_owned()));
        assert_eq!((directory.memberships(), directory.users.len()), (1, 1));
        assert!(directory.parents_of("h").is_empty());
        let applied = directory.apply(Events {
            new_token: "next".to_owned(),
            available: true,
            events: Vec::new(),
        });
        assert_eq!((applied, directory.token.as_deref()), (Synchronised::By(0), Some("next")));
    }
}
