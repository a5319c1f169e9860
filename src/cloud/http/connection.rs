//! What a connector speaks through.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use reqwest::{Certificate, Client, Proxy, redirect::Policy};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Meter, Patience, Request,
    answer::{Answer, Broken, reason},
    dialect::Credential,
};
use crate::{clock::Clock, cloud::ConnectorError, config::ConnectorConfig};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Google packs answers only for those who say so here as well.
const USER_AGENT: &str = concat!("gatehouse/", env!("CARGO_PKG_VERSION"), " (gzip)");

/// Beyond so many seconds, signed tokens are not good yet, or not any more.
const SKEW_SECONDS: i64 = 120;

/// A connector's pool of connections, with its proxy and the certificates that it trusts.
#[derive(Debug)]
pub(in crate::cloud) struct Connection {
    /// The connector's name.
    pub name: String,
    /// The part of the cloud's limits that it uses: 1 for all.
    pub share: f64,
    pub patience: Patience,
    pub clock: Clock,
    pub meter: Meter,
    client: Client,
    /// How far the cloud's clock is ahead.
    skew: Mutex<Option<TimeDelta>>,
}

impl Connection {
    pub(in crate::cloud) fn open(
        config: &ConnectorConfig,
        clock: Clock,
        patience: Patience,
    ) -> Result<Arc<Self>, ConnectorError> {
        let refused = |key: &str, problem: String| ConnectorError::Key {
            key: format!("connector {:?}: {key}", config.name),
            problem,
        };
        let timeout = Duration::from_secs(config.timeout_seconds.into());
        // Only the configuration says which proxy there is, and no answer leads anywhere else.
        let mut client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .redirect(Policy::none())
            .no_proxy();
        if let Some(proxy) = &config.proxy {
            let proxy = Proxy::all(proxy.clone());
            client = client.proxy(proxy.map_err(|error| refused("proxy", reason(error)))?);
        }
        if let Some(ca) = &config.ca {
            let certificates = certificates(ca).map_err(|problem| refused("ca", problem))?;
            client = client.tls_certs_merge(certificates);
        }
        let client = client.build().map_err(|error| refused("ca", reason(error)))?;
        Ok(Arc::new(Self {
            name: config.name.clone(),
            share: f64::from(config.quota_percent) / 100.0,
            patience,
            clock,
            meter: Meter::default(),
            client,
            skew: Mutex::default(),
        }))
    }

    /// Asks once, with another form than the request's own if there is one.
    pub(super) async fn send(
        &self,
        request: &Request,
        credential: &Credential,
        form: Option<&SecretString>,
    ) -> Result<Answer, Broken> {
        let mut builder = self.client.request(request.method.clone(), request.url.clone());
        builder = builder.headers(credential.headers.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(form) = form {
            builder = builder.body(form.expose_secret().to_owned());
        } else if let Some(body) = &request.body {
            builder = builder.body(body.to_vec());
        }
        let response = builder.send().await.map_err(|error| Broken::Transport(reason(error)))?;
        let answer = Answer::read(response).await?;
        self.meter.received(answer.body.len());
        self.meter.answered(answer.request_id());
        if let Some(date) = answer.date() {
            let mut skew = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
            *skew = Some(date - self.clock.now());
        }
        Ok(answer)
    }

    /// Whether the clocks are near enough for what is signed here to be taken there.
    pub(in crate::cloud) fn compare_clocks(&self) -> Result<String, String> {
        match self.skew().map(|skew| skew.num_seconds()) {
            Some(ahead) if ahead.abs() > SKEW_SECONDS => Err(format!(
                "the cloud's clock is {ahead} s ahead of the gateway's: set the gateway's clock (NTP)"
            )),
            Some(ahead) => Ok(format!("{} s apart", ahead.abs())),
            None => Ok("the cloud has not said what time it is".to_owned()),
        }
    }

    /// How far the cloud's clock was ahead of this one when it last answered, to a second or two.
    pub(in crate::cloud) fn skew(&self) -> Option<TimeDelta> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let shown = path.display();
    let pem = fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let certificates = Certificate::from_pem_bundle(&pem);
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(format!("{shown} has no certificate (PEM)")),
    }
}
