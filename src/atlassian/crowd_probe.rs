//! Asks a Crowd server what an application would ask it first.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

/// Somebody at a command line waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What tells a Crowd server from everything else.
const VERSION: &str = "x-embedded-crowd-version";

/// A Crowd server at an address, as applications are given it.
#[derive(Debug)]
pub struct CrowdProbe {
    base: String,
    http: reqwest::Client,
}

/// Why an application would be content with nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers.
    #[error("cannot reach it: {0:#}")]
    Unreachable(reqwest::Error),
    /// Somebody else answers.
    #[error("what answers there with {0} is no Crowd server")]
    NotCrowd(StatusCode),
    /// The name or the password is wrong.
    #[error("it does not take the application's name and password")]
    NotAuthenticated,
    /// The application may not ask from here.
    #[error("the application may not ask from this address: {0}")]
    NotFromHere(String),
    /// Anything else.
    #[error("it answers {0}: {1}")]
    Refused(StatusCode, String),
}

impl CrowdProbe {
    /// At a base URL, with or without a slash at its end.
    pub fn new(base: &str) -> Result<Self, ProbeError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // What it says is secret, and for nobody in between.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ProbeError::Unreachable)?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    fn url(&self, resource: &str) -> String {
        format!("{}/rest/usermanagement/1{resource}", self.base)
    }

    /// Whether a Crowd server is there, and which.
    pub async fn knock(&self) -> Result<String, ProbeError> {
        let answer = self.http.get(self.url("/config/cookie")).send().await;
        let answer = answer.map_err(ProbeError::Unreachable)?;
        let version = answer.headers().get(VERSION).and_then(|version| version.to_str().ok());
        version.map(str::to_owned).ok_or(ProbeError::NotCrowd(answer.status()))
    }

    /// What the cookie of single sign-on is called, as the server tells the application.
    pub async fn cookie_name(&self, name: &str, password: &str) -> Result<String, ProbeError> {
        let request = self.http.get(self.url("/config/cookie")).basic_auth(name, Some(password));
        let answer = ask(request).await?;
        Ok(answer["name"].as_str().unwrap_or_default().to_owned())
    }

    /// Whose a token is.
    pub async fn user_of(
        &self,
        name: &str,
        password: &str,
        token: &str,
    ) -> Result<String, ProbeError> {
        let request = self.http.post(self.url(&format!("/session/{token}")));
        let request = request.header("content-type", "application/json").body("{}");
        let answer = ask(request.basic_auth(name, Some(password))).await?;
        Ok(answer["user"]["name"].as_str().unwrap_or_default().to_owned())
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Result<Value, ProbeError> {
    let answer = request.header("accept", "application/json").send().await;
    let answer = answer.map_err(ProbeError::Unreachable)?;
    let status = answer.status();
    if !answer.headers().contains_key(VERSION) {
        return Err(ProbeError::NotCrowd(status));
    }
    let text = answer.text().await.map_err(ProbeError::Unreachable)?;
    match status {
        StatusCode::UNAUTHORIZED => Err(ProbeError::NotAuthenticated),
        StatusCode::FORBIDDEN => Err(ProbeError::NotFromHere(text)),
        _ if status.is_success() => Ok(serde_json::from_str(&text).unwrap_or_default()),
        _ => Err(ProbeError::Refused(status, text)),
    }
}
