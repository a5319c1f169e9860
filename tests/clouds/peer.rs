//! Somebody who asks the clouds, with the credentials that they gave.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::support::clouds::{Clouds, Settings, tenant::Plan};

pub struct Peer {
    pub clouds: Arc<Clouds>,
    pub http: Client,
    pub addresses: Value,
    control: String,
}

/// An answer in JSON.
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Said {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The code of an error, wherever the vendor has it.
    pub fn code(&self) -> &str {
        let body = &self.body;
        let codes = [
            &body["error"]["code"],
            &body["errorCode"],
            &body["error"]["errors"][0]["reason"],
            &body["error"],
        ];
        codes.into_iter().find_map(Value::as_str).unwrap_or_default()
    }

    /// The ids of what was listed.
    pub fn ids(&self) -> Vec<String> {
        let lists = [
            &self.body["value"],
            &self.body["users"],
            &self.body["groups"],
            &self.body["members"],
            &self.body,
        ];
        let list = lists.into_iter().find_map(Value::as_array).cloned().unwrap_or_default();
        list.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Peer {
    /// Clouds with 120 people and 30 groups.
    pub async fn start() -> Self {
        Self::start_with(Plan { users: 120, groups: 30, ..Plan::default() }).await
    }

    pub async fn start_with(plan: Plan) -> Self {
        let settings = Settings { plan, ..Settings::default() };
        let (clouds, control) = Clouds::start(settings).await.unwrap();
        let addresses = clouds.addresses();
        Self { clouds, http: Client::builder().build().unwrap(), addresses, control }
    }

    /// Where the clouds are told things.
    pub fn control(&self) -> &str {
        &self.control
    }

    pub fn host(&self, name: &str) -> &str {
        self.addresses["hosts"][name].as_str().unwrap()
    }

    pub fn credential(&self, vendor: &str, name: &str) -> String {
        self.addresses["credentials"][vendor][name].as_str().unwrap().to_owned()
    }

    /// Tells the clouds something.
    pub async fn tell(&self, path: &str, body: Value) {
        let method = if path.ends_with("manners") { Method::PUT } else { Method::POST };
        let request = self.http.request(method, format!("{}{path}", self.control));
        let answer =
            said(request.header("content-type", "application/json").body(body.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    pub async fn apply(&self, vendor: &str, change: Value) {
        self.tell(&format!("/{vendor}/apply"), json!([change])).await;
    }

    /// The next request like this goes wrong.
    pub async fn fault(&self, vendor: &str, at: &str, what: Value) {
        self.tell(&format!("/{vendor}/faults"), json!([{ "at": at, "what": what }])).await;
    }

    /// Asks Entra ID's token endpoint with some fields more than usual.
    pub async fn entra(&self, fields: &[(&str, &str)]) -> Said {
        let scope = format!("{}/.default", self.host("graph"));
        let client = self.credential("graph", "client_id");
        let usual =
            [("grant_type", "client_credentials"), ("scope", &scope), ("client_id", &client)];
        let usual = usual.into_iter().filter(|(name, _)| !fields.iter().any(|(it, _)| it == name));
        let form: Vec<(&str, &str)> = usual.chain(fields.iter().copied()).collect();
        let tenant = self.credential("graph", "tenant");
        said(self.form(&format!("{}/{tenant}/oauth2/v2.0/token", self.host("login")), &form)).await
    }

    /// A form, as it is posted.
    pub fn form(&self, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.http.post(url).header(kind.0, kind.1).body(body.finish())
    }

    pub async fn graph_token(&self) -> String {
        let secret = self.credential("graph", "client_secret");
        token(&self.entra(&[("client_secret", &secret)]).await)
    }

    /// Asks Graph something, at a path or at a whole address.
    pub async fn graph(&self, token: &str, path: &str) -> Said {
        said(self.http.get(self.graph_url(path)).bearer_auth(token)).await
    }

    pub fn graph_url(&self, path: &str) -> String {
        let whole = path.starts_with("http");
        if whole { path.to_owned() } else { format!("{}/v1.0{path}", self.host("graph")) }
    }

    /// Asks Okta something with the API token.
    pub async fn okta(&self, path: &str) -> Said {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/api/v1{path}", self.host("okta"))
        };
        let token = format!("SSWS {}", self.credential("okta", "api_token"));
        said(self.http.get(url).header("authorization", token)).await
    }

    /// Asks Google's token endpoint, for somebody and some scopes.
    pub async fn google_grant(&self, subject: &str, scope: &str) -> Said {
        let key = &self.addresses["credentials"]["google"]["key"];
        let (uri, now) = (key["token_uri"].as_str().unwrap(), self.clouds.time.now().timestamp());
        let claims = json!({
            "iss": key["client_email"], "sub": subject, "scope": scope, "aud": uri,
            "iat": now, "exp": now + 3_600,
        });
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key["private_key_id"] });
        let assertion = sign(key["private_key"].as_str().unwrap(), &header, &claims);
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        said(self.form(uri, &[("grant_type", grant), ("assertion", &assertion)])).await
    }

    pub async fn google_token(&self) -> String {
        let admin = self.credential("google", "admin");
        let kinds = ["user", "group", "group.member", "orgunit"];
        let scope = kinds
            .map(|it| format!("https://www.googleapis.com/auth/admin.directory.{it}.readonly"));
        token(&self.google_grant(&admin, &scope.join(" ")).await)
    }

    pub fn google_url(&self, path: &str) -> String {
        format!("{}/admin/directory/v1{path}", self.host("google"))
    }

    pub async fn google(&self, token: &str, path: &str) -> Said {
        said(self.http.get(self.google_url(path)).bearer_auth(token)).await
    }
}

pub fn token(answer: &Said) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["access_token"].as_str().unwrap().to_owned()
}

pub async fn said(request: RequestBuilder) -> Said {
    heard(request.send().await.unwrap()).await
}

pub async fn heard(answer: Response) -> Said {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
    Said { status, headers, body }
}

/// A token signed with RSA and SHA-256.
pub fn sign(pem: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let key = PKey::private_key_from_pem(pem.as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
