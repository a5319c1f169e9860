//! Writes a directory as a list, which can be imported again.

use serde_json::json;
use tokio::sync::mpsc;

use super::formats::{Format, csv_header, csv_line};
use crate::{
    directory::{DirectoryId, InactiveReason},
    store::{ExportedUser, Store, StoreError},
};

/// Accounts that are written at once.
const PAGE: i64 = 500;

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody reads any more.
    #[error("nobody reads the export any more")]
    NobodyReads,
}

/// Sends a directory piece by piece, in the order of the names.
pub async fn export(
    store: &Store,
    directory: DirectoryId,
    format: Format,
    to: &mpsc::Sender<std::io::Result<String>>,
) -> Result<(), ExportError> {
    let send = async |text: String| to.send(Ok(text)).await.map_err(|_| ExportError::NobodyReads);
    let mut columns = Vec::new();
    if format == Format::Csv {
        columns = store.list_attribute_names(directory).await?;
        send(csv_header(&columns) + "\r\n").await?;
    }
    let mut after = String::new();
    loop {
        let page = store.list_exported_users(directory, &after, PAGE).await?;
        let Some((key, _)) = page.last() else {
            return Ok(());
        };
        after = key.as_str().to_owned();
        let lines = page.iter().map(|(_, user)| match format {
            Format::Csv => csv_row(user, &columns) + "\r\n",
            Format::Json => json_row(user) + "\n",
        });
        send(lines.collect()).await?;
    }
}

/// What a list would have to say so that nothing changes: idle accounts come back by themselves.
fn active(user: &ExportedUser) -> Option<bool> {
    match user.state.inactive {
        None => Some(true),
        Some(InactiveReason::DisabledAtSource | InactiveReason::AdminBlock) => Some(false),
        Some(_) => None,
    }
}

fn csv_row(user: &ExportedUser, columns: &[String]) -> String {
    let profile = &user.state.profile;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let escaped = user.groups.iter().map(|group| group.replace('\\', r"\\").replace('|', r"\|"));
    let active = active(user).map(|active| active.to_string()).unwrap_or_default();
    let mut cells = vec![
        profile.username.clone(),
        text(&profile.email),
        text(&profile.display_name),
        text(&profile.first_name),
        text(&profile.last_name),
        active,
        escaped.collect::<Vec<_>>().join("|"),
    ];
    let attribute = |name| profile.attributes.get(name).cloned().unwrap_or_default();
    cells.extend(columns.iter().map(attribute));
    csv_line(&cells)
}

fn json_row(user: &ExportedUser) -> String {
    let profile = &user.state.profile;
    let row = json!({
        "username": profile.username,
        "email": profile.email,
        "display_name": profile.display_name,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "attributes": profile.attributes,
        "active": active(user),
        "groups": user.groups,
    });
    row.to_string()
}
