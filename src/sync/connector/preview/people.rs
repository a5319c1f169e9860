//! Who comes, filter by filter.

use std::sync::Arc;

use super::{
    Looking,
    report::{FilterPreview, UsersPreview, note},
};
use crate::{
    cloud::Standing,
    directory::InactiveReason,
    store::{MirrorUser, StoreError},
    sync::connector::{
        judge::{Judge, Verdict, statement},
        known::KnownUser,
        rows::{Rows, read_users},
    },
};

impl Looking<'_> {
    pub(super) async fn people(&self, judge: &Arc<Judge>) -> Result<UsersPreview, StoreError> {
        let scope = &self.connector.rules.scope;
        let named =
            |filter| FilterPreview { filter: scope.name(filter), ..FilterPreview::default() };
        let filters = judge.applied.filters().iter().copied().map(named).collect();
        let mut seen = UsersPreview { filters, ..UsersPreview::default() };
        let mut users = read_users(self.store, self.id, &Rows::Everything);
        while let Some(page) = users.recv().await.transpose()? {
            let judge = judge.clone();
            let looked = tokio::task::spawn_blocking(move || {
                page.into_iter().try_for_each(|user| look(&mut seen, &judge, user))?;
                Ok::<_, StoreError>(seen)
            });
            seen = looked.await.map_err(|_| StoreError::NotWritten)??;
        }
        Ok(seen)
    }
}

fn look(seen: &mut UsersPreview, judge: &Judge, user: MirrorUser) -> Result<(), StoreError> {
    let MirrorUser { number, external_id: id, known } = user;
    seen.counts.seen += 1;
    let Some(known) = known else {
        seen.counts.missing += 1;
        return Ok(());
    };
    let known = judge.known(number, &known)?;
    let called = || name_of(judge, &id, &known);
    let UsersPreview { counts, come, out_of_scope, disabled, .. } = seen;
    match judge.verdict(number, &id, &known) {
        Verdict::Comes => note(&mut counts.come, come, called),
        Verdict::Unsaid => counts.unsaid += 1,
        Verdict::Absent(InactiveReason::OutOfScope) => {
            note(&mut counts.out_of_scope, out_of_scope, called);
        }
        Verdict::Absent(InactiveReason::DisabledAtSource) => {
            note(&mut counts.disabled, disabled, called);
        }
        Verdict::Absent(_) => counts.missing += 1,
    }
    if matches!(known.standing, Standing::Enabled | Standing::Unsaid) {
        for (filter, seen) in judge.applied.filters().iter().zip(&mut seen.filters) {
            let FilterPreview { keeps, drops, kept, dropped, .. } = seen;
            if judge.applied.keeps(*filter, number, &id, &known) {
                note(keeps, kept, called);
            } else {
                note(drops, dropped, called);
            }
        }
    }
    Ok(())
}

/// The name that somebody wants, or the cloud's id.
fn name_of(judge: &Judge, id: &str, known: &KnownUser) -> String {
    let names = judge.usernames(&statement(id, known.clone())).unwrap_or_default();
    names.into_iter().next().unwrap_or_else(|| id.to_owned())
}
