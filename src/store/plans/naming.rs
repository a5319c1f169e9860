//! Names that accounts get, and give up, within one chunk.

use std::collections::{HashMap, HashSet};

use super::{Applier, current};
use crate::{
    directory::{NameKey, StepKind, UserId, UserState, UserStep},
    store::{
        Connection, StoreError,
        with_list::{statement, with_list},
        within,
    },
};

/// What names begin with that are given up and not yet replaced. Nobody is called so: it is a control character.
pub(super) const PARKED: &str = "\u{1}";

impl Applier {
    /// Finds those among steps who cannot have the name that is meant for them. What others of the steps give up is
    /// free, if they do.
    pub(super) async fn find_nameless(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
        stale: &mut HashSet<UserId>,
    ) -> Result<(), StoreError> {
        let fresh = steps.iter().filter(|step| !stale.contains(&step.user));
        let wants: Vec<_> =
            fresh.filter_map(|step| Some((step, self.doubtful_name(step)?))).collect();
        if wants.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = wants.iter().map(|(_, name)| name.as_str()).collect();
        let names = serde_json::json!(names).to_string();
        let directory = self.plan.plan.directory;
        let holders = current::holders(connection, directory, names.clone()).await?;
        let retired = current::retired(connection, directory, names).await?;
        let movers = steps.iter().filter(|step| step.renames()).map(|step| step.user);
        let mut movers: HashSet<_> = movers.filter(|user| !stale.contains(user)).collect();
        loop {
            let is_taken = |(step, name): &&(&UserStep, NameKey)| {
                let holder = holders.get(name.as_str());
                let is_held = holder.is_some_and(|by| *by != step.user && !movers.contains(by));
                let owner = retired.get(name.as_str());
                is_held || owner.is_some_and(|owner| *owner != Some(step.person))
            };
            let nameless = wants.iter().filter(is_taken).map(|(step, _)| step.user);
            let nameless: Vec<_> = nameless.filter(|user| !stale.contains(user)).collect();
            if nameless.is_empty() {
                return Ok(());
            }
            // Who stays keeps a name that somebody else may wait for.
            movers.retain(|user| !nameless.contains(user));
            stale.extend(nameless);
        }
    }

    /// The name that a step gives to somebody, if it may be somebody else's by now.
    fn doubtful_name(&self, step: &UserStep) -> Option<NameKey> {
        let name = NameKey::of(&step.after.as_ref()?.profile.username);
        let is_new = step.kind() == StepKind::Create;
        let doubt = is_new && (step.takes_over || self.touched.has_name(&name));
        (doubt || step.renames()).then_some(name)
    }

    /// Takes their names from accounts whose names others of the same steps get. They get theirs in a moment, in the
    /// same transaction: so two can swap names.
    pub(super) async fn park_names(
        &self,
        connection: &mut Connection<'_>,
        steps: &[&UserStep],
    ) -> Result<(), StoreError> {
        const SQL: [&str; 2] = with_list!(
            "UPDATE users SET username_key = $1 || CAST(id AS TEXT) WHERE id",
            "$2",
            "BIGINT"
        );
        let movers: Vec<_> = steps.iter().filter(|step| step.renames()).collect();
        if movers.is_empty() {
            return Ok(());
        }
        let name = |state: &Option<UserState>| {
            state.as_ref().map(|state| NameKey::of(&state.profile.username))
        };
        let wanted: HashMap<_, _> =
            steps.iter().filter_map(|step| Some((name(&step.after)?, step.user))).collect();
        let is_awaited = |step: &&&&UserStep| {
            let before = name(&step.before);
            let by = before.and_then(|before| wanted.get(&before).copied());
            by.is_some_and(|by| by != step.user)
        };
        let awaited: Vec<_> = movers.iter().filter(is_awaited).map(|step| step.user).collect();
        let list = serde_json::json!(awaited).to_string();
        let sql = statement(connection, SQL);
        within!(connection, |connection| {
            sqlx::query(sql).bind(PARKED).bind(list).execute(connection).await.map(drop)?;
        });
        Ok(())
    }
}
