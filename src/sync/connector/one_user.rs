//! One user, at once: the cloud is asked about nobody else. The mirror learns of it in the next run.

mod groups_now;

use self::groups_now::GroupsNow;
use super::{
    Connector, Nameless, RunError, RunReport,
    judge::{Verdict, statement, verdict},
    known::{KnownGroup, KnownUser},
    rows::UserCounts,
};
use crate::{
    clock::Clock,
    cloud::User,
    directory::{InactiveReason, NameKey, Profile},
    store::{Lease, Store, StoreError},
    sync::{
        Events, align,
        roster::{Extent, RosterGroup, RosterRequest, RosterUser, RosterWriter},
    },
};

/// Brings one user's account in line with what the cloud says of them now. `user` is their username, or the cloud's id.
pub async fn sync_user(
    store: &Store,
    clock: &Clock,
    connector: &Connector,
    user: &str,
    dry_run: bool,
) -> Result<RunReport, RunError> {
    sync_user_as(None, store, clock, connector, user, dry_run).await
}

/// The same for whoever has the connector's lease: nothing comes true once somebody else has it.
pub(super) async fn sync_user_as(
    lease: Option<Lease>,
    store: &Store,
    clock: &Clock,
    connector: &Connector,
    user: &str,
    dry_run: bool,
) -> Result<RunReport, RunError> {
    let one = OneUser { store, connector };
    let id = one.id_of(user).await?;
    let has_account = !one.account(&id).await?.is_empty();
    let found = connector.source.find_user(&id).await.map_err(RunError::Cloud)?;
    if found.is_none() && !has_account {
        return Err(RunError::NoUser(user.to_owned()));
    }
    let state = store.find_connector(store.ensure_connector(&connector.name).await?).await?;
    let forced = (!dry_run && !connector.has_come_true(&state)).then(|| {
        "nothing of the connector has come true yet under its filters and mapping".to_owned()
    });
    let mut report =
        RunReport { dry_run: dry_run || forced.is_some(), forced, ..RunReport::default() };
    let made = match found {
        Some(found) => one.row(found, &mut report).await?,
        None => Some((missing(&id), Vec::new())),
    };
    report.users.seen = 1;
    // Who has no account, and is to use none, gets none.
    let Some((mut row, groups)) = made.filter(|(row, _)| row.absence.is_none() || has_account)
    else {
        return Ok(report);
    };
    if row.profile.username.is_empty() {
        row.profile.username = one.account(&id).await?;
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
        policy: connector.policy.clone(),
        dry_run: report.dry_run,
        unguarded: false,
        lease,
    };
    let events = Events::default();
    let aligned = Box::pin(align(store, clock, &request, roster.finish(groups), &events)).await?;
    report.directory = Some(aligned);
    Ok(report)
}

fn missing(id: &str) -> RosterUser {
    let absence = Some(InactiveReason::MissingAtSource);
    RosterUser { external_id: id.to_owned(), absence, ..RosterUser::default() }
}

struct OneUser<'a> {
    store: &'a Store,
    connector: &'a Connector,
}

impl OneUser<'_> {
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
            self.shown(&groups)
        };
        let match_key = claims.as_ref().and_then(|claims| claims.identity.match_key.clone());
        let mut profile = claims.map_or_else(Profile::default, |claims| claims.profile);
        let alias = self.store.find_alias(&self.connector.issuer, &external_id).await?;
        profile.username = alias.unwrap_or(profile.username);
        if absence.is_some() {
            profile.username.clear();
        }
        let places = (0..).take(shown.len()).collect();
        Ok(Some((RosterUser { external_id, profile, absence, match_key, groups: places }, shown)))
    }

    /// Those of them that the directory shows.
    fn shown(&self, groups: &[(String, KnownGroup)]) -> Vec<RosterGroup> {
        let rules = &self.connector.rules;
        let shown = groups.iter().filter(|(id, known)| rules.scope.shows(id, known));
        shown
            .filter_map(|(id, known)| {
                let name = rules.mapping.group_name(id, known.name.as_deref()?).ok()??;
                Some(RosterGroup { external_id: id.clone(), name })
            })
            .collect()
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
