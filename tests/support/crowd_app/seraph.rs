//! What Crowd's authenticator does with a request, step by step.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{App, HttpSession, cookie};
use crate::support::crowd_client::{CookieConfig, CrowdError, factors};

/// For so long nobody is told of somebody again.
const NOTIFIED: Duration = Duration::from_mins(1);

/// A request, and what becomes of it.
pub struct Seraph<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
    peer: IpAddr,
    pub session: HttpSession,
    /// `Set-Cookie` of the answer.
    pub cookies: Vec<String>,
}

/// Whom a request is from.
pub struct Seen {
    pub user: Option<String>,
    pub reason: &'static str,
    pub problem: Option<String>,
}

impl Seen {
    fn nobody(reason: &'static str) -> Self {
        Self { user: None, reason, problem: None }
    }
}

impl<'a> Seraph<'a> {
    pub fn new(app: &'a App, headers: &'a HeaderMap, peer: IpAddr, session: HttpSession) -> Self {
        Self { app, headers, peer, session, cookies: Vec::new() }
    }

    /// Whom the request is from, by its token above all.
    pub async fn see(&mut self) -> Result<Seen, String> {
        let mut seen = Seen::nobody("OUT");
        let authenticated = self.check_authenticated().await?
            || self.remembered().await?
            || match self.by_basic().await {
                Ok(done) => done,
                Err(_) => {
                    seen.reason = "AUTHENTICATED_FAILED";
                    false
                }
            };
        if !authenticated {
            self.session = HttpSession::default();
            return Ok(seen);
        }
        let token = match &self.session.token {
            // A login in this very request.
            Some(token) if self.cookies.iter().any(|cookie| cookie.contains(token)) => {
                Some(token.clone())
            }
            _ => self.token().await?,
        };
        let Some(token) = token else {
            return Ok(Seen::nobody("OUT"));
        };
        if self.session.token.as_ref() != Some(&token) || self.session.user.is_none() {
            self.establish(&token).await?;
        }
        Ok(Seen { user: self.session.user.clone(), reason: "OK", problem: None })
    }

