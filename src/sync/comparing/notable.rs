//! What of many steps somebody should be told by name.

use crate::{
    directory::{InactiveReason, StepKind, UserStep},
    sync::roster::{Deactivated, MOST_EXAMPLES},
};

/// Accounts that end, by the reason, and examples of what should not come by surprise.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct Notable {
    pub(in crate::sync) deactivated: Deactivated,
    /// Accounts that get another name: the old one and the new one.
    pub(in crate::sync) renames: Vec<[String; 2]>,
    /// Accounts that could be used until filters keep their people out.
    pub(in crate::sync) put_out_of_scope: Vec<String>,
}

impl Notable {
    pub(super) fn note(&mut self, step: &UserStep) {
        let (Some(before), Some(after)) = (&step.before, &step.after) else {
            return;
        };
        if step.renames() && self.renames.len() < MOST_EXAMPLES {
            let names = [before, after].map(|state| state.profile.username.clone());
            self.renames.push(names);
        }
        let Some(reason) = after.inactive.filter(|_| step.kind() == StepKind::Deactivate) else {
            return;
        };
        self.deactivated.count(reason);
        let was_active = before.inactive.is_none();
        if reason == InactiveReason::OutOfScope
            && was_active
            && self.put_out_of_scope.len() < MOST_EXAMPLES
        {
            self.put_out_of_scope.push(before.profile.username.clone());
        }
    }
}
