//! The chain from the gateway to somebody's page in an application, looked at link by link.

mod links;
mod walk;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};

use self::walk::Walk;
use super::{Admin, AdminError, Options, users::find_users};
use crate::{config::AppKind, directory::DirectoryId, session::Sessions, store::UserDetails};

/// How long somebody is signed in for it, if nobody signs them out before.
const MOMENT: Duration = Duration::from_mins(1);

/// What it takes to walk along the chains of all applications.
#[derive(Debug)]
pub struct Chains {
    /// A running gateway has them: who is signed in for a moment is one of theirs.
    pub sessions: Option<Arc<Sessions>>,
    /// Where applications find the gateway as a Crowd server, if nobody says otherwise.
    pub crowd_url: String,
    /// The applications, in the order of the configuration.
    pub apps: Vec<ChainApp>,
}

/// An application, as far as its chain is concerned.
#[derive(Debug)]
pub struct ChainApp {
    /// What it is.
    pub kind: AppKind,
    /// How it asks for people, if it does: as the one that signs them in, else as the first.
    pub crowd: Option<ChainCrowd>,
}

/// How an application asks for people.
#[derive(Debug)]
pub struct ChainCrowd {
    /// What it calls itself.
    pub application: String,
    /// The cookie that signs people in, if one does.
    pub cookie: Option<String>,
    /// Whose users it sees.
    pub directories: Arc<[DirectoryId]>,
}

/// Which chain to look at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChainQuestion {
    /// Somebody to sign in for a moment.
    pub user: Option<String>,
    /// Their directory, if several have the name.
    pub directory: Option<String>,
    /// The application's password.
    pub password: Option<String>,
    /// Where the application finds its Crowd server.
    pub crowd_url: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// The application.
    pub app: String,
    /// Whether no link is broken.
    pub good: bool,
    /// Link by link.
    pub links: Vec<LinkView>,
}

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// What it is.
    pub link: String,
    /// How it is.
    pub outcome: LinkOutcome,
    /// What was seen.
    pub found: String,
    /// What to do next.
    pub next: Option<String>,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkOutcome {
    /// It holds.
    Ok,
    /// It does not.
    Broken,
    /// It was not looked at.
    Skipped,
}

/// `POST /apps/{name}/chain`
pub(super) async fn show_chain(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Json(question): Json<ChainQuestion>,
) -> Result<Json<ChainView>, AdminError> {
    let mut places = admin.requests.sites.places();
    let place = places.find(|(_, place)| place.name == name);
    let place = place.ok_or_else(|| AdminError::NotFound(format!("application {name:?}")))?;
    let seen = &admin.requests.apps[place.0].directories;
    let user = match &question.user {
        Some(user) => Some(find_seen(&admin, user, &question, seen).await?),
        None => None,
    };
    let links = Walk::new(&admin, place, &question).run(user.as_ref()).await?;
    let good = links.iter().all(|link| link.outcome != LinkOutcome::Broken);
    Ok(Json(ChainView { app: name, good, links }))
}

/// The account of that name: in the directory that is asked for, else in the first that the application sees.
async fn find_seen(
    admin: &Admin,
    name: &str,
    question: &ChainQuestion,
    seen: &[DirectoryId],
) -> Result<UserDetails, AdminError> {
    let options = Options { directory: question.directory.clone(), ..Options::for_upkeep() };
    let mut users = find_users(admin, name, &options).await?;
    let place = |user: &UserDetails| seen.iter().position(|id| *id == user.user.directory);
    users.sort_by_key(|user| place(user).unwrap_or(usize::MAX));
    Ok(users.remove(0))
}
