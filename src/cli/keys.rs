//! `gatehouse keys`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::admin::KeyView;

/// The keys that sign what applications are told.
#[derive(Debug, clap::Subcommand)]
pub(super) enum KeysCommand {
    /// Lists the keys, the oldest first: which one signs, and which are published besides.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Makes a key that begins to sign tomorrow, when every application has heard of it.
    Rotate {
        /// It signs within seconds. Applications that know only the keys of before refuse people until they ask
        /// for the keys again.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Forgets a key that somebody else may have: what it signed is refused as soon as applications ask for the keys
    /// again. If it was the one that signs, another one does.
    Retire {
        /// The key's id, as `keys list` shows it.
        #[arg(allow_hyphen_values = true)]
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

impl KeysCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { output } => ask(control, Method::GET, "/keys", *output).await,
            Self::Rotate { now, output } => {
                let path = if *now { "/keys?at_once=" } else { "/keys" };
                ask(control, Method::POST, path, *output).await
            }
            Self::Retire { id, output } => {
                let path = format!("/keys/{}", utf8_percent_encode(id, NON_ALPHANUMERIC));
                ask(control, Method::DELETE, &path, *output).await
            }
        })
    }
}

async fn ask(
    control: &Control,
    method: Method,
    path: &str,
    output: Output,
) -> Result<(), ControlError> {
    let keys: Vec<KeyView> = control.ask(method, path).await?;
    if output.json {
        return print_json(&keys);
    }
    say(&format!("{:<43}  {:<9}  {:<20}  {}", "KEY", "STATE", "MADE", "SIGNS FROM"));
    for KeyView { id, state, created_at, signs_from } in keys {
        let [made, from] =
            [created_at, signs_from].map(|time| time.format("%Y-%m-%d %H:%M:%SZ").to_string());
        say(&format!("{id:<43}  {state:<9}  {made:<20}  {from}"));
    }
    Ok(())
}
