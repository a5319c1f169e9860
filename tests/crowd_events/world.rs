//! Directories in which something happens.

use std::{fmt::Write as _, io::Cursor};

use gatehouse::{
    clock::Clock,
    directory::{Change, DirectoryId, NameKey, Profile},
    provisioning::{
        Unlisted, plan_deactivation, plan_joining, plan_leaving, plan_nesting, plan_reactivation,
        plan_removal, plan_unnesting,
    },
    store::{Edit, Provision, Step, Store, StoreOptions, UserDetails},
    sync::{Events, Format, ImportRequest, import, undo_plan},
};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use crate::support::{
    databases::Database,
    directory::{claims, groups, now, policy},
};

/// The same for the same seed (`SplitMix64`).
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn user(&mut self) -> String {
        format!("{}{}", if self.below(5) == 0 { "User" } else { "user" }, self.below(12))
    }

    fn group(&mut self) -> String {
        format!("{}{}", if self.below(5) == 0 { "Group" } else { "group" }, self.below(6))
    }
}

/// Three directories that have names in common.
pub struct World {
    pub store: Store,
    pub directories: Vec<DirectoryId>,
    pub dice: Dice,
}

impl World {
    pub async fn new(store: &Store, seed: u64) -> Self {
        let mut directories = Vec::new();
        for name in ["One", "Two", "Three"] {
            directories.push(store.ensure_directory(name, now()).await.unwrap());
        }
        Self { store: store.clone(), directories, dice: Dice(seed) }
    }

