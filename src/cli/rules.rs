//! `gatehouse rules`.

use std::{path::Path, process::ExitCode};

use super::{BAD_CONFIGURATION, complain, say};
use crate::{
    config::{AppConfig, AppKind, Config, RuleConfig},
    policy::{as_toml, effective_rules, preset},
};

/// Rules of applications.
#[derive(Debug, clap::Subcommand)]
pub(super) enum RulesCommand {
    /// Prints the rules of applications in the order in which they are asked: the configuration's, then
    /// the preset's.
    ///
    /// It is TOML: pasted below the keys of an `[[app]]` table that has `preset = false` and no rules of
    /// its own, it decides the same.
    Show(Show),
}

/// What is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Of one application. Default: of all.
    #[arg(long, value_name = "NAME", conflicts_with = "kind")]
    app: Option<String>,
    /// The preset of a kind of application, without a configuration.
    #[arg(long, value_parser = read_kind)]
    kind: Option<AppKind>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Rules, and whose they are.
#[derive(serde::Serialize)]
struct Listed {
    app: String,
    preset: Option<AppKind>,
    rule: Vec<RuleConfig>,
}

fn read_kind(word: &str) -> Result<AppKind, String> {
    let found = AppKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| {
        let known: Vec<_> = AppKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is: {}", known.join(", "))
    })
}

impl RulesCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        let Self::Show(show) = self;
        let shown = show.list(config).and_then(|listed| show.text(&listed));
        match shown {
            Ok(text) => {
                say(text.trim_end());
                ExitCode::SUCCESS
            }
            Err(problem) => {
                complain(&problem);
                ExitCode::from(BAD_CONFIGURATION)
            }
        }
    }
}

impl Show {
    fn list(&self, config: &Path) -> Result<Vec<Listed>, String> {
        if let Some(kind) = self.kind {
            let app = kind.as_str().to_owned();
            return Ok(vec![Listed { app, preset: Some(kind), rule: preset(kind) }]);
        }
        let config = Config::load(config)
            .map_err(|problems| format!("{} has problems:\n{problems}", config.display()))?;
        let wanted = |app: &&AppConfig| self.app.as_ref().is_none_or(|name| *name == app.name);
        let listed = |app: &AppConfig| Listed {
            app: app.name.clone(),
            preset: app.preset_kind(),
            rule: effective_rules(app),
        };
        let listed: Vec<_> = config.apps.iter().filter(wanted).map(listed).collect();
        if let (true, Some(name)) = (listed.is_empty(), &self.app) {
            return Err(format!("there is no application {name:?}"));
        }
        Ok(listed)
    }

    fn text(&self, listed: &[Listed]) -> Result<String, String> {
        if self.json {
            return serde_json::to_string_pretty(listed).map_err(|error| error.to_string());
        }
        let mut parts = Vec::new();
        for Listed { app, rule, .. } in listed {
            let rules = as_toml(rule).map_err(|error| error.to_string())?;
            let rules =
                if rules.is_empty() { "# none: everything needs a login\n" } else { &rules };
            parts.push(format!("# {app}: for an [[app]] table with preset = false\n\n{rules}\n"));
        }
        Ok(parts.concat())
    }
}
