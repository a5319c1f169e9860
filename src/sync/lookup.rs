//! What a cloud says of one person just now, for logins whose assertion cannot say it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::Clock,
    cloud::{ConnectorError, Source, Standing},
    config::{LookupConfig, LookupGroups, LookupOtherwise},
    provisioning::GroupClaim,
};

/// So many people's answers are remembered at most.
const MOST_PEOPLE: usize = 20_000;

/// So many groups' names.
const MOST_NAMES: usize = 100_000;

/// Groups are seldom renamed.
const NAME_LIFE: TimeDelta = TimeDelta::minutes(60);

/// Asks a cloud of people who sign in.
#[derive(Debug)]
pub struct Lookup {
    source: Arc<dyn Source>,
    clock: Clock,
    groups: LookupGroups,
    account: bool,
    otherwise: LookupOtherwise,
    wait: Duration,
    life: TimeDelta,
    people: Remembered<Found>,
    names: Remembered<String>,
}

/// What a cloud says of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The groups: ids with names. Nothing if they were not asked for.
    pub groups: Option<BTreeMap<String, String>>,
    /// Whether the account may be used, if that was asked just now, and the cloud says so. That it may not is remembered too.
    pub enabled: Option<bool>,
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The cloud.
    #[error(transparent)]
    Cloud(#[from] ConnectorError),
    /// The cloud takes longer than people would wait.
    #[error("the cloud did not answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// Whether the account may be used is not said.
    #[error("the cloud does not say whether {0:?} may work: is claims.subject the cloud's id?")]
    NotSaid(String),
    /// There are groups, and none has a name.
    #[error("the cloud says that {0:?} is in groups, and the name of none of them")]
    Nameless(String),
}

impl Lookup {
    /// Asks a cloud as the configuration says.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, config: &LookupConfig, clock: Clock) -> Self {
        Self {
            source,
            clock,
            groups: config.groups,
            account: config.account,
            otherwise: config.otherwise,
            wait: Duration::from_secs(config.wait_seconds.into()),
            life: TimeDelta::seconds(config.remember_seconds.into()),
            people: Remembered::at_most(MOST_PEOPLE),
            names: Remembered::at_most(MOST_NAMES),
        }
    }

    /// Whether people come in although nothing is known.
    #[must_use]
    pub fn lets_in_unknown(&self) -> bool {
        self.otherwise == LookupOtherwise::Keep
    }

    /// Whether the groups are asked for of somebody of whom the assertion has said so much.
    #[must_use]
    pub fn wants_groups(&self, said: &GroupClaim) -> bool {
        match self.groups {
            LookupGroups::Always => true,
            LookupGroups::Overage => *said == GroupClaim::Overage,
            LookupGroups::Never => false,
        }
    }

    /// What the cloud says of somebody of whom the assertion has said so much; nothing if nothing more is wanted.
    pub async fn ask(&self, id: &str, said: &GroupClaim) -> Result<Option<Found>, LookupError> {
        let groups = self.wants_groups(said);
        if !groups && !self.account {
            return Ok(None);
        }
        let now = self.clock.now();
        let known = self.people.find(id, now).filter(|found| !groups || found.groups.is_some());
        if let Some(found) = known {
            // What was true minutes ago brings no account back that was disabled since.
            let enabled = found.enabled.filter(|enabled| !enabled);
            return Ok(Some(Found { enabled, ..found }));
        }
        let found = self.find(id, groups).await?;
        if self.account && found.enabled.is_none() && !self.lets_in_unknown() {
            return Err(LookupError::NotSaid(id.to_owned()));
        }
        self.people.keep(id.to_owned(), found.clone(), now + self.life, now);
        Ok(Some(found))
    }

    async fn find(&self, id: &str, groups: bool) -> Result<Found, LookupError> {
        let (enabled, groups) = tokio::join!(self.in_time(self.is_enabled(id)), async {
            if groups { self.in_time(self.list_groups(id)).await.map(Some) } else { Ok(None) }
        });
        // Who may not work does not come in, whatever becomes of the other question.
        if enabled == Ok(Some(false)) {
            return Ok(Found { enabled: Some(false), groups: groups.unwrap_or_default() });
        }
        Ok(Found { groups: groups?, enabled: enabled? })
    }

    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, LookupError>>,
    ) -> Result<T, LookupError> {
        let answer = tokio::time::timeout(self.wait, asking).await;
        answer.map_err(|_| LookupError::TooSlow(self.wait))?
    }

    async fn is_enabled(&self, id: &str) -> Result<Option<bool>, LookupError> {
        if !self.account {
            return Ok(None);
        }
        let standing = self.source.find_user(id).await?.map(|user| user.standing);
        Ok(match standing {
            Some(Standing::Enabled) => Some(true),
            Some(Standing::Disabled | Standing::NotYet) => Some(false),
            Some(Standing::Unsaid) | None => None,
        })
    }

    async fn list_groups(&self, user: &str) -> Result<BTreeMap<String, String>, LookupError> {
        let now = self.clock.now();
        let ids = self.source.user_groups(user).await?;
        let (mut named, mut unknown) = (BTreeMap::new(), Vec::new());
        for id in ids {
            match self.names.find(&id, now) {
                Some(name) => drop(named.insert(id, name)),
                None => unknown.push(id),
            }
        }
        if !unknown.is_empty() {
            let groups = self.source.find_groups(&unknown).await?;
            let mut said: HashMap<_, _> =
                groups.into_iter().map(|group| (group.id, group.name)).collect();
            for id in unknown {
                let name = said.remove(&id).flatten();
                if let Some(name) = name {
                    self.names.keep(id.clone(), name.clone(), now + NAME_LIFE, now);
                    named.insert(id, name);
                }
            }
            if named.is_empty() {
                return Err(LookupError::Nameless(user.to_owned()));
            }
        }
        Ok(named)
    }
}

/// Answers that are believed for a while, by id.
#[derive(Debug)]
struct Remembered<T> {
    most: usize,
    answers: Mutex<HashMap<String, (DateTime<Utc>, T)>>,
}

impl<T: Clone> Remembered<T> {
    fn at_most(most: usize) -> Self {
        Self { most, answers: Mutex::default() }
    }

    fn find(&self, id: &str, now: DateTime<Utc>) -> Option<T> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(id).filter(|(until, _)| now < *until).map(|(_, answer)| answer.clone())
    }

    fn keep(&self, id: String, answer: T, until: DateTime<Utc>, now: DateTime<Utc>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= self.most {
            answers.retain(|_, (until, _)| now < *until);
        }
        if answers.len() < self.most {
            answers.insert(id, (until, answer));
        }
    }
}

#[cfg(test)]
mod tests;
