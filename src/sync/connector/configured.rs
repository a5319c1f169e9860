//! From a connector's table to what is made of what the cloud says.

use super::{Scope, connector_issuer};
use crate::{
    config::{ConnectorConfig, GroupNameExample},
    provisioning::{Mapping, MappingConfigError, Policy},
};

/// What is made of what a cloud says.
#[derive(Debug)]
pub struct Rules {
    pub(super) scope: Scope,
    pub(super) mapping: Mapping,
}

/// Why a connector's table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorConfigError {
    /// What gives names.
    #[error(transparent)]
    Mapping(#[from] MappingConfigError),
    /// A regular expression.
    #[error("{error}")]
    Pattern {
        /// Where it is.
        key: &'static str,
        /// What is wrong with it.
        error: String,
    },
    /// A group's name does not come out as an example says.
    #[error("{name:?} becomes {becomes}, and not {expected}")]
    GroupName {
        /// Which example.
        index: usize,
        /// What the cloud would call the group.
        name: String,
        /// What it would be called.
        becomes: String,
        /// What it should be called.
        expected: String,
    },
}

impl ConnectorConfigError {
    pub(super) fn pattern(key: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self::Pattern { key, error: error.to_string() }
    }

    /// Where in the connector's table that is.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Mapping(_) => "claims".to_owned(),
            Self::Pattern { key, .. } => (*key).to_owned(),
            Self::GroupName { index, .. } => format!("groups.example[{index}]"),
        }
    }
}

impl Rules {
    /// What a table says. Its examples are tried.
    pub fn of(config: &ConnectorConfig, policy: &Policy) -> Result<Self, ConnectorConfigError> {
        let issuer = connector_issuer(config);
        let domains = policy.domains_of(&issuer);
        let mapping = Mapping::of_issuer(issuer.clone(), domains, &config.claims())?;
        for (index, example) in config.groups.example.iter().enumerate() {
            try_example(&mapping, index, example)?;
        }
        Ok(Self { scope: Scope::of(config)?, mapping })
    }
}

/// What is made of what the cloud says, as a text that is another one if that changes. Where an identity provider vouches for
/// the same people, it is also whose they are by its domains.
pub(super) fn rules_text(config: &ConnectorConfig, policy: &Policy) -> String {
    let rules = config.rules();
    let domains = match config.saml {
        Some(_) => policy.domains_of(&connector_issuer(config)),
        None => &[],
    };
    if domains.is_empty() { rules } else { format!("{rules} bound to {domains:?}") }
}

fn try_example(
    mapping: &Mapping,
    index: usize,
    example: &GroupNameExample,
) -> Result<(), ConnectorConfigError> {
    let becomes =
        mapping.group_name(&example.name, &example.name).map_err(|error| error.to_string());
    if becomes.as_ref() == Ok(&example.becomes) {
        return Ok(());
    }
    let shown =
        |name: Option<String>| name.map_or("left out".to_owned(), |name| format!("{name:?}"));
    Err(ConnectorConfigError::GroupName {
        index,
        name: example.name.clone(),
        becomes: becomes.map_or_else(|error| format!("an error: {error}"), shown),
        expected: shown(example.becomes.clone()),
    })
}
