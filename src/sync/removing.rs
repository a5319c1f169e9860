//! Removes what a source has not had for long.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::guarding::{Guarding, Protected};
use crate::{
    clock::Clock,
    directory::{Change, DirectoryId, InactiveReason, Issuer, NameKey, User, UserId},
    provisioning::{ManagedGroups, Taken, Whole, plan_removal},
    store::{Edit, Lease, Removal, Step, Store, StoreError, Takings},
};

/// Accounts that are removed in one transaction, and taken back in one: a login does not wait long for it.
const AT_ONCE: usize = 100;

/// So many names are told; the others are counted.
const MOST_NAMED: usize = 200;

/// What is to be removed.
#[derive(Clone, Debug)]
pub struct RemovalRequest {
    /// Where.
    pub directory: DirectoryId,
    /// Whose groups: `connector:<name>`.
    pub source: String,
    /// Whose subjects its people are known by.
    pub issuer: Issuer,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Accounts that are inactive for one of these reasons.
    pub absences: Vec<InactiveReason>,
    /// Accounts that stay, whatever the directory says of them: the source says too little of their people.
    pub doubtful: HashSet<UserId>,
    /// Whether groups go as well.
    pub groups: bool,
    /// What has been so since then.
    pub before: DateTime<Utc>,
    /// Whether it is only to be seen what would go.
    pub dry_run: bool,
    /// Whether much may be taken away.
    pub unguarded: bool,
    /// What is much, and what stays in any case.
    pub guarding: Guarding,
    /// Which groups are protected from everybody.
    pub managed_groups: ManagedGroups,
    /// Who removes: nothing goes once the lease is somebody else's. Nothing if no lease is needed.
    pub lease: Option<Lease>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemovalReport {
    /// How many accounts go.
    pub users: u64,
    /// How many memberships end before.
    pub memberships: u64,
    /// How many groups go.
    pub groups: u64,
    /// Who and what goes, as many as are named.
    pub named: Vec<String>,
    /// How many accounts and groups stay because they are protected.
    pub protected: u64,
    /// How many stay because somebody has changed them meanwhile.
    pub skipped: u64,
    /// Why nothing has gone, if it would be too much.
    pub held: Option<String>,
    /// The batches in the log, by which they can be taken back.
    pub batches: Vec<i64>,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

impl RemovalReport {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Removes accounts that have been absent at the source since a time, whoever has put them into groups, and then groups
/// that the source has not named since then, and that nobody is in. The accounts' names are kept for them, as those of
/// everybody who is removed. Accounts for breaking glass stay, and who and what is protected.
pub async fn remove_gone(
    store: &Store,
    clock: &Clock,
    request: &RemovalRequest,
) -> Result<RemovalReport, StoreError> {
    let mut removing = Removing { store, clock, request, report: RemovalReport::default() };
    let users = removing.plan_users().await?;
    let groups = removing.plan_groups().await?;
    let too_much = removing.measure(users.len(), groups.len()).await?;
    removing.count(users.iter().chain(&groups).flatten());
    if let Some(too_much) = too_much {
        removing.report.held = Some(too_much);
        return Ok(removing.report);
    }
    for removals in [users, groups] {
        for some in removals.chunks(AT_ONCE) {
            removing.remove(some).await?;
        }
    }
    Ok(removing.report)
}

struct Removing<'a> {
    store: &'a Store,
    clock: &'a Clock,
    request: &'a RemovalRequest,
    report: RemovalReport,
}

impl Removing<'_> {
    /// The steps that remove accounts, of each together.
    async fn plan_users(&mut self) -> Result<Vec<Vec<Step>>, StoreError> {
        let RemovalRequest {
            directory, issuer, absences, doubtful, before, guarding, lease, ..
        } = self.request;
        let protected = Protected::find(self.store, *directory, guarding).await?;
        let connector = lease.map(|lease| lease.connector);
        let mut removals = Vec::new();
        for absence in absences {
            let known_to = connector.filter(|_| *absence == InactiveReason::MissingAtSource);
            let known_to = known_to.map(|connector| (connector, issuer));
            let absent = self.store.list_absent(*directory, *absence, *before, known_to).await?;
            let absent = absent.into_iter().filter(|(user, _)| !doubtful.contains(&user.id));
            for (user, memberships) in absent {
                if protected.has(user.id, user.person) {
                    self.report.protected += 1;
                } else {
                    removals.push(steps_of(&user, &memberships));
                }
            }
        }
        Ok(removals)
    }

    async fn plan_groups(&mut self) -> Result<Vec<Vec<Step>>, StoreError> {
        let RemovalRequest { directory, source, groups, before, guarding, managed_groups, .. } =
            self.request;
        if !groups {
            return Ok(Vec::new());
        }
        let gone = self.store.plan_gone_groups(*directory, source, *before).await?;
        let own: HashSet<_> =
            guarding.protected_groups.iter().map(|name| NameKey::of(name)).collect();
        let is_protected = |steps: &[Step]| {
            steps.iter().filter_map(removed_group).map(NameKey::of).any(|key| {
                own.contains(&key)
                    || (managed_groups.is_protected(&key) && !managed_groups.contains(&key))
            })
        };
        let (kept, removed): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|steps| is_protected(steps));
        self.report.protected += kept.len() as u64;
        Ok(removed)
    }

