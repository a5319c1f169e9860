//! Makes a login's plan come true.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, Priority, ProvisionError, Store, StoreError, Transaction,
    changes::{self, Author},
    known::known,
    time::micros,
    within,
};
use crate::{
    directory::{Change, DirectoryId, Identity, NameKey, PersonId, Profile, UserId},
    provisioning::{Claims, Plan, Policy, plan},
};

/// A login that wants an account.
#[derive(Clone, Debug)]
pub struct Provision {
    /// Where the account is, or will be.
    pub directory: DirectoryId,
    /// What the login says.
    pub claims: Claims,
    /// What it may change.
    pub policy: Policy,
    /// Who makes the changes, for the change log.
    pub actor: String,
    /// Why, for the change log: the trace of the login.
    pub reason: String,
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
}

impl Store {
    /// Brings the directory in line with a login, and says who it is.
    ///
    /// Most logins change nothing, and write nothing. One that does plans again inside the writing
    /// transaction, where nobody else can write: of fifty first logins at once, one makes the person.
    pub async fn provision(
        &self,
        request: &Provision,
        now: DateTime<Utc>,
    ) -> Result<Provisioned, ProvisionError> {
        let reading = request.clone();
        let idle = self.read::<_, ProvisionError, _>(move |connection| {
            Box::pin(async move {
                let Provision { directory, claims, policy, .. } = &reading;
                let known = known(connection, *directory, claims, policy).await?;
                let plan = plan(claims, &known, policy)?;
                let person = known.by_identity.map(|(person, _)| person);
                let user = person.and_then(|person| person.user).map(|user| user.user);
                Ok(user.filter(|_| plan.changes.is_empty()).map(|user| Provisioned {
                    person: user.person,
                    user: user.id,
                    plan,
                }))
            })
        });
        if let Some(provisioned) = idle.await? {
            return Ok(provisioned);
        }
        let request = request.clone();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { provision(transaction, &request, now).await })
        })
        .await
    }
}

async fn provision(
    transaction: &mut Transaction,
    request: &Provision,
    now: DateTime<Utc>,
) -> Result<Provisioned, ProvisionError> {
    let connection = &mut transaction.connection();
    // Held from here to the commit: whoever plans next sees what this one wrote.
    changes::hold_head(connection).await?;
    let Provision { directory, claims, policy, actor, reason } = request;
    let known = known(connection, *directory, claims, policy).await?;
    let plan = plan(claims, &known, policy)?;

    let known_user = known
        .by_identity
        .as_ref()
        .map(|(person, _)| person)
        .or(known.by_match_key.first())
        .and_then(|person| person.user.as_ref())
        .map(|user| user.user.id);
    let mut applying =
        Applying { directory: *directory, person: plan.person, user: known_user, now };
    for change in &plan.changes {
        applying.apply(connection, change).await?;
        let author = Author { actor, reason, now };
        changes::append(connection, author, applying.person, applying.user, change).await?;
    }
    match (applying.person, applying.user) {
        (Some(person), Some(user)) => Ok(Provisioned { person, user, plan }),
        _ => {
            Err(StoreError::Unreadable { what: "a plan without a user", value: String::new() }
                .into())
        }
    }
}

/// Makes changes one after the other. Later ones are about what earlier ones made.
struct Applying {
    directory: DirectoryId,
    person: Option<PersonId>,
    user: Option<UserId>,
    now: DateTime<Utc>,
}

impl Applying {
    async fn apply(
        &mut self,
        connection: &mut Connection<'_>,
        change: &Change,
    ) -> Result<(), StoreError> {
        match change {
            Change::CreatePerson => self.create_person(connection).await,
            Change::AddIdentity { identity } => self.add_identity(connection, identity).await,
            Change::UpdateIdentity { after, .. } => update_identity(connection, after).await,
            Change::CreateUser { profile } => self.create_user(connection, profile).await,
            Change::UpdateUser { after, .. } => self.update_user(connection, after).await,
            Change::ReactivateUser { .. } => self.set_inactive(connection, None).await,
            Change::DeactivateUser { reason } => {
                self.set_inactive(connection, Some(reason.as_str())).await
            }
            Change::CreateGroup { group } => self.create_group(connection, group).await,
            Change::AddMembership { group, source } => {
                self.add_membership(connection, group, source).await
            }
            Change::RemoveMembership { group, source } => {
                self.remove_membership(connection, group, source).await
            }
        }
    }

