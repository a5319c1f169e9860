//! Sends spans to a collector: OTLP over HTTP, in protobuf (<https://opentelemetry.io/docs/specs/otlp/>).

mod messages;

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use prost::Message as _;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Metrics, Span, SpanLabels, Tracer};

/// Two seconds of a busy gateway. What comes when it is full is dropped.
const QUEUE: usize = 4096;

/// Spans of one request to the collector.
const BATCH: usize = 512;

/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// A collector that takes longer is of no use.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Between two tries.
const BACKOFF: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Where spans are sent, and which.
#[derive(Debug)]
pub struct OtlpOptions {
    /// The collector; `/v1/traces` is added.
    pub endpoint: Url,
    /// What the collector asks for.
    pub headers: HeaderMap,
    /// The part of the traces that is recorded.
    pub sample_ratio: f64,
    /// What the gateway is called.
    pub service_name: String,
}

/// Why spans cannot be sent at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct OtlpError(#[from] reqwest::Error);

/// Sends what a [`Tracer`] takes.
#[derive(Debug)]
pub struct Exporter {
    client: reqwest::Client,
    url: Url,
    service_name: String,
    spans: mpsc::Receiver<Span>,
    metrics: Metrics,
    /// Said once, not with every batch.
    failing: bool,
}

/// How one try ended.
enum Sent {
    Taken,
    Again(String),
    Never(String),
}

impl Tracer {
    /// A tracer whose spans are exported, once the exporter runs.
    pub fn exporting(
        options: OtlpOptions,
        metrics: &Metrics,
    ) -> Result<(Self, Exporter), OtlpError> {
        let mut headers = options.headers;
        let protobuf = header::HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, protobuf);
        let client = reqwest::Client::builder()
            .default_headers(headers)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut url = options.endpoint;
        url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        let (sender, spans) = mpsc::channel(QUEUE);
        let service_name = options.service_name;
        let metrics = metrics.clone();
        let tracer = Self::new(options.sample_ratio, sender, metrics.clone());
        Ok((tracer, Exporter { client, url, service_name, spans, metrics, failing: false }))
    }
}

impl Exporter {
    /// Sends spans until `stop`, and then those that are left.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let mut batch = Vec::new();
            let _ = stop.run_until_cancelled(self.collect(&mut batch)).await;
            self.send(batch, &stop).await;
        }
        self.spans.close();
        let mut rest = Vec::new();
        while self.spans.recv_many(&mut rest, BATCH).await > 0 {
            self.send(std::mem::take(&mut rest), &stop).await;
        }
    }

    /// Waits for a span, and a little for more.
    async fn collect(&mut self, batch: &mut Vec<Span>) {
        if self.spans.recv_many(batch, BATCH).await == 0 {
            // Nobody is left who could send one.
            return std::future::pending().await;
        }
        let _ = timeout(LINGER, async {
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                self.spans.recv_many(batch, room).await;
            }
        })
        .await;
    }

    /// Sends a batch, and tries again if the collector may take it later.
    async fn send(&mut self, batch: Vec<Span>, stop: &CancellationToken) {
        if batch.is_empty() {
            return;
        }
        let number = batch.len() as u64;
        let body = bytes::Bytes::from(messages::request(batch, &self.service_name).encode_to_vec());
        let mut waits = BACKOFF.iter();
        loop {
            match self.post(body.clone()).await {
                Sent::Taken => return self.count("exported", number, None),
                Sent::Never(why) => return self.count("failed", number, Some(&why)),
                Sent::Again(why) => {
                    let wait = waits.next().filter(|_| !stop.is_cancelled());
                    let Some(wait) = wait else {
                        return self.count("failed", number, Some(&why));
                    };
                    let _ = stop.run_until_cancelled(tokio::time::sleep(*wait)).await;
                }
            }
        }
    }

    async fn post(&self, body: bytes::Bytes) -> Sent {
        match self.client.post(self.url.clone()).body(body).send().await {
            Ok(answer) if answer.status().is_success() => Sent::Taken,
            // The section "Failures" of the specification: the others will not become better.
            Ok(answer) => match answer.status() {
                status @ (StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT) => Sent::Again(status.to_string()),
                status => Sent::Never(status.to_string()),
            },
            Err(error) => Sent::Again(causes(&error)),
        }
    }

    fn count(&mut self, outcome: &'static str, number: u64, failure: Option<&str>) {
        self.metrics.spans.get_or_create(&SpanLabels { outcome }).inc_by(number);
        match failure {
            Some(error) if !self.failing => {
                tracing::warn!(error, url = %self.url, "the collector takes no spans");
            }
            None if self.failing => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        self.failing = failure.is_some();
    }
}

/// An error with all that is behind it, on one line.
fn causes(error: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(Some(error), |error| error.source());
    behind.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
