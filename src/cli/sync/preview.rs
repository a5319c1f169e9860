//! `gatehouse sync preview`.

use std::{fs, path::Path};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use toml::{Table, Value};

use super::shown::print_preview;
use crate::{
    cli::{
        control::{Control, ControlError},
        edit::{path_with, print_json},
    },
    sync::Preview as Seen,
};

/// Shows what the filters and names of a configuration make of what the last run has read.
///
/// The cloud is not asked, and nothing is written. The connector's table is read from the file that `--config` names, and tried
/// by the gateway that runs: so another file can be tried before it is that of the gateway.
#[derive(Debug, clap::Args)]
pub(super) struct Preview {
    /// The connector.
    name: String,

    /// So many people are shown with where each part of their account comes from.
    #[arg(long, default_value_t = 5)]
    users: u32,

    /// Prints JSON, with all examples and up to a thousand groups.
    #[arg(long)]
    json: bool,
}

impl Preview {
    pub(super) async fn show(&self, control: &Control, config: &Path) -> Result<(), ControlError> {
        let table = self.table(config)?;
        let name = utf8_percent_encode(&self.name, NON_ALPHANUMERIC);
        let users = self.users.to_string();
        let path =
            path_with(&format!("/connectors/{name}/preview"), &[("limit", Some(users.as_str()))]);
        let seen: Seen = control.ask_with(Method::POST, &path, &json!({ "table": table })).await?;
        if self.json {
            return print_json(&seen);
        }
        print_preview(&seen);
        Ok(())
    }

    /// The connector's table, as the file has it.
    fn table(&self, config: &Path) -> Result<String, ControlError> {
        let failed = |error| ControlError::File(config.to_owned(), error);
        let text = fs::read_to_string(config).map_err(failed)?;
        let bad = |error: &dyn std::fmt::Display| ControlError::Arguments(error.to_string());
        let all: Table = text.parse().map_err(|error: toml::de::Error| bad(&error))?;
        let connectors = all.get("connector").and_then(Value::as_array).into_iter().flatten();
        let is_meant =
            |table: &&Value| table.get("name").and_then(Value::as_str) == Some(self.name.as_str());
        let Some(table) = connectors.into_iter().find(is_meant) else {
            let problem = format!("{} has no connector {:?}", config.display(), self.name);
            return Err(ControlError::Arguments(problem));
        };
        toml::to_string(table).map_err(|error| bad(&error))
    }
}
