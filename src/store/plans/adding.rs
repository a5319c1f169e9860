//! What a plan adds: groups, accounts, memberships.

use std::collections::HashSet;

use super::{Applier, GroupJoins, NewGroup, applier::Outcome, current};
use crate::{
    directory::{GroupId, InactiveReason, NameKey, StepKind, UserId, UserState, UserStep},
    store::{
        Connection, StoreError,
        apply::groups::find_group,
        attributes::attributes_text,
        rows::{Cell, Kind, Table, insert_rows},
        time::micros,
        tombstones, within,
    },
};

const PERSONS: Table = Table {
    name: "persons",
    columns: &[("id", Kind::Number), ("uuid", Kind::Uuid), ("created_at", Kind::Number)],
};

const USERS: Table = Table {
    name: "users",
    columns: &[
        ("id", Kind::Number),
        ("uuid", Kind::Uuid),
        ("directory_id", Kind::Number),
        ("person_id", Kind::Number),
        ("username", Kind::Text),
        ("username_key", Kind::Text),
        ("email", Kind::Text),
        ("display_name", Kind::Text),
        ("first_name", Kind::Text),
        ("last_name", Kind::Text),
        ("attributes", Kind::Text),
        ("inactive_reason", Kind::Text),
        ("created_at", Kind::Number),
        ("updated_at", Kind::Number),
    ],
};

const GROUPS: Table = Table {
    name: "groups",
    columns: &[
        ("id", Kind::Number),
        ("uuid", Kind::Uuid),
        ("directory_id", Kind::Number),
        ("name", Kind::Text),
        ("name_key", Kind::Text),
        ("created_at", Kind::Number),
    ],
};

const MEMBERSHIPS: Table = Table {
    name: "memberships",
    columns: &[("user_id", Kind::Number), ("group_id", Kind::Number), ("source_id", Kind::Number)],
};

const GROUP_MEMBERS: Table = Table {
    name: "group_members",
    columns: &[("group_id", Kind::Number), ("user_id", Kind::Number), ("source_id", Kind::Number)],
};

