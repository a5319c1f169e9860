//! Options that commands share which change the directory.

use http::Method;
use serde_json::Value;

use super::{
    control::{Control, ControlError},
    say,
};
use crate::admin::EditView;

/// How a change is made.
#[derive(Debug, clap::Args)]
pub(super) struct EditOptions {
    /// The directory, if several have the name.
    #[arg(long)]
    directory: Option<String>,

    /// Says what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,

    /// Why, for the change log.
    #[arg(long, value_name = "REASON")]
    because: Option<String>,

    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Whether JSON is printed instead of text for people.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Output {
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A path with its parameters; those without a value are left out.
pub(super) fn path_with(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl EditOptions {
    /// Makes a change, and says what it was.
    pub(super) async fn send(
        &self,
        control: &Control,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), ControlError> {
        let parameters = [
            ("directory", self.directory.as_deref()),
            ("because", self.because.as_deref()),
            ("dry_run", self.dry_run.then_some("")),
        ];
        let path = path_with(path, &parameters);
        let view: EditView = match body {
            Some(body) => control.ask_with(method, &path, body).await?,
            None => control.ask(method, &path).await?,
        };
        if self.json {
            return print_json(&view);
        }
        if view.changes.is_empty() {
            say("nothing to change");
        }
        for change in &view.changes {
            say(&format!("{}{change}", if view.dry_run { "would " } else { "" }));
        }
        if view.ended_sessions > 0 {
            say(&format!("sessions ended: {}", view.ended_sessions));
        }
        for batch in &view.batches {
            say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
        }
        Ok(())
    }
}

/// Prints what a script reads.
pub(super) fn print_json<T: serde::Serialize>(value: &T) -> Result<(), ControlError> {
    let text = serde_json::to_string_pretty(value);
    say(&text.map_err(|error| ControlError::Http(error.to_string()))?);
    Ok(())
}
