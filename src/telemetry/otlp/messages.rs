//! Spans as the protocol wants them.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span as Message, Status,
        span::{Link, SpanKind as Kind},
        status::StatusCode,
    },
};

use crate::telemetry::spans::{Span, SpanKind, SpanValue};

/// Everything that one request to the collector says.
pub(super) fn request(spans: Vec<Span>, service_name: &str) -> ExportTraceServiceRequest {
    let name = SpanValue::Text(service_name.to_owned().into());
    let version = SpanValue::Text(env!("CARGO_PKG_VERSION").into());
    let resource = Resource {
        attributes: vec![attribute("service.name", name), attribute("service.version", version)],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = spans.into_iter().map(message).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource =
        ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn message(span: Span) -> Message {
    let kind = match span.kind {
        SpanKind::Request => Kind::Server,
        SpanKind::Upstream => Kind::Client,
        SpanKind::Inner => Kind::Internal,
    };
    let ended = span.ended.timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok());
    let ended = ended.unwrap_or_default();
    let took = u64::try_from(span.took.as_nanos()).unwrap_or(u64::MAX);
    let link = span.link.map(|link| Link {
        trace_id: link.trace.0.to_vec(),
        span_id: link.span.0.to_vec(),
        flags: u32::from(link.sampled),
        ..Link::default()
    });
    let failed = || Status { code: StatusCode::Error.into(), ..Status::default() };
    Message {
        trace_id: span.trace.0.to_vec(),
        span_id: span.number.0.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        trace_state: span.state.unwrap_or_default(),
        // Only what is recorded is exported.
        flags: 1,
        name: span.name.into_owned(),
        kind: kind.into(),
        start_time_unix_nano: ended.saturating_sub(took),
        end_time_unix_nano: ended,
        attributes: span.attributes.into_iter().map(|(key, value)| attribute(key, value)).collect(),
        links: link.into_iter().collect(),
        status: span.failed.then(failed),
        ..Message::default()
    }
}

fn attribute(key: &str, value: SpanValue) -> KeyValue {
    let value = match value {
        SpanValue::Text(text) => Value::StringValue(text.into_owned()),
        SpanValue::Number(number) => Value::IntValue(number),
    };
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
