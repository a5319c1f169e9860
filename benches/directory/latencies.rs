//! How long logins wait that have to write, while something else writes too.

use std::{
    collections::BTreeSet,
    future::Future,
    time::{Duration, Instant},
};

use gatehouse::{
    clock::Clock,
    config::{LinkExisting, WithoutGroupClaim},
    directory::{DirectoryId, Identity, Issuer, MatchKey, Profile, Subject, SubjectKind},
    provisioning::{Claims, GroupClaim, ManagedGroups, Policy},
    store::{Provision, Store},
};

fn claims(user: usize, group: &str) -> Claims {
    let address = format!("login{user}@example.com");
    let domains = ["example.com".to_owned()];
    Claims {
        identity: Identity {
            issuer: Issuer("saml:corp".to_owned()),
            subject: Subject { kind: SubjectKind::Nameid, value: address.clone() },
            match_key: MatchKey::in_domains(&address, &domains),
        },
        profile: Profile {
            username: format!("login{user}"),
            email: Some(address),
            ..Profile::default()
        },
        groups: GroupClaim::Present(BTreeSet::from([group.to_owned()])),
    }
}

/// What a login may change.
pub fn policy() -> Policy {
    Policy {
        create_users: true,
        create_only_with_groups: false,
        required: Vec::new(),
        link_existing: LinkExisting::Never,
        default_groups: Vec::new(),
        max_active_users: None,
        max_new_groups: 20,
        without_group_claim: WithoutGroupClaim::Keep,
        update_users: true,
        reactivate_users: true,
        create_groups: true,
        managed_groups: ManagedGroups::new(&["*".to_owned()], &[]),
        domains: vec![(Issuer("saml:corp".to_owned()), vec!["example.com".to_owned()])],
    }
}

/// A login that wants an account.
pub fn request(directory: DirectoryId, user: usize, group: &str) -> Provision {
    Provision {
        enabled_at_source: None,
        directory,
        claims: claims(user, group),
        policy: policy(),
        actor: "saml:corp".to_owned(),
        reason: "bench".to_owned(),
    }
}

/// How long logins waited that had to write, in milliseconds.
pub struct Latencies {
    pub count: usize,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Latencies {
    /// A first login every ten milliseconds, as long as `work` takes.
    pub async fn during(
        store: &Store,
        directory: DirectoryId,
        work: impl Future<Output = ()>,
    ) -> Self {
        let (writing, stopped) = (store.clone(), tokio_util::sync::CancellationToken::new());
        let stop = stopped.clone();
        let logins = tokio::spawn(async move {
            let (mut millis, mut user) = (Vec::new(), 1_000_000);
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while !stop.is_cancelled() {
                ticks.tick().await;
                let begun = Instant::now();
                let request = request(directory, user, "one");
                writing.provision(&request, Clock::System.now()).await.unwrap();
                millis.push(begun.elapsed().as_secs_f64() * 1e3);
                user += 1;
            }
            millis
        });
        work.await;
        stopped.cancel();
        let mut millis = logins.await.unwrap();
        millis.sort_by(f64::total_cmp);
        let part = |percent: usize| millis[(millis.len() - 1) * percent / 100];
        Self { count: millis.len(), p50: part(50), p99: part(99), max: part(100) }
    }
}
