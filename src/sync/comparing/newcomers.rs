//! Who people of a roster are who have no account by their external id: by the rules of a login, many at once.

use std::collections::{HashMap, HashSet};

use super::claim::Who;
use crate::{
    config::LinkExisting,
    directory::{Issuer, MatchKey, NameKey, PersonId},
    provisioning::{Acquaintance, HeldUser},
    store::{AccountKey, KnownSubject, Store, StoreError},
    sync::{
        listed_row::ListedRow,
        roster::{RosterRequest, Why},
    },
};

/// What the directory knows of some newcomers.
pub(super) struct Newcomers<'a> {
    request: &'a RosterRequest,
    /// Whom the issuer knows by their external ids.
    subjects: HashMap<String, KnownSubject>,
    /// Whom issuers know under the same name, by the name.
    matches: HashMap<String, Vec<(PersonId, Issuer)>>,
    /// Those of them whom the roster's issuer knows by another id.
    others: HashSet<PersonId>,
    /// The accounts of all of them.
    accounts: HashMap<PersonId, HeldUser>,
    /// Accounts that nobody has claimed, by name.
    unclaimed: HashMap<String, HeldUser>,
}

impl<'a> Newcomers<'a> {
    pub(super) async fn look(
        store: &Store,
        request: &'a RosterRequest,
        rows: &[ListedRow],
    ) -> Result<Self, StoreError> {
        let ids: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
        let subjects = store.find_subjects(&request.issuer, &ids).await?;
        let strangers = || rows.iter().filter(|row| !subjects.contains_key(&row.key));
        let keys = strangers().filter_map(|row| row.match_key.as_ref());
        let keys: Vec<_> = keys.map(MatchKey::as_str).collect();
        let mut matches: HashMap<String, Vec<_>> = HashMap::new();
        if !keys.is_empty() {
            for (key, person, issuer) in store.find_matches(&keys).await? {
                matches.entry(key).or_default().push((person, issuer));
            }
        }
        let meant: Vec<_> = matches.values().flatten().map(|(person, _)| *person).collect();
        let mut others = HashSet::new();
        if !meant.is_empty() {
            others = store.find_known_to(&request.issuer, &meant).await?;
        }
        let known = subjects.values().map(|known| known.person);
        let people: Vec<_> = known.chain(meant).collect();
        let mut accounts = HashMap::new();
        if !people.is_empty() {
            let (directory, source) = (request.directory, &request.source);
            let held = store.find_held_users_of(directory, source, &people).await?;
            accounts.extend(held.into_iter().map(|held| (held.person, held)));
        }
        let mut unclaimed = HashMap::new();
        if request.policy.link_existing != LinkExisting::Never {
            unclaimed = find_unclaimed(store, request, strangers()).await?;
        }
        Ok(Self { request, subjects, matches, others, accounts, unclaimed })
    }

    /// Who somebody is. `linked` are people whom the roster has named already. Members of protected groups are nobody's
    /// to be taken for, and neither is whoever has an account for emergencies.
    pub(super) fn who(
        &self,
        row: &ListedRow,
        linked: &HashSet<PersonId>,
        protected: &HashSet<PersonId>,
    ) -> Result<Who, Why> {
        if let Some(KnownSubject { person, match_key }) = self.subjects.get(&row.key) {
            let known = Acquaintance::Known(match_key.clone());
            return self.account(*person, known, linked);
        }
        let people = self.matching(row);
        match people.as_slice() {
            [] => Ok(self.by_name(row, linked, protected).unwrap_or(Who::Nobody)),
            // To the issuer they are somebody else.
            people if people.iter().all(|person| self.others.contains(person)) => Ok(Who::Nobody),
            [person] if protected.contains(person) || self.is_break_glass(*person) => {
                Err(Why::ProtectedPerson)
            }
            [person] => self.account(*person, Acquaintance::Unknown, linked),
            _ => Err(Why::Ambiguous),
        }
    }

    /// Everybody who could be meant, by the word of issuers that are bound to the domain; the roster's has to be one.
    fn matching(&self, row: &ListedRow) -> Vec<PersonId> {
        let Some(key) = &row.match_key else {
            return Vec::new();
        };
        let bound = self.request.policy.issuers_of(key.as_str());
        if !bound.contains(&&self.request.issuer) {
            return Vec::new();
        }
        let known = self.matches.get(key.as_str()).into_iter().flatten();
        let known = known.filter(|(_, issuer)| bound.contains(&issuer));
        let mut people: Vec<_> = known.map(|(person, _)| *person).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    fn is_break_glass(&self, person: PersonId) -> bool {
        self.accounts.get(&person).is_some_and(|held| held.break_glass)
    }

    fn account(
        &self,
        person: PersonId,
        known: Acquaintance,
        linked: &HashSet<PersonId>,
    ) -> Result<Who, Why> {
        if linked.contains(&person) {
            return Err(Why::SamePerson);
        }
        let Some(held) = self.accounts.get(&person).cloned() else {
            return Ok(Who::Somebody { person, known });
        };
        let (subjects, match_key) = match known {
            Acquaintance::Unknown => (0, None),
            Acquaintance::Known(match_key) => (1, match_key),
        };
        Ok(Who::Account(Box::new(HeldUser { subjects, match_key, ..held })))
    }

    /// Whoever has the name and was never claimed.
    fn by_name(
        &self,
        row: &ListedRow,
        linked: &HashSet<PersonId>,
        protected: &HashSet<PersonId>,
    ) -> Option<Who> {
        let held = self.unclaimed.get(NameKey::of(&row.username).as_str())?;
        let RosterRequest { policy, issuer, .. } = self.request;
        let email = held.state.profile.email.as_deref();
        let may = policy.may_link_unclaimed(issuer, email, row.match_key.as_ref());
        let is_free = !linked.contains(&held.person) && !protected.contains(&held.person);
        (may && is_free).then(|| Who::Account(Box::new(held.clone())))
    }
}

/// Accounts that have the names of some newcomers, and for which nobody has ever vouched.
async fn find_unclaimed<'r>(
    store: &Store,
    request: &RosterRequest,
    rows: impl Iterator<Item = &'r ListedRow>,
) -> Result<HashMap<String, HeldUser>, StoreError> {
    let names: Vec<_> = rows.map(|row| NameKey::of(&row.username)).collect();
    let names: Vec<_> = names.iter().map(NameKey::as_str).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let (directory, source) = (request.directory, &request.source);
    let held = store.find_held_users(directory, source, &AccountKey::Name, &names).await?;
    if held.is_empty() {
        return Ok(HashMap::new());
    }
    let people: Vec<_> = held.iter().map(|(_, held)| held.person).collect();
    let claimed = store.find_claimed(&people).await?;
    Ok(held.into_iter().filter(|(_, held)| !claimed.contains(&held.person)).collect())
}
