//! Looks at one user, and logins, that a run overtakes on purpose: who is disabled stays so, whoever has heard before that they
//! are not.

use std::future::Future;

use gatehouse::{
    directory::{Identity, InactiveReason, Issuer, Subject, SubjectKind},
    provisioning::GroupClaim,
    store::{Provision, ProvisionError, SourceWord},
    sync::{RunError, RunReport, sync_user},
};

use super::{
    World, look_at,
    organisation::{OnItsWay, Way},
    worlds,
};
use crate::support::directory::{claims, policy};

const ADA: &str = "ada@example.com";

const DISABLED: Option<InactiveReason> = Some(InactiveReason::DisabledAtSource);

impl World {
    async fn look(&self, user: &str) -> Result<RunReport, RunError> {
        sync_user(&self.store, &self.clock, &self.connector(), &look_at(user)).await
    }
}

/// Does what comes first, and then lets the others go.
async fn and_then<T>(first: impl Future<Output = T>, go_on: impl FnOnce()) -> T {
    let done = first.await;
    go_on();
    done
}

#[tokio::test]
async fn a_look_that_takes_too_long_brings_nobody_back_whom_a_run_disables_meanwhile() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let asked = world.organisation.hold("user ada", OnItsWay::Back);
        let meanwhile = async {
            asked.is_there().await;
            world.organisation.disable("ada");
            // As if whoever looks was believed to be gone.
            and_then(world.run(), || asked.go_on()).await
        };
        let (looked, _) = tokio::join!(world.look("ada"), meanwhile);
        assert!(looked.is_err(), "{looked:?}");
        assert_eq!(world.state_of(ADA).await, DISABLED);
    }
}

#[tokio::test]
async fn beside_a_run_what_was_heard_before_it_has_read_is_asked_for_again() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let reading = world.organisation.hold("users since", OnItsWay::There);
        let asked = world.organisation.hold("user ada", OnItsWay::Back);
        let run = and_then(world.run(), || asked.go_on());
        let look = async {
            reading.is_there().await;
            world.look("ada").await
        };
        let meanwhile = async {
            asked.is_there().await;
            world.organisation.disable("ada");
            reading.go_on();
        };
        let (_, looked, ()) = tokio::join!(run, look, meanwhile);
        assert_eq!(looked.unwrap().users.disabled, 1, "she was asked for again");
        assert_eq!(world.state_of(ADA).await, DISABLED);
    }
}

#[tokio::test]
async fn a_run_that_has_heard_before_undoes_no_look() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        world.organisation.set("ada", "displayName", "Ada L");
        let read = world.organisation.hold("users since", OnItsWay::Back);
        let meanwhile = async {
            read.is_there().await;
            world.organisation.disable("ada");
            let looked = world.look("ada").await.unwrap();
            assert_eq!(looked.users.disabled, 1);
            assert_eq!(world.state_of(ADA).await, DISABLED, "at once, also beside a run");
            read.go_on();
        };
        let (report, ()) = tokio::join!(world.run(), meanwhile);
        assert_eq!(report.warnings, [""; 0]);
        assert_eq!(world.state_of(ADA).await, DISABLED);
    }
}

#[tokio::test]
async fn a_login_brings_nobody_back_whom_a_run_has_disabled_since_the_cloud_was_asked() {
    for world in worlds(Way::Changes).await {
        world.begin().await;
        let log_in = async |asked_at: i64| {
            let mut claims = claims("connector:cloud", "ada", GroupClaim::NotAsked);
            let subject = Subject { kind: SubjectKind::Attribute, value: "ada".to_owned() };
            let issuer = Issuer("connector:cloud".to_owned());
            claims.identity = Identity { issuer, subject, match_key: None };
            ADA.clone_into(&mut claims.profile.username);
            let request = Provision {
                directory: world.directory,
                claims,
                enabled_at_source: Some(SourceWord { enabled: true, asked_at }),
                policy: policy(),
                actor: "login".to_owned(),
                reason: "trace".to_owned(),
            };
            world.store.provision(&request, world.clock.now()).await
        };
        let before = world.store.find_log_head().await.unwrap();
        world.organisation.disable("ada");
        world.run().await;
        let refused = log_in(before).await.unwrap_err();
        assert!(matches!(refused, ProvisionError::Refused(_)), "{refused}");
        assert_eq!(world.state_of(ADA).await, DISABLED);
        // Whoever asks now is believed.
        log_in(world.store.find_log_head().await.unwrap()).await.unwrap();
        assert_eq!(world.state_of(ADA).await, None);
    }
}
