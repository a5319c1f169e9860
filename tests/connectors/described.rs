//! What connectors ask, judged by the vendors' descriptions of their APIs: Prism stands between them and the fakes.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use gatehouse::cloud::Source;
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpListener;

use super::{organisation::Organisation, reading::Reading};
use crate::support::{
    clouds::{ids::Sort, tenant::Vendor},
    judges::prism,
};

/// A proxy that leads requests of an API through Prism, and those of token endpoints, which are not described, straight to
/// where they go.
#[derive(Clone)]
struct Middleman {
    http: Client,
    prism: u16,
    /// What did not fit, and how many did.
    found: Arc<Mutex<(Vec<String>, usize)>>,
}

impl Middleman {
    async fn start(prism: u16) -> (Self, String) {
        let http = Client::builder().no_proxy().build().unwrap();
        let middleman = Self { http, prism, found: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("proxy = \"http://{}\"", listener.local_addr().unwrap());
        let routes = Router::new().fallback(pass).with_state(middleman.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (middleman, address)
    }
}

async fn pass(State(middleman): State<Middleman>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().unwrap().to_string();
    let described = !path.ends_with("/token");
    let url = if described {
        format!("http://127.0.0.1:{}{path}", middleman.prism)
    } else {
        head.uri.to_string()
    };
    let mut passed = middleman.http.request(head.method, url);
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != "host") {
        passed = passed.header(name, value);
    }
    let answer = passed.body(to_bytes(body, usize::MAX).await.unwrap()).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    if described {
        let mut found = middleman.found.lock().unwrap();
        found.1 += 1;
        if !status.is_success() && !expected(status.as_u16(), &body) {
            found.0.push(format!("{path}: {status} {}", String::from_utf8_lossy(&body)));
        }
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding"))
    {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// Whether it is the vendor that says that something is not there, and not Prism.
fn expected(status: u16, body: &[u8]) -> bool {
    status == 404 && !String::from_utf8_lossy(body).contains("stoplight")
}

/// Reads everything, then changes, then looks things up and tries everything.
async fn use_all(organisation: &Organisation, source: &dyn Source) {
    let mut reading = Reading::default();
    reading.round(source).await.unwrap();
    organisation.assert_read(&reading);
    organisation.clouds.time.advance(1);
    organisation.apply(json!({ "do": "add_members", "group": 20, "members": [{ "user": 99 }] }));
    organisation.apply(json!({ "do": "change_user", "no": 61, "set": { "status": "SUSPENDED" } }));
    reading.round(source).await.unwrap();
    organisation.apply(json!({ "do": "change_user", "no": 61, "set": { "status": "ACTIVE" } }));
    reading.round(source).await.unwrap();
    organisation.assert_read(&reading);
    look_up(organisation, source).await;
}

async fn look_up(organisation: &Organisation, source: &dyn Source) {
    let user = organisation.id(Sort::User, 40);
    assert!(source.find_user(&user).await.is_ok());
    source.user_groups(&user).await.unwrap();
    let groups = [3, 8].map(|no| organisation.id(Sort::Group, no));
    source.find_groups(&groups).await.unwrap();
    let probe = source.probe().await;
    assert!(probe.is_good(), "{:?}", probe.findings);
}

fn assert_fits(middleman: &Middleman, least: usize) {
    let found = middleman.found.lock().unwrap();
    assert!(found.0.is_empty(), "{:#?}", found.0);
    assert!(found.1 > least, "only {} requests were judged", found.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_okta_fits_its_description() {
    let organisation = Organisation::start(Vendor::Okta).await;
    let Some(prism) = prism("okta.json", organisation.host("okta")).await else { return };
    let (middleman, proxy) = Middleman::start(prism.port).await;
    // That a nonce is wanted is not described.
    organisation.behave(|manners| manners.dpop_nonce = false);
    let source = organisation.open_with(&proxy, &organisation.toml()).unwrap();
    use_all(&organisation, &*source).await;
    let token = organisation.file("token", organisation.credential("api_token").as_str().unwrap());
    let application = organisation.id(Sort::App, 0);
    let table =
        format!("token = {token}\napplication = \"{application}\"\nattributes = [\"title\"]\n");
    let source = organisation.open_with(&proxy, &table).unwrap();
    let mut reading = Reading::default();
    reading.round(&*source).await.unwrap();
    reading.round(&*source).await.unwrap();
    look_up(&organisation, &*source).await;
    assert_fits(&middleman, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_google_fits_its_description() {
    let organisation = Organisation::start(Vendor::Google).await;
    let Some(prism) = prism("google.json", organisation.host("google")).await else { return };
    let (middleman, proxy) = Middleman::start(prism.port).await;
    let source = organisation.open_with(&proxy, &organisation.toml()).unwrap();
    use_all(&organisation, &*source).await;
    let table = format!("{}custom_schemas = [\"Employee\"]\n", organisation.toml());
    let source = organisation.open_with(&proxy, &table).unwrap();
    Reading::default().round(&*source).await.unwrap();
    look_up(&organisation, &*source).await;
    assert_fits(&middleman, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_descriptions_find_what_does_not_fit() {
    let organisation = Organisation::start(Vendor::Google).await;
    let Some(prism) = prism("google.json", organisation.host("google")).await else { return };
    let (middleman, _proxy) = Middleman::start(prism.port).await;
    let path = "admin/directory/v1/users?customer=my_customer&maxResults=501";
    let asked = middleman.http.get(format!("http://127.0.0.1:{}/{path}", prism.port));
    let answer = asked.header("authorization", "Bearer x").send().await.unwrap();
    assert_eq!(answer.status(), 422);
}
