//! Usernames that subjects of issuers keep.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    routing::{MethodRouter, get},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, EditView, Options};
use crate::{
    directory::Issuer,
    http::Parameters,
    provisioning::{AliasRow, subject_of},
    store::{AliasEdit, AliasError, AliasListing},
};

/// Room for a few hundred thousand rows: a report is applied as a whole.
const MAX_BODY_BYTES: usize = 64 << 20;

/// An alias as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasView {
    /// Whose word is overridden.
    pub issuer: String,
    /// About whom.
    pub subject: String,
    /// The username.
    pub username: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// What applying a report changed, or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasEditView {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many subjects got an alias that had none.
    pub added: usize,
    /// How many got another one.
    pub changed: usize,
    /// How many have it already.
    pub unchanged: usize,
    /// The steps, as people read them.
    pub changes: Vec<String>,
    /// What may end in refused logins.
    pub warnings: Vec<String>,
}

/// Rows of a report.
#[derive(Debug, Deserialize)]
pub(super) struct AliasBody {
    issuer: String,
    rows: Vec<AliasRow>,
}

/// A subject of an issuer.
#[derive(Debug, Deserialize)]
pub(super) struct SubjectBody {
    issuer: String,
    subject: String,
}

impl From<AliasListing> for AliasView {
    fn from(alias: AliasListing) -> Self {
        let AliasListing { issuer, subject, username, reason, created_at } = alias;
        Self { issuer, subject, username, reason, created_at }
    }
}

impl From<AliasError> for AdminError {
    fn from(error: AliasError) -> Self {
        match error {
            AliasError::Rows(rows) => Self::BadRequest(rows.to_string()),
            AliasError::Store(error) => Self::Store(error),
        }
    }
}

/// `/aliases`
pub(super) fn routes() -> MethodRouter<Admin> {
    get(list_aliases)
        .post(apply_aliases)
        .delete(remove_alias)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// `GET /aliases?issuer=…&limit=…`
async fn list_aliases(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<AliasView>>, AdminError> {
    let options = Options::of(&uri)?;
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let parameters = Parameters::of(&uri).map_err(twice)?;
    let aliases = admin.store.list_aliases(parameters.find("issuer"), options.limit).await?;
    Ok(Json(aliases.into_iter().map(AliasView::from).collect()))
}

/// `POST /aliases`: all rows, or none.
async fn apply_aliases(
    State(admin): State<Admin>,
    uri: Uri,
    Json(body): Json<AliasBody>,
) -> Result<Json<AliasEditView>, AdminError> {
    let options = Options::of(&uri)?;
    let issuer = known_issuer(&admin, body.issuer)?;
    let row = |row: AliasRow| AliasRow { subject: subject_of(&issuer, &row.subject), ..row };
    let rows = body.rows.into_iter().map(row).collect();
    let edit = AliasEdit {
        issuer: issuer.clone(),
        rows,
        directory: admin.targets.of(&issuer),
        reason: options.because,
    };
    let now = admin.clock.now();
    let outcome = admin.store.apply_aliases(edit, options.dry_run, now).await?;
    let plan = &outcome.plan;
    let added = plan.added.iter().map(|row| {
        let AliasRow { subject, username, .. } = row;
        format!("call {subject:?} of {issuer} {username:?}")
    });
    let changed = plan.changed.iter().map(|(row, before)| {
        let AliasRow { subject, username, .. } = row;
        format!("call {subject:?} of {issuer} {username:?} instead of {before:?}")
    });
    let held = outcome.held.iter().map(|AliasRow { line, subject, username }| {
        format!("line {line}: {username:?} has an account that {subject:?} has not logged in to: if it is somebody else's, their logins will be refused")
    });
    let view = AliasEditView {
        dry_run: options.dry_run,
        added: plan.added.len(),
        changed: plan.changed.len(),
        unchanged: plan.unchanged,
        changes: added.chain(changed).collect(),
        warnings: held.collect(),
    };
    let (added, changed) = (view.added, view.changed);
    tracing::info!(%issuer, added, changed, dry_run = view.dry_run, "an administrator applied aliases");
    Ok(Json(view))
}

/// An issuer that is spelled wrong would be an alias of nobody.
fn known_issuer(admin: &Admin, issuer: String) -> Result<Issuer, AdminError> {
    let issuer = Issuer(issuer);
    let known: Vec<_> = admin.policy.domains.iter().map(|(known, _)| known).collect();
    if known.contains(&&issuer) {
        return Ok(issuer);
    }
    let known: Vec<_> = known.into_iter().map(ToString::to_string).collect();
    let known = known.join(", ");
    let problem =
        format!("{issuer:?} is no issuer of the configuration: it has {known}", issuer = issuer.0);
    Err(AdminError::BadRequest(problem))
}

/// `DELETE /aliases`: the next login is called again what the mapping says.
async fn remove_alias(
    State(admin): State<Admin>,
    uri: Uri,
    Json(SubjectBody { issuer, subject }): Json<SubjectBody>,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let subject = subject_of(&Issuer(issuer.clone()), &subject);
    let all = admin.store.list_aliases(Some(&issuer), i64::MAX).await?;
    let found = all.into_iter().find(|alias| alias.subject == subject);
    let found =
        found.ok_or_else(|| AdminError::NotFound(format!("alias of {subject:?} of {issuer}")))?;
    if !options.dry_run {
        admin.store.delete_alias(&issuer, &subject).await?;
        tracing::info!(
            issuer,
            subject,
            user.name = found.username,
            "an administrator removed an alias"
        );
    }
    let change = format!("call {subject:?} of {issuer} no longer {:?}", found.username);
    Ok(Json(EditView { dry_run: options.dry_run, changes: vec![change], ..EditView::default() }))
}