    async fn create_person(&mut self, connection: &mut Connection<'_>) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO persons (uuid, created_at) VALUES ($1, $2) RETURNING id";
        let id: i64 = within!(connection, |connection| {
            sqlx::query_scalar(SQL)
                .bind(Uuid::now_v7())
                .bind(micros(self.now))
                .fetch_one(connection)
                .await?
        });
        self.person = Some(PersonId(id));
        Ok(())
    }

    async fn add_identity(
        &self,
        connection: &mut Connection<'_>,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO identities (person_id, issuer, subject_kind, subject, match_key, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.person.map(|person| person.0))
                .bind(&identity.issuer.0)
                .bind(identity.subject.kind.as_str())
                .bind(&identity.subject.value)
                .bind(identity.match_key.as_ref().map(|key| key.as_str().to_owned()))
                .bind(micros(self.now))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    async fn create_user(
        &mut self,
        connection: &mut Connection<'_>,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO users (uuid, directory_id, person_id, username, username_key, email,
                display_name, first_name, last_name, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
            RETURNING id";
        let id: i64 = within!(connection, |connection| {
            sqlx::query_scalar(SQL)
                .bind(Uuid::now_v7())
                .bind(self.directory.0)
                .bind(self.person.map(|person| person.0))
                .bind(&profile.username)
                .bind(NameKey::of(&profile.username).as_str().to_owned())
                .bind(&profile.email)
                .bind(&profile.display_name)
                .bind(&profile.first_name)
                .bind(&profile.last_name)
                .bind(micros(self.now))
                .fetch_one(connection)
                .await?
        });
        self.user = Some(UserId(id));
        Ok(())
    }

    async fn update_user(
        &self,
        connection: &mut Connection<'_>,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE users SET username = $2, username_key = $3, email = $4, display_name = $5,
                first_name = $6, last_name = $7, updated_at = $8
            WHERE id = $1";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(&profile.username)
                .bind(NameKey::of(&profile.username).as_str().to_owned())
                .bind(&profile.email)
                .bind(&profile.display_name)
                .bind(&profile.first_name)
                .bind(&profile.last_name)
                .bind(micros(self.now))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    async fn set_inactive(
        &self,
        connection: &mut Connection<'_>,
        reason: Option<&'static str>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE users SET inactive_reason = $2, updated_at = $3 WHERE id = $1";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(reason)
                .bind(micros(self.now))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    async fn create_group(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO groups (uuid, directory_id, name, name_key, created_at)
            VALUES ($1, $2, $3, $4, $5)";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(Uuid::now_v7())
                .bind(self.directory.0)
                .bind(group.to_owned())
                .bind(NameKey::of(group).as_str().to_owned())
                .bind(micros(self.now))
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    async fn add_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<(), StoreError> {
        const SOURCE: &str = "INSERT INTO sources (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
        const SQL: &str = "
            INSERT INTO memberships (group_id, user_id, source_id)
            SELECT g.id, $1, s.id FROM groups g, sources s
            WHERE g.directory_id = $2 AND g.name_key = $3 AND s.name = $4
            ON CONFLICT DO NOTHING";
        within!(connection, |connection| {
            sqlx::query(SOURCE)
                .bind(source.to_owned())
                .execute(&mut *connection)
                .await
                .map(drop)?;
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str().to_owned())
                .bind(source.to_owned())
                .execute(&mut *connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    async fn remove_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM memberships
            WHERE user_id = $1
              AND group_id = (SELECT id FROM groups WHERE directory_id = $2 AND name_key = $3)
              AND source_id = (SELECT id FROM sources WHERE name = $4)";
        within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str().to_owned())
                .bind(source.to_owned())
                .execute(connection)
                .await
                .map(drop)?;
        });
        Ok(())
    }
}

async fn update_identity(
    connection: &mut Connection<'_>,
    after: &Identity,
) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE identities SET match_key = $4
        WHERE issuer = $1 AND subject_kind = $2 AND subject = $3";
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(&after.issuer.0)
            .bind(after.subject.kind.as_str())
            .bind(&after.subject.value)
            .bind(after.match_key.as_ref().map(|key| key.as_str().to_owned()))
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}
