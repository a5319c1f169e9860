//! Makes a login's plan come true.

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, ProvisionError, Store, StoreError, Transaction, aliases,
    apply::Applying,
    changes::{self, Author},
    known::known,
    last_logins, passwords, within,
};
use crate::{
    directory::{DirectoryId, PersonId, UserId},
    provisioning::{Claims, Known, Plan, Policy, plan},
};

/// A login that wants an account.
#[derive(Clone, Debug)]
pub struct Provision {
    /// Where the account is, or will be.
    pub directory: DirectoryId,
    /// What the login says.
    pub claims: Claims,
    /// What the cloud, asked just now, says of whether the account may be used.
    pub enabled_at_source: Option<SourceWord>,
    /// What it may change.
    pub policy: Policy,
    /// Who makes the changes, for the change log.
    pub actor: String,
    /// Why, for the change log: the trace of the login.
    pub reason: String,
}

/// What a cloud says of somebody, and when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceWord {
    /// Whether the account may be used.
    pub enabled: bool,
    /// The log's head before it was asked: what has been written since, may be by a later word.
    pub asked_at: i64,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Who logged in.
    pub person: PersonId,
    /// The account.
    pub user: UserId,
    /// What changed.
    pub plan: Plan,
    /// How many passwords were taken away: those that others had given accounts before they were linked.
    pub removed_passwords: u64,
}

impl Store {
    /// Brings the directory in line with a login, and says who it is.
    ///
    /// Most logins change nothing, and write nothing but, once an hour, that they were. One that does plans again inside the writing
    /// transaction, where nobody else can write: of fifty first logins at once, one makes the person.
    pub async fn provision(
        &self,
        request: &Provision,
        now: DateTime<Utc>,
    ) -> Result<Provisioned, ProvisionError> {
        let reading = request.clone();
        let idle = self.read::<_, ProvisionError, _>(move |connection| {
            Box::pin(async move {
                let Provision { directory, claims, policy, enabled_at_source, .. } = &reading;
                let named = aliases::aliased(connection, claims).await?;
                let mut known = known(connection, *directory, &named, policy).await?;
                known.is_enabled_at_source = enabled_at_source.map(|word| word.enabled);
                let plan = plan(&named, &known, policy)?;
                let person = known.by_identity.map(|(person, _)| person);
                let user = person.and_then(|person| person.user).map(|user| user.user);
                let Some(user) = user.filter(|_| plan.changes.is_empty()) else {
                    return Ok(None);
                };
                let news = !last_logins::is_known(connection, claims, now).await?;
                let (person, user) = (user.person, user.id);
                Ok(Some((Provisioned { person, user, plan, removed_passwords: 0 }, news)))
            })
        });
        let request = request.clone();
        if let Some((provisioned, news)) = idle.await? {
            if news {
                self.write_last_login(request.claims, now).await?;
            }
            return Ok(provisioned);
        }
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { provision(transaction, &request, now).await })
        })
        .await
    }

    /// What the next login with these claims would change, and why not if it would be refused. Writes
    /// nothing.
    pub async fn preview(
        &self,
        directory: DirectoryId,
        claims: &Claims,
        policy: &Policy,
    ) -> Result<Plan, ProvisionError> {
        let (claims, policy) = (claims.clone(), policy.clone());
        self.read::<_, ProvisionError, _>(move |connection| {
            Box::pin(async move {
                let claims = aliases::aliased(connection, &claims).await?;
                let known = known(connection, directory, &claims, &policy).await?;
                Ok(plan(&claims, &known, &policy)?)
            })
        })
        .await
    }
}

/// What a cloud has said, unless something has become of the account since it was asked: a run may have heard later that it
/// must not be used, and then nobody comes back by the earlier word.
async fn believed(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    known: &Known,
    word: Option<SourceWord>,
) -> Result<Option<bool>, StoreError> {
    // Whom a part of a large plan is about, the log does not say.
    const SQL: &str = "
        SELECT COUNT(*) FROM changes
        WHERE seq > $1 AND directory_id = $2 AND (user_id = $3 OR kind = 'chunk')";
    let Some(word) = word.filter(|word| word.enabled) else {
        return Ok(word.map(|word| word.enabled));
    };
    let accounts = known.people().filter_map(|person| person.user.as_ref());
    for account in accounts.filter(|account| account.user.inactive.is_some()) {
        let later: i64 = within!(&mut *connection, |connection| {
            let later = sqlx::query_scalar(SQL).bind(word.asked_at).bind(directory.0);
            later.bind(account.user.id.0).fetch_one(connection).await?
        });
        if later > 0 {
            return Ok(None);
        }
    }
    Ok(Some(true))
}

async fn provision(
    transaction: &mut Transaction,
    request: &Provision,
    now: DateTime<Utc>,
) -> Result<Provisioned, ProvisionError> {
    let connection = &mut transaction.connection();
    // Held from here to the commit: whoever plans next sees what this one wrote.
    changes::hold_head(connection).await?;
    let Provision { directory, claims, policy, enabled_at_source, actor, reason } = request;
    let named = aliases::aliased(connection, claims).await?;
    let mut known = known(connection, *directory, &named, policy).await?;
    known.is_enabled_at_source =
        believed(connection, *directory, &known, *enabled_at_source).await?;
    let plan = plan(&named, &known, policy)?;

    let known_user = known
        .people()
        .find(|person| Some(person.id) == plan.person)
        .and_then(|person| person.user.as_ref())
        .map(|user| user.user.id);
    let mut applying = Applying::new(Author { actor, reason, now }, *directory);
    (applying.person, applying.user) = (plan.person, known_user);
    for change in &plan.changes {
        applying.apply(connection, change).await?;
    }
    last_logins::write(connection, claims, now).await?;
    let unclaimed = known.unclaimed.as_ref().map(|(person, _)| person.id);
    let removed_passwords = match unclaimed.filter(|linked| Some(*linked) == plan.person) {
        // Whoever has set it, an application for one, would have a second way in to what is somebody's now.
        Some(linked) => passwords::delete_all_of(connection, linked, now).await?,
        None => 0,
    };
    match (applying.person, applying.user) {
        (Some(person), Some(user)) => Ok(Provisioned { person, user, plan, removed_passwords }),
        _ => {
            Err(StoreError::Unreadable { what: "a plan without a user", value: String::new() }
                .into())
        }
    }
}
