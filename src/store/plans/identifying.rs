//! How issuers know the people of a plan's accounts.

use std::collections::{BTreeMap, HashSet};

use super::Applier;
use crate::{
    directory::{Identity, IdentityStep, MatchKey, StepKind, UserId, UserStep},
    store::{
        Connection, StoreError, passwords,
        rows::{Cell, Kind, Table, insert_rows},
        time::micros,
        with_list::{statement, with_list},
        within,
    },
};

const IDENTITIES: Table = Table {
    name: "identities",
    columns: &[
        ("person_id", Kind::Number),
        ("issuer", Kind::Text),
        ("subject_kind", Kind::Text),
        ("subject", Kind::Text),
        ("match_key", Kind::Text),
        ("created_at", Kind::Number),
    ],
};

/// An identity that a step makes.
fn made(step: &UserStep) -> Option<&Identity> {
    match &step.identity {
        Some(IdentityStep { before: None, after }) => after.as_ref(),
        _ => None,
    }
}

impl Applier {
    /// Finds those among steps whom somebody was quicker with: the issuer knows the subject already, or the person
    /// has an account. Logins into whichever directory do that.
    pub(super) async fn find_overtaken(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
        stale: &mut HashSet<UserId>,
    ) -> Result<(), StoreError> {
        const SUBJECTS: [&str; 2] = with_list!(
            "SELECT subject FROM identities WHERE issuer = $1 AND subject_kind = $2 AND subject",
            "$3",
            "TEXT"
        );
        let mut by_issuer: BTreeMap<_, Vec<(&str, UserId)>> = BTreeMap::new();
        for (step, identity) in steps.iter().filter_map(|step| Some((step, made(step)?))) {
            let issuer = (&identity.issuer.0, identity.subject.kind.as_str());
            by_issuer.entry(issuer).or_default().push((&identity.subject.value, step.user));
        }
        for ((issuer, kind), subjects) in by_issuer {
            let list: Vec<_> = subjects.iter().map(|(subject, _)| subject).collect();
            let list = serde_json::json!(list).to_string();
            let sql = statement(connection, SUBJECTS);
            let known: Vec<String> = within!(connection, |connection| {
                let known = sqlx::query_scalar(sql).bind(issuer).bind(kind).bind(list);
                known.fetch_all(connection).await?
            });
            let known: HashSet<_> = known.iter().map(String::as_str).collect();
            let overtaken = subjects.iter().filter(|(subject, _)| known.contains(subject));
            stale.extend(overtaken.map(|(_, user)| user));
        }
        self.find_accounts_of_known(connection, steps, stale).await
    }

    /// A person has one account in a directory.
    async fn find_accounts_of_known(
        &self,
        connection: &mut Connection<'_>,
        steps: &[UserStep],
        stale: &mut HashSet<UserId>,
    ) -> Result<(), StoreError> {
        const ACCOUNTS: [&str; 2] = with_list!(
            "SELECT person_id FROM users WHERE directory_id = $1 AND person_id",
            "$2",
            "BIGINT"
        );
        let is_undoing = self.plan.plan.undoes.is_some();
        let of_known: Vec<_> = steps
            .iter()
            .filter(|step| step.kind() == StepKind::Create)
            .filter(|step| step.of_known_person || is_undoing)
            .collect();
        if of_known.is_empty() {
            return Ok(());
        }
        let list: Vec<_> = of_known.iter().map(|step| step.person).collect();
        let list = serde_json::json!(list).to_string();
        let sql = statement(connection, ACCOUNTS);
        let people: Vec<i64> = within!(connection, |connection| {
            let accounts = sqlx::query_scalar(sql).bind(self.plan.plan.directory.0).bind(list);
            accounts.fetch_all(connection).await?
        });
        let people: HashSet<_> = people.into_iter().collect();
        let overtaken = of_known.iter().filter(|step| people.contains(&step.person.0));
        stale.extend(overtaken.map(|step| step.user));
        Ok(())
    }

    /// Makes, changes and forgets identities. Their people are there.
    pub(super) async fn identify(
        &self,
        connection: &mut Connection<'_>,
        steps: &[&UserStep],
    ) -> Result<(), StoreError> {
        let mut cells = Vec::new();
        for (step, identity) in steps.iter().filter_map(|step| Some((step, made(step)?))) {
            cells.extend([
                Cell::Number(step.person.0),
                Cell::Text(&identity.issuer.0),
                Cell::Text(identity.subject.kind.as_str()),
                Cell::Text(&identity.subject.value),
                Cell::optional(identity.match_key.as_ref().map(MatchKey::as_str)),
                Cell::Number(micros(self.now)),
            ]);
        }
        insert_rows(connection, &IDENTITIES, &cells).await?;
        for step in steps {
            self.change_identity(connection, step).await?;
            if made(step).is_some() && step.kind() != StepKind::Create {
                self.take_password(connection, step).await?;
            }
        }
        Ok(())
    }

    /// Takes the password of an account that has just become somebody's for whom nobody had vouched: whoever has set
    /// it would have a second way in.
    async fn take_password(
        &self,
        connection: &mut Connection<'_>,
        step: &UserStep,
    ) -> Result<(), StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM identities WHERE person_id = $1";
        let count: i64 = within!(connection, |connection| {
            sqlx::query_scalar(SQL).bind(step.person.0).fetch_one(connection).await?
        });
        if count == 1 {
            passwords::delete_all_of(connection, step.person, self.now).await?;
        }
        Ok(())
    }

    /// Changes or forgets an identity, if a step does that.
    pub(super) async fn change_identity(
        &self,
        connection: &mut Connection<'_>,
        step: &UserStep,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "
            UPDATE identities SET match_key = $5
            WHERE person_id = $1 AND issuer = $2 AND subject_kind = $3 AND subject = $4";
        const DELETE: &str = "
            DELETE FROM identities
            WHERE person_id = $1 AND issuer = $2 AND subject_kind = $3 AND subject = $4";
        let Some(IdentityStep { before: Some(before), after }) = &step.identity else {
            return Ok(());
        };
        let Identity { issuer, subject, .. } = before;
        within!(connection, |connection| {
            let query = sqlx::query(if after.is_some() { UPDATE } else { DELETE })
                .bind(step.person.0)
                .bind(&issuer.0)
                .bind(subject.kind.as_str())
                .bind(&subject.value);
            let query = match after {
                Some(after) => query.bind(after.match_key.as_ref().map(MatchKey::as_str)),
                None => query,
            };
            query.execute(connection).await.map(drop)?;
        });
        Ok(())
    }
}
