//! A message of a cloud, or of whoever says to be one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    body::to_bytes,
    extract::Path,
    routing::{MethodRouter, get},
};
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE, request::Parts};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    ear::{Ear, Proved},
    echoing::ECHOES,
    inbox::Inbox,
    places::{Place, Places},
    strangers::Strangers,
};
use crate::{
    clock::Clock,
    cloud::{Hint, Word},
    http::{Arrival, Body, Error, Response, Sites, read_away},
    secrets::Hash,
    store::{HeardHints, Store},
    telemetry::Metrics,
};

/// Where clouds say that something has happened: a place for each connector.
pub const PATH: &str = "/_gatehouse/hints/{connector}";

/// Clouds put less into one message.
const MOST_BYTES: usize = 1024 * 1024;

/// All of a message has to be there so soon: clouds want an answer within three seconds.
const READ_FOR: Duration = Duration::from_secs(3);

/// All that is listened to.
#[derive(Debug)]
pub struct Ears {
    by_connector: BTreeMap<String, Listening>,
    sites: Arc<Sites>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    inbox: Inbox,
    metrics: Metrics,
    strangers: Strangers,
    pub(super) echoes: Semaphore,
}

/// An ear, and the room that its messages have. Whoever stands in the way of one connector stands in no other's.
#[derive(Debug)]
struct Listening {
    ear: Ear,
    places: Places,
}

impl Ears {
    /// Listens on the login host.
    #[must_use]
    pub fn new(
        ears: Vec<Ear>,
        sites: Arc<Sites>,
        (store, clock): (Store, Clock),
        inbox: Inbox,
        metrics: Metrics,
    ) -> Self {
        let listening = |ear| Listening { ear, places: Places::default() };
        Self {
            by_connector: ears.into_iter().map(|ear| (ear.name.clone(), listening(ear))).collect(),
            sites,
            store,
            clock,
            inbox,
            metrics,
            strangers: Strangers::default(),
            echoes: Semaphore::new(ECHOES),
        }
    }
}

/// Hears what is said at [`PATH`].
pub fn receive<S: Clone + Send + Sync + 'static>(ears: Arc<Ears>) -> MethodRouter<S> {
    let hear = move |Path(name): Path<String>, arrival: Arrival, request: Request<Body>| {
        let ears = ears.clone();
        async move { ears.hear(&name, &arrival, request).await }
    };
    get(hear.clone()).post(hear)
}

/// What becomes of a message before it is read.
enum Admitted<'a> {
    /// Only an answer was wanted.
    Answered(Response),
    /// It is read: for whom, what the headers have proved, and the place.
    In(&'a Ear, Option<Proved>, Place<'a>),
}

