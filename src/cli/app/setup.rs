//! `gatehouse app setup`.

mod bamboo;
mod bitbucket;
mod confluence;
mod connector;
mod crowd_directory;
mod facts;
mod fisheye;
mod generic;
mod guide;
mod jira;
mod people;
mod seraph;
mod version;

use std::{path::Path, process::ExitCode};

use self::{
    bamboo::BAMBOO,
    confluence::CONFLUENCE,
    facts::Facts,
    guide::{Guide, Step},
    jira::JIRA,
    version::Version,
};
use super::super::{BAD_CONFIGURATION, complain, say};
use crate::config::{AppKind, Config};

/// Prints what has to be done in an application so that the gateway signs people in there: every setting, and the
/// files with their content, filled in from the configuration.
///
/// Nothing is changed. `docs/apps.md` says what each kind of application can and cannot do.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Setup {
    /// An application of the configuration, or a kind: jira, confluence, bitbucket, bamboo, fisheye, generic.
    #[arg(value_name = "NAME|KIND")]
    app: String,
    /// The application's version, such as 10.3.
    #[arg(long, value_parser = Version::parse)]
    version: Option<Version>,
    /// Where the application reaches the gateway's internal listener, if not at its address in the
    /// configuration.
    #[arg(long, value_name = "URL")]
    crowd_url: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Setup {
    pub(in super::super) fn run(&self, config: &Path) -> ExitCode {
        match self.text(config) {
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

    fn text(&self, config: &Path) -> Result<String, String> {
        let guide = guide(&self.facts(config)?);
        if self.json {
            return serde_json::to_string_pretty(&guide).map_err(|error| error.to_string());
        }
        Ok(guide.text())
    }

    /// A kind needs no configuration; a name does.
    fn facts(&self, config: &Path) -> Result<Facts, String> {
        let kind = AppKind::ALL.into_iter().find(|kind| kind.as_str() == self.app);
        let loaded = Config::load(config)
            .map_err(|problems| format!("{} has problems:\n{problems}", config.display()));
        let mut facts = match (loaded, kind) {
            (Ok(config), kind) => match config.apps.iter().find(|app| app.name == self.app) {
                Some(app) => Facts::of(&config, app),
                None => Facts::of_kind(kind.ok_or_else(|| self.unknown(&config))?, Some(&config)),
            },
            (Err(_), Some(kind)) => Facts::of_kind(kind, None),
            (Err(problem), None) => return Err(problem),
        };
        facts.version = self.version;
        if let Some(url) = &self.crowd_url {
            facts.crowd_url.clone_from(url);
        }
        Ok(facts)
    }

    fn unknown(&self, config: &Config) -> String {
        let known: Vec<_> = config.apps.iter().map(|app| app.name.as_str()).collect();
        format!("there is no application {:?}; there is: {}", self.app, known.join(", "))
    }
}

fn guide(facts: &Facts) -> Guide {
    let steps = match facts.kind {
        AppKind::Jira => seraph::steps(facts, &JIRA),
        AppKind::Confluence => seraph::steps(facts, &CONFLUENCE),
        AppKind::Bitbucket => bitbucket::steps(facts),
        AppKind::Bamboo => seraph::steps(facts, &BAMBOO),
        AppKind::Fisheye => fisheye::steps(facts),
        AppKind::Generic => generic::steps(facts),
    };
    let mut guide = Guide::new(facts, steps);
    let name = &facts.name;
    let seen = match facts.kind {
        AppKind::Generic => "200",
        _ => "X-AUSERNAME",
    };
    guide.steps.push(
        Step::new("Try it")
            .says(format!("gatehouse app test {name}"))
            .says(format!("gatehouse app test {name} --as USERNAME"))
            .says(format!(
                "The first looks at every link of the chain, the second also signs somebody in for a moment, and \
                 wants to see {seen}. What is broken is named, with what to do next."
            )),
    );
    guide
}

#[cfg(test)]
mod tests;
