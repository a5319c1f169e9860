//! Why an account is as it is, and what the next login would change.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, Options, users::find_user};
use crate::{
    directory::{Change, NameKey},
    provisioning::GroupClaim,
    store::{LoggedChange, ProvisionError, UserDetails},
};

/// How far back the log is looked through.
const LOOK_BACK: i64 = 10_000;

/// An account, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// The account's name.
    pub username: String,
    /// Its directory.
    pub directory: String,
    /// What it shows, and who said so.
    #[serde(default)]
    pub fields: Vec<FieldView>,
    /// Every group, and why.
    pub memberships: Vec<MembershipView>,
    /// What would happen at the next login by each issuer that has spoken for the person.
    pub logins: Vec<LoginView>,
}

/// Why an account shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// Its name.
    pub name: String,
    /// What is shown.
    pub value: String,
    /// Who said so first: an issuer or an administrator. As far as the log tells: of what a list said, it keeps
    /// whole parts, which are not looked through.
    pub source: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// The batch that it came with.
    pub batch: Option<i64>,
}

/// Why somebody is in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipView {
    /// The group.
    pub group: String,
    /// Who says so.
    pub source: String,
    /// Since when, as far as the log tells.
    pub since: Option<DateTime<Utc>>,
    /// Why: the login, or what the administrator said.
    pub reason: Option<String>,
    /// The batch that it came with.
    pub batch: Option<i64>,
}

/// What an issuer said last, and what the same words would change now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginView {
    /// Who spoke.
    pub issuer: String,
    /// When, to the hour.
    pub at: DateTime<Utc>,
    /// The groups that were named; none if nothing was said of groups.
    pub groups: Option<Vec<String>>,
    /// What the next login would change.
    pub changes: Vec<String>,
    /// What an administrator should know of it.
    pub warnings: Vec<String>,
    /// Why it would be refused, if it would.
    pub refusal: Option<String>,
}

/// `GET /users/{name}/explain`
pub(super) async fn explain_user(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<ExplainView>, AdminError> {
    let details = find_user(&admin, &name, &Options::of(&uri)?).await?;
    let key = NameKey::of(&details.user.profile.username);
    let log = admin.store.list_latest_changes(Some(&key), LOOK_BACK).await?;
    Ok(Json(ExplainView {
        fields: explain_fields(&details, &log),
        memberships: explain_memberships(&details, &log),
        logins: explain_logins(&admin, &details).await?,
        username: details.user.profile.username,
        directory: details.directory,
    }))
}

fn explain_fields(details: &UserDetails, log: &[LoggedChange]) -> Vec<FieldView> {
    let view = |(name, value): (String, &str)| {
        // The latest change that made it so.
        let origin =
            log.iter().filter(|logged| logged.user == Some(details.user.uuid)).find(|logged| {
                match &logged.change {
                    Change::CreateUser { profile } => profile.field(&name) == Some(value),
                    Change::UpdateUser { before, after } => {
                        after.field(&name) == Some(value) && before.field(&name) != Some(value)
                    }
                    _ => false,
                }
            });
        FieldView {
            value: value.to_owned(),
            source: origin.map(|logged| logged.actor.clone()),
            since: origin.map(|logged| logged.at),
            batch: origin.map(|logged| logged.batch),
            name,
        }
    };
    details.user.profile.fields().map(view).collect()
}

fn explain_memberships(details: &UserDetails, log: &[LoggedChange]) -> Vec<MembershipView> {
    let origin = |group: &str, source: &str| {
        log.iter().find(|logged| match &logged.change {
            Change::AddMembership { group: joined, source: by } => {
                logged.user == Some(details.user.uuid) && joined == group && by == source
            }
            _ => false,
        })
    };
    let view = |(group, source): &(String, String)| {
        let origin = origin(group, source);
        MembershipView {
            group: group.clone(),
            source: source.clone(),
            since: origin.map(|logged| logged.at),
            reason: origin.map(|logged| logged.reason.clone()),
            batch: origin.map(|logged| logged.batch),
        }
    };
    details.memberships.iter().map(view).collect()
}

async fn explain_logins(
    admin: &Admin,
    details: &UserDetails,
) -> Result<Vec<LoginView>, AdminError> {
    let mut views = Vec::new();
    for login in admin.store.list_last_logins(details.user.person).await? {
        let claims = &login.claims;
        let mut view = LoginView {
            issuer: claims.identity.issuer.0.clone(),
            at: login.at,
            groups: match &claims.groups {
                GroupClaim::Present(groups) => Some(groups.iter().cloned().collect()),
                GroupClaim::Empty => Some(Vec::new()),
                GroupClaim::Absent | GroupClaim::NotAsked | GroupClaim::Overage => None,
            },
            changes: Vec::new(),
            warnings: Vec::new(),
            refusal: None,
        };
        let directory = admin.targets.of(&claims.identity.issuer);
        match admin.store.preview(directory, claims, &admin.policy).await {
            Ok(plan) => {
                view.changes = plan.changes.iter().map(Change::to_string).collect();
                view.warnings = plan.warnings.iter().map(ToString::to_string).collect();
            }
            Err(ProvisionError::Refused(refusal)) => view.refusal = Some(refusal.to_string()),
            Err(ProvisionError::Store(error)) => return Err(error.into()),
        }
        views.push(view);
    }
    Ok(views)
}
