//! Alarms: what is open, what was, and whether those who are to be told can be.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, Options};
use crate::{
    alarms::{Condition, Receiver},
    http::Parameters,
    store::{StoredAlarm, StoredDelivery},
};

/// So many messages about one alarm are shown.
const MOST_DELIVERIES: i64 = 20;

/// An alarm as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// What it is and of what.
    pub key: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when, if it is over.
    pub until: Option<DateTime<Utc>>,
    /// Until when nobody is told of it again.
    pub silenced_until: Option<DateTime<Utc>>,
    /// What is said of it.
    pub condition: Option<Condition>,
    /// Messages about it, the latest first.
    pub deliveries: Vec<DeliveryView>,
}

/// A message about an alarm as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// To whom.
    pub receiver: String,
    /// What it can be known by if it comes twice.
    pub id: String,
    /// `raised`, `repeated` or `over`.
    pub event: String,
    /// `waiting`, `delivered` or `given_up`.
    pub state: String,
    /// Since when it is owed.
    pub at: DateTime<Utc>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next, if it waits.
    pub next_at: Option<DateTime<Utc>>,
    /// Why it could not be delivered the last time.
    pub problem: Option<String>,
}

/// What came of a message that was a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestView {
    /// To whom.
    pub receiver: String,
    /// Why it could not be delivered.
    pub problem: Option<String>,
}

impl From<StoredDelivery> for DeliveryView {
    fn from(delivery: StoredDelivery) -> Self {
        let (at, ended_at) = (delivery.created_at(), delivery.ended_at());
        let next_at = ended_at.is_none().then(|| delivery.next_at());
        let StoredDelivery { receiver, message_id, event, state, tries, problem, .. } = delivery;
        Self { receiver, id: message_id, event, state, at, ended_at, tries, next_at, problem }
    }
}

/// `GET /alarms?limit=…`: those that are open, and then so many that are over, the latest first.
pub(super) async fn list_alarms(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<AlarmView>>, AdminError> {
    let mut alarms = admin.store.list_open_alarms().await?;
    alarms.extend(admin.store.list_ended_alarms(Options::of(&uri)?.limit).await?);
    let mut views = Vec::new();
    for alarm in alarms {
        views.push(admin.view_of(alarm).await?);
    }
    Ok(Json(views))
}

impl Admin {
    async fn view_of(&self, alarm: StoredAlarm) -> Result<AlarmView, AdminError> {
        let deliveries = self.store.list_deliveries(alarm.id, MOST_DELIVERIES).await?;
        Ok(AlarmView {
            key: alarm.key,
            since: alarm.begun_at,
            until: alarm.ended_at,
            silenced_until: alarm.silenced_until.filter(|until| *until > self.clock.now()),
            condition: serde_json::from_str(&alarm.condition).ok(),
            deliveries: deliveries.into_iter().map(DeliveryView::from).collect(),
        })
    }
}

/// `POST /alarms/test?receiver=…`: says to one receiver, or to all, that this is a test.
pub(super) async fn test_receivers(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<TestView>>, AdminError> {
    let parameters = parameters(&uri)?;
    let wanted: Vec<&Receiver> = match parameters.find("receiver") {
        Some(name) => {
            let found = admin.receivers.find(name);
            vec![found.ok_or_else(|| AdminError::NotFound(format!("[[alarm]] called {name:?}")))?]
        }
        None => admin.receivers.iter().collect(),
    };
    let mut views = Vec::new();
    for receiver in wanted {
        let told = admin.receivers.test(receiver, admin.clock.now()).await;
        let problem = told.err().map(|error| error.to_string());
        views.push(TestView { receiver: receiver.name.to_string(), problem });
    }
    Ok(Json(views))
}

/// `PUT /alarms/{key}/silence?seconds=…`: nobody is told of it again for so long.
pub(super) async fn silence_alarm(
    State(admin): State<Admin>,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<AlarmView>, AdminError> {
    let seconds = parameters(&uri)?.find("seconds").and_then(|text| text.parse().ok());
    let until = seconds
        .and_then(chrono::TimeDelta::try_seconds)
        .and_then(|time| admin.clock.now().checked_add_signed(time));
    let until = until
        .ok_or_else(|| AdminError::BadRequest("seconds is no number of seconds".to_owned()))?;
    admin.set_silence(&key, Some(until)).await
}

/// `DELETE /alarms/{key}/silence`
pub(super) async fn end_silence(
    State(admin): State<Admin>,
    Path(key): Path<String>,
) -> Result<Json<AlarmView>, AdminError> {
    admin.set_silence(&key, None).await
}

impl Admin {
    async fn set_silence(
        &self,
        key: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<Json<AlarmView>, AdminError> {
        let nobody = || AdminError::NotFound(format!("alarm {key:?} that is open"));
        if !self.store.silence_alarm(key, until).await? {
            return Err(nobody());
        }
        tracing::info!(alarm = key, ?until, "an administrator silenced an alarm");
        let open = self.store.list_open_alarms().await?;
        let alarm = open.into_iter().find(|alarm| alarm.key == key).ok_or_else(nobody)?;
        self.view_of(alarm).await.map(Json)
    }
}

fn parameters(uri: &Uri) -> Result<Parameters<'_>, AdminError> {
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    Parameters::of(uri).map_err(twice)
}
