//! What an application may change.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};

use crate::{
    crowd::{Asking, Crowd, Failure, Reason},
    directory::{DirectoryId, NameKey, PersonId},
    store::{GroupListing, SeenUser},
};

/// Directories have fewer groups of one name.
const MOST_DIRECTORIES: i64 = 1000;

/// An application that may change what is the gateway's own. Whoever has one need not ask again.
#[derive(Clone, Debug)]
pub(super) struct Writing(pub(super) Asking);

impl<S: Sync> FromRequestParts<S> for Writing {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let asking = Asking::from_request_parts(parts, state).await?;
        if asking.application.writable { Ok(Self(asking)) } else { Err(read_only()) }
    }
}

/// Clients know by the status that they may not.
pub(super) fn forbidden(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(StatusCode::FORBIDDEN, Reason::ApplicationPermissionDenied, message)
}

fn read_only() -> Failure {
    forbidden("The application may not change this directory")
}

impl Crowd {
    /// The directories that an application may change, in order.
    async fn own_directories(&self, writing: &Writing) -> Result<Vec<DirectoryId>, Failure> {
        Ok(self.store.list_own_directories(&writing.0.application.directories).await?)
    }

    /// Where what is new belongs.
    pub(super) async fn directory_of_newcomers(
        &self,
        writing: &Writing,
    ) -> Result<DirectoryId, Failure> {
        self.own_directories(writing).await?.first().copied().ok_or_else(read_only)
    }

    /// The directories whose passwords an application may have changed.
    pub(super) async fn directories_of_passwords(
        &self,
        writing: &Writing,
    ) -> Result<Vec<DirectoryId>, Failure> {
        let own = self.own_directories(writing).await?;
        if own.is_empty() { Err(read_only()) } else { Ok(own) }
    }

    /// The user of that name, who is the application's to change.
    pub(super) async fn find_changeable_user(
        &self,
        writing: &Writing,
        name: &str,
    ) -> Result<SeenUser, Failure> {
        let seen = self.find_user(&writing.0, name).await?;
        if !self.own_directories(writing).await?.contains(&seen.user.directory) {
            return Err(read_only());
        }
        if self.is_protected_person(writing, seen.user.person).await? {
            return Err(forbidden(format!("User <{name}> is protected")));
        }
        Ok(seen)
    }

    /// Whoever is an administrator, or lets one in when the identity provider is down: with whichever of their
    /// accounts, for one lets in to what the others may do.
    pub(super) async fn is_protected_person(
        &self,
        writing: &Writing,
        person: PersonId,
    ) -> Result<bool, Failure> {
        for account in self.store.list_accounts_of(person).await? {
            let password = self.store.find_password(account).await?;
            if password.is_some_and(|password| password.break_glass) {
                return Ok(true);
            }
            let groups = self.store.list_groups_of(account).await?;
            let groups = groups.iter().map(|group| NameKey::of(group)).collect();
            if self.is_within_protected(writing, groups).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The groups of that name, in the order of the directories, all of which are the application's to change.
    pub(super) async fn find_changeable_groups(
        &self,
        writing: &Writing,
        name: &str,
    ) -> Result<Vec<GroupListing>, Failure> {
        let seen = self.find_group(&writing.0, name).await?;
        let own = self.own_directories(writing).await?;
        let mut listed = self.store.list_groups(Some(&NameKey::of(name)), MOST_DIRECTORIES).await?;
        listed.retain(|group| seen.ids.contains(&group.id));
        let place = |group: &GroupListing| seen.ids.iter().position(|id| *id == group.id);
        listed.sort_by_key(place);
        if listed.iter().any(|group| !own.contains(&group.directory)) {
            return Err(read_only());
        }
        self.require_unprotected_group(writing, name).await?;
        Ok(listed)
    }

    /// Refuses what would change who is in a protected group, by way of whichever groups.
    pub(super) async fn require_unprotected_group(
        &self,
        writing: &Writing,
        name: &str,
    ) -> Result<(), Failure> {
        if self.is_within_protected(writing, vec![NameKey::of(name)]).await? {
            return Err(forbidden(format!("Group <{name}> is protected")));
        }
        Ok(())
    }

    /// Whether one of these groups is protected, or one around them. Groups of one name are one group to the
    /// application: what is around it in one directory is around all of it.
    async fn is_within_protected(
        &self,
        writing: &Writing,
        groups: Vec<NameKey>,
    ) -> Result<bool, Failure> {
        let (mut seen, mut new) = (BTreeSet::new(), groups);
        while let Some(group) = new.pop() {
            if self.managed_groups.is_protected(&group) {
                return Ok(true);
            }
            if seen.insert(group.clone()) {
                for directory in writing.0.application.directories.iter() {
                    let around = self.store.list_groups_around(*directory, &group).await?;
                    new.extend(around.iter().map(|name| NameKey::of(name)));
                }
            }
        }
        Ok(false)
    }
}