    /// Whether the request comes with a token that holds, or that held a moment ago.
    async fn check_authenticated(&mut self) -> Result<bool, String> {
        let interval = self.app.settings.validation_interval;
        if !interval.is_zero() && self.session.validated.is_some_and(|at| at.elapsed() < interval) {
            return Ok(true);
        }
        let Some(token) = self.token().await? else {
            return Ok(false);
        };
        self.app.count("validate");
        match self.app.settings.crowd.validate(&token, &self.factors()).await {
            Ok(session) => {
                self.session.validated = Some(Instant::now());
                self.emit(&session.token).await?;
                Ok(true)
            }
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn factors(&self) -> String {
        let forwarded = self.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        factors(&self.peer.to_string(), forwarded)
    }

    /// The token of the request's cookie.
    async fn token(&self) -> Result<Option<String>, String> {
        let name = match &self.app.settings.token_key {
            Some(name) => name.clone(),
            None => self.cookie_config().await?.name,
        };
        Ok(cookie(self.headers, &name).filter(|token| !token.is_empty()))
    }

    async fn cookie_config(&self) -> Result<CookieConfig, String> {
        let config = self.app.settings.crowd.cookie_config().await;
        config.map_err(|error| error.to_string())
    }

    /// The cookie is set once more with every validation, for the domain that the server names.
    async fn emit(&mut self, token: &str) -> Result<(), String> {
        let config = self.cookie_config().await?;
        let name = self.app.settings.token_key.clone().unwrap_or(config.name);
        let domain = config.domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if config.secure { "; Secure" } else { "" };
        self.cookies.push(format!("{name}={token}{domain}; Path=/{secure}; HttpOnly"));
        Ok(())
    }

    /// Whoever is remembered gets a token that the application asks for.
    async fn remembered(&mut self) -> Result<bool, String> {
        let value = cookie(self.headers, "seraph.rememberme.cookie").unwrap_or_default();
        let user = self.app.remembered.lock().unwrap().get(&value).cloned();
        let Some(user) = user else {
            return Ok(false);
        };
        self.app.count("remember");
        let begun = self.app.settings.crowd.begin_session(&user, None, &self.factors()).await;
        match begun {
            Ok(session) => self.take(session.token).await.map(|()| true),
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A script with name and password.
    async fn by_basic(&mut self) -> Result<bool, String> {
        let basic = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(basic) = basic.and_then(|value| value.strip_prefix("Basic ")) else {
            return Ok(false);
        };
        let decoded = BASE64.decode(basic).map_err(|error| error.to_string())?;
        let decoded = String::from_utf8(decoded).map_err(|error| error.to_string())?;
        let (user, password) = decoded.split_once(':').ok_or("no colon")?;
        let (user, password) = (user.to_owned(), password.to_owned());
        self.sign_in(&user, &password).await.map(|()| true)
    }

    /// Both must say yes: the user's directory, and the server of `crowd.properties`.
    pub async fn sign_in(&mut self, user: &str, password: &str) -> Result<(), String> {
        let crowd = &self.app.settings.crowd;
        self.app.count("authenticate");
        crowd.authenticate(user, password).await.map_err(|error| error.to_string())?;
        let begun = crowd.begin_session(user, Some(password), &self.factors()).await;
        let begun = begun.map_err(|error| error.to_string())?;
        self.take(begun.token).await
    }

    async fn take(&mut self, token: String) -> Result<(), String> {
        self.emit(&token).await?;
        self.session.validated = Some(Instant::now());
        self.establish(&token).await
    }

    /// Another token than before: another user, perhaps.
    async fn establish(&mut self, token: &str) -> Result<(), String> {
        self.session.user = None;
        self.app.count("find");
        let found = self.app.settings.crowd.find_session(token).await;
        let found = found.map_err(|error| error.to_string())?;
        self.tell(&found.username).await?;
        self.authorise(&found.username).await?;
        self.session.user = Some(found.username);
        self.session.token = Some(token.to_owned());
        Ok(())
    }

    /// Takes what the server knows of a user into the application's own copy, at most once a minute.
    async fn tell(&self, user: &str) -> Result<(), String> {
        if !self.app.settings.notifies {
            return Ok(());
        }
        let lately = self.app.notified.lock().unwrap().get(user).copied();
        if lately.is_some_and(|at| at.elapsed() < NOTIFIED) {
            return Ok(());
        }
        self.app.count("notify");
        let crowd = &self.app.settings.crowd;
        let known = crowd.notify(user).await.map_err(|error| error.to_string())?;
        let groups = crowd.group_names_of(user, "direct").await;
        let groups = groups.map_err(|error| error.to_string())?;
        self.app.directory.lock().await.take_in(known, &groups);
        self.app.notified.lock().unwrap().insert(user.to_owned(), Instant::now());
        Ok(())
    }

    /// Whether the user may sign in here, by the application's own copy.
    async fn authorise(&self, user: &str) -> Result<(), String> {
        let directory = self.app.directory.lock().await;
        let known = directory.users.get(&user.to_lowercase());
        let known = known.ok_or_else(|| format!("{user} is not in the copy yet"))?;
        if !known.user.active {
            return Err(format!("{user} is not active"));
        }
        let group = self.app.settings.users_group.as_deref();
        match group.filter(|group| !directory.groups_of(user).contains(group)) {
            Some(group) => Err(format!("{user} is not in {group}")),
            None => Ok(()),
        }
    }

    /// Ends the token everywhere.
    pub async fn sign_out(&mut self) -> Result<(), String> {
        if let Some(token) = self.token().await? {
            self.app.count("end");
            let ended = self.app.settings.crowd.end_session(&token).await;
            ended.map_err(|error| error.to_string())?;
            let name = self.cookie_config().await?.name;
            self.cookies.push(format!("{name}=; Path=/; Max-Age=0"));
        }
        self.session = HttpSession::default();
        Ok(())
    }
}

/// Whether a server has said no, rather than something else.
fn is_refusal(error: &CrowdError) -> bool {
    matches!(
        error.reason(),
        Some(
            "INVALID_SSO_TOKEN"
                | "INVALID_USER_AUTHENTICATION"
                | "INACTIVE_ACCOUNT"
                | "USER_NOT_FOUND"
        )
    )
}
