//! The `[telemetry.otlp]` table.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::{Problems, SecretSource};

/// Where spans are sent to, by OTLP over HTTP.
#[derive(Clone, Debug, Deserialize)]
pub struct OtlpConfig {
    /// The collector, such as `http://127.0.0.1:4318`; spans go to `/v1/traces` below it.
    pub endpoint: Url,

    /// Headers that the collector asks for, such as `authorization`; their values are secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretSource>,

    /// The part of the traces that is recorded, from 0 to 1. A trusted proxy that has decided already is
    /// followed. Default: 1.
    #[serde(default = "default_sample_ratio")]
    pub sample_ratio: f64,

    /// What the gateway is called there. Default: gatehouse.
    #[serde(default = "default_service_name")]
    pub service_name: String,
}

impl OtlpConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        let endpoint = &self.endpoint;
        if !matches!(endpoint.scheme(), "http" | "https")
            || endpoint.query().is_some()
            || endpoint.fragment().is_some()
            || endpoint.password().is_some()
            || !endpoint.username().is_empty()
        {
            let problem = "must be http(s)://host:port, perhaps with a path, and nothing else";
            problems.add(format!("{key}.endpoint"), problem);
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            problems.add(format!("{key}.sample_ratio"), "must be between 0 and 1");
        }
        for name in self.headers.keys() {
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                problems.add(format!("{key}.headers"), format!("{name:?} is no name of a header"));
            }
        }
    }
}

fn default_sample_ratio() -> f64 {
    1.0
}

fn default_service_name() -> String {
    "gatehouse".to_owned()
}
