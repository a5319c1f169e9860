//! Who is told.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{
    Condition,
    telling::{Message, Telling},
};
use crate::{
    config::{AlarmConfig, AlarmKind, MailConfig, WebhookConfig},
    notify::{Letter, NotifyError, Post, post_webhook, send_mail},
};

/// Days before its end from which on something is an alarm if nobody says otherwise.
const WARN_DAYS: u32 = 30;

/// Everybody who is told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receivers {
    all: Arc<Vec<Receiver>>,
    gateway: Arc<str>,
    host: Arc<str>,
}

/// Somebody who is told, of what, and by which way.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// What the configuration calls it.
    pub name: Arc<str>,
    pub(super) wants: Wants,
    way: Way,
}

/// Of what somebody is told, and how often.
#[derive(Clone, Debug)]
pub(super) struct Wants {
    on: Vec<AlarmKind>,
    connectors: Vec<String>,
    pub(super) repeat: TimeDelta,
    warn_days: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Way {
    Webhook(WebhookConfig),
    Mail(MailConfig),
}

impl Receivers {
    /// From the configuration, of the gateway where people log in at that address.
    #[must_use]
    pub fn new(configs: &[AlarmConfig], login_url: &Url) -> Self {
        let all = configs.iter().filter_map(Receiver::new).collect();
        let host = login_url.host_str().unwrap_or("localhost");
        let gateway = login_url.origin().ascii_serialization();
        Self { all: Arc::new(all), gateway: gateway.into(), host: host.into() }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Receiver> {
        self.all.iter()
    }

    /// The one of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Receiver> {
        self.iter().find(|receiver| *receiver.name == *name)
    }

    /// From how many days before its end on something is an alarm.
    #[must_use]
    pub fn warn_days(&self) -> u32 {
        let days = self.iter().flat_map(|receiver| &receiver.wants.warn_days);
        days.copied().max().unwrap_or(WARN_DAYS)
    }

    /// Says something to one of them.
    pub(super) async fn tell(
        &self,
        receiver: &Receiver,
        telling: &Telling<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), NotifyError> {
        let Message { subject, text, body } = telling.message(&self.gateway);
        let (id, at) = (telling.id, now);
        match &receiver.way {
            Way::Webhook(config) => post_webhook(config, Post { id, at, body: &body }).await,
            Way::Mail(config) => {
                let (host, alarm) = (&*self.host, telling.condition.key.as_str());
                let (subject, text) = (subject.as_str(), text.as_str());
                send_mail(config, Letter { id, at, host, alarm, subject, text }).await
            }
        }
    }

    /// Says to one of them that this is a test.
    pub async fn test(&self, receiver: &Receiver, now: DateTime<Utc>) -> Result<(), NotifyError> {
        let id = uuid::Uuid::new_v4().to_string();
        let condition = Condition {
            key: "test".to_owned(),
            kind: AlarmKind::Warnings,
            connector: None,
            summary: "this is a test of the alarms".to_owned(),
            details: Vec::new(),
            todo: "Nothing: somebody has run `gatehouse alarm test`.".to_owned(),
            expires_at: None,
        };
        let telling =
            Telling { id: &id, event: "test", condition: &condition, since: now, at: now };
        self.tell(receiver, &telling, now).await
    }
}

impl Receiver {
    /// Nothing of a configuration that was not checked.
    fn new(config: &AlarmConfig) -> Option<Self> {
        let way = match (&config.webhook, &config.mail) {
            (Some(webhook), _) => Way::Webhook(webhook.clone()),
            (None, Some(mail)) => Way::Mail(mail.clone()),
            (None, None) => return None,
        };
        let wants = Wants {
            on: config.on.clone(),
            connectors: config.connectors.clone(),
            repeat: TimeDelta::hours(config.repeat_hours.into()),
            warn_days: config.warn_days.clone(),
        };
        Some(Self { name: config.name.as_str().into(), wants, way })
    }
}

impl Wants {
    /// How near a condition is to its end, as far as it is to be told: 0 for not yet or never, more for each of the days
    /// that have come, and the most for what has expired. What does not expire is as near as it ever will be.
    pub(super) fn stage(&self, condition: &Condition, now: DateTime<Utc>) -> i64 {
        let is_theirs = self.connectors.is_empty()
            || condition.connector.as_ref().is_some_and(|name| self.connectors.contains(name));
        if !is_theirs || !self.on.contains(&condition.kind) {
            return 0;
        }
        let Some(at) = condition.expires_at else { return 1 };
        let has_come = |days: &&u32| at - now <= TimeDelta::days(i64::from(**days));
        let come = self.warn_days.iter().filter(has_come).count();
        i64::try_from(come).unwrap_or(i64::MAX - 1) + i64::from(at <= now)
    }
}
