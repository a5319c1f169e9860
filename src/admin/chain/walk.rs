//! Along the chain: each link is looked at as the application, or the gateway for it, would come to it.

mod guest;
mod page;

use super::{
    ChainApp, ChainCrowd, ChainQuestion, LinkView,
    links::{Links, next_of_probe, next_of_upstream},
};
use crate::{
    admin::{Admin, AdminError, AskedApp},
    atlassian::{CrowdProbe, health_path},
    http::Place,
    store::UserDetails,
};

/// One application's chain.
pub(super) struct Walk<'a> {
    admin: &'a Admin,
    app: &'a ChainApp,
    asked: &'a AskedApp,
    place: &'a Place,
    question: &'a ChainQuestion,
    links: Links,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        admin: &'a Admin,
        (index, place): (usize, &'a Place),
        question: &'a ChainQuestion,
    ) -> Self {
        let (app, asked) = (&admin.chains.apps[index], &admin.requests.apps[index]);
        Self { admin, app, asked, place, question, links: Links::default() }
    }

    pub(super) async fn run(
        mut self,
        user: Option<&UserDetails>,
    ) -> Result<Vec<LinkView>, AdminError> {
        self.look_at_upstream().await;
        self.look_at_addresses();
        let crowd = self.app.crowd.as_ref();
        if let Some(crowd) = crowd {
            self.look_at_crowd(crowd).await;
            self.look_at_users(crowd).await?;
        }
        match (user, &self.admin.chains.sessions) {
            (Some(user), Some(sessions)) => self.look_as(user, sessions).await?,
            (Some(_), None) => self.links.broken(
                "gateway",
                "no gateway is running",
                "Start it, and ask once more: only a running gateway can sign somebody in.",
            ),
            (None, _) => {
                self.links.skipped("application", "name somebody with --as to see whom it sees");
            }
        }
        Ok(self.links.into_views())
    }

    /// Whether the application is there.
    async fn look_at_upstream(&mut self) {
        let path = health_path(self.app.kind);
        match self.ask(path, None).await {
            Ok(page) if page.status.is_server_error() => self.links.broken(
                "upstream",
                format!("{path} answers {}: {}", page.status, first_line(&page.text)),
                "The application is there, and not well: look into its own log.",
            ),
            Ok(page) => self.links.ok(
                "upstream",
                format!("{path} answers {}: {}", page.status, first_line(&page.text)),
            ),
            Err(error) => {
                self.links.broken("upstream", error.to_string(), next_of_upstream(&error));
            }
        }
    }

    /// Whether a running gateway leaves some of its addresses out.
    fn look_at_addresses(&mut self) {
        let addresses = self.asked.upstream.status().addresses;
        if addresses.len() < 2 || self.admin.chains.sessions.is_none() {
            return;
        }
        let out = addresses.iter().filter(|address| address.state == "out");
        let out = out.map(|address| {
            let error = address.last_error.as_deref().unwrap_or_default();
            format!("{} is out: {error}", address.address)
        });
        let out = out.collect::<Vec<_>>().join("; ");
        if out.is_empty() {
            self.links.ok("addresses", format!("all {} are in", addresses.len()));
        } else {
            self.links.broken(
                "addresses",
                out,
                "The others are asked meanwhile. Look into its log; `gatehouse app status` says when it is in again.",
            );
        }
    }

    /// Whether the application would find its Crowd server, and be let in.
    async fn look_at_crowd(&mut self, crowd: &ChainCrowd) {
        let url = self.crowd_url();
        let probe = match CrowdProbe::new(&url) {
            Ok(probe) => probe,
            Err(error) => {
                return self.links.broken("crowd", error.to_string(), next_of_probe(&error));
            }
        };
        match probe.knock().await {
            Ok(version) => self.links.ok("crowd", format!("{version} answers at {url}")),
            Err(error) => {
                return self.links.broken(
                    "crowd",
                    format!("{url}: {error}"),
                    next_of_probe(&error),
                );
            }
        }
        let Some(password) = &self.question.password else {
            return self
                .links
                .skipped("credential", "give its password with --password-file to try it");
        };
        match probe.cookie_name(&crowd.application, password).await {
            Ok(name) => {
                self.links.ok("credential", format!("{:?} is let in", crowd.application));
                self.look_at_cookie(crowd, &name);
            }
            Err(error) => self.links.broken("credential", error.to_string(), next_of_probe(&error)),
        }
    }

    fn look_at_cookie(&mut self, crowd: &ChainCrowd, told: &str) {
        match &crowd.cookie {
            Some(cookie) if cookie == told => {
                self.links.ok("cookie", format!("people are signed in by {cookie}"));
            }
            Some(cookie) => self.links.broken(
                "cookie",
                format!("{cookie} is sent, and the application is told {told}"),
                "Another gateway answers at this address, with another configuration.",
            ),
            None => {
                self.links.skipped("cookie", "single_sign_on is off: nobody is signed in by Crowd");
            }
        }
    }

    /// Whether there is anybody for the application to see.
    async fn look_at_users(&mut self, crowd: &ChainCrowd) -> Result<(), AdminError> {
        for directory in &*crowd.directories {
            if let Some(user) = self.admin.store.list_users(Some(*directory), 1).await?.first() {
                let name = &user.user.profile.username;
                self.links
                    .ok("users", format!("it sees people, such as {name} in {}", user.directory));
                return Ok(());
            }
        }
        self.links.broken(
            "users",
            "the directories that it sees are empty",
            "See `directories` in its [[app.crowd]] or [[app]] table; import people, or let somebody sign in.",
        );
        Ok(())
    }

    fn crowd_url(&self) -> String {
        self.question.crowd_url.clone().unwrap_or_else(|| self.admin.chains.crowd_url.clone())
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(80).collect()
}