impl Applier {
    /// Makes groups. One that somebody has made meanwhile is taken as it is.
    pub(super) async fn create_groups(
        &self,
        connection: &mut Connection<'_>,
        groups: &[NewGroup],
    ) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        let directory = self.plan.plan.directory;
        let keys: Vec<_> = groups.iter().map(|group| NameKey::of(&group.name)).collect();
        let mut cells = Vec::with_capacity(groups.len() * GROUPS.columns.len());
        for (group, key) in groups.iter().zip(&keys) {
            if let Some(id) = find_group(connection, directory, key).await? {
                outcome.renumbered.insert(group.id, id);
                continue;
            }
            cells.extend([
                Cell::Number(group.id.0),
                Cell::Uuid(group.uuid),
                Cell::Number(directory.0),
                Cell::Text(&group.name),
                Cell::Text(key.as_str()),
                Cell::Number(micros(self.now)),
            ]);
        }
        insert_rows(connection, &GROUPS, &cells).await?;
        Ok(outcome)
    }

    /// Makes and updates accounts, and lets them join groups.
    pub(super) async fn apply_users(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
    ) -> Result<Outcome, StoreError> {
        let mut outcome =
            Outcome { skipped: self.stale(connection, steps).await?, ..Outcome::default() };
        let meant: Vec<_> =
            steps.iter().filter(|step| !outcome.skipped.contains(&step.user)).collect();
        let created: Vec<_> =
            meant.iter().copied().filter(|step| step.kind() == StepKind::Create).collect();
        self.park_names(connection, &meant).await?;
        self.create_users(connection, &created).await?;
        self.identify(connection, &meant).await?;
        for step in meant.iter().filter(|step| step.kind() == StepKind::Update) {
            self.update_user(connection, step).await?;
        }
        outcome.not_joined = self.join(connection, &meant).await?;
        Ok(outcome)
    }

    /// The accounts of which somebody has changed what the plan has seen, and those that were left as they are
    /// before.
    pub(super) async fn stale(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
    ) -> Result<HashSet<UserId>, StoreError> {
        let mut stale: HashSet<_> = steps.iter().map(|step| step.user).collect();
        stale.retain(|user| self.outcome.skipped.contains(user));
        for step in steps {
            let is_there = step.kind() != StepKind::Create;
            if is_there
                && self.touched.has_user(step.user)
                && !current::is(connection, step).await?
            {
                stale.insert(step.user);
            }
        }
        self.find_overtaken(connection, steps, &mut stale).await?;
        self.find_nameless(connection, steps, &mut stale).await?;
        Ok(stale)
    }

    async fn create_users(
        &self,
        connection: &mut Connection<'_>,
        steps: &[&UserStep],
    ) -> Result<(), StoreError> {
        let (directory, now) = (self.plan.plan.directory, micros(self.now));
        if self.plan.plan.undoes.is_none() {
            let person = |step: &&UserStep| {
                let uuid = uuid::Uuid::now_v7();
                [Cell::Number(step.person.0), Cell::Uuid(uuid), Cell::Number(now)]
            };
            let new = steps.iter().filter(|step| !step.of_known_person);
            let cells: Vec<_> = new.flat_map(person).collect();
            insert_rows(connection, &PERSONS, &cells).await?;
        }
        let states = steps.iter().filter_map(|step| step.after.as_ref().map(|after| (step, after)));
        let named: Vec<_> = states
            .map(|(step, after)| {
                let profile = &after.profile;
                let texts = (NameKey::of(&profile.username), attributes_text(&profile.attributes));
                (step, after, texts)
            })
            .collect();
        let mut cells = Vec::with_capacity(named.len() * USERS.columns.len());
        for (step, UserState { profile, inactive }, (key, attributes)) in &named {
            cells.extend([
                Cell::Number(step.user.0),
                Cell::Uuid(step.uuid),
                Cell::Number(directory.0),
                Cell::Number(step.person.0),
                Cell::Text(&profile.username),
                Cell::Text(key.as_str()),
                Cell::optional(profile.email.as_deref()),
                Cell::optional(profile.display_name.as_deref()),
                Cell::optional(profile.first_name.as_deref()),
                Cell::optional(profile.last_name.as_deref()),
                Cell::optional(attributes.as_deref()),
                Cell::optional(inactive.map(InactiveReason::as_str)),
                Cell::Number(now),
                Cell::Number(now),
            ]);
        }
        insert_rows(connection, &USERS, &cells).await?;
        // Who had the name is back, or it is nobody's.
        let is_undoing = self.plan.plan.undoes.is_some();
        for (_, _, (key, _)) in named.iter().filter(|(step, ..)| is_undoing || step.of_known_person)
        {
            tombstones::delete(connection, directory, key).await?;
        }
        Ok(())
    }

    pub(super) async fn update_user(
        &self,
        connection: &mut Connection<'_>,
        step: &UserStep,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE users SET username = $2, username_key = $3, email = $4, display_name = $5,
                first_name = $6, last_name = $7, inactive_reason = $8, updated_at = $9,
                attributes = $10
            WHERE id = $1";
        let Some(UserState { profile, inactive }) = &step.after else {
            return Ok(());
        };
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(step.user.0)
                .bind(&profile.username)
                .bind(NameKey::of(&profile.username).as_str())
                .bind(&profile.email)
                .bind(&profile.display_name)
                .bind(&profile.first_name)
                .bind(&profile.last_name)
                .bind(inactive.map(InactiveReason::as_str))
                .bind(micros(self.now))
                .bind(attributes_text(&profile.attributes))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    /// Writes memberships in the order of the users; gives those that were not to be begun.
    async fn join(
        &self,
        connection: &mut Connection<'_>,
        steps: &[&UserStep],
    ) -> Result<HashSet<(UserId, GroupId)>, StoreError> {
        let gone = self.gone_groups(connection).await?;
        let (mut left_out, mut cells) = (HashSet::new(), Vec::new());
        for step in steps {
            let mut groups: Vec<_> =
                step.joins.iter().map(|group| (self.outcome.group(*group), *group)).collect();
            groups.sort_unstable();
            let is_touched = self.touched.has_user(step.user);
            for (group, planned) in groups {
                let is_there = is_touched
                    && current::is_member(connection, step.user, group, self.source).await?;
                if is_there || gone.as_ref().is_some_and(|alive| !alive.contains(&group)) {
                    left_out.insert((step.user, planned));
                    continue;
                }
                cells.extend([step.user.0, group.0, self.source].map(Cell::Number));
            }
        }
        insert_rows(connection, &MEMBERSHIPS, &cells).await?;
        Ok(left_out)
    }

    /// The groups that are there, if somebody has removed one since.
    async fn gone_groups(
        &self,
        connection: &mut Connection<'_>,
    ) -> Result<Option<HashSet<GroupId>>, StoreError> {
        if !self.touched.has_lost_groups() {
            return Ok(None);
        }
        current::groups(connection, self.plan.plan.directory).await.map(Some)
    }

    /// Writes the same memberships in the order of the groups.
    pub(super) async fn add_members(
        &self,
        connection: &mut Connection<'_>,
        joins: &[GroupJoins],
    ) -> Result<Outcome, StoreError> {
        let mut cells = Vec::new();
        for GroupJoins { group: planned, users } in joins {
            let group = self.outcome.group(*planned);
            for user in users {
                if self.outcome.skipped.contains(user)
                    || self.outcome.not_joined.contains(&(*user, *planned))
                {
                    continue;
                }
                if self.touched.has_user(*user) || self.touched.has_lost_groups() {
                    current::mirror(connection, *user, group, self.source).await?;
                    continue;
                }
                cells.extend([group.0, user.0, self.source].map(Cell::Number));
            }
        }
        insert_rows(connection, &GROUP_MEMBERS, &cells).await?;
        Ok(Outcome::default())
    }
}
