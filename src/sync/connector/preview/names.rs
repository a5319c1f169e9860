//! What people and groups would be called, and what of that is otherwise than the directory has it.

use std::collections::{HashMap, HashSet};

use super::{
    Looking, PreviewError,
    report::{ChangesPreview, GroupPreview, NamesPreview, PartPreview, Preview, UserPreview, note},
};
use crate::{
    directory::{InactiveReason, NameKey},
    provisioning::{Standing, Statement, Traced},
    store::StoreError,
    sync::{
        MOST_EXAMPLES, RosterGroup,
        comparing::batches,
        connector::{
            judge::{Judge, statement},
            kept_names::current_names,
            known::{KnownGroup, unpack},
            rows::{Made, Nameless},
        },
        listed_row::ListedRow,
        roster::Roster,
    },
};

/// So many groups are shown with their members.
const MOST_GROUPS: usize = 1000;

/// What is known of those who are in some rows, by the cloud's ids.
struct Known {
    statements: HashMap<String, Statement>,
    usernames: HashMap<String, String>,
    reasons: HashMap<String, InactiveReason>,
}

impl Looking<'_> {
    pub(super) async fn names(
        &self,
        judge: &Judge,
        made: Made,
        most: usize,
        preview: &mut Preview,
    ) -> Result<(), PreviewError> {
        let Made { roster, nameless, .. } = made;
        let Roster { rows, groups, .. } = roster;
        let said = self.said_names().await?;
        let (of_groups, of_users) =
            nameless.into_iter().partition(|one| said.contains_key(&one.external_id));
        preview.groups.conflicts = of_groups;
        preview.names.without = Vec::len(&of_users) as u64;
        preview.names.conflicts = of_users;
        preview.names.conflicts.truncate(MOST_EXAMPLES);
        let mut members = vec![0; groups.len()];
        let sorted = tokio::task::spawn_blocking(move || rows.finish());
        let sorted = sorted.await.map_err(|_| StoreError::NotWritten)??;
        let mut rows = batches(sorted);
        while let Some(some) = rows.recv().await.transpose()? {
            let known = self.known(judge, &some).await?;
            for row in some {
                if row.standing == Standing::Allowed {
                    for place in row.groups.iter().flatten() {
                        members[*place as usize] += 1;
                    }
                    self.name(&row, &known, most, &mut preview.names);
                }
                compare(&row, &known, &mut preview.changes);
            }
        }
        self.name_groups(groups, &said, &members, preview).await?;
        Ok(())
    }

    /// What the cloud calls groups, by its ids.
    async fn said_names(&self) -> Result<HashMap<String, String>, StoreError> {
        let mut names = HashMap::new();
        for head in self.store.list_group_heads(self.id).await? {
            let known: Option<KnownGroup> = head.known.as_deref().map(unpack).transpose()?;
            let name = known.and_then(|known| known.name);
            names.extend(name.map(|name| (head.external_id, name)));
        }
        Ok(names)
    }

    async fn known(&self, judge: &Judge, rows: &[ListedRow]) -> Result<Known, StoreError> {
        let ids: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        let (store, directory) = (self.store, self.connector.directory);
        let issuer = &self.connector.issuer;
        let usernames = store.find_usernames_by_id(directory, issuer, &ids).await?;
        let reasons = store.find_reasons_by_id(directory, issuer, &ids).await?;
        let mut statements = HashMap::new();
        for user in store.find_mirror_users(self.id, &ids).await? {
            if let Some(packed) = user.known {
                let known = judge.known(user.number, &packed)?;
                let said = statement(&user.external_id, known);
                statements.insert(user.external_id, said);
            }
        }
        let (usernames, reasons) = (usernames.into_iter().collect(), reasons.into_iter().collect());
        Ok(Known { statements, usernames, reasons })
    }

    /// What somebody is called, and why.
    fn name(&self, row: &ListedRow, known: &Known, most: usize, names: &mut NamesPreview) {
        let Some(said) = known.statements.get(&row.key) else {
            return;
        };
        let mapping = &self.connector.rules.mapping;
        let wanted = mapping.usernames(said).unwrap_or_default();
        let is = |name: &String| *name == row.username;
        if let Some(first) = wanted.first().filter(|first| !is(first) && wanted.iter().any(is)) {
            let pair = || [first.clone(), row.username.clone()];
            note(&mut names.fallbacks, &mut names.fallen_back, pair);
        }
        if names.first.len() < most {
            let traced = mapping.trace_usernames(said).unwrap_or_default();
            let source = traced.into_iter().find(|one| one.value == row.username);
            let source = source.map_or("what it is kept as".to_owned(), |one| one.source);
            let username =
                PartPreview { claim: "username".to_owned(), value: row.username.clone(), source };
            let others = mapping.trace(said).unwrap_or_default();
            let others = others.into_iter().filter(|one| one.claim != "username").map(part);
            names.first.push(UserPreview {
                external_id: row.key.clone(),
                username: row.username.clone(),
                parts: [username].into_iter().chain(others).collect(),
            });
        }
    }

    async fn name_groups(
        &self,
        groups: Vec<RosterGroup>,
        said: &HashMap<String, String>,
        members: &[u64],
        preview: &mut Preview,
    ) -> Result<(), StoreError> {
        let current = current_names(self.store, self.connector).await?;
        let (mut names, mut shown) = (HashSet::new(), Vec::with_capacity(groups.len()));
        for (RosterGroup { external_id, name }, members) in groups.into_iter().zip(members) {
            if !names.insert(NameKey::of(&name)) {
                let why = "another group has the name: whichever has it here keeps it".to_owned();
                let (external_id, name) = (external_id.clone(), name.clone());
                preview.groups.conflicts.push(Nameless { external_id, name, why });
            }
            let before = current.get(&external_id);
            if let Some(before) = before.filter(|before| NameKey::of(before) != NameKey::of(&name))
            {
                let ChangesPreview { groups_renamed, group_renames, .. } = &mut preview.changes;
                note(groups_renamed, group_renames, || [before.clone(), name.clone()]);
            }
            let said = said.get(&external_id).cloned().unwrap_or_default();
            shown.push(GroupPreview { external_id, said, name, members: *members });
        }
        preview.groups.shown = shown.len() as u64;
        preview.groups.without_members -= preview.groups.shown.min(preview.groups.without_members);
        shown.sort_by(|a, b| (b.members, &a.name).cmp(&(a.members, &b.name)));
        shown.truncate(MOST_GROUPS);
        preview.groups.groups = shown;
        Ok(())
    }
}

/// What becomes of somebody's account.
fn compare(row: &ListedRow, known: &Known, changes: &mut ChangesPreview) {
    let (account, reason) = (known.usernames.get(&row.key), known.reasons.get(&row.key));
    match (row.standing, account) {
        (Standing::Allowed, None) => changes.new += 1,
        (Standing::Allowed, Some(before)) => {
            let stays = [InactiveReason::AdminBlock, InactiveReason::Idle];
            changes.back += u64::from(reason.is_some_and(|reason| !stays.contains(reason)));
            if NameKey::of(before) != NameKey::of(&row.username) {
                let pair = || [before.clone(), row.username.clone()];
                note(&mut changes.renamed, &mut changes.renames, pair);
            }
        }
        (Standing::Inactive(InactiveReason::OutOfScope), Some(name)) if reason.is_none() => {
            note(&mut changes.put_out_of_scope, &mut changes.out_of_scope, || name.clone());
        }
        _ => {}
    }
}

fn part(Traced { claim, value, source }: Traced) -> PartPreview {
    PartPreview { claim, value, source }
}
