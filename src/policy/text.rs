//! Rules as they are written in a configuration.

use serde::Serialize;

use crate::config::RuleConfig;

#[derive(Serialize)]
struct Document<'a> {
    app: [App<'a>; 1],
}

#[derive(Serialize)]
struct App<'a> {
    rule: &'a [RuleConfig],
}

/// Rules as TOML, to be pasted below the keys of an `[[app]]` table.
pub fn as_toml(rules: &[RuleConfig]) -> Result<String, toml::ser::Error> {
    if rules.is_empty() {
        return Ok(String::new());
    }
    let text = toml::to_string_pretty(&Document { app: [App { rule: rules }] })?;
    Ok(text.strip_prefix("[[app]]\n").unwrap_or(&text).trim_start().to_owned())
}