impl Ears {
    async fn hear(
        &self,
        name: &str,
        arrival: &Arrival,
        request: Request<Body>,
    ) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        match self.admit(name, arrival, &parts).await {
            Ok(Admitted::Answered(answer)) => Ok(answer),
            Ok(Admitted::In(ear, by_header, place)) => {
                let words = self.read(ear, &parts.headers, body).await?;
                drop(place);
                let proved = self.prove(ear, arrival, by_header, words).await?;
                self.keep(ear, proved).await
            }
            Err(refused) => {
                read_away(body).await;
                Err(refused)
            }
        }
    }

    /// Whether a message is read at all, in one of few places.
    async fn admit(
        &self,
        name: &str,
        arrival: &Arrival,
        parts: &Parts,
    ) -> Result<Admitted<'_>, Error> {
        let is_here = arrival.site.authority() == self.sites.login().authority();
        let found = self.by_connector.get(name).filter(|_| is_here);
        let Listening { ear, places } = found.ok_or_else(Error::not_found)?;
        if let Some(answer) = self.echo(ear, parts).await? {
            return Ok(Admitted::Answered(answer));
        }
        if parts.method != Method::POST {
            return Err(Error::not_found());
        }
        let by_header = self.check_header(ear, arrival, &parts.headers).await?;
        let is_stranger = by_header.is_none() && self.strangers.is_known(arrival.client);
        let place = places.take(arrival.client, is_stranger);
        Ok(Admitted::In(ear, by_header, place.ok_or_else(|| self.no_room(ear))?))
    }

    /// Of clouds that prove themselves by a header, nothing else is looked at before.
    async fn check_header(
        &self,
        ear: &Ear,
        arrival: &Arrival,
        headers: &HeaderMap,
    ) -> Result<Option<Proved>, Error> {
        if ear.format.proof_header().is_none() {
            return Ok(None);
        }
        let proved = match ear.format.proof(headers) {
            Some(proof) => self.find(ear, &proof).await?,
            None => None,
        };
        proved.map(Some).ok_or_else(|| self.refuse(ear, arrival))
    }

    async fn find(&self, ear: &Ear, proof: &Hash) -> Result<Option<Proved>, Error> {
        let found = ear.proofs.check(&self.store, ear.connector, proof).await;
        found.map_err(Error::unavailable)
    }

    fn refuse(&self, ear: &Ear, arrival: &Arrival) -> Error {
        self.strangers.note(arrival.client, &ear.name);
        self.count(ear, "unproved");
        let sentence = "This address is for the cloud that it belongs to.";
        Error::new(StatusCode::UNAUTHORIZED, "hint-unproved", sentence)
    }

    /// What a message says. Whoever sends one that cannot be read has said nothing of who they are, and counts for nobody.
    async fn read(&self, ear: &Ear, headers: &HeaderMap, body: Body) -> Result<Vec<Word>, Error> {
        let body = read_json(headers, body).await.inspect_err(|_| self.count(ear, "unreadable"))?;
        ear.format.read(headers, &body).map_err(|error| {
            self.count(ear, "unreadable");
            Error::bad_request("hint-unreadable", error)
        })
    }

    pub(super) fn no_room(&self, ear: &Ear) -> Error {
        self.count(ear, "no_room");
        Error::unavailable("there is no room for hints").with_retry_after(10)
    }

    /// The words that are the cloud's.
    async fn prove(
        &self,
        ear: &Ear,
        arrival: &Arrival,
        by_header: Option<Proved>,
        words: Vec<Word>,
    ) -> Result<Vec<(Proved, Hint)>, Error> {
        let mut proved = Vec::new();
        for Word { proof, hint } in words {
            let found = match (by_header, proof) {
                (Some(found), _) => Some(found),
                (None, Some(proof)) => self.find(ear, &proof).await?,
                (None, None) => None,
            };
            proved.extend(found.map(|found| (found, hint)));
        }
        if proved.is_empty() && by_header.is_none() {
            return Err(self.refuse(ear, arrival));
        }
        Ok(proved)
    }

    /// Writes down whom to look at, and then says thanks.
    async fn keep(&self, ear: &Ear, proved: Vec<(Proved, Hint)>) -> Result<Response, Error> {
        let mut heard = HeardHints::default();
        for (Proved { subscription }, hint) in proved {
            match (hint, subscription) {
                (Hint::User(id), _) => {
                    heard.users.insert(id);
                }
                (Hint::Others, _) => heard.run = true,
                (Hint::Missed, _) => (heard.run, heard.urgent) = (true, true),
                (Hint::Renew, Some(id)) => self.renew(id).await?,
                (Hint::Over, Some(id)) => {
                    (heard.run, heard.urgent) = (true, true);
                    self.forget(id).await?;
                }
                // The gateway has not asked for it.
                (Hint::Renew | Hint::Over, None) => {}
            }
        }
        if !self.inbox.put(ear.connector, heard).await {
            return Err(self.no_room(ear));
        }
        self.count(ear, "heard");
        let mut thanks = Response::new(Body::empty());
        *thanks.status_mut() = ear.format.thanks();
        Ok(thanks)
    }

    async fn renew(&self, subscription: i64) -> Result<(), Error> {
        self.store.request_renewal(subscription).await.map_err(Error::unavailable)
    }

    async fn forget(&self, subscription: i64) -> Result<(), Error> {
        self.store.delete_subscription(subscription).await.map_err(Error::unavailable)
    }

    pub(super) fn count(&self, ear: &Ear, outcome: &'static str) {
        self.metrics.count_hint(&ear.name, outcome);
    }
}

/// The body of a message, which is JSON or nothing.
async fn read_json(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Error> {
    let refuse = |status| {
        let sentence = "The message is not one that this address takes.";
        Error::new(status, "hint-unreadable", sentence)
    };
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let is_json = media_type.is_some_and(|text| text.eq_ignore_ascii_case("application/json"));
    let read = timeout(READ_FOR, to_bytes(body, MOST_BYTES)).await;
    let read = read.map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT))?;
    let bytes = read.map_err(|_| refuse(StatusCode::PAYLOAD_TOO_LARGE))?;
    if !is_json && !bytes.is_empty() {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    Ok(bytes.to_vec())
}
