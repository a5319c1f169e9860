//! How the gateway says what it does: log, trace ids, metrics, spans.

mod forwarded;
mod log;
mod metrics;
mod numbers;
mod otlp;
mod seldom;
mod spans;
mod trace_context;
mod trace_id;

pub use self::{
    forwarded::Forwarded,
    log::{LogLevel, init},
    metrics::{
        AlarmLabels, AppLabels, BreakGlassLabels, CLASSES, ConnectorMetrics, FormLabels,
        HintLabels, LeftOutLabels, LimitLabels, ListeningMetrics, LoginLabels, LoginMethod,
        LoginOutcome, LoopLabels, Metrics, RequestLabels, RunCounts, SpanLabels, UpstreamMetrics,
    },
    otlp::{Exporter, OtlpError, OtlpOptions},
    seldom::Seldom,
    spans::{Span, SpanKind, SpanValue, Tracer},
    trace_context::{
        Incoming, SpanNumber, TRACEPARENT, TRACESTATE, TraceContext, TraceNumber, Traceparent,
    },
    trace_id::TraceId,
};
