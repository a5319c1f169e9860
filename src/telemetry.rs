//! How the gateway says what it does: log, trace ids, metrics.

mod log;
mod metrics;
mod trace_id;

pub use self::{
    log::init,
    metrics::{
        FormLabels, LimitLabels, LoginLabels, LoginMethod, LoginOutcome, LoopLabels, Metrics,
        RequestLabels,
    },
    trace_id::TraceId,
};
