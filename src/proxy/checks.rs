//! Asks the addresses of an application, again and again, for a page that says how they are.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{sleep, timeout};

use super::{
    Upstream, UpstreamError,
    address::Address,
    http1::Request,
    request_head::{FORWARDED_PROTO, Headers as _, RequestHead},
};
use crate::{lifecycle::Background, secrets::random};

/// How often is looked whether certificates have changed.
const LOOK_FOR_CERTIFICATES: Duration = Duration::from_secs(10);

/// How often connections that nobody uses are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// More of such a page is not read.
const MOST_BYTES: usize = 64 * 1024;

/// A page that says how an address is.
#[derive(Clone, Debug)]
pub struct Page {
    /// The application's host, as browsers say it.
    pub host: String,
    /// Whether they say it over TLS.
    pub is_secure: bool,
    /// Path and query.
    pub target: String,
    /// The status of an address that is well.
    pub status: StatusCode,
    /// What its page has in it.
    pub contains: Option<String>,
    /// How often it is asked for.
    pub interval: Duration,
    /// How long it may take, from the connection on.
    pub patience: Duration,
}

/// What is wrong with an address.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("{target} answers {found} instead of {wanted}")]
    Status { target: String, found: StatusCode, wanted: StatusCode },
    #[error("{0} does not say {1:?}")]
    Text(String, String),
    #[error("{0} did not come in whole: {1}")]
    Body(String, axum::BoxError),
    #[error("{0} did not come within {1:?}")]
    Late(String, Duration),
}

impl Upstream {
    /// Looks after its addresses as long as it is used, until that background stops: how they are, whether certificates
    /// have changed, and which connections nobody needs any more.
    pub fn look_after(self: &Arc<Self>, page: Option<Page>, background: &Background) {
        if self.addresses.tls.has_files() {
            let upstream = Arc::downgrade(self);
            let follow = move || follow_certificates(upstream.clone());
            background.follow("follow certificates of applications", follow);
        }
        let upstream = Arc::downgrade(self);
        background.follow("close idle connections", move || sweep(upstream.clone()));
        for (address, page) in self.addresses.all().iter().zip(std::iter::repeat(page)) {
            if let Some(page) = page {
                let address = Arc::downgrade(address);
                let follow = move || page.clone().ask_for_ever(address.clone());
                background.follow("ask how addresses are", follow);
            }
        }
    }
}

async fn follow_certificates(upstream: Weak<Upstream>) {
    while let Some(upstream) = upstream.upgrade() {
        upstream.addresses.tls.follow(upstream.addresses.app());
        drop(upstream);
        sleep(LOOK_FOR_CERTIFICATES).await;
    }
}

async fn sweep(upstream: Weak<Upstream>) {
    while let Some(upstream) = upstream.upgrade() {
        upstream.addresses.all().iter().for_each(|address| address.pool.sweep());
        drop(upstream);
        sleep(SWEEP).await;
    }
}

impl Page {
    async fn ask_for_ever(self, address: Weak<Address>) {
        // Gateways and addresses that begin together shall not stay together.
        sleep(self.interval.mul_f64(chance())).await;
        while let Some(address) = address.upgrade() {
            let page = timeout(self.patience, self.ask(&address)).await;
            let late = |_| Err(PageError::Late(self.target.clone(), self.patience));
            address.looked(page.unwrap_or_else(late).map_err(|error| error.to_string()));
            drop(address);
            sleep(self.interval.mul_f64(0.9 + chance() / 5.0)).await;
        }
    }

    /// On a connection of its own: whether new ones are taken is a part of the question.
    async fn ask(&self, address: &Address) -> Result<(), PageError> {
        let connection = address.target().connect(self.patience).await?;
        // All of it together may take that long, and whoever waits for it counts.
        let asked = connection.ask(self.request(), self.patience.saturating_mul(2)).await;
        let response = asked.map_err(UpstreamError::from)?;
        let (target, found, wanted) = (self.target.clone(), response.status(), self.status);
        if found != wanted {
            return Err(PageError::Status { target, found, wanted });
        }
        let Some(text) = &self.contains else {
            return Ok(());
        };
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| PageError::Body(target.clone(), error))?.to_bytes();
        let has_it = memchr::memmem::find(&body, text.as_bytes()).is_some();
        if has_it { Ok(()) } else { Err(PageError::Text(target, text.clone())) }
    }

    fn request(&self) -> Request {
        let mut head = RequestHead::begin(&Method::GET, &self.target);
        for (name, text) in [
            (&header::HOST, self.host.as_str()),
            (&header::USER_AGENT, "gatehouse-health"),
            (&header::ACCEPT, "application/json, */*"),
            (&header::CONNECTION, "close"),
            (&FORWARDED_PROTO, if self.is_secure { "https" } else { "http" }),
        ] {
            head.put_text(name, text);
        }
        Request { head: head.end(), body: None, is_head: false }
    }
}

/// Something between 0 and 1.
fn chance() -> f64 {
    let [byte] = random::<1>();
    f64::from(byte) / 256.0
}
