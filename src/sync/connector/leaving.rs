//! What becomes of whom and what a cloud has not any more.

use super::Connector;
use crate::{config::Leaving, directory::InactiveReason, provisioning::Unlisted};

/// Whether the account of somebody who does not come stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// It does not.
    No,
    /// It does, and may be used.
    InUse,
    /// It is not looked at.
    AsItIs,
}

impl Connector {
    /// Whether accounts stay whose people do not come for some reason.
    pub(super) fn stays(&self, absence: InactiveReason) -> Stays {
        let is_kept = |leaving| leaving == Leaving::Keep;
        match absence {
            InactiveReason::MissingAtSource if is_kept(self.leaving.users) => Stays::AsItIs,
            InactiveReason::OutOfScope if is_kept(self.leaving.out_of_scope) => Stays::InUse,
            _ => Stays::No,
        }
    }

    /// What becomes of whom the cloud does not name.
    pub(super) fn unlisted(&self) -> Unlisted {
        if self.leaving.users == Leaving::Keep { Unlisted::Keep } else { Unlisted::Missing }
    }
}
