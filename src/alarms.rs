//! Who is told when something needs somebody.
//!
//! An *alarm* is a condition that lasts: a run that failed, a plan that waits, a secret that expires. It is open once,
//! whatever becomes of the gateways meanwhile, for it is derived from what is stored: [`Watch::look`] compares the
//! conditions that there are with the alarms that are open, and writes down what begins, what ends, and whom to tell.
//! Messages are delivered from there, at least once each.

mod condition;
mod delivering;
mod expiring;
mod facts;
mod of_connectors;
mod planning;
mod receivers;
mod telling;
mod watch;

pub use self::{
    condition::Condition,
    delivering::deliver_due,
    expiring::Expiring,
    receivers::{Receiver, Receivers},
    watch::Watch,
};
