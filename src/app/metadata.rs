//! Keeps knowing identity providers whose metadata is at a URL.

use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    clock::Clock,
    config::{MetadataSource, SamlConfig},
    lifecycle::Background,
    login::Login,
    saml::{IdentityProvider, fetch_metadata},
};

/// Certificates are announced days before they are used.
const FRESH: Duration = Duration::from_hours(1);

/// While there is none yet, people wait.
const AGAIN: Duration = Duration::from_secs(20);

/// Fetches metadata now and then. What was good once stays until something better comes.
pub(super) fn follow(
    configs: &[SamlConfig],
    login: &Arc<Login>,
    clock: &Clock,
    background: &Background,
) {
    for (index, config) in configs.iter().enumerate() {
        let MetadataSource::Url(url) = &config.metadata else {
            continue;
        };
        let follower = Arc::new(Follower {
            url: url.clone(),
            entity_id: config.entity_id.clone(),
            index,
            login: login.clone(),
            clock: clock.clone(),
        });
        background.follow("fetch metadata", move || {
            let follower = follower.clone();
            async move { follower.follow().await }
        });
    }
}

struct Follower {
    url: Url,
    entity_id: String,
    index: usize,
    login: Arc<Login>,
    clock: Clock,
}

impl Follower {
    async fn follow(&self) {
        loop {
            let wait = match self.fetch().await {
                Ok(metadata) => {
                    self.login.providers[self.index].know(metadata);
                    FRESH
                }
                Err(error) => {
                    let provider = &self.login.providers[self.index];
                    let known = provider.identity_provider().is_some();
                    tracing::error!(
                        idp = provider.name,
                        error,
                        known_from_before = known,
                        "the identity provider's metadata could not be read"
                    );
                    if known { FRESH } else { AGAIN }
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn fetch(&self) -> Result<IdentityProvider, String> {
        let text = fetch_metadata(&self.url).await.map_err(|error| error.to_string())?;
        IdentityProvider::from_metadata(&text, &self.entity_id, self.clock.now())
            .map_err(|problem| format!("{} {problem}", self.url))
    }
}