    /// Somebody logs in, with groups.
    pub async fn log_in(&self, directory: DirectoryId, name: &str, said: &[&str]) {
        let mut claims = claims("saml:corp", name, groups(said));
        // Somebody else in each directory.
        claims.identity.subject.value.push_str(&directory.0.to_string());
        claims.identity.match_key = None;
        let request = Provision {
            enabled_at_source: None,
            directory,
            claims,
            policy: policy(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        // The time as it is: what is lost with a backup and what comes instead are told apart by it.
        let _ = self.store.provision(&request, Clock::System.now()).await;
    }

    pub async fn find(&self, directory: DirectoryId, name: &str) -> UserDetails {
        let all = self.store.list_users_by_name(&NameKey::of(name)).await.unwrap();
        all.into_iter().find(|details| details.user.directory == directory).unwrap()
    }

    pub async fn edit(
        &self,
        directory: DirectoryId,
        name: &str,
        changes: impl FnOnce(&UserDetails) -> Vec<Change>,
    ) {
        let all = self.store.list_users_by_name(&NameKey::of(name)).await.unwrap();
        let found = all.into_iter().find(|details| details.user.directory == directory);
        if let Some(details) = found {
            let (person, user) = (Some(details.user.person), Some(details.user.id));
            let step = |change| Step { person, user, change };
            self.steps(directory, changes(&details).into_iter().map(step).collect()).await;
        }
    }

    /// What may not be possible.
    async fn steps(&self, directory: DirectoryId, steps: Vec<Step>) {
        let (actor, reason) = ("admin".to_owned(), "test".to_owned());
        let edit = Edit { directory, steps, actor, reason };
        let _ = self.store.apply_edit(edit, false, Clock::System.now()).await;
    }

    async fn group_step(&self, directory: DirectoryId, change: Change) {
        self.steps(directory, vec![Step { person: None, user: None, change }]).await;
    }

    pub async fn import(&self, directory: DirectoryId, list: &str) {
        let request = ImportRequest {
            directory,
            source: "import:list".to_owned(),
            actor: "administrator".to_owned(),
            reason: "test".to_owned(),
            format: Format::Csv,
            unlisted: Unlisted::Deactivate,
            leave_out: true,
            dry_run: false,
            unguarded: true,
        };
        let list = Cursor::new(list.to_owned().into_bytes());
        import(&self.store, &Clock::System, &request, list, &Events::default()).await.unwrap();
    }

    /// Something happens to somebody, or to a group.
    pub async fn small_change(&mut self) {
        let directory = self.directories[usize::try_from(self.dice.below(3)).unwrap()];
        let (name, other) = (self.dice.user(), self.dice.user());
        let (group, parent) = (self.dice.group(), self.dice.group());
        let value = self.dice.below(3);
        match self.dice.below(12) {
            0 | 1 => self.log_in(directory, &name, &[&group, &parent]).await,
            2 => self.edit(directory, &name, |_| vec![plan_joining(&group)]).await,
            3 => self.edit(directory, &name, |_| vec![plan_leaving(&group)]).await,
            4 => self.edit(directory, &name, |there| plan_deactivation(&there.user)).await,
            5 => self.edit(directory, &name, |there| plan_reactivation(&there.user)).await,
            6 => {
                let removal = |there: &UserDetails| plan_removal(&there.user, &there.memberships);
                self.edit(directory, &name, removal).await;
            }
            7 => {
                self.edit(directory, &name, |there| vec![renamed(&there.user.profile, &other)])
                    .await;
            }
            8 => {
                self.edit(directory, &name, |there| vec![changed(&there.user.profile, value)])
                    .await;
            }
            9 if value == 0 => self.group_step(directory, Change::CreateGroup { group }).await,
            9 => self.group_step(directory, Change::RemoveGroup { group }).await,
            10 => self.group_step(directory, plan_nesting(&parent, &group)).await,
            _ => self.group_step(directory, plan_unnesting(&parent, &group)).await,
        }
    }

    /// Something happens, small or large.
    pub async fn change(&mut self) {
        match self.dice.below(40) {
            0 => {
                let directory = self.directories[usize::try_from(self.dice.below(3)).unwrap()];
                let list = self.list();
                self.import(directory, &list).await;
            }
            1 => self.undo().await,
            2 => {
                let directory = self.directories[usize::try_from(self.dice.below(3)).unwrap()];
                let disabled_at = (self.dice.below(3) == 0).then(now);
                self.store.set_directory_disabled(directory, disabled_at).await.unwrap();
            }
            _ => self.small_change().await,
        }
    }

    fn list(&mut self) -> String {
        let mut list = "username,email,groups\n".to_owned();
        for user in 0..12 {
            if self.dice.below(3) > 0 {
                let (domain, group) = (self.dice.below(2), self.dice.group());
                let _ = writeln!(list, "user{user},user{user}@{domain}.example.com,{group}");
            }
        }
        list
    }

    /// Takes the last plan back, or the last batch.
    async fn undo(&mut self) {
        let plans = self.store.list_plans(1).await.unwrap();
        let plan = plans.first().filter(|plan| plan.batch.is_some());
        if let Some(plan) = plan.filter(|_| self.dice.below(2) == 0) {
            let _ = undo_plan(&self.store, &Clock::System, plan, "admin", false).await;
        } else if let Some(last) = self.store.list_latest_changes(None, 1).await.unwrap().first() {
            let _ = self.store.undo(last.batch, "admin", false, Clock::System.now()).await;
        }
    }
}

fn renamed(before: &Profile, name: &str) -> Change {
    let after = Profile { username: name.to_owned(), ..before.clone() };
    Change::UpdateUser { before: before.clone(), after }
}

/// With another attribute, or without any.
fn changed(before: &Profile, value: u64) -> Change {
    let mut after = Profile { email: Some(format!("mail{value}@example.com")), ..before.clone() };
    if value == 0 {
        after.attributes.clear();
    } else {
        after.attributes.insert(format!("attribute{value}"), "x".to_owned());
    }
    Change::UpdateUser { before: before.clone(), after }
}

/// A database as it was.
pub struct Backup {
    pub options: StoreOptions,
    _dir: Option<TempDir>,
}

/// Copies a database as it is, and gives the store on the original, which goes on.
pub async fn back_up(database: &Database) -> (Store, Backup) {
    let url = &database.options.url;
    if url.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(url).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy.db").display().to_string();
        let statement = AssertSqlSafe(format!("VACUUM INTO '{copy}'"));
        sqlx::query(statement).execute(&pool).await.unwrap();
        let options = StoreOptions { url: format!("sqlite://{copy}"), password: None };
        return (database.store.clone(), Backup { options, _dir: Some(dir) });
    }
    // It is copied only while nobody else is connected.
    database.store.close().await;
    let (server, name) = url.rsplit_once('/').unwrap();
    let pool = sqlx::PgPool::connect(&format!("{server}/postgres")).await.unwrap();
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}_copy TEMPLATE {name}"));
    sqlx::query(statement).execute(&pool).await.unwrap();
    let options = StoreOptions { url: format!("{url}_copy"), password: None };
    (Store::open(&database.options).await.unwrap(), Backup { options, _dir: None })
}
