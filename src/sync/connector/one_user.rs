//! One user, at once: the cloud is asked about nobody else. The mirror learns of it in the next run.

mod groups_now;

use std::time::{Duration, Instant};

use self::groups_now::GroupsNow;
use super::{
    Connector, Nameless, RunError, RunReport,
    judge::{Verdict, statement, verdict},
    kept_names::current_names,
    known::{KnownGroup, KnownUser},
    leaving::Stays,
    rows::UserCounts,
    run::{spent, unreadable},
};
use crate::{
    clock::Clock,
    cloud::{GroupKind, User},
    config::SameName,
    directory::{InactiveReason, NameKey, Profile},
    provisioning::Unlisted,
    store::{AccountKey, Lease, RunId, Store, StoreError, UserRun},
    sync::{
        Events, ImportError, align,
        roster::{Extent, RosterGroup, RosterReport, RosterRequest, RosterUser, RosterWriter},
    },
};

/// A run that does more than read is not looked beside: so often it is waited for it, and so long.
const TURNS: u32 = 120;
const BETWEEN_TURNS: Duration = Duration::from_millis(500);

/// Whom to look at, and for whom.
#[derive(Clone, Debug, Default)]
pub struct UserRequest {
    /// Their username, or the cloud's id.
    pub user: String,
    /// Whether it is the cloud's id, whoever may be called so.
    pub by_id: bool,
    /// Who or what asks for it.
    pub asked_by: String,
    /// Whether it is only to be seen what would change.
    pub dry_run: bool,
    /// The connector's lease, of whoever has it: nothing comes true once somebody else has. Without, it is taken, if nobody
    /// has it.
    pub lease: Option<Lease>,
}

/// Brings one user's account in line with what the cloud says of them now. What came of it is among the runs.
pub async fn sync_user(
    store: &Store,
    clock: &Clock,
    connector: &Connector,
    request: &UserRequest,
) -> Result<RunReport, RunError> {
    let begun_at = clock.now();
    let done = Box::pin(look_in_turn(store, clock, connector, request)).await;
    if matches!(done, Err(RunError::NoUser(_) | RunError::Store(_))) {
        return done;
    }
    let text = done.as_ref().ok().map(serde_json::to_string).transpose();
    let run = UserRun {
        connector: store.ensure_connector(&connector.name).await?,
        asked_by: request.asked_by.clone(),
        about: request.user.clone(),
        report: text.map_err(|error| unreadable(&error))?,
        error: done.as_ref().err().map(ToString::to_string),
        begun_at,
        ended_at: clock.now(),
    };
    let id = store.record_user_run(run).await?;
    done.map(|report| RunReport { run: id.0, ..report })
}

/// Looks when nobody else is at it who could undo it, or whom it could undo: what was heard before a run has heard more is
/// worth nothing, and is asked for again.
///
/// Who has the lease is alone. Beside a run that reads it is looked without, since reading may take long: once the run has
/// read, nothing is sealed any more that was heard before, and the run looks at the same people again when it is done.
async fn look_in_turn(
    store: &Store,
    clock: &Clock,
    connector: &Connector,
    request: &UserRequest,
) -> Result<RunReport, RunError> {
    if request.lease.is_some() {
        return look(store, clock, connector, request).await;
    }
    let id = store.ensure_connector(&connector.name).await?;
    for _ in 0..TURNS {
        if let Some(lease) = store.take_lease(id, clock.now()).await? {
            let own = UserRequest { lease: Some(lease), ..request.clone() };
            let done = Box::pin(look(store, clock, connector, &own)).await;
            store.release_lease(lease).await?;
            return done;
        }
        if store.is_only_read(id).await? {
            match Box::pin(look(store, clock, connector, request)).await {
                Err(error) if is_too_late(&error) => {}
                done => return done,
            }
        }
        tokio::time::sleep(BETWEEN_TURNS).await;
    }
    Err(RunError::Busy)
}

/// Whether a run has heard more meanwhile, or has a plan under way.
fn is_too_late(error: &RunError) -> bool {
    let (RunError::Directory(ImportError::Store(error)) | RunError::Store(error)) = error else {
        return false;
    };
    matches!(error, StoreError::HeardMore | StoreError::PlanRuns(_))
}

