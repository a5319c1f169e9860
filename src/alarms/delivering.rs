//! Delivers messages that are owed.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Condition, Receiver, Receivers, telling::Telling};
use crate::{
    clock::Clock,
    lifecycle::growing_pause,
    store::{DeliveryState, Store, StoreError, StoredDelivery},
    telemetry::ConnectorMetrics,
};

/// Whoever has taken a message on has so long for it; then another gateway may.
const TAKEN_FOR: TimeDelta = TimeDelta::minutes(3);

/// What could not be delivered for so long is old news.
pub(super) const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(1);

const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);

const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Delivers what is owed to one receiver, one after the other, until one cannot be: then nobody is there, and the others
/// would only wait for that as well.
pub async fn deliver_due(
    (store, clock): (&Store, &Clock),
    receivers: &Receivers,
    receiver: &Receiver,
    metrics: &ConnectorMetrics,
) -> Result<(), StoreError> {
    let delivering = Delivering { store, clock, receivers, receiver, metrics };
    store.shorten_waits(&receiver.name, clock.now() + LONGEST_PAUSE).await?;
    for delivery in store.list_due_deliveries(&receiver.name, clock.now()).await? {
        if !store.take_delivery(&delivery, clock.now() + TAKEN_FOR).await? {
            continue;
        }
        if !delivering.deliver(&delivery).await? {
            break;
        }
    }
    Ok(())
}

struct Delivering<'a> {
    store: &'a Store,
    clock: &'a Clock,
    receivers: &'a Receivers,
    receiver: &'a Receiver,
    metrics: &'a ConnectorMetrics,
}

impl Delivering<'_> {
    /// Says whether it was delivered.
    async fn deliver(&self, delivery: &StoredDelivery) -> Result<bool, StoreError> {
        let told = match serde_json::from_str::<Condition>(&delivery.condition) {
            Ok(condition) => self.tell(delivery, &condition).await,
            Err(error) => Err(format!("what is to be said cannot be read: {error}")),
        };
        let (id, now, name) = (delivery.id(), self.clock.now(), &self.receiver.name);
        let alarm = &delivery.key;
        match told {
            Ok(()) => {
                self.metrics.count_delivery(name, "delivered");
                tracing::info!(receiver = %name, alarm, event = delivery.event, "somebody was told");
                self.store.end_delivery(id, DeliveryState::Delivered, None, now).await?;
                return Ok(true);
            }
            Err(error) if is_given_up(delivery, now) => {
                self.metrics.count_delivery(name, "given_up");
                tracing::error!(receiver = %name, alarm, error, "nobody could be told: it is given up");
                self.store.end_delivery(id, DeliveryState::GivenUp, Some(error), now).await?;
            }
            Err(error) => {
                self.metrics.count_delivery(name, "failed");
                tracing::warn!(receiver = %name, alarm, error, "nobody could be told: it is tried again");
                let pause = growing_pause(FIRST_PAUSE, delivery.tries, LONGEST_PAUSE);
                self.store.note_delivery_failed(id, error, now + pause).await?;
            }
        }
        Ok(false)
    }

    async fn tell(&self, delivery: &StoredDelivery, condition: &Condition) -> Result<(), String> {
        let telling = Telling {
            id: &delivery.message_id,
            event: &delivery.event,
            condition,
            since: delivery.alarm_begun_at(),
            at: delivery.created_at(),
        };
        let told = self.receivers.tell(self.receiver, &telling, self.clock.now()).await;
        told.map_err(|error| error.to_string())
    }
}

fn is_given_up(delivery: &StoredDelivery, now: DateTime<Utc>) -> bool {
    now - delivery.created_at() >= GIVEN_UP_AFTER
}
