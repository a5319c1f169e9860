//! Where spans go.

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;

use crate::{
    config::{Config, OtlpConfig, Problems},
    telemetry::{Exporter, Metrics, OtlpOptions, Tracer},
};

/// A tracer, and what exports its spans if they are wanted.
pub(super) fn tracer(
    config: &Config,
    metrics: &Metrics,
) -> Result<(Tracer, Option<Exporter>), Problems> {
    let Some(otlp) = &config.telemetry.otlp else {
        return Ok((Tracer::default(), None));
    };
    let mut problems = Problems::default();
    let headers = problems.check("telemetry.otlp.headers", otlp_headers(otlp));
    let options = OtlpOptions {
        endpoint: otlp.endpoint.clone(),
        headers: headers.unwrap_or_default(),
        sample_ratio: otlp.sample_ratio,
        service_name: otlp.service_name.clone(),
    };
    let exporting = problems.check("telemetry.otlp", Tracer::exporting(options, metrics));
    problems.into_result()?;
    Ok(exporting.map_or_else(Default::default, |(tracer, exporter)| (tracer, Some(exporter))))
}

/// The headers that the collector asks for, with their secrets.
pub(super) fn otlp_headers(config: &OtlpConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, source) in &config.headers {
        let secret = source.read().map_err(|error| format!("{name}: {error}"))?;
        let bad = |_| format!("{name}: is no value of a header");
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(bad)?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes());
        headers.insert(name.map_err(|error| error.to_string())?, value);
    }
    Ok(headers)
}
