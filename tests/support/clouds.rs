//! The clouds that connectors read: Microsoft Graph with Entra ID's token endpoint, Okta, and Google Workspace's Directory API. They
//! speak the documented protocols strictly, over an organisation that follows from a number; `tests/clouds.rs` has the vendors' own
//! libraries and descriptions judge them, and `docs/decisions/0020-fake-clouds.md` says what is modelled.
//!
//! Nothing here uses the gateway, so that `examples/fake_clouds.rs` can serve them without it.

pub mod asked;
pub mod bucket;
pub mod chance;
pub mod cloud;
pub mod control;
pub mod credentials;
pub mod edge;
pub mod expression;
pub mod faults;
pub mod google;
pub mod graph;
pub mod hooks;
pub mod ids;
pub mod jose;
pub mod line;
pub mod okta;
pub mod page;
pub mod tenant;
pub mod time;
pub mod tokens;

use std::{error::Error, net::Ipv4Addr, sync::Arc};

use axum::Router;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use cloud::{Cloud, Manners};
use credentials::Credentials;
use edge::Served;
use line::{Door, Line};
use tenant::{Plan, Tenant, Vendor};
use time::Time;

/// The hosts, each with a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Graph,
    Login,
    Okta,
    Google,
    GoogleToken,
}

const HOSTS: [(Host, Vendor, &str); 5] = [
    (Host::Graph, Vendor::Graph, "graph"),
    (Host::Login, Vendor::Graph, "login"),
    (Host::Okta, Vendor::Okta, "okta"),
    (Host::Google, Vendor::Google, "google"),
    (Host::GoogleToken, Vendor::Google, "google_token"),
];

/// How to serve them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub plan: Plan,
    /// With a certificate of its own for 127.0.0.1 and localhost; otherwise without TLS.
    pub tls: bool,
    /// The first of six ports, the last of which is the control's; any free ones if it is 0.
    pub port: u16,
}

/// The clouds, served on loopback until the runtime ends.
pub struct Clouds {
    pub time: Arc<Time>,
    pub credentials: Arc<Credentials>,
    /// The certificate that clients have to trust.
    pub certificate: Option<String>,
    graph: Arc<Cloud>,
    okta: Arc<Cloud>,
    google: Arc<Cloud>,
}

impl Clouds {
    /// Serves every host, and the control of them, whose address is the second answer.
    pub async fn start(settings: Settings) -> Result<(Arc<Self>, String), Box<dyn Error>> {
        let time = Arc::new(Time::default());
        let credentials = Arc::new(Credentials::new(&settings.plan.domain)?);
        let cloud = |vendor, granted: &[&str], limit| {
            let tenant = Tenant::new(vendor, settings.plan.clone(), time.now());
            let granted = granted.iter().map(|it| (*it).to_owned()).collect();
            let manners = Manners { granted, limit, ..Manners::default() };
            Arc::new(Cloud::new(tenant, manners, Arc::clone(&time), Arc::clone(&credentials)))
        };
        let graph = cloud(Vendor::Graph, &GRAPH, 8_000);
        let okta = cloud(Vendor::Okta, &OKTA, 600);
        let google = cloud(Vendor::Google, &GOOGLE, 2_400);
        let (acceptor, certificate) = settings.tls.then(tls).transpose()?.unzip();
        let clouds = Arc::new(Self { time, credentials, certificate, graph, okta, google });
        let mut ports = (settings.port..).map(|port| if settings.port == 0 { 0 } else { port });
        let mut listen = async || {
            let port = ports.next().unwrap_or_default();
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
        };
        for (host, vendor, name) in HOSTS {
            clouds.open(host, vendor, name, listen().await?, acceptor.clone())?;
        }
        let control = listen().await?;
        let address = format!("http://{}", control.local_addr()?);
        let routes = control::routes(Arc::clone(&clouds));
        tokio::spawn(async move { axum::serve(control, routes).await });
        Ok((clouds, address))
    }

    fn open(
        &self,
        host: Host,
        vendor: Vendor,
        name: &'static str,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Result<(), Box<dyn Error>> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://localhost:{}", listener.local_addr()?.port());
        self.cloud(vendor).know(name, origin);
        let served = Served { cloud: Arc::clone(self.cloud(vendor)), host, scheme };
        let router = Router::new().fallback(edge::serve).with_state(served);
        let service = router.into_make_service_with_connect_info::<Line>();
        let door = Door::new(listener, tls)?;
        tokio::spawn(async move { axum::serve(door, service).await });
        Ok(())
    }

    pub fn cloud(&self, vendor: Vendor) -> &Arc<Cloud> {
        match vendor {
            Vendor::Graph => &self.graph,
            Vendor::Okta => &self.okta,
            Vendor::Google => &self.google,
        }
    }

    /// Where everything is, and what clients prove themselves with.
    pub fn addresses(&self) -> Value {
        let origin = |(_, vendor, name): (Host, Vendor, &'static str)| {
            (name.to_owned(), json!(self.cloud(vendor).origin(name)))
        };
        let hosts: serde_json::Map<String, Value> = HOSTS.into_iter().map(origin).collect();
        let token = format!("{}/token", self.google.origin("google_token"));
        let admin = google::token::admin(&self.google.tenant());
        json!({
            "hosts": hosts,
            "certificate": self.certificate,
            "credentials": self.credentials.json(&token, &admin),
        })
    }
}

/// What administrators have granted.
const GRAPH: [&str; 4] =
    ["User.Read.All", "GroupMember.Read.All", "Application.Read.All", "Member.Read.Hidden"];
const OKTA: [&str; 3] = ["okta.users.read", "okta.groups.read", "okta.apps.read"];
const GOOGLE: [&str; 4] = [
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
    "https://www.googleapis.com/auth/admin.directory.group.readonly",
    "https://www.googleapis.com/auth/admin.directory.group.member.readonly",
    "https://www.googleapis.com/auth/admin.directory.orgunit.readonly",
];

fn tls() -> Result<(TlsAcceptor, String), Box<dyn Error>> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let chain = vec![made.cert.der().clone()];
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}
