//! What a plan takes away: memberships, the use of accounts, accounts, empty groups.

use super::{Applier, NewGroup, applier::Outcome, current};
use crate::{
    directory::{NameKey, StepKind, UserStep},
    store::{Connection, StoreError, sessions, tombstones, within},
};

impl Applier {
    /// Ends memberships and accounts, and the sessions of who has lost one; says how many.
    pub(super) async fn apply_endings(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
    ) -> Result<(Outcome, u64), StoreError> {
        let mut outcome =
            Outcome { skipped: self.stale(connection, steps).await?, ..Outcome::default() };
        let mut ended = 0;
        for step in steps.iter().filter(|step| !self.outcome.skipped.contains(&step.user)) {
            if outcome.skipped.contains(&step.user) {
                continue;
            }
            let removes = step.kind() == StepKind::Remove;
            // Who has got more since is not removed: somebody else relies on the account.
            if removes && current::has_others(connection, step, self.source).await? {
                outcome.skipped.insert(step.user);
                continue;
            }
            self.leave(connection, step).await?;
            match step.kind() {
                StepKind::Remove => self.remove_user(connection, step).await?,
                StepKind::Deactivate => self.update_user(connection, step).await?,
                StepKind::Keep | StepKind::Create | StepKind::Update => continue,
            }
            self.change_identity(connection, step).await?;
            ended += sessions::delete_of(connection, step.person, self.now).await?;
        }
        Ok((outcome, ended))
    }

    async fn leave(
        &self,
        connection: &mut Connection<'_>,
        step: &UserStep,
    ) -> Result<(), StoreError> {
        const BY_USER: &str =
            "DELETE FROM memberships WHERE user_id = $1 AND group_id = $2 AND source_id = $3";
        const BY_GROUP: &str =
            "DELETE FROM group_members WHERE user_id = $1 AND group_id = $2 AND source_id = $3";
        for group in &step.leaves {
            let group = self.outcome.group(*group);
            for statement in [BY_USER, BY_GROUP] {
                within!(connection, |connection| {
                    sqlx::query(statement)
                        .bind(step.user.0)
                        .bind(group.0)
                        .bind(self.source)
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
            }
        }
        Ok(())
    }

    async fn remove_user(
        &self,
        connection: &mut Connection<'_>,
        step: &UserStep,
    ) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM users WHERE id = $1 AND uuid = $2";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(step.user.0)
                .bind(step.uuid)
                .execute(connection)
                .await
                .map(drop)?;
        });
        if let (Some(before), None) = (&step.before, self.plan.plan.undoes) {
            let (directory, key) =
                (self.plan.plan.directory, NameKey::of(&before.profile.username));
            let person = Some(step.person);
            tombstones::insert(connection, directory, &key, step.uuid, person, self.now).await?;
        }
        Ok(())
    }

    /// Removes groups that nobody is in.
    pub(super) async fn remove_groups(
        &self,
        connection: &mut Connection<'_>,
        groups: &[NewGroup],
    ) -> Result<Outcome, StoreError> {
        const SQL: &str = "
            DELETE FROM groups WHERE id = $1 AND uuid = $2
              AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = groups.id)
              AND NOT EXISTS (SELECT 1 FROM group_nestings n
                              WHERE n.parent_id = groups.id OR n.child_id = groups.id)";
        for group in groups {
            within!(connection, |connection| {
                sqlx::query(SQL)
                    .bind(group.id.0)
                    .bind(group.uuid)
                    .execute(connection)
                    .await
                    .map(drop)?;
            });
        }
        Ok(Outcome::default())
    }
}