async fn look(
    store: &Store,
    clock: &Clock,
    connector: &Connector,
    UserRequest { user, by_id, dry_run, lease, .. }: &UserRequest,
) -> Result<RunReport, RunError> {
    let begun = Instant::now();
    let usage = connector.source.meter().read();
    let state = store.find_connector(store.ensure_connector(&connector.name).await?).await?;
    let folded = state.folded_run.map(RunId);
    let one = OneUser { store, connector, lease: *lease, folded };
    let id = if *by_id { user.clone() } else { one.id_of(user).await? };
    let has_account = !one.account(&id).await?.is_empty();
    let found = connector.source.find_user(&id).await.map_err(RunError::Cloud)?;
    if found.is_none() && !has_account {
        return Err(RunError::NoUser(user.clone()));
    }
    let forced = (!dry_run && !connector.has_come_true(&state)).then(|| {
        "nothing of the connector has come true yet under its filters and mapping".to_owned()
    });
    let mut report =
        RunReport { dry_run: *dry_run || forced.is_some(), forced, ..RunReport::default() };
    let made = match found {
        Some(found) => one.row(found, &mut report).await?,
        None => Some((missing(&id), Vec::new())),
    };
    report.users.seen = 1;
    report.usage = spent(&usage, connector.source.meter().read());
    let asked = begun.elapsed();
    // Who has no account, and is to use none, gets none.
    if let Some((row, groups)) = made.filter(|(row, _)| row.absence.is_none() || has_account) {
        report.directory = one.align(clock, row, groups, report.dry_run).await?;
    }
    report.seconds = [asked, Duration::ZERO, begun.elapsed().saturating_sub(asked)]
        .map(|took| took.as_secs_f64());
    Ok(report)
}

fn missing(id: &str) -> RosterUser {
    let absence = Some(InactiveReason::MissingAtSource);
    RosterUser { external_id: id.to_owned(), absence, ..RosterUser::default() }
}

struct OneUser<'a> {
    store: &'a Store,
    connector: &'a Connector,
    lease: Option<Lease>,
    /// The last run that had heard everything.
    folded: Option<RunId>,
}

