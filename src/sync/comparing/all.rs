//! A list beside a directory, both in the order of what people are told apart by.

use super::{Rows, accounts::Accounts, deciding::Deciding};
use crate::{provisioning::HeldUser, sync::import::ImportError};

/// Decides about every account of the directory, and everybody else in the list.
pub(super) async fn compare(
    deciding: &mut Deciding<'_>,
    mut rows: Rows<'_>,
    mut accounts: Accounts,
) -> Result<(), ImportError> {
    deciding.differs().await?;
    while let Some(batch) = rows.next().await? {
        for row in batch {
            while let Some((key, held)) = accounts.next_before(Some(&row.key)).await? {
                unlisted(deciding, &key, &held).await?;
            }
            if deciding.is_first(&row).await? {
                let held = accounts.next_named(&row.key).await?;
                let entry = deciding.listed(row, held).await?.to_vec();
                deciding.keep(&entry).await?;
            }
        }
    }
    while let Some((key, held)) = accounts.next_before(None).await? {
        unlisted(deciding, &key, &held).await?;
    }
    Ok(())
}

async fn unlisted(
    deciding: &mut Deciding<'_>,
    key: &str,
    held: &HeldUser,
) -> Result<(), ImportError> {
    let entry = deciding.unlisted(key, held).await?.to_vec();
    deciding.keep(&entry).await
}
