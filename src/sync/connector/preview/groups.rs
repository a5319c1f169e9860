//! Which groups are shown, filter by filter.

use super::{
    Looking,
    report::{FilterPreview, GroupsPreview, note},
};
use crate::sync::connector::organisation::Organisation;

impl Looking<'_> {
    pub(super) fn groups(&self, organisation: &Organisation) -> GroupsPreview {
        let scope = &self.connector.rules.scope;
        let mut seen = GroupsPreview::default();
        let filters = scope.group_filters();
        let named = |(_, name): &(_, String)| FilterPreview {
            filter: name.clone(),
            ..FilterPreview::default()
        };
        seen.filters = filters.iter().map(named).collect();
        for group in &organisation.groups {
            let Some(known) = group.known.as_ref().filter(|it| !it.stands_for_application()) else {
                continue;
            };
            let id = &group.external_id;
            let called = || known.name.clone().unwrap_or_else(|| id.clone());
            seen.known += 1;
            if !scope.shows(id, known) {
                let mut hidden = 0;
                note(&mut hidden, &mut seen.hidden, called);
            }
            for ((filter, _), seen) in filters.iter().zip(&mut seen.filters) {
                let FilterPreview { keeps, drops, kept, dropped, .. } = seen;
                if scope.lets_show(*filter, id, known) {
                    note(keeps, kept, called);
                } else {
                    note(drops, dropped, called);
                }
            }
            seen.without_members += u64::from(scope.shows(id, known));
        }
        seen
    }
}
