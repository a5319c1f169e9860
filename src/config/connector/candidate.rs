//! A connector's table by itself, as somebody would like to have it.

use super::{ConnectorConfig, Problems};

impl ConnectorConfig {
    /// Reads and checks the table; what it says of other tables is not looked at.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let parsed: Option<Self> = problems.check("connector", toml::from_str(text));
        if let Some(config) = &parsed {
            config.check("connector", &mut problems);
        }
        problems.into_result()?;
        // Nothing is missing if nothing was reported.
        parsed.ok_or_else(Problems::default)
    }
}