    /// Why it would be too much, if it would.
    async fn measure(&self, users: usize, groups: usize) -> Result<Option<String>, StoreError> {
        let RemovalRequest { directory, source, guarding, unguarded, .. } = self.request;
        // To count a whole directory takes a while.
        if *unguarded || users + groups == 0 {
            return Ok(None);
        }
        let since = self.clock.now() - guarding.remembers;
        let lately = self.store.sum_taken(*directory, source, Takings::Removes, since).await?;
        let (all, _) = self.store.count_directory(*directory).await?;
        let known = self.store.list_external_groups(*directory, source).await?;
        let taken = Taken { users, groups, ..Taken::default() };
        let users = usize::try_from(all).unwrap_or_default();
        let whole = Whole { users, groups: known.len(), ..Whole::default() };
        let too_much = guarding.limits.check(&taken, &whole, &lately).err();
        Ok(too_much.map(|error| error.to_string()))
    }

    fn count<'s>(&mut self, steps: impl Iterator<Item = &'s Step>) {
        for step in steps {
            let name = match &step.change {
                Change::RemoveUser { profile, .. } => {
                    self.report.users += 1;
                    &profile.username
                }
                Change::RemoveGroup { group } => {
                    self.report.groups += 1;
                    group
                }
                Change::RemoveMembership { .. } => {
                    self.report.memberships += 1;
                    continue;
                }
                _ => continue,
            };
            if self.report.named.len() < MOST_NAMED {
                self.report.named.push(name.clone());
            }
        }
    }

    /// Removes some, all of them or none: somebody may have changed one since.
    async fn remove(&mut self, removals: &[Vec<Step>]) -> Result<(), StoreError> {
        let RemovalRequest { directory, source, actor, reason, .. } = self.request;
        let steps = removals.concat();
        let count =
            |kind: fn(&Change) -> bool| steps.iter().filter(|step| kind(&step.change)).count();
        let taken = Taken {
            users: count(|change| matches!(change, Change::RemoveUser { .. })),
            groups: count(|change| matches!(change, Change::RemoveGroup { .. })),
            ..Taken::default()
        };
        let edit =
            Edit { directory: *directory, steps, actor: actor.clone(), reason: reason.clone() };
        let taken = (!self.request.unguarded).then(|| (source.clone(), taken));
        let removal = Removal { edit, lease: self.request.lease, taken };
        let dry_run = self.request.dry_run;
        match self.store.apply_removal(removal, dry_run, self.clock.now()).await {
            Ok(applied) => {
                self.report.batches.extend(applied.batch.filter(|_| !dry_run));
                self.report.ended_sessions += applied.ended_sessions;
                Ok(())
            }
            Err(StoreError::Conflict { change }) => {
                tracing::info!(change, "an account or a group is not as it was: it stays for now");
                self.report.skipped += removals.len() as u64;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn steps_of(user: &User, memberships: &[(String, String)]) -> Vec<Step> {
    let (person, id) = (Some(user.person), Some(user.id));
    let changes = plan_removal(user, memberships).into_iter();
    changes.map(|change| Step { person, user: id, change }).collect()
}

fn removed_group(step: &Step) -> Option<&str> {
    if let Change::RemoveGroup { group } = &step.change { Some(group) } else { None }
}
