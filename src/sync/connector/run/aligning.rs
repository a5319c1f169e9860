//! From a mirror that has been folded to a directory that is in line with it.

use std::collections::{BTreeSet, HashSet};

use tokio::sync::mpsc;

use super::{Run, RunError, RunReport, unreadable};
use crate::{
    store::{RunId, StoreError},
    sync::{
        Event, Events, align,
        connector::{
            folding::{FoldedRound, Touched},
            kept_names::kept_names,
            organisation::Organisation,
            rows::{Made, Making, Nameless, Rows, UserCounts, overshadowed},
        },
        roster::{Extent, RosterReport, RosterRequest},
    },
};

/// If more people than this are touched, comparing everybody is as quick.
const MOST_TOUCHED: usize = 50_000;

/// So many people without a name are told of; the others are counted.
const MOST_NAMELESS: usize = 1000;

/// So many people are compared again next time; if there are more, everybody is.
const MOST_AGAIN: usize = 10_000;

const EVENTS: usize = 64;

/// Brings the directory in line.
pub(super) struct Alignment<'a> {
    run: &'a Run,
    dry_run: bool,
    /// Why it is a dry run though nobody asked for one.
    forced: Option<String>,
}

impl<'a> Alignment<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let forced = if run.request.dry_run { None } else { forced(run) };
        Self { run, dry_run: run.request.dry_run || forced.is_some(), forced }
    }

    pub(super) async fn run(
        self,
        folded: FoldedRound,
        report: &mut RunReport,
    ) -> Result<(), RunError> {
        let (rows, overshadowed) = self.rows(folded).await?;
        report.dry_run = self.dry_run;
        report.forced.clone_from(&self.forced);
        report.compared_all = matches!(rows, Rows::Everything);
        let mut again = BTreeSet::new();
        if is_nothing(&rows) {
            // Nobody is left of those; groups may be, with nobody in them.
            again = self.again()?;
        } else {
            let extent = if report.compared_all { Extent::Everything } else { Extent::Only };
            let Run { store, connector, lease, .. } = self.run;
            let looked_at = rows.clone();
            let making = Making { store, id: lease.connector, connector };
            let Made { roster, counts, nameless } = making.run(rows).await?;
            report.warnings.extend(warning(&counts));
            report.users = counts;
            again.extend(nameless.iter().map(|nameless| nameless.external_id.clone()));
            tell(report, nameless);
            let request = self.request(extent);
            let aligned = self.hear(|events| {
                let Run { store, clock, .. } = self.run;
                Box::pin(
                    async move { Box::pin(align(store, clock, &request, roster, &events)).await },
                )
            });
            let aligned = aligned.await?;
            again.extend(aligned.conflicts.iter().map(|conflict| conflict.external_id.clone()));
            // Nobody in them was looked at, so nobody has said of them that they are still in the way.
            again.extend(overshadowed);
            self.run.spare(&looked_at, &aligned).await?;
            report.directory = Some(aligned);
        }
        let is_in_line = self.note(report, &again).await?;
        if is_in_line || self.dry_run {
            report.removed = self.run.remove_gone(self.dry_run, &again).await?;
        }
        Ok(())
    }

    /// Whom rows are made of, and groups whose names others have as before.
    async fn rows(&self, folded: FoldedRound) -> Result<(Rows, HashSet<String>), StoreError> {
        let Run { before, connector, .. } = self.run;
        let is_in_line = before.is_in_line()
            && !before.is_folding()
            && before.applied_rules.as_deref() == Some(&connector.rules_digest[..]);
        let Touched { mut users, groups, everybody } = folded.touched;
        if !is_in_line || self.dry_run || self.run.whole || everybody {
            return Ok((Rows::Everything, HashSet::new()));
        }
        let (store, id) = (&self.run.store, self.run.lease.connector);
        let (mut again, mut shadowed) = (self.again()?, HashSet::new());
        let ids: Vec<_> = again.iter().cloned().collect();
        for some in ids.chunks(500) {
            for user in store.find_mirror_users(id, some).await? {
                again.remove(&user.external_id);
                users.insert(user.number);
            }
        }
        // Who is left of them is no user.
        if !groups.is_empty() || !again.is_empty() {
            let nested = connector.rules.scope.is_nested();
            let organisation = Organisation::read(store, id, nested).await?;
            let kept = kept_names(store, connector).await?;
            shadowed = overshadowed(&organisation, &connector.rules, &kept, &again);
            let members = organisation.members_where(|group| {
                let is_again = again.contains(&group.external_id);
                groups.contains(group.number)
                    || (is_again && !shadowed.contains(&group.external_id))
            });
            if members.everybody {
                return Ok((Rows::Everything, shadowed));
            }
            users.extend(members.users.iter());
        }
        if users.len() + folded.gone.len() > MOST_TOUCHED {
            return Ok((Rows::Everything, shadowed));
        }
        Ok((Rows::Only(users, folded.gone), shadowed))
    }

    /// Who and which groups could not be as they should be last time.
    fn again(&self) -> Result<BTreeSet<String>, StoreError> {
        serde_json::from_str(&self.run.before.again).map_err(|error| unreadable(&error))
    }

    fn request(&self, extent: Extent) -> RosterRequest {
        let Run { connector, request, id, lease, .. } = self.run;
        RosterRequest {
            directory: connector.directory,
            issuer: connector.issuer.clone(),
            source: connector.membership_source(),
            actor: connector.membership_source(),
            reason: format!("run {}", id.0),
            extent,
            unlisted: connector.unlisted(),
            policy: connector.policy.clone(),
            dry_run: self.dry_run,
            unguarded: request.unguarded,
            guarding: connector.guarding.clone(),
            lease: Some(*lease),
            run: Some(*id),
        }
    }

    /// Does something, and hears what it says of itself meanwhile.
    async fn hear<'f, T>(
        &self,
        work: impl FnOnce(Events) -> futures_util::future::BoxFuture<'f, T>,
    ) -> T {
        let (sender, mut told) = mpsc::channel(EVENTS);
        let meter = &self.run.meter;
        let listening = async {
            while let Some(event) = told.recv().await {
                if let Event::Progress(progress) = event {
                    meter.hear(progress);
                }
            }
        };
        tokio::join!(work(Events::to(sender)), listening).0
    }

    /// Remembers under which rules the run was, and whether the next one has to look only at what changes: it has if all
    /// has come true, which is said.
    async fn note(&self, report: &RunReport, again: &BTreeSet<String>) -> Result<bool, RunError> {
        let Run { store, clock, lease, connector, id, .. } = self.run;
        let (rules, now) = (connector.rules_digest.clone(), clock.now());
        if self.dry_run {
            store.note_rules_seen(*lease, rules, now).await?;
            return Ok(false);
        }
        let is_whole = report.directory.as_ref().is_none_or(is_whole) && again.len() <= MOST_AGAIN;
        let again = serde_json::to_string(again).map_err(|error| unreadable(&error))?;
        let whole: Option<(RunId, String)> = is_whole.then_some((*id, again));
        store.note_rules_applied(*lease, rules, whole, now).await?;
        Ok(is_whole)
    }
}

