//! Controlling the gateway: JSON over HTTP, on a Unix socket or, without a running gateway, within the
//! command line itself. Both ways lead through the same routes.

mod addresses;
mod alarms;
mod aliases;
mod chain;
mod changes;
mod connector_runs;
mod connectors;
mod directories;
mod edits;
mod explain;
mod groups;
mod hints;
mod keys;
mod lists;
mod passwords;
mod plans;
mod requests;
mod run_numbers;
mod sessions;
mod socket;
mod upkeep;
mod users;

use std::sync::Arc;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http::{StatusCode, Uri};
use serde_json::json;

pub use self::{
    alarms::{AlarmView, DeliveryView, TestView},
    aliases::{AliasEditView, AliasView},
    chain::{ChainApp, ChainCrowd, ChainQuestion, ChainView, Chains, LinkOutcome, LinkView},
    changes::{ChangeView, UndoView},
    connectors::{ConnectorView, Connectors, RunView, SyncLine},
    directories::DirectoryView,
    edits::EditView,
    explain::{ExplainView, FieldView, LoginView, MembershipView},
    groups::{GroupView, MemberView, NestingView},
    hints::HintsView,
    keys::KeyView,
    lists::ImportLine,
    passwords::{PasswordBody, PasswordEditView, PasswordView},
    plans::PlanView,
    requests::{
        AccountView, AskedApp, ReadingView, RequestQuestion, RequestView, Requests, RuleView,
    },
    run_numbers::{RunNumbers, RunSeconds},
    sessions::{EndedSessions, SessionView},
    socket::{SocketError, bind_socket, serve_socket},
    upkeep::UpkeepRules,
    users::UserView,
};
use crate::{
    alarms::Receivers,
    clock::Clock,
    http::Parameters,
    passwords::{Passwords, SetPasswordError},
    provisioning::{Policy, Targets},
    secrets::Sealer,
    store::{Store, StoreError},
};

/// Who did it, for the change log.
const ACTOR: &str = "administrator";

/// What administrators act on.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Sessions and the directory. A running gateway learns of endings from there too.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where logins make accounts.
    pub targets: Targets,
    /// What they may change.
    pub policy: Policy,
    /// What ends by itself.
    pub upkeep: UpkeepRules,
    /// What seals signing keys; none if the master key cannot be read.
    pub sealer: Option<Arc<Sealer>>,
    /// Passwords of accounts.
    pub passwords: Passwords,
    /// What requests meet.
    pub requests: Arc<Requests>,
    /// What lies between the gateway and people's pages.
    pub chains: Arc<Chains>,
    /// The clouds that are read.
    pub connectors: Connectors,
    /// Who is told when something needs somebody.
    pub receivers: Receivers,
}

impl Admin {
    /// Every operation. `?dry_run=` makes those that change something say what they would do.
    pub fn routes(self) -> Router {
        people_routes()
            .merge(directory_routes())
            .merge(connector_routes())
            .merge(other_routes())
            .with_state(self)
    }
}

/// Accounts, their names, and groups.
fn people_routes() -> Router<Admin> {
    Router::new()
        .route("/users", get(users::list_users))
        .route("/users/{name}", get(users::show_users).delete(edits::remove_user))
        .route("/users/{name}/explain", get(explain::explain_user))
        .route("/users/{name}/block", put(edits::deactivate_users).delete(edits::reactivate_users))
        .route(
            "/users/{name}/password",
            get(passwords::show_password)
                .put(passwords::set_password)
                .delete(passwords::remove_password),
        )
        .route("/users/{name}/identities", post(edits::link_user).delete(edits::unlink_user))
        .route("/names/{name}", delete(edits::release_name))
        .route("/groups", get(groups::list_groups))
        .route(
            "/groups/{name}",
            get(groups::show_groups).put(groups::create_group).delete(groups::remove_group),
        )
        .route(
            "/groups/{name}/members/{user}",
            put(groups::add_member).delete(groups::remove_member),
        )
        .route(
            "/groups/{name}/groups/{child}",
            put(groups::nest_group).delete(groups::unnest_group),
        )
}

/// Directories, and lists of who is in them.
fn directory_routes() -> Router<Admin> {
    Router::new()
        .route("/directories", get(directories::list_directories))
        .route(
            "/directories/{name}/disabled",
            put(directories::disable_directory).delete(directories::enable_directory),
        )
        .route("/directories/{name}", delete(directories::purge_directory))
        .route(
            "/directories/{name}/removed",
            put(directories::remove_directory).delete(directories::restore_directory),
        )
        .route("/directories/{name}/users", get(lists::export_users).post(lists::import_users))
}

