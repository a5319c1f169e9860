//! What an assertion could not say, and the person's cloud does.

use super::{Login, Provider, acs::AcsError};
use crate::{
    provisioning::{Claims, GroupClaim},
    store::SourceWord,
    telemetry::TraceId,
};

impl Login {
    /// Adds what the cloud says, if it is asked; gives whether the account may be used there, if it says so.
    ///
    /// Without an answer people keep the groups that they have: that there are too many to be said, or that nobody says
    /// them just now, never means that there are none.
    pub(super) async fn look_up(
        &self,
        provider: &Provider,
        claims: &mut Claims,
        trace: TraceId,
    ) -> Result<Option<SourceWord>, AcsError> {
        let Some(lookup) = &provider.lookup else {
            return Ok(None);
        };
        let asked_at = self.store.find_log_head().await?;
        match lookup.ask(&claims.identity.subject.value, &claims.groups).await {
            Ok(None) => Ok(None),
            Ok(Some(found)) => {
                if let Some(groups) = &found.groups {
                    let said = groups.iter().map(|(id, name)| (id.as_str(), name.as_str()));
                    claims.groups = provider.mapping.name_groups(said)?;
                }
                Ok(found.enabled.map(|enabled| SourceWord { enabled, asked_at }))
            }
            Err(error) if lookup.lets_in_unknown() => {
                tracing::warn!(%trace, idp = provider.name, %error, "the cloud says nothing of somebody who signs in: they keep what they have");
                if lookup.wants_groups(&claims.groups) {
                    claims.groups = GroupClaim::Overage;
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
