//! Identity providers that people can choose.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chrono::TimeDelta;

use crate::{config::SamlConfig, provisioning::Mapping, saml::IdentityProvider, sync::Lookup};

/// An identity provider, and how its words are read.
#[derive(Debug)]
pub struct Provider {
    /// What the configuration calls it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its words' meaning.
    pub mapping: Mapping,
    /// The cloud that is asked of who signs in.
    pub lookup: Option<Lookup>,
    pub(super) clock_skew: TimeDelta,
    pub(super) allow_sha1: bool,
    metadata: ArcSwapOption<IdentityProvider>,
}

impl Provider {
    /// From the configuration; its metadata comes by [`Provider::know`].
    #[must_use]
    pub fn new(config: &SamlConfig, mapping: Mapping, lookup: Option<Lookup>) -> Self {
        Self {
            name: config.name.clone(),
            title: config.title().to_owned(),
            mapping,
            lookup,
            clock_skew: TimeDelta::seconds(config.clock_skew_seconds.into()),
            allow_sha1: config.allow_sha1,
            metadata: ArcSwapOption::empty(),
        }
    }

    /// Knows it by this metadata from now on.
    pub fn know(&self, metadata: IdentityProvider) {
        self.metadata.store(Some(Arc::new(metadata)));
    }

    /// Knows it as another one does, who stands for the same.
    pub fn know_as(&self, other: &Self) {
        self.metadata.store(other.identity_provider());
    }

    /// What its metadata says; nothing before it could be read.
    #[must_use]
    pub fn identity_provider(&self) -> Option<Arc<IdentityProvider>> {
        self.metadata.load_full()
    }
}
