//! How it is with what clouds say by themselves.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError};
use crate::{
    cloud::Announcer,
    secrets::random,
    store::{ConnectorId, HintState, NewSubscription, Store, StoreError, StoredSubscription},
    sync::Connector,
};

/// What a subscription is about that is only to be seen to work: no cloud has such a topic, so none is taken for one that is
/// wanted.
const TRIAL: &str = "a trial";

/// How it is with what a cloud says by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HintsView {
    /// Where the cloud says it.
    pub address: String,
    /// When it last said something.
    pub heard_at: Option<DateTime<Utc>>,
    /// Until when it has agreed to, if it was the gateway that asked.
    pub good_until: Option<DateTime<Utc>>,
    /// Whether the gateway has asked, and the cloud has not agreed to all of it.
    pub is_asked: bool,
    /// Why it has not.
    pub problem: Option<String>,
    /// How much is still to be looked at.
    pub waiting: i64,
}

impl HintsView {
    /// Nothing if the cloud is to say nothing.
    pub(super) async fn of(
        connector: &Connector,
        id: ConnectorId,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(address) = &connector.hints else { return Ok(None) };
        let HintState { heard_at, problem, .. } = store.find_hint_state(id).await?;
        let there = store.list_subscriptions(id).await?;
        let topics = connector.source.announcer().map(Announcer::topics);
        let good_until = topics.and_then(|topics| good_until(topics, &there, now));
        Ok(Some(Self {
            address: address.to_string(),
            heard_at,
            good_until,
            is_asked: topics.is_some() && good_until.is_none(),
            problem,
            waiting: store.count_hints(id).await?,
        }))
    }
}

/// `POST /connectors/{name}/hints/trial`: somebody is about to try whether the cloud would tell anything, so the gateway
/// answers when it asks whether somebody is there. Whoever has tried ends it; else it ends by itself after a while.
pub(super) async fn begin_trial(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<i64>, AdminError> {
    admin.connectors.check_name(&name)?;
    let id = admin.store.ensure_connector(&name).await?;
    let new =
        NewSubscription { topic: TRIAL.to_owned(), made_for: Vec::new(), secret: random::<32>() };
    Ok(Json(admin.store.insert_subscription(id, new, admin.clock.now()).await?))
}

/// `DELETE /connectors/{name}/hints/trial`: nobody tries any more.
pub(super) async fn end_trial(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<()>, AdminError> {
    admin.connectors.check_name(&name)?;
    let id = admin.store.ensure_connector(&name).await?;
    let all = admin.store.list_subscriptions(id).await?.into_iter();
    for trial in all.filter(|one| one.topic == TRIAL) {
        admin.store.delete_subscription(trial.id).await?;
    }
    Ok(Json(()))
}

/// Until when all is told that is wanted.
fn good_until(
    topics: &[&str],
    there: &[StoredSubscription],
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let alive = there.iter().filter(|it| it.handle.is_some() && it.until > now);
    let told: BTreeSet<_> = alive.clone().map(|it| it.topic.as_str()).collect();
    let is_whole = topics.iter().all(|topic| told.contains(topic));
    alive.map(|it| it.until).min().filter(|_| is_whole)
}
