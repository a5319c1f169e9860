//! The `[telemetry]` table.

use serde::Deserialize;

use super::{OtlpConfig, Problems};

/// How the gateway says what it does.
#[derive(Clone, Debug, Deserialize)]
pub struct TelemetryConfig {
    /// How a line of the log looks. Default: json.
    #[serde(default)]
    pub log_format: LogFormat,

    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, also per module
    /// (`info,gatehouse::saml=debug`). Default: info.
    #[serde(default = "default_log_level")]
    pub log_level: String,

    /// Where spans are sent to. Default: nowhere.
    pub otlp: Option<OtlpConfig>,
}

impl TelemetryConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(otlp) = &self.otlp {
            otlp.check("telemetry.otlp", problems);
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For log collectors: one JSON object.
    #[default]
    Json,
    /// For people.
    Text,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::default(), log_level: default_log_level(), otlp: None }
    }
}

fn default_log_level() -> String {
    "info".to_owned()
}
