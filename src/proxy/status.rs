//! How the addresses of applications are doing, for people and machines that ask.

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use serde::{Deserialize, Serialize};

use super::{
    Admission, Upstream,
    address::Address,
    health::{Standing, Symptoms},
};

/// Where machines ask, on the internal listener.
pub const UPSTREAMS_PATH: &str = "/upstreams";

/// How an application's addresses are doing, as this gateway sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// The application.
    pub app: String,
    /// Where it is.
    pub addresses: Vec<AddressStatus>,
}

/// How an address is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressStatus {
    /// Host and port.
    pub address: String,
    /// What the gateway's cookie calls it.
    pub id: String,
    /// `in`, or `out` if it has failed too often.
    pub state: String,
    /// `open` for everybody, `draining` if newcomers go elsewhere, `closed` for everybody.
    pub admission: String,
    /// So many requests are there; a `WebSocket` is one as long as it is open.
    pub requests: usize,
    /// So many wait for a place.
    pub waiting: usize,
    /// So many connections nobody uses.
    pub idle: usize,
    /// So many failures in a row.
    pub failures: u32,
    /// For how long it has been out.
    pub out_seconds: Option<u64>,
    /// What failed last.
    pub last_error: Option<String>,
}

impl Upstream {
    /// How its addresses are doing.
    #[must_use]
    pub fn status(&self) -> UpstreamStatus {
        let addresses = self.addresses.all().iter().map(|address| address.status());
        UpstreamStatus { app: self.addresses.app().to_string(), addresses: addresses.collect() }
    }

    /// Takes the place of what the application was before, if it was there: addresses that are the same stay as they were, in
    /// or out, open or closed.
    pub fn begin(&self, before: Option<&Self>) {
        let before = before.map(|before| before.addresses.all()).unwrap_or_default();
        for address in before {
            address.retire();
        }
        for address in self.addresses.all() {
            let is_same = |old: &&Arc<Address>| old.target().name() == address.target().name();
            address.begin(before.iter().find(is_same).map(|old| &**old));
        }
    }

    /// The application is no more.
    pub fn end(&self) {
        self.addresses.all().iter().for_each(|address| address.retire());
    }

    /// Says whom to let in at an address, by its host and port. False if there is no such address.
    #[must_use]
    pub fn admit(&self, address: &str, admission: Admission) -> bool {
        let found = self.addresses.all().iter().find(|known| &**known.target().name() == address);
        if let Some(found) = found {
            found.admit(admission);
            let app = &**self.addresses.app();
            tracing::info!(
                app,
                address,
                admission = admission.word(),
                "an address was opened or closed"
            );
        }
        found.is_some()
    }
}

impl Admission {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Draining => "draining",
            Self::Closed => "closed",
        }
    }
}

impl Address {
    fn status(&self) -> AddressStatus {
        let Symptoms { out_for, failures, last_error } = self.health.symptoms();
        let is_in = self.health.standing() == Standing::In;
        AddressStatus {
            address: self.target().to_string(),
            id: self.id.clone(),
            state: if is_in { "in" } else { "out" }.to_owned(),
            admission: self.admission().word().to_owned(),
            requests: self.requests(),
            waiting: self.places.as_ref().map_or(0, super::places::Places::waiting),
            idle: self.pool.idle_count(),
            failures,
            out_seconds: out_for.map(|out| out.as_secs()),
            last_error,
        }
    }
}

/// `GET /upstreams`: how the addresses of all applications are doing.
pub fn status_routes<S>(status: S) -> Router
where
    S: Fn() -> Vec<UpstreamStatus> + Clone + Send + Sync + 'static,
{
    let show = move || std::future::ready(Json(status()));
    Router::new().route(UPSTREAMS_PATH, get(show))
}
