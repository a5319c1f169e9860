//! What took how long: spans, for those who look at a request on its way through several programs.

use std::{borrow::Cow, time::Duration};

use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::{
    Metrics, SpanLabels,
    trace_context::{Incoming, SpanNumber, TraceContext, TraceNumber, Traceparent},
};

/// A piece of work that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    pub(super) trace: TraceNumber,
    pub(super) number: SpanNumber,
    pub(super) parent: Option<SpanNumber>,
    pub(super) link: Option<Traceparent>,
    pub(super) state: Option<String>,
    pub(super) kind: SpanKind,
    pub(super) name: Cow<'static, str>,
    pub(super) ended: DateTime<Utc>,
    pub(super) took: Duration,
    pub(super) attributes: Vec<(&'static str, SpanValue)>,
    pub(super) failed: bool,
}

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A client's request.
    Request,
    /// The gateway's request to an application.
    Upstream,
    /// Something within.
    Inner,
}

/// What is said of a span under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for SpanValue {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u16> for SpanValue {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl Span {
    /// A span of a request's trace that ended at a time and took so long.
    #[must_use]
    pub fn new(
        context: &TraceContext,
        kind: SpanKind,
        name: impl Into<Cow<'static, str>>,
        ended: DateTime<Utc>,
        took: Duration,
    ) -> Self {
        let (number, parent) = match kind {
            SpanKind::Request => (context.request, context.parent),
            SpanKind::Upstream => (context.upstream, Some(context.request)),
            SpanKind::Inner => (random(), Some(context.request)),
        };
        Self {
            trace: context.trace,
            number,
            parent,
            link: context.link.filter(|_| kind == SpanKind::Request),
            state: context.tracestate().map(str::to_owned),
            kind,
            name: name.into(),
            ended,
            took,
            attributes: Vec::new(),
            failed: false,
        }
    }

    /// Says something of it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<SpanValue>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Says it if there is something to say.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<SpanValue>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Says that it did not do what it should.
    #[must_use]
    pub fn failed(mut self, failed: bool) -> Self {
        self.failed = failed;
        self
    }
}

fn random() -> SpanNumber {
    let mut bytes = [0; 8];
    let _ = rand::fill(&mut bytes);
    SpanNumber(bytes)
}

/// Begins traces, and takes spans for whoever exports them. If nobody does, it costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Sampled>);

#[derive(Clone, Debug)]
struct Sampled {
    /// The part of 2^63 that is recorded.
    threshold: u64,
    spans: mpsc::Sender<Span>,
    metrics: Metrics,
}

impl Tracer {
    pub(super) fn new(ratio: f64, spans: mpsc::Sender<Span>, metrics: Metrics) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a ratio needs no more digits, and is between 0 and 1"
        )]
        let threshold = (ratio * (1u64 << 63) as f64) as u64;
        Self(Some(Sampled { threshold, spans, metrics }))
    }

    /// Begins the trace of a request, or goes on with that of a trusted client.
    ///
    /// Whether a new one is recorded is decided by its number, as other programs do it. If nobody exports spans, it
    /// is passed on as recorded, so that applications that trace themselves go on doing so.
    #[must_use]
    pub fn begin(&self, headers: &http::HeaderMap, is_trusted: bool) -> TraceContext {
        let Some(sampled) = &self.0 else {
            let incoming = is_trusted.then(|| Incoming::of(headers)).flatten();
            return TraceContext::new(incoming, is_trusted);
        };
        let mut context = TraceContext::new(Incoming::of(headers), is_trusted);
        if context.parent.is_none() {
            let mut last = [0; 8];
            last.copy_from_slice(&context.trace.0[8..]);
            context.sampled = u64::from_be_bytes(last) >> 1 < sampled.threshold;
        }
        context
    }

    /// Takes a span of a trace, if it is recorded. Never waits: what the exporter cannot take is dropped, and
    /// counted.
    pub fn record(&self, context: &TraceContext, span: impl FnOnce() -> Span) {
        let Some(sampled) = self.0.as_ref().filter(|_| context.sampled) else {
            return;
        };
        if sampled.spans.try_send(span()).is_err() {
            sampled.metrics.spans.get_or_create(&SpanLabels { outcome: "dropped" }).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_decides_what_is_recorded_and_a_trusted_client_before_it() {
        let (sender, _receiver) = mpsc::channel(1);
        let nothing = http::HeaderMap::new();
        let part = |ratio| {
            let tracer = Tracer::new(ratio, sender.clone(), Metrics::default());
            (0..2000).filter(|_| tracer.begin(&nothing, false).sampled).count()
        };
        assert_eq!((part(0.0), part(1.0)), (0, 2000));
        assert!((800..1200).contains(&part(0.5)));

        let mut headers = http::HeaderMap::new();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert("traceparent", parent.parse().unwrap());
        let tracer = Tracer::new(0.0, sender.clone(), Metrics::default());
        assert!(tracer.begin(&headers, true).sampled);
        assert!(!tracer.begin(&headers, false).sampled, "a stranger does not decide it");
    }

    #[test]
    fn what_the_exporter_cannot_take_is_dropped_and_counted() {
        let (sender, _receiver) = mpsc::channel(1);
        let metrics = Metrics::default();
        let tracer = Tracer::new(1.0, sender, metrics.clone());
        let context = tracer.begin(&http::HeaderMap::new(), false);
        for _ in 0..3 {
            tracer.record(&context, || {
                let ended = DateTime::UNIX_EPOCH;
                Span::new(&context, SpanKind::Inner, "test", ended, Duration::ZERO)
            });
        }
        let text = metrics.render().unwrap();
        assert!(text.contains(r#"gatehouse_spans_total{outcome="dropped"} 2"#), "{text}");
    }
}
