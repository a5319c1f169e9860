//! How clouds say by themselves what has happened: by https only, to whom has a certificate that is trusted, once more if that
//! fails, and without waiting for anybody who thinks about it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{Certificate, Client, Method, Response, Url, redirect::Policy};
use serde::Serialize;
use serde_json::Value;

use super::{
    cloud::Cloud,
    google, graph, okta,
    tenant::{Event, Mutation, Vendor},
    time::Moment,
};

/// All three want to be answered within three seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Graph waits longer for who answers it for the first time.
const VALIDATION: Duration = Duration::from_secs(10);

/// Whoever is told something: a subscription, a channel, an event hook.
#[derive(Clone, Debug, Serialize)]
pub struct Listener {
    pub id: String,
    /// What they are told of, in the vendor's words; Okta's hooks have several, with commas between them.
    pub topic: String,
    pub address: String,
    /// Graph: where they are told of the subscription itself.
    pub lifecycle: Option<String>,
    /// What proves that it is the cloud who says it.
    pub secret: Option<String>,
    /// Google: what is watched.
    pub resource: String,
    pub until: Moment,
    /// How often they were told something.
    pub messages: u64,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    pub address: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// A message that was sent, and the status of the answer, if there was one.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    pub address: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    pub status: Option<u16>,
}

#[derive(Default)]
pub struct Hooks {
    /// Beside those that everybody trusts.
    trusted: Mutex<Vec<String>>,
    listeners: Mutex<Vec<Listener>>,
    told: Mutex<Vec<Told>>,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hooks {
    /// Trusts a certificate (PEM).
    pub fn trust(&self, certificate: String) {
        open(&self.trusted).push(certificate);
    }

    pub fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        open(&self.listeners)
    }

    pub fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        open(&self.told)
    }

    fn client(&self, address: &str, patience: Duration) -> Result<(Client, Url), String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let mut client =
            Client::builder().https_only(true).redirect(Policy::none()).timeout(patience);
        for pem in open(&self.trusted).iter() {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes());
            client = client.tls_certs_merge(certificates.map_err(|error| error.to_string())?);
        }
        // RFC 6761 section 6.3.
        if let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
            && host.ends_with(".localhost")
        {
            client = client.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        Ok((client.build().map_err(|error| error.to_string())?, url))
    }

    /// Asks somebody who may become a listener.
    pub async fn try_out(
        &self,
        method: Method,
        address: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, String> {
        let (client, url) = self.client(address, VALIDATION)?;
        let mut request = client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.map_err(|error| format!("{error:?}"))
    }

    /// Says something, at most twice.
    async fn tell(&self, message: &Message) {
        for _ in 0..2 {
            let status = self.post(message).await.ok();
            let Message { address, headers, body } = message.clone();
            self.told().push(Told { address, headers, body, status });
            if status.is_some_and(|status| status < 500) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn post(&self, message: &Message) -> Result<u16, String> {
        let (client, url) = self.client(&message.address, PATIENCE)?;
        let mut request = client.post(url);
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        if !message.body.is_null() {
            request = request.body(message.body.to_string());
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }
}

impl Cloud {
    /// Something happens, and whoever listens is told.
    pub fn happen(self: &Arc<Self>, mutations: Vec<Mutation>) -> Result<Vec<u32>, String> {
        let now = self.now();
        let mut tenant = self.tenant_mut();
        let before = tenant.history.len();
        let done = mutations.into_iter().map(|mutation| tenant.apply(mutation, now)).collect();
        let events: Vec<Event> = tenant.history[before..].to_vec();
        drop(tenant);
        self.announce(&events);
        done
    }

    fn announce(self: &Arc<Self>, events: &[Event]) {
        let mut messages = Vec::new();
        for event in events {
            for listener in self.hooks.listeners().iter_mut().filter(|it| it.until > self.now()) {
                let message = match self.vendor {
                    Vendor::Graph => graph::subscriptions::message(self, listener, event),
                    Vendor::Okta => okta::hooks::message(self, listener, event),
                    Vendor::Google => google::channels::message(self, listener, event),
                };
                listener.messages += u64::from(message.is_some());
                messages.extend(message);
            }
        }
        self.send(messages);
    }

    /// Sends messages, whenever they come to be answered.
    pub fn send(self: &Arc<Self>, messages: Vec<Message>) {
        let cloud = Arc::clone(self);
        if !messages.is_empty() {
            tokio::spawn(async move {
                for message in messages {
                    cloud.hooks.tell(&message).await;
                }
            });
        }
    }
}
