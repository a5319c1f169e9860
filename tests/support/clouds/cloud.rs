//! What the three have in common: a tenant, tokens, limits, faults, and a memory of who asked what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    bucket::{Bucket, Level},
    credentials::Credentials,
    faults::Faults,
    hooks::Hooks,
    jose::Once,
    tenant::{Tenant, Vendor},
    time::{Moment, Time},
    tokens::Tokens,
};

/// How a cloud behaves where the vendors' own differ from day to day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit that a vendor has or has not")]
pub struct Manners {
    /// Objects on a page of a delta, and members with one object of it.
    pub delta_page: usize,
    pub members_per_item: usize,
    /// Members with all objects of a page together.
    pub members_per_page: usize,
    /// Graph takes the size of pages that is asked for as a wish, and not as more.
    pub ignores_page_wishes: bool,
    /// So old are the feeds of changes and the indexes that are searched.
    pub lag_seconds: i64,
    /// Graph does not say, in the feed of groups, that somebody who was deleted has left them.
    pub leavers_stay_members: bool,
    /// Graph names what was deleted before also in the first pass.
    pub removed_in_first_pass: bool,
    /// Every so many pages, one is empty; 0 for none.
    pub empty_page_every: usize,
    /// A page is kept until the next one, which may repeat it. Large ones take long to copy.
    pub remembers_pages: bool,
    /// Okta, Google: pages are not larger, however much is asked for.
    pub page: usize,
    pub token_seconds: i64,
    /// Graph's application permissions, Okta's and Google's scopes, that an administrator has granted.
    pub granted: Vec<String>,
    /// Resource units in ten seconds (Graph), requests in a minute (Okta, Google).
    pub limit: u32,
    /// Okta: a token is only issued to who proves a key.
    pub dpop: bool,
    /// Okta: requests with a proof have to carry a nonce as well.
    pub dpop_nonce: bool,
    pub nonce_refusal: NonceRefusal,
    /// Graph: what comes before the version in paths; national clouds have hosts of their own.
    pub base_path: String,
    /// Graph: the resource that tokens are asked for; empty for where it is.
    pub resource: String,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            delta_page: 100,
            members_per_item: 50,
            members_per_page: usize::MAX,
            ignores_page_wishes: false,
            lag_seconds: 0,
            leavers_stay_members: true,
            removed_in_first_pass: false,
            empty_page_every: 0,
            remembers_pages: true,
            page: usize::MAX,
            token_seconds: 3_599,
            granted: Vec::new(),
            limit: 8_000,
            dpop: true,
            dpop_nonce: true,
            nonce_refusal: NonceRefusal::default(),
            base_path: String::new(),
            resource: String::new(),
        }
    }
}

/// How Okta's API says that a proof needs another nonce.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceRefusal {
    #[default]
    ChallengeAndBody,
    /// RFC 9449 section 9 knows only this.
    Challenge,
    /// 400, as of a token.
    BadRequest,
}

/// A request that was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    pub method: String,
    pub uri: String,
    pub status: u16,
}

pub struct Cloud {
    pub vendor: Vendor,
    pub time: Arc<Time>,
    pub credentials: Arc<Credentials>,
    pub faults: Faults,
    /// Who is told what happens.
    pub hooks: Hooks,
    pub tokens: Tokens,
    /// Identifiers of signed tokens, each good once.
    pub once: Once,
    /// Where others find this cloud's hosts.
    origins: RwLock<HashMap<&'static str, String>>,
    tenant: RwLock<Tenant>,
    manners: RwLock<Manners>,
    buckets: Mutex<HashMap<String, Bucket>>,
    seen: Mutex<Vec<Seen>>,
    /// By path.
    last_pages: Mutex<HashMap<String, Vec<Value>>>,
}

impl Cloud {
    pub fn new(
        tenant: Tenant,
        manners: Manners,
        time: Arc<Time>,
        credentials: Arc<Credentials>,
    ) -> Self {
        Self {
            vendor: tenant.vendor,
            time,
            credentials,
            faults: Faults::default(),
            hooks: Hooks::default(),
            tokens: Tokens::default(),
            once: Once::default(),
            origins: RwLock::default(),
            tenant: RwLock::new(tenant),
            manners: RwLock::new(manners),
            buckets: Mutex::default(),
            seen: Mutex::default(),
            last_pages: Mutex::default(),
        }
    }

    pub fn now(&self) -> Moment {
        self.time.now()
    }

    pub fn tenant(&self) -> RwLockReadGuard<'_, Tenant> {
        self.tenant.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tenant_mut(&self) -> RwLockWriteGuard<'_, Tenant> {
        self.tenant.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn manners(&self) -> Manners {
        self.manners.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_manners(&self, manners: Manners) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.manners.write().unwrap_or_else(PoisonError::into_inner) = manners;
    }

    /// Remembers where a host is.
    pub fn know(&self, host: &'static str, origin: String) {
        self.origins.write().unwrap_or_else(PoisonError::into_inner).insert(host, origin);
    }

    pub fn origin(&self, host: &str) -> String {
        let origins = self.origins.read().unwrap_or_else(PoisonError::into_inner);
        origins.get(host).cloned().unwrap_or_default()
    }

    /// Takes from the limit of one kind of request.
    pub fn take(&self, kind: &str, cost: u32, seconds: i64) -> Level {
        let (limit, now) = (self.manners().limit, self.now());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(kind.to_owned()).or_insert_with(|| Bucket::new(limit, seconds));
        bucket.take(cost, now)
    }

    /// How many changes the indexes know of.
    pub fn visible(&self, tenant: &Tenant) -> usize {
        let lag = chrono::TimeDelta::seconds(self.manners().lag_seconds);
        tenant.revision_at(self.now() - lag)
    }

    /// Keeps a page of a list, and gives the one before.
    pub fn remember_page(&self, path: &str, items: &[Value]) -> Vec<Value> {
        if !self.manners().remembers_pages {
            return Vec::new();
        }
        let mut last = self.last_pages.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(path.to_owned(), items.to_vec()).unwrap_or_default()
    }

    pub fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