/// Whether all has come true, but for what waits because somebody or something is protected: that holds nobody else back,
/// and is still true of whom later runs hear nothing.
fn is_whole(RosterReport { list, more_conflicts, .. }: &RosterReport) -> bool {
    (list.held.is_none() || list.held_protected) && list.skipped == 0 && *more_conflicts == 0
}

fn is_nothing(rows: &Rows) -> bool {
    matches!(rows, Rows::Only(users, gone) if users.is_empty() && gone.is_empty())
}

/// Why nothing may come true yet, unless somebody has looked at what would.
fn forced(run: &Run) -> Option<String> {
    let Run { before, connector, request, .. } = run;
    let rules = Some(&connector.rules_digest[..]);
    if before.applied_rules.as_deref() == rules {
        return None;
    }
    if request.apply && before.seen_rules.as_deref() == rules {
        return None;
    }
    let why = if before.applied_rules.is_none() {
        "it is the connector's first"
    } else {
        "its filters, its mapping or its cloud are not what they were"
    };
    Some(why.to_owned())
}

fn warning(counts: &UserCounts) -> Option<String> {
    let UserCounts { unsaid, .. } = counts;
    let warning = || {
        format!(
            "the cloud does not say of {unsaid} users whether they may work: they stay as they are"
        )
    };
    (*unsaid > 0).then(warning)
}

fn tell(report: &mut RunReport, nameless: Vec<Nameless>) {
    report.more_nameless = nameless.len().saturating_sub(MOST_NAMELESS) as u64;
    report.nameless = nameless;
    report.nameless.truncate(MOST_NAMELESS);
}
