//! What a large plan changes, as people and programs read it: change by change, a part of the plan at a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    directory::{
        Change, GroupId, GroupStep, InactiveReason, NameKey, Profile, Subject, UserId, UserStep,
    },
    store::{Chunk, NewGroup, Outcome, PlanState, Store, StoreError, StoredPlan},
};

/// Values by their names.
type Fields = BTreeMap<String, String>;

/// One change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanChange {
    /// The user whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group that it is about, or that the user joins or leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What the source calls them, if it is about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The word for it, such as `rename_user`.
    pub change: String,
    /// What differs, as it was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub before: Fields,
    /// What differs, as it is then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub after: Fields,
    /// Why an account ends, or had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<InactiveReason>,
    /// What became of it.
    pub state: ChangeState,
    /// The same, as people read it.
    pub text: String,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// It came true.
    Done,
    /// It was only looked what would change.
    #[default]
    Would,
    /// It is still to come true, or waits for an administrator.
    Waits,
    /// It never will.
    Discarded,
    /// Somebody else had changed the same meanwhile, and it was left out.
    Skipped,
}

impl ChangeState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Would => "would",
            Self::Waits => "waits",
            Self::Discarded => "discarded",
            Self::Skipped => "skipped",
        }
    }
}

/// The changes of a plan, part by part.
pub struct PlanChanges<'a> {
    store: &'a Store,
    plan: &'a StoredPlan,
    groups: BTreeMap<GroupId, String>,
    outcome: Outcome,
    next: i64,
}

impl<'a> PlanChanges<'a> {
    /// Those of a plan.
    pub async fn of(store: &'a Store, plan: &'a StoredPlan) -> Result<Self, StoreError> {
        let groups = store.list_groups_in(plan.plan.directory).await?;
        let groups = groups.into_iter().map(|(group, _)| (group.id, group.name)).collect();
        let outcome = Outcome::read_all(store, plan.id).await?;
        Ok(Self { store, plan, groups, outcome, next: 0 })
    }

