//! What administrators do: small plans, each in one transaction, and taking them back.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, Lease, LoggedChange, Priority, Store, StoreError,
    apply::{Applied, Applying},
    changes::{self, Author, read_batch},
    connectors,
    takings::{self, Takings},
    within,
};
use crate::{
    directory::{Change, DirectoryId, PersonId, UserId},
    provisioning::Taken,
};

/// A plan about accounts and groups of one directory.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Where.
    pub directory: DirectoryId,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A plan that removes what a source has not any more.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The plan.
    pub edit: Edit,
    /// Who makes it, if that is whoever runs a connector.
    pub lease: Option<Lease>,
    /// Whose removal it is and what it takes away, if a guard is to remember that.
    pub taken: Option<(String, Taken)>,
}

/// One step, and whom it is about.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whom.
    pub person: Option<PersonId>,
    /// Which account.
    pub user: Option<UserId>,
    /// What.
    pub change: Change,
}

/// What was taken back, and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoOutcome {
    /// What became of it.
    pub applied: Applied,
    /// Steps that were taken back, as people read them.
    pub undone: Vec<String>,
    /// Steps that stay: people, whom sessions and the log may name, and groups that have got members.
    pub kept: Vec<String>,
}

/// Why a write leaves nothing behind.
enum Abort<T> {
    /// It was only to be seen what it would do.
    DryRun(T),
    Store(StoreError),
}

impl<T> From<StoreError> for Abort<T> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a write did, or would have done.
fn outcome<T>(written: Result<T, Abort<T>>) -> Result<T, StoreError> {
    match written {
        Ok(outcome) | Err(Abort::DryRun(outcome)) => Ok(outcome),
        Err(Abort::Store(error)) => Err(error),
    }
}

/// A dry run does everything, and then leaves nothing behind: it cannot promise what would fail.
fn unless_dry<T>(outcome: T, dry_run: bool) -> Result<T, Abort<T>> {
    if dry_run { Err(Abort::DryRun(outcome)) } else { Ok(outcome) }
}

impl Store {
    /// Makes all changes of a plan, or none. In one that begins with a new person, steps about nobody are about
    /// them: nobody could know their number before.
    pub async fn apply_edit(
        &self,
        edit: Edit,
        dry_run: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, StoreError> {
        let written = self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let applied = make(&mut transaction.connection(), &edit, now).await?;
                unless_dry(applied, dry_run)
            })
        });
        outcome(written.await)
    }

    /// The same for what a source has not any more, as whoever runs its connector.
    pub async fn apply_removal(
        &self,
        removal: Removal,
        dry_run: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, StoreError> {
        let written = self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let Removal { edit, lease, taken } = removal;
                if let Some(lease) = lease {
                    connectors::hold(connection, lease, now).await?;
                }
                let applied = make(connection, &edit, now).await?;
                if let Some((source, taken)) = taken {
                    let by = (edit.directory, &source[..], Takings::Removes);
                    takings::insert(connection, by, &taken, now).await?;
                }
                unless_dry(applied, dry_run)
            })
        });
        outcome(written.await)
    }

    /// Takes a batch back, as a batch of its own: all of it, or, if somebody has changed the same since,
    /// nothing. What was undone can be undone again.
    pub async fn undo(
        &self,
        batch: i64,
        actor: &str,
        dry_run: bool,
        now: DateTime<Utc>,
    ) -> Result<UndoOutcome, StoreError> {
        let actor = actor.to_owned();
        let written = self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let undone = undo(connection, batch, &actor, now).await?;
                unless_dry(undone, dry_run)
            })
        });
        outcome(written.await)
    }
}

/// Makes all changes of a plan.
async fn make(
    connection: &mut Connection<'_>,
    edit: &Edit,
    now: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    changes::hold_head(connection).await?;
    let author = Author { actor: &edit.actor, reason: &edit.reason, now };
    let mut applying = Applying::new(author, edit.directory);
    let first = edit.steps.first().map(|step| &step.change);
    let is_of_a_newcomer = matches!(first, Some(Change::CreatePerson));
    for step in &edit.steps {
        if !is_of_a_newcomer || step.person.is_some() {
            (applying.person, applying.user) = (step.person, step.user);
        }
        applying.apply(connection, &step.change).await?;
    }
    Ok(applying.applied())
}

async fn undo(
    connection: &mut Connection<'_>,
    batch: i64,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<UndoOutcome, StoreError> {
    changes::hold_head(connection).await?;
    let logged = read_batch(connection, batch).await?;
    // A batch is called after its first change: without that one, some of it is forgotten.
    let logged =
        if logged.first().is_some_and(|first| first.seq == batch) { logged } else { Vec::new() };
    let directory = logged.iter().find_map(|change| change.directory);
    let directory = directory.ok_or(StoreError::NoBatch(batch))?;
    if is_undone(connection, batch).await? {
        return Err(StoreError::Undone(batch));
    }
    let reason = format!("undo {batch}");
    let mut applying = Applying::new(Author { actor, reason: &reason, now }, directory);
    applying.undoes = Some(batch);
    let mut outcome = UndoOutcome::default();
    for LoggedChange { change, person, user, .. } in logged.iter().rev() {
        applying.person = *person;
        applying.user = find_user(connection, *user).await?;
        let inverse = change.inverse(*user);
        let Some(inverse) = inverse.filter(|_| !matches!(change, Change::CreatePerson)) else {
            outcome.kept.push(change.to_string());
            continue;
        };
        match applying.apply(connection, &inverse).await {
            Ok(()) => outcome.undone.push(inverse.to_string()),
            Err(StoreError::Conflict { .. }) if matches!(inverse, Change::RemoveGroup { .. }) => {
                outcome.kept.push(change.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    outcome.applied = applying.applied();
    Ok(outcome)
}

async fn is_undone(connection: &mut Connection<'_>, batch: i64) -> Result<bool, StoreError> {
    // An undoing that was undone itself does not count.
    const SQL: &str = "
        SELECT COUNT(*) FROM changes c WHERE c.undoes = $1
          AND NOT EXISTS (SELECT 1 FROM changes again WHERE again.undoes = c.batch)";
    let count: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(batch).fetch_one(connection).await?
    });
    Ok(count > 0)
}

/// The number that an account has now, if it is there.
async fn find_user(
    connection: &mut Connection<'_>,
    uuid: Option<Uuid>,
) -> Result<Option<UserId>, StoreError> {
    const SQL: &str = "SELECT id FROM users WHERE uuid = $1";
    let id: Option<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(uuid).fetch_optional(connection).await?
    });
    Ok(id.map(UserId))
}
