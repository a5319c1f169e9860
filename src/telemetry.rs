//! How the gateway says what it does: log, trace ids, metrics.

mod log;
mod metrics;
mod trace_id;

pub use self::{
    log::init,
    metrics::{LoginLabels, LoginMethod, LoginOutcome, Metrics, RequestLabels},
    trace_id::TraceId,
};
