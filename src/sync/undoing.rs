//! Takes a large plan back, by a plan of its own.

use super::{
    applying::{Applied, apply_plan},
    plan_writer::{PlanError, PlanWriter},
    progress::Events,
};
use crate::{
    clock::Clock,
    directory::{ChunkSize, GroupStep, UserStep},
    store::{Chunk, NewPlan, Outcome, PlanState, Store, StoreError, StoredPlan},
};

/// Undoes what has been applied of a plan, the last first. Accounts that somebody has changed since stay as
/// they are. With `dry_run` it is only said what would change.
pub async fn undo_plan(
    store: &Store,
    clock: &Clock,
    undone: &StoredPlan,
    actor: &str,
    dry_run: bool,
) -> Result<(ChunkSize, Applied), PlanError> {
    let batch = undone.batch.ok_or(StoreError::NoPlan(undone.id.0))?;
    if undone.state == PlanState::Sealed {
        return Err(StoreError::PlanRuns(undone.id.0).into());
    }
    let plan = NewPlan {
        directory: undone.plan.directory,
        source: undone.plan.source.clone(),
        actor: actor.to_owned(),
        reason: format!("undo {batch}"),
        undoes: Some(batch),
    };
    let mut writer = PlanWriter::begin(store, clock, plan).await?;
    let id = writer.id();
    let written = write_back(store, undone, &mut writer).await;
    let seal = match written {
        Ok(()) => writer.finish(None).await,
        Err(error) => Err(error),
    };
    match seal {
        Ok(Some(seal)) if !dry_run => {
            let size = seal.size;
            store.seal_plan(id, seal, clock.now()).await?;
            Ok((size, apply_plan(store, clock, id, &Events::default()).await?))
        }
        Ok(seal) => {
            store.delete_plan(id).await?;
            Ok((seal.unwrap_or_default().size, Applied::default()))
        }
        Err(error) => {
            store.delete_plan(id).await?;
            Err(error)
        }
    }
}

async fn write_back(
    store: &Store,
    undone: &StoredPlan,
    writer: &mut PlanWriter,
) -> Result<(), PlanError> {
    let outcome = Outcome::read_all(store, undone.id).await?;
    for number in (0..undone.next_chunk).rev() {
        let packed = store.find_chunk(undone.id, number).await?;
        match Chunk::unpack(&packed)? {
            Chunk::Users(steps) | Chunk::Endings(steps) => {
                let back = steps.iter().rev().filter_map(|step| back(step, &outcome));
                writer.push_back(back.collect()).await?;
            }
            Chunk::Groups(groups) => {
                let made = groups.into_iter().filter(|group| outcome.group(group.id) == group.id);
                writer.remove_groups(made.collect()).await?;
            }
            Chunk::GroupChanges(steps) => {
                let back = steps
                    .into_iter()
                    .rev()
                    .map(|step| GroupStep { group: outcome.group(step.group), ..step.inverse() });
                writer.change_groups(back.collect()).await?;
            }
            Chunk::GroupEndings(groups) => writer.create_groups(groups).await?,
            // Their accounts' steps say the same.
            Chunk::Members(_) => {}
        }
    }
    Ok(())
}

/// The step back from what has really been done.
fn back(step: &UserStep, outcome: &Outcome) -> Option<UserStep> {
    if outcome.skipped.contains(&step.user) {
        return None;
    }
    let mut done = step.clone();
    done.joins.retain(|group| !outcome.not_joined.contains(&(step.user, *group)));
    for group in done.joins.iter_mut().chain(&mut done.leaves) {
        *group = outcome.group(*group);
    }
    Some(done.inverse())
}
