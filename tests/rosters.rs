//! Directories in line with rosters of people who are known by external ids: names come and go, people stay.

mod failing;
mod groups;
mod linking;
mod random;
mod renaming;
mod standing;

use std::collections::HashMap;

use chrono::TimeDelta;
use gatehouse::{
    clock::Clock,
    directory::{
        ChunkSize, DirectoryId, Identity, InactiveReason, Issuer, MatchKey, Profile, Subject,
        SubjectKind,
    },
    provisioning::{GroupClaim, ManagedGroups, Policy, Unlisted},
    store::{PlanId, Provision, UserDetails},
    sync::{
        Events, Extent, Guarding, RemovalRequest, RosterError, RosterGroup, RosterReport,
        RosterRequest, RosterUser, RosterWriter, Why, align, undo_plan,
    },
};

use crate::{
    imports::House,
    support::directory::{claims, domains, now, policy},
};

const SOURCE: &str = "connector:cloud";

/// Who vouches for the people of the cloud, by logins and by rosters.
const ISSUER: &str = "saml:corp";

/// The groups of most rosters, by external id.
const GROUPS: [(&str, &str); 3] = [("g0", "jira-users"), ("g1", "wiki"), ("g2", "admins")];

/// Somebody who may work, and is in some groups of the table.
fn person(id: &str, name: &str, groups: &[u32]) -> RosterUser {
    RosterUser {
        external_id: id.to_owned(),
        profile: Profile { username: name.to_owned(), ..Profile::default() },
        groups: groups.to_vec(),
        ..RosterUser::default()
    }
}

/// The same, known to other issuers by an address.
fn addressed(id: &str, name: &str) -> RosterUser {
    let match_key = MatchKey::in_domains(&format!("{name}@example.com"), &domains());
    RosterUser { match_key, ..person(id, name, &[]) }
}

fn absent(id: &str, name: &str, absence: InactiveReason) -> RosterUser {
    RosterUser { absence: Some(absence), ..person(id, name, &[]) }
}

fn roster_policy() -> Policy {
    let protected = ["admins".to_owned()];
    Policy { managed_groups: ManagedGroups::new(&["*".to_owned()], &protected), ..policy() }
}

fn only(request: &mut RosterRequest) {
    request.extent = Extent::Only;
}

impl House {
    async fn try_align_groups(
        &self,
        users: &[RosterUser],
        groups: &[(&str, &str)],
        change: impl FnOnce(&mut RosterRequest),
    ) -> Result<RosterReport, RosterError> {
        let mut request = RosterRequest {
            directory: self.internal,
            issuer: Issuer(ISSUER.to_owned()),
            source: SOURCE.to_owned(),
            actor: SOURCE.to_owned(),
            reason: "run 1".to_owned(),
            extent: Extent::Everything,
            unlisted: Unlisted::Missing,
            policy: roster_policy(),
            dry_run: false,
            unguarded: false,
            guarding: Guarding::default(),
            lease: None,
            run: None,
        };
        change(&mut request);
        let mut roster = RosterWriter::default();
        // In whichever order they come.
        for user in users.iter().rev() {
            roster.push(user.clone()).unwrap();
        }
        let group = |(id, name): &(&str, &str)| RosterGroup {
            external_id: (*id).to_owned(),
            name: (*name).to_owned(),
        };
        let roster = roster.finish(groups.iter().map(group).collect());
        align(&self.store, &Clock::System, &request, roster, &Events::default()).await
    }

    async fn try_align(
        &self,
        users: &[RosterUser],
        change: impl FnOnce(&mut RosterRequest),
    ) -> Result<RosterReport, RosterError> {
        self.try_align_groups(users, &GROUPS[..2], change).await
    }

    /// Aligns, and finds that doing it again changes nothing.
    async fn align(&self, users: &[RosterUser]) -> RosterReport {
        self.align_groups(users, &GROUPS[..2]).await
    }

    async fn align_groups(&self, users: &[RosterUser], groups: &[(&str, &str)]) -> RosterReport {
        let report = self.try_align_groups(users, groups, |_| {}).await.unwrap();
        assert_eq!(report.list.held, None);
        let again = self.try_align_groups(users, groups, |_| {}).await.unwrap();
        assert_eq!((again.list.plan, again.list.size), (None, ChunkSize::default()), "{again:?}");
        report
    }

    async fn undo(&self, report: &RosterReport) {
        let plan = PlanId(report.list.plan.unwrap());
        let plan = self.store.find_plan(plan).await.unwrap().unwrap();
        let (_, applied) =
            undo_plan(&self.store, &Clock::System, &plan, "admin", false).await.unwrap();
        assert_eq!(applied.skipped, 0);
    }

    /// A login by the id that the roster has too, into whichever directory.
    async fn log_in_by_id(&self, directory: DirectoryId, id: &str, name: &str) -> bool {
        let subject = Subject { kind: SubjectKind::Attribute, value: id.to_owned() };
        let mut claims = claims(ISSUER, name, GroupClaim::NotAsked);
        claims.identity = Identity { subject, match_key: None, ..claims.identity };
        let (actor, reason) = ("login".to_owned(), "trace".to_owned());
        let policy = roster_policy();
        let request =
            Provision { directory, claims, policy, enabled_at_source: None, actor, reason };
        self.store.provision(&request, now()).await.is_ok()
    }

    /// Everything that a roster touches, as text.
    async fn state(&self) -> Vec<String> {
        self.snapshot().await;
        let mut state = Vec::new();
        for UserDetails { user, directory, identities, memberships, .. } in
            self.store.list_users(None, 100_000).await.unwrap()
        {
            state.push(format!(
                "{directory} {:?} {:?} {identities:?} {memberships:?}",
                user.profile, user.inactive
            ));
        }
        let groups = self.store.list_groups(None, 1000).await.unwrap();
        let names: HashMap<_, _> =
            groups.iter().map(|group| (group.id, group.name.clone())).collect();
        state.extend(
            groups
                .iter()
                .map(|group| format!("{} {} {}", group.directory_name, group.name, group.members)),
        );
        let ids = self.store.list_external_groups(self.internal, SOURCE).await.unwrap();
        state.extend(ids.iter().map(|known| {
            format!("{} {} {}", known.external_id, names[&known.group], known.gone_at.is_some())
        }));
        state.sort();
        state
    }
}

/// What has been gone for long, if that is since tomorrow.
fn removal(house: &House) -> RemovalRequest {
    RemovalRequest {
        directory: house.internal,
        source: SOURCE.to_owned(),
        issuer: Issuer(ISSUER.to_owned()),
        actor: SOURCE.to_owned(),
        reason: "grace time".to_owned(),
        absences: vec![InactiveReason::MissingAtSource],
        doubtful: std::collections::HashSet::new(),
        groups: true,
        before: Clock::System.now() + TimeDelta::days(1),
        dry_run: false,
        unguarded: false,
        guarding: Guarding::default(),
        managed_groups: roster_policy().managed_groups,
        lease: None,
    }
}

/// Name, and what is in the way.
fn conflicts(report: &RosterReport) -> Vec<(&str, Why)> {
    report.conflicts.iter().map(|conflict| (conflict.name.as_str(), conflict.why)).collect()
}

fn membership(group: &str, source: &str) -> (String, String) {
    (group.to_owned(), source.to_owned())
}
