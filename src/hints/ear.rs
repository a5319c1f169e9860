//! What the gateway listens to for one connector, and how the cloud proves itself.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::{
    cloud::HintFormat,
    config::SecretSource,
    secrets::{Hash, is_equal, sha256},
    store::{ConnectorId, Store, StoreError},
};

/// For so long secrets are known without looking; and who has another one, has them looked up no more often than this.
const BELIEVED: Duration = Duration::from_mins(1);
const LOOKED_UP: Duration = Duration::from_secs(1);

/// What the gateway listens to for one connector.
#[derive(Debug)]
pub struct Ear {
    /// The connector's name.
    pub name: String,
    /// Its number.
    pub connector: ConnectorId,
    /// How its cloud speaks.
    pub format: HintFormat,
    /// How its cloud proves itself.
    pub proofs: Proofs,
}

/// By what a cloud is known: digests of secrets, so that comparing takes the same time whatever comes.
#[derive(Debug)]
pub struct Proofs {
    /// Of a cloud that an administrator has told the secret.
    told: Option<SecretSource>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// With the numbers of the subscriptions that they belong to, if the gateway made them.
    proofs: Vec<(Hash, Option<i64>)>,
    read_at: Option<Instant>,
}

/// A cloud that has proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proved {
    /// The number of the subscription that it speaks for, if it was the gateway that asked for it.
    pub subscription: Option<i64>,
}

impl Proofs {
    /// By the secret that an administrator has told the cloud, or else by those that the gateway has.
    #[must_use]
    pub fn new(told: Option<SecretSource>) -> Self {
        Self { told, known: Mutex::default() }
    }

    /// Whether a secret is one that the cloud has.
    pub(super) async fn check(
        &self,
        store: &Store,
        connector: ConnectorId,
        proof: &Hash,
    ) -> Result<Option<Proved>, StoreError> {
        if self.is_older_than(BELIEVED) {
            self.look_up(store, connector).await?;
        }
        if let Some(proved) = self.find(proof) {
            return Ok(Some(proved));
        }
        // It may be new: another gateway may have asked the cloud a moment ago.
        if !self.is_older_than(LOOKED_UP) {
            return Ok(None);
        }
        self.look_up(store, connector).await?;
        Ok(self.find(proof))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.known().read_at.is_none_or(|at| at.elapsed() >= age)
    }

    /// All are compared, whichever it is.
    fn find(&self, proof: &Hash) -> Option<Proved> {
        self.known().proofs.iter().fold(None, |found, (known, subscription)| {
            let proved = Proved { subscription: *subscription };
            if is_equal(known, proof) { Some(proved) } else { found }
        })
    }

    async fn look_up(&self, store: &Store, connector: ConnectorId) -> Result<(), StoreError> {
        let proofs = if let Some(told) = &self.told {
            read(told)
        } else {
            let all = store.list_subscriptions(connector).await?.into_iter();
            all.filter_map(|one| Some((one.secret.try_into().ok()?, Some(one.id)))).collect()
        };
        *self.known() = Known { proofs, read_at: Some(Instant::now()) };
        Ok(())
    }
}

fn read(told: &SecretSource) -> Vec<(Hash, Option<i64>)> {
    match told.read() {
        // Nothing is no secret.
        Ok(secret) if secret.expose_secret().is_empty() => Vec::new(),
        Ok(secret) => vec![(sha256(secret.expose_secret().as_bytes()), None)],
        Err(error) => {
            tracing::error!(%error, "no hint is believed without the secret");
            Vec::new()
        }
    }
}