    /// Those of the next part; nothing if there is none.
    pub async fn next(&mut self) -> Result<Option<Vec<PlanChange>>, StoreError> {
        let number = self.next;
        let packed = match self.store.find_chunk(self.plan.id, number).await {
            Ok(packed) => packed,
            Err(StoreError::NoPlan(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.next += 1;
        let state = self.state_of(number);
        Ok(Some(match Chunk::unpack(&packed)? {
            Chunk::Groups(new) => self.made(new, state),
            Chunk::GroupChanges(steps) => self.changed(steps, state),
            Chunk::GroupEndings(gone) => {
                let change = |group: NewGroup| Change::RemoveGroup { group: group.name };
                gone.into_iter().map(|group| of_group(&change(group), state)).collect()
            }
            Chunk::Users(steps) | Chunk::Endings(steps) => self.of_users(&steps, state).await?,
            // Their accounts' steps say the same.
            Chunk::Members(_) => Vec::new(),
        }))
    }

    /// What became of a part.
    fn state_of(&self, number: i64) -> ChangeState {
        match self.plan.state {
            PlanState::DryRun => ChangeState::Would,
            _ if number < self.plan.next_chunk => ChangeState::Done,
            PlanState::Discarded => ChangeState::Discarded,
            PlanState::Building | PlanState::Sealed | PlanState::Held | PlanState::Applied => {
                ChangeState::Waits
            }
        }
    }

    fn made(&mut self, new: Vec<NewGroup>, state: ChangeState) -> Vec<PlanChange> {
        let mut changes = Vec::with_capacity(new.len());
        for group in new {
            changes.push(of_group(&Change::CreateGroup { group: group.name.clone() }, state));
            self.groups.insert(group.id, group.name);
        }
        changes
    }

    fn changed(&mut self, steps: Vec<GroupStep>, state: ChangeState) -> Vec<PlanChange> {
        let changes = steps.iter().map(|step| of_group_step(step, state)).collect();
        self.groups.extend(steps.into_iter().map(|step| (step.group, step.after.name)));
        changes
    }

    async fn of_users(
        &self,
        steps: &[UserStep],
        state: ChangeState,
    ) -> Result<Vec<PlanChange>, StoreError> {
        let unnamed = steps.iter().filter(|step| name_in(step).is_none()).map(|step| step.user);
        let unnamed: BTreeSet<UserId> = unnamed.collect();
        let names = self.store.list_usernames(&unnamed.into_iter().collect::<Vec<_>>()).await?;
        let names: BTreeMap<UserId, String> = names.into_iter().collect();
        let mut all = Vec::new();
        for step in steps {
            let name = name_in(step).map(str::to_owned).or_else(|| names.get(&step.user).cloned());
            let name = name.unwrap_or_else(|| format!("user number {}", step.user.0));
            let skipped = state == ChangeState::Done && self.outcome.skipped.contains(&step.user);
            let state = if skipped { ChangeState::Skipped } else { state };
            let changes = step.changes(&self.groups, &self.plan.plan.source);
            all.extend(changes.iter().map(|change| of_user(&name, change, state)));
        }
        Ok(all)
    }
}

/// The name that an account has in a step.
fn name_in(step: &UserStep) -> Option<&str> {
    let state = step.after.as_ref().or(step.before.as_ref());
    state.map(|state| state.profile.username.as_str())
}

fn of_user(name: &str, change: &Change, state: ChangeState) -> PlanChange {
    let text = format!("{name}: {change}");
    let mut told = PlanChange {
        user: Some(name.to_owned()),
        change: change.kind().to_owned(),
        state,
        text,
        ..PlanChange::default()
    };
    match change {
        Change::CreateUser { profile } | Change::RestoreUser { profile, .. } => {
            told.after = fields(profile);
        }
        Change::RemoveUser { profile, inactive, .. } => {
            (told.before, told.reason) = (fields(profile), *inactive);
        }
        Change::UpdateUser { before, after } => {
            (told.before, told.after) = differing(fields(before), fields(after));
            if NameKey::of(&before.username) != NameKey::of(&after.username) {
                "rename_user".clone_into(&mut told.change);
            }
        }
        Change::ReactivateUser { reason } | Change::DeactivateUser { reason } => {
            told.reason = Some(*reason);
        }
        Change::AddIdentity { identity }
        | Change::RemoveIdentity { identity }
        | Change::UpdateIdentity { after: identity, .. } => {
            let Subject { value, .. } = &identity.subject;
            told.external_id = Some(value.clone());
        }
        Change::AddMembership { group, .. } | Change::RemoveMembership { group, .. } => {
            told.group = Some(group.clone());
        }
        _ => {}
    }
    told
}

fn of_group(change: &Change, state: ChangeState) -> PlanChange {
    let group = match change {
        Change::CreateGroup { group } | Change::RemoveGroup { group } => Some(group.clone()),
        _ => None,
    };
    let (kind, text) = (change.kind().to_owned(), change.to_string());
    PlanChange { group, change: kind, state, text, ..PlanChange::default() }
}

fn of_group_step(step: &GroupStep, state: ChangeState) -> PlanChange {
    let said = |state: &crate::directory::GroupState| {
        let id = state.external_id.clone().map(|id| ("external_id".to_owned(), id));
        let gone = state.gone.then(|| ("gone".to_owned(), "yes".to_owned()));
        let name = ("name".to_owned(), state.name.clone());
        [name].into_iter().chain(id).chain(gone).collect::<Fields>()
    };
    let (before, after) = differing(said(&step.before), said(&step.after));
    let change = match step {
        _ if step.renames() => "rename_group",
        _ if step.after.gone && !step.before.gone => "lose_group",
        _ => "identify_group",
    };
    PlanChange {
        group: Some(step.before.name.clone()),
        external_id: step.after.external_id.clone(),
        change: change.to_owned(),
        before,
        after,
        state,
        text: step.to_string(),
        ..PlanChange::default()
    }
}

fn fields(profile: &Profile) -> Fields {
    profile.fields().map(|(name, value)| (name, value.to_owned())).collect()
}

/// What is not the same in both.
fn differing(mut before: Fields, mut after: Fields) -> (Fields, Fields) {
    let same: Vec<_> = before
        .iter()
        .filter(|(name, value)| after.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    (before, after)
}