/// Clouds that are read.
fn connector_routes() -> Router<Admin> {
    Router::new()
        .route("/connectors", get(connectors::list_connectors))
        .route(
            "/connectors/{name}/runs",
            get(connectors::list_runs).post(connectors::run_connector),
        )
        .route("/connectors/{name}/runs/{run}", get(connector_runs::show_run))
        .route("/connectors/{name}/runs/{run}/changes", get(connector_runs::export_changes))
        .route("/connectors/{name}/preview", post(connector_runs::preview_connector))
        .route("/connectors/{name}/users/{user}", post(connectors::sync_one_user))
        .route("/connectors/{name}/hints/trial", post(hints::begin_trial).delete(hints::end_trial))
}

/// What is asked of the gateway itself: sessions, alarms, plans, keys, the log, and why something is so.
fn other_routes() -> Router<Admin> {
    Router::new()
        .route("/requests/explain", post(requests::explain_request))
        .route("/sessions", get(sessions::list_sessions).delete(sessions::end_sessions_of))
        .route("/sessions/{id}", delete(sessions::end_session))
        .route("/apps/{name}/chain", post(chain::show_chain))
        .route("/apps/{name}/addresses", get(addresses::list_addresses))
        .route(
            "/apps/{name}/addresses/{address}/drained",
            put(addresses::drain_address).delete(addresses::restore_address),
        )
        .route("/aliases", aliases::routes())
        .route("/alarms", get(alarms::list_alarms))
        .route("/alarms/test", post(alarms::test_receivers))
        .route("/alarms/{key}/silence", put(alarms::silence_alarm).delete(alarms::end_silence))
        .route("/plans", get(plans::list_plans))
        .route("/plans/{id}", get(plans::show_plan).delete(plans::discard_plan))
        .route("/plans/{id}/approval", put(plans::approve_plan))
        .route("/keys", get(keys::show_keys).post(keys::rotate))
        .route("/keys/{id}", delete(keys::retire))
        .route("/upkeep", post(upkeep::run_upkeep))
        .route("/changes", get(changes::list_changes))
        .route("/changes/after/{seq}", get(changes::follow_changes))
        .route("/changes/{batch}", get(changes::show_batch).delete(changes::undo_batch))
}

/// Parameters that most operations take.
struct Options {
    directory: Option<String>,
    user: Option<String>,
    because: String,
    dry_run: bool,
    limit: i64,
}

impl Options {
    fn for_upkeep() -> Self {
        let because = "upkeep".to_owned();
        Self { directory: None, user: None, because, dry_run: false, limit: 0 }
    }

    fn of(uri: &Uri) -> Result<Self, AdminError> {
        let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
        let parameters = Parameters::of(uri).map_err(twice)?;
        let text = |name: &str| parameters.find(name).map(str::to_owned);
        let limit = text("limit").map(|limit| limit.parse::<i64>()).transpose();
        Ok(Self {
            directory: text("directory"),
            user: text("user"),
            because: text("because").unwrap_or_else(|| "administrator".to_owned()),
            dry_run: parameters.find("dry_run").is_some(),
            limit: limit
                .map_err(|_| AdminError::BadRequest("limit is no number".to_owned()))?
                .unwrap_or(1000)
                .clamp(1, 100_000),
        })
    }
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0}")]
    BadRequest(String),
    #[error(transparent)]
    Password(#[from] SetPasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound(_) | Self::Store(StoreError::NoBatch(_) | StoreError::NoPlan(_)) => {
                StatusCode::NOT_FOUND
            }
            Self::BadRequest(_)
            | Self::Password(SetPasswordError::Problem(_) | SetPasswordError::NotOwn) => {
                StatusCode::BAD_REQUEST
            }
            Self::Password(SetPasswordError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(
                StoreError::Conflict { .. }
                | StoreError::Undone(_)
                | StoreError::PlanRuns(_)
                | StoreError::Overtaken { .. }
                | StoreError::NotRemoved,
            ) => StatusCode::CONFLICT,
            Self::Store(StoreError::Forgotten { .. }) => StatusCode::GONE,
            Self::Password(_) | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
