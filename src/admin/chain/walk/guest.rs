//! Somebody who is signed in for a moment, to see whom the application sees.

use http::StatusCode;

use super::{Walk, next_of_probe, next_of_upstream};
use crate::{
    admin::{
        AdminError,
        chain::{ChainCrowd, MOMENT},
    },
    atlassian::{CrowdProbe, ProbeError, sight_path, user_seen},
    session::{ApplicationsLogin, Sessions, Token, Visitor},
    store::{Account, UserDetails},
};

/// Somebody who is signed in for a moment.
pub(super) struct Guest {
    pub(super) visitor: Visitor,
    pub(super) token: Option<Token>,
}

impl Walk<'_> {
    /// Whether somebody who is signed in is known there.
    pub(super) async fn look_as(
        &mut self,
        user: &UserDetails,
        sessions: &Sessions,
    ) -> Result<(), AdminError> {
        let Some(account) = self.find_account(user).await? else {
            return Ok(());
        };
        let crowd = self.app.crowd.as_ref().filter(|crowd| crowd.cookie.is_some());
        let token = match crowd {
            Some(crowd) => Some(self.begin(user, crowd, sessions).await?),
            None => None,
        };
        let name = account.user.profile.username.clone();
        let guest = Guest { visitor: Visitor::supposed(account), token };
        let looked = match (crowd, &guest.token) {
            (Some(crowd), Some(token)) => self.look_at_token(crowd, token, &name, sessions).await,
            _ => Ok(()),
        };
        self.look_at_application(&guest, &name).await;
        if let (Some(crowd), Some(token)) = (crowd, &guest.token) {
            end(sessions, crowd, token).await?;
        }
        looked
    }

    async fn find_account(&mut self, user: &UserDetails) -> Result<Option<Account>, AdminError> {
        let crowd = self.app.crowd.as_ref();
        let directories = crowd.map_or(&self.asked.directories, |crowd| &crowd.directories);
        let found = self.admin.store.find_account(directories, user.user.person).await?;
        let name = &user.user.profile.username;
        match found {
            None => self.links.broken(
                "account",
                format!("the application does not see {name} in {}", user.directory),
                "Add the directory to those that it sees, or use an account of one.",
            ),
            Some(Account { user, .. }) if user.inactive.is_some() => self.links.broken(
                "account",
                format!("{name} is not active"),
                format!("`gatehouse user explain {name}` says why."),
            ),
            Some(account) => {
                self.links
                    .ok("account", format!("{name} is there, in {} groups", account.groups.len()));
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    async fn begin(
        &self,
        user: &UserDetails,
        crowd: &ChainCrowd,
        sessions: &Sessions,
    ) -> Result<Token, AdminError> {
        let login = ApplicationsLogin {
            person: user.user.person,
            application: &crowd.application,
            with_password: false,
            address: String::new(),
            duration: Some(MOMENT),
        };
        Ok(sessions.begin_for_application(&login).await?)
    }

    /// As the application would ask if its password is known, else as the gateway would answer.
    async fn look_at_token(
        &mut self,
        crowd: &ChainCrowd,
        token: &Token,
        name: &str,
        sessions: &Sessions,
    ) -> Result<(), AdminError> {
        let application = &crowd.application;
        let Some(password) = &self.question.password else {
            match sessions.find_token(token.as_str(), application).await? {
                Some(_) => self.links.ok("token", "the gateway knows the token"),
                None => self.links.broken(
                    "token",
                    "the gateway does not know the token that it has just made",
                    "Something has ended the session meanwhile: ask once more.",
                ),
            }
            return Ok(());
        };
        let asked = match CrowdProbe::new(&self.crowd_url()) {
            Ok(probe) => probe.user_of(application, password, token.as_str()).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(user) if user == name => self.links.ok("token", format!("the token is {user}'s")),
            Ok(user) => self.links.broken(
                "token",
                format!("the token is {user}'s, not {name}'s"),
                "Two of the directories that it sees have accounts of this person: see their order.",
            ),
            Err(ProbeError::Refused(StatusCode::NOT_FOUND, _)) => self.links.broken(
                "token",
                "what answers there does not know the token that this gateway has just made",
                "Another gateway answers at that address, with another database or another master key.",
            ),
            Err(error) => self.links.broken("token", error.to_string(), next_of_probe(&error)),
        }
        Ok(())
    }

    async fn look_at_application(&mut self, guest: &Guest, name: &str) {
        let path = sight_path(self.app.kind);
        let page = match self.ask(path, Some(guest)).await {
            Ok(page) => page,
            Err(error) => {
                return self.links.broken(
                    "application",
                    error.to_string(),
                    next_of_upstream(&error),
                );
            }
        };
        let setup = format!("`gatehouse app setup {}`", self.place.name);
        match user_seen(&page.headers, &page.text, name) {
            Some(seen) if seen.eq_ignore_ascii_case(name) => {
                self.links.ok("application", format!("it sees {seen}"));
            }
            Some(seen) => self.links.broken(
                "application",
                format!("it sees {seen}, and not {name}"),
                "Something else signs people in there: a plug-in, or a second gateway in between.",
            ),
            None => self.links.broken(
                "application",
                format!("{path} answers {}, and shows nobody", page.status),
                format!(
                    "The application has not taken the token: see its authenticator, crowd.properties and the directory \
                     as {setup} has them, whether it may reach the gateway, and whether {name} may use it."
                ),
            ),
        }
    }
}

/// Nothing of the moment stays.
async fn end(sessions: &Sessions, crowd: &ChainCrowd, token: &Token) -> Result<(), AdminError> {
    if let Some(live) = sessions.find_token(token.as_str(), &crowd.application).await? {
        sessions.end(live.session).await?;
    }
    Ok(())
}