impl OneUser<'_> {
    async fn align(
        &self,
        clock: &Clock,
        mut row: RosterUser,
        groups: Vec<RosterGroup>,
        dry_run: bool,
    ) -> Result<Option<RosterReport>, RunError> {
        let Self { store, connector, .. } = self;
        match row.absence.map(|reason| connector.stays(reason)) {
            Some(Stays::AsItIs) => return Ok(None),
            Some(Stays::InUse) => row.stays = true,
            None | Some(Stays::No) => {}
        }
        let (id, comes) = (row.external_id.clone(), row.absence.is_none() || row.stays);
        if row.profile.username.is_empty() {
            row.profile.username = self.account(&id).await?;
        }
        let mut roster = RosterWriter::default();
        roster.push(row).map_err(|error| RunError::NotBelieved(error.to_string()))?;
        let request = RosterRequest {
            directory: connector.directory,
            issuer: connector.issuer.clone(),
            source: connector.membership_source(),
            actor: connector.membership_source(),
            reason: format!("user {id}"),
            extent: Extent::Only,
            unlisted: Unlisted::Keep,
            policy: connector.policy.clone(),
            dry_run,
            unguarded: false,
            guarding: connector.guarding.clone(),
            lease: self.lease,
            // What waits of it is worth nothing once a run has heard more.
            run: self.folded,
        };
        let (roster, events) = (roster.finish(groups), Events::default());
        let aligned = Box::pin(align(store, clock, &request, roster, &events)).await?;
        if let Some(folded) = self.folded.filter(|_| comes && !dry_run) {
            self.spare(&id, folded).await?;
        }
        Ok(Some(aligned))
    }

    /// The cloud's id of whom a username or an id names.
    async fn id_of(&self, user: &str) -> Result<String, StoreError> {
        let Connector { directory, issuer, .. } = self.connector;
        let names = [NameKey::of(user)];
        let found = self.store.find_ids_by_username(*directory, issuer, &names).await?;
        Ok(found.into_iter().next().map_or_else(|| user.to_owned(), |(_, id)| id))
    }

    /// Their username, if they have an account.
    async fn account(&self, id: &str) -> Result<String, StoreError> {
        let Connector { directory, issuer, .. } = self.connector;
        let ids = [id.to_owned()];
        let found = self.store.find_usernames_by_id(*directory, issuer, &ids).await?;
        Ok(found.into_iter().next().map(|(_, username)| username).unwrap_or_default())
    }

    /// Who is there is left out of what would still be taken away by the word of a run from before.
    async fn spare(&self, id: &str, folded: RunId) -> Result<(), StoreError> {
        let Connector { directory, issuer, .. } = self.connector;
        let (source, by) =
            (self.connector.membership_source(), AccountKey::Subject(issuer.clone()));
        let found = self.store.find_held_users(*directory, &source, &by, &[id]).await?;
        for (_, held) in found {
            self.store.spare(*directory, &source, held.user, folded).await?;
        }
        Ok(())
    }

    /// What the account is to be; nothing if they have no name.
    async fn row(
        &self,
        user: User,
        report: &mut RunReport,
    ) -> Result<Option<(RosterUser, Vec<RosterGroup>)>, RunError> {
        let rules = &self.connector.rules;
        let (external_id, mut known) = (user.id.clone(), KnownUser::default());
        known.hear(user);
        let groups = GroupsNow::begin(self.store, self.connector).await?.of(&external_id).await?;
        let named: Vec<_> = groups.iter().map(|(id, known)| (id.as_str(), known)).collect();
        let has = groups.iter().filter(|(_, known)| known.kind == Some(GroupKind::AppRole));
        known.set_roles(has.filter_map(|(_, known)| known.name.clone()).collect());
        let covered =
            rules.scope.covers_user(&external_id, &known) && rules.scope.covers_groups(&named);
        let absence = match verdict(covered, known.standing) {
            Verdict::Comes => None,
            Verdict::Absent(reason) => Some(reason),
            Verdict::Unsaid => return Err(super::rows::RowsError::Unsaid(1).into()),
        };
        count(&mut report.users, absence);
        let claims = match rules.mapping.claims(&statement(&external_id, known)) {
            Ok(claims) => Some(claims),
            // Who may not use their account needs no other name than they have.
            Err(_) if absence.is_some() => None,
            Err(error) => {
                let (name, why) = (String::new(), error.to_string());
                report.nameless.push(Nameless { external_id, name, why });
                return Ok(None);
            }
        };
        let shown = if absence.is_some_and(|reason| reason != InactiveReason::DisabledAtSource) {
            Vec::new()
        } else {
            self.shown(&groups).await?
        };
        let match_key = claims.as_ref().and_then(|claims| claims.identity.match_key.clone());
        let mut profile = claims.map_or_else(Profile::default, |claims| claims.profile);
        let alias = self.store.find_alias(&self.connector.issuer, &external_id).await?;
        profile.username = alias.unwrap_or(profile.username);
        if absence.is_some() {
            profile.username.clear();
        }
        let places = (0..).take(shown.len()).collect();
        let groups = places;
        let user = RosterUser {
            external_id,
            profile,
            absence,
            match_key,
            groups,
            ..RosterUser::default()
        };
        Ok(Some((user, shown)))
    }

    /// Those of them that the directory shows.
    async fn shown(&self, groups: &[(String, KnownGroup)]) -> Result<Vec<RosterGroup>, StoreError> {
        let rules = &self.connector.rules;
        // A look at one user renames no group. Which of several has a name, only who sees them all can say.
        let here = current_names(self.store, self.connector).await?;
        let is_told_apart = rules.scope.same_name() == SameName::Suffix;
        let shown = groups.iter().filter(|(id, known)| rules.scope.shows(id, known));
        let named = shown.filter_map(|(id, known)| {
            let name = rules.mapping.group_name(id, known.name.as_deref()?).ok()??;
            let name = here.get(id).cloned().or((!is_told_apart).then_some(name))?;
            Some(RosterGroup { external_id: id.clone(), name })
        });
        Ok(named.collect())
    }
}

fn count(counts: &mut UserCounts, absence: Option<InactiveReason>) {
    match absence {
        None => counts.come = 1,
        Some(InactiveReason::OutOfScope) => counts.out_of_scope = 1,
        Some(InactiveReason::DisabledAtSource) => counts.disabled = 1,
        Some(_) => counts.missing = 1,
    }
}
