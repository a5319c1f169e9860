//! Groups that get other names or external ids.

use std::collections::{HashMap, HashSet};

use super::{Applier, applier::Outcome, naming::PARKED};
use crate::{
    directory::{GroupId, GroupState, GroupStep, NameKey},
    store::{Connection, StoreError, apply::groups::find_group, time::micros, within},
};

impl Applier {
    /// Changes what groups are called. One that is not as the plan has seen it stays as it is, and one whose new name
    /// somebody else's group has got.
    pub(super) async fn change_groups(
        &self,
        connection: &mut Connection<'_>,
        steps: &[GroupStep],
    ) -> Result<Outcome, StoreError> {
        let meant = self.possible(connection, steps).await?;
        // Two groups can swap names: all old ones go before any new one comes.
        for step in meant.iter().filter(|step| step.renames()) {
            let group = self.outcome.group(step.group);
            self.rename_group(connection, group, None).await?;
        }
        for step in meant.iter().filter(|step| step.renames()) {
            let group = self.outcome.group(step.group);
            self.rename_group(connection, group, Some(&step.after.name)).await?;
        }
        for step in &meant {
            self.forget_external_id(connection, step).await?;
        }
        for step in &meant {
            self.note_external_id(connection, step).await?;
        }
        Ok(Outcome::default())
    }

    /// The steps that can be made, all of them together.
    async fn possible<'s>(
        &self,
        connection: &mut Connection<'_>,
        steps: &'s [GroupStep],
    ) -> Result<Vec<&'s GroupStep>, StoreError> {
        const NAME: &str = "SELECT name_key FROM groups WHERE id = $1";
        let mut meant = Vec::new();
        for step in steps {
            let id = self.outcome.group(step.group).0;
            let name: Option<String> = within!(connection, |connection| {
                sqlx::query_scalar(NAME).bind(id).fetch_optional(connection).await?
            });
            if name.is_some_and(|name| name == NameKey::of(&step.before.name).as_str()) {
                meant.push(step);
            }
        }
        let mut holders: HashMap<GroupId, GroupId> = HashMap::new();
        for step in meant.iter().filter(|step| step.renames()) {
            let name = NameKey::of(&step.after.name);
            let holder = find_group(connection, self.plan.plan.directory, &name).await?;
            holders.extend(holder.map(|holder| (step.group, holder)));
        }
        loop {
            let movers = meant.iter().filter(|step| step.renames());
            let movers: HashSet<_> = movers.map(|step| self.outcome.group(step.group)).collect();
            let count = meant.len();
            meant.retain(|step| holders.get(&step.group).is_none_or(|by| movers.contains(by)));
            if meant.len() == count {
                return Ok(meant);
            }
        }
    }

    /// Gives a group a name, or none for the moment.
    async fn rename_group(
        &self,
        connection: &mut Connection<'_>,
        group: GroupId,
        name: Option<&str>,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE groups SET name = COALESCE($2, name), name_key = $3 WHERE id = $1";
        let key = name.map_or_else(
            || format!("{PARKED}{}", group.0),
            |name| NameKey::of(name).as_str().to_owned(),
        );
        within!(connection, |connection| {
            let rename = sqlx::query(SQL).bind(group.0).bind(name).bind(key);
            rename.execute(connection).await.map(drop)?;
        });
        Ok(())
    }

    async fn forget_external_id(
        &self,
        connection: &mut Connection<'_>,
        step: &GroupStep,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM group_external_ids
            WHERE directory_id = $1 AND source = $2 AND external_id = $3 AND group_id = $4";
        let GroupState { external_id, .. } = &step.before;
        let Some(id) = external_id.as_ref().filter(|_| *external_id != step.after.external_id)
        else {
            return Ok(());
        };
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.plan.plan.directory.0)
                .bind(&self.plan.plan.source)
                .bind(id)
                .bind(self.outcome.group(step.group).0)
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    /// A group that the source knows already stays known as it is.
    async fn note_external_id(
        &self,
        connection: &mut Connection<'_>,
        step: &GroupStep,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO group_external_ids (directory_id, source, external_id, group_id, gone_at)
            SELECT $1, $2, $3, $4, $5
            WHERE NOT EXISTS (SELECT 1 FROM group_external_ids o
                              WHERE o.group_id = $4 AND o.source = $2 AND o.external_id <> $3)
            ON CONFLICT (directory_id, source, external_id) DO UPDATE
            SET group_id = excluded.group_id, gone_at = excluded.gone_at";
        let GroupState { external_id: Some(id), gone, .. } = &step.after else {
            return Ok(());
        };
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.plan.plan.directory.0)
                .bind(&self.plan.plan.source)
                .bind(id)
                .bind(self.outcome.group(step.group).0)
                .bind(gone.then(|| micros(self.now)))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }
}
