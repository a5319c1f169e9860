//! What becomes of people who are known by external ids. Who wants another name waits until it is known who gives up
//! which.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    batches,
    claim::{Claim, Who},
    deciding::Deciding,
    naming::{Fate, LONGEST_RING, Naming},
    newcomers::Newcomers,
};
use crate::{
    directory::{Issuer, NameKey, PersonId, UserId, UserStep},
    provisioning::{HeldUser, is_plain, plan_listed, plan_new, plan_new_of_known, plan_unlisted},
    store::{Store, StoreError},
    sync::{
        import::ImportError,
        last_list::write_entry,
        listed_row::{Digest, ListedRow},
        roster::{RosterRequest, Why},
        sorter::Sorter,
    },
};

/// Newcomers that are looked up at once.
const AT_ONCE: usize = 500;

/// What sorting claims keeps in memory; the rest waits in temporary files.
const MEMORY: usize = 64 << 20;

/// No row says it: whoever it is kept of is read the next time.
const UNSETTLED: Digest = [0; 16];

/// What is known of a roster while it is compared.
pub(super) struct Rostering<'a> {
    pub(super) request: &'a RosterRequest,
    /// Rows of people who have no account by their external ids.
    newcomers: Vec<ListedRow>,
    claims: Sorter<Claim>,
    /// Accounts that want another name.
    leaving: HashSet<UserId>,
    /// People who have been found otherwise than by an account: each counts once.
    linked: HashSet<PersonId>,
    /// Accounts of people whom the issuer knows by several ids, and the row of the first.
    doubles: BTreeMap<UserId, (HeldUser, Option<ListedRow>)>,
    /// Members of protected groups.
    protected: HashSet<PersonId>,
}

impl<'a> Rostering<'a> {
    pub(super) async fn begin(
        store: &Store,
        request: &'a RosterRequest,
    ) -> Result<Self, StoreError> {
        let protected = store.list_people_in(request.policy.managed_groups.protected()).await?;
        Ok(Self {
            request,
            newcomers: Vec::new(),
            claims: Sorter::new(MEMORY),
            leaving: HashSet::new(),
            linked: HashSet::new(),
            doubles: BTreeMap::new(),
            protected,
        })
    }
}

/// Whose names are: of accounts here and elsewhere, of accounts that were removed, and of whom they are kept for.
struct Holders<'a> {
    request: &'a RosterRequest,
    here: HashMap<String, UserId>,
    elsewhere: HashMap<String, Vec<PersonId>>,
    retired: HashMap<String, Option<PersonId>>,
    kept: HashMap<String, Vec<(Issuer, String)>>,
}

impl<'a> Holders<'a> {
    async fn of(
        store: &Store,
        request: &'a RosterRequest,
        claims: &[Claim],
    ) -> Result<Self, StoreError> {
        let names: Vec<_> = claims.iter().map(|claim| claim.name.as_str()).collect();
        let here = store.find_holders(request.directory, &names).await?;
        let mut elsewhere: HashMap<String, Vec<_>> = HashMap::new();
        for (name, person) in store.find_namesakes(request.directory, &names).await? {
            elsewhere.entry(name).or_default().push(person);
        }
        let retired = store.find_retired(request.directory, &names).await?;
        let mut kept: HashMap<String, Vec<_>> = HashMap::new();
        for (name, issuer, subject) in store.find_kept_names(&names).await? {
            kept.entry(name).or_default().push((issuer, subject));
        }
        Ok(Self { request, here, elsewhere, retired, kept })
    }

    fn is_elsewhere(&self, claim: &Claim) -> bool {
        let people = self.elsewhere.get(&claim.name);
        people.is_some_and(|people| people.iter().any(|other| Some(*other) != claim.who.person()))
    }

    /// Whether the name was somebody's else who was removed.
    fn is_retired(&self, claim: &Claim) -> bool {
        let owner = self.retired.get(&claim.name);
        owner.is_some_and(|owner| owner.is_none() || *owner != claim.who.person())
    }

    /// Whether the name is an alias of somebody else. Another issuer of the same domain speaks for the same people.
    fn is_kept(&self, claim: &Claim) -> bool {
        let RosterRequest { issuer, policy, .. } = self.request;
        let kept = self.kept.get(&claim.name).map_or(&[][..], Vec::as_slice);
        let is_own = |(by, whose): &(Issuer, String)| by == issuer && *whose == claim.row.key;
        let is_others =
            |(by, _): &(Issuer, String)| by == issuer || !policy.share_a_domain(issuer, by);
        !kept.iter().any(is_own) && kept.iter().any(is_others)
    }

    /// What speaks against a claim, whoever has the name here.
    fn objection(&self, claim: &Claim) -> Option<Why> {
        // Whoever has an account has a name; newcomers have no other one.
        let renames = claim.who.mover().is_some();
        [
            (self.is_retired(claim), Why::NameRetired),
            (self.is_kept(claim), Why::NameKept),
            (renames && self.is_elsewhere(claim), Why::NameElsewhere),
        ]
        .into_iter()
        .find_map(|(is_so, why)| is_so.then_some(why))
    }
}

fn keeps_name(row: &ListedRow, held: &HeldUser) -> bool {
    NameKey::of(&row.username) == NameKey::of(&held.state.profile.username)
}

/// Whether an account is only to be compared with its row.
pub(super) fn is_plain_case(row: &ListedRow, held: Option<&HeldUser>) -> bool {
    held.is_some_and(|held| held.subjects == 1 && keeps_name(row, held))
}

impl Deciding<'_> {
    /// Somebody of a roster who is no plain case. What is kept of them is that they are read again the next time.
    pub(super) async fn defer(
        &mut self,
        row: ListedRow,
        held: Option<HeldUser>,
    ) -> Result<(), ImportError> {
        write_entry(&mut self.entry, &row.key, Some(UNSETTLED), false, &[]);
        match (held, self.roster.as_mut()) {
            (None, Some(roster)) => {
                roster.newcomers.push(row);
                if roster.newcomers.len() < AT_ONCE { Ok(()) } else { self.meet().await }
            }
            (Some(held), _) if held.subjects > 1 => {
                self.note_double(held, Some(row));
                Ok(())
            }
            (Some(held), _) => {
                self.compared.held.count(&held);
                self.settle_account(row, held).await
            }
            (None, None) => Ok(()),
        }
    }

    /// An account of somebody whom the issuer knows by several ids, if it is one: whether any of them is in the roster
    /// shows in the end.
    pub(super) fn defer_double(&mut self, key: &str, held: &HeldUser) -> bool {
        let is_double = self.roster.is_some() && held.subjects > 1;
        if is_double {
            write_entry(&mut self.entry, key, Some(UNSETTLED), false, &[]);
            self.note_double(held.clone(), None);
        }
        is_double
    }

    fn note_double(&mut self, held: HeldUser, row: Option<ListedRow>) {
        let Some(roster) = self.roster.as_mut() else {
            return;
        };
        let (_, first) = roster.doubles.entry(held.user).or_insert_with(|| {
            self.compared.held.count(&held);
            (held, None)
        });
        match row {
            Some(row) if first.is_some() => self.compared.conflicts.of(&row, Why::SamePerson),
            Some(row) => *first = Some(row),
            None => {}
        }
    }

    /// What becomes of an account: at once, if it keeps its name.
    async fn settle_account(
        &mut self,
        mut row: ListedRow,
        held: HeldUser,
    ) -> Result<(), ImportError> {
        if !is_plain(&row.username) {
            self.compared.conflicts.of(&row, Why::NoName);
            row.username.clone_from(&held.state.profile.username);
        }
        if keeps_name(&row, &held) {
            let step = plan_listed(&self.said(row), &held);
            return self.push(step).await;
        }
        self.claim(row, Who::Account(Box::new(held)))
    }

    fn claim(&mut self, row: ListedRow, who: Who) -> Result<(), ImportError> {
        let name = NameKey::of(&row.username).as_str().to_owned();
        if let Some(roster) = self.roster.as_mut() {
            roster.leaving.extend(who.mover());
            roster.claims.push(Claim { name, who, row })?;
        }
        Ok(())
    }

    /// Finds out who the newcomers are that wait.
    async fn meet(&mut self) -> Result<(), ImportError> {
        let Some(roster) = self.roster.as_mut() else {
            return Ok(());
        };
        let rows = std::mem::take(&mut roster.newcomers);
        if rows.is_empty() {
            return Ok(());
        }
        let newcomers = Newcomers::look(self.comparison.store, roster.request, &rows).await?;
        for row in rows {
            let Some(roster) = self.roster.as_mut() else {
                continue;
            };
            let who = if is_plain(&row.username) {
                newcomers.who(&row, &roster.linked, &roster.protected)
            } else {
                Err(Why::NoName)
            };
            roster.linked.extend(who.iter().filter_map(Who::person));
            match who {
                Ok(Who::Account(held)) => {
                    self.compared.held.count(&held);
                    self.settle_account(row, *held).await?;
                }
                Ok(who) => self.claim(row, who)?,
                Err(why) => self.compared.conflicts.of(&row, why),
            }
        }
        Ok(())
    }

    /// Decides about everybody who waits.
    pub(super) async fn conclude(&mut self) -> Result<(), ImportError> {
        self.meet().await?;
        let Some(roster) = self.roster.as_mut() else {
            return Ok(());
        };
        for (held, row) in std::mem::take(&mut roster.doubles).into_values() {
            match row {
                Some(row) => self.settle_account(row, held).await?,
                None => self.push(plan_unlisted(&held, self.comparison.unlisted)).await?,
            }
        }
        self.name_all().await
    }

    /// Gives names to those who claim them, as far as others do not keep them.
    async fn name_all(&mut self) -> Result<(), ImportError> {
        let Some(roster) = self.roster.as_mut() else {
            return Ok(());
        };
        let request = roster.request;
        let claims = std::mem::replace(&mut roster.claims, Sorter::new(MEMORY));
        let mut naming = Naming::new(std::mem::take(&mut roster.leaving));
        let mut claims = batches(claims.finish()?);
        let mut given = String::new();
        while let Some(claims) = claims.recv().await.transpose()? {
            let holders = Holders::of(self.comparison.store, request, &claims).await?;
            for claim in claims {
                let mover = claim.who.mover();
                if let Some(why) = holders.objection(&claim) {
                    let fates = naming.refuse(claim, mover);
                    self.fulfil(fates, why).await?;
                } else if claim.name == given {
                    let fates = naming.refuse(claim, mover);
                    self.fulfil(fates, Why::NameTaken).await?;
                } else {
                    given.clone_from(&claim.name);
                    if holders.is_elsewhere(&claim) {
                        self.compared.conflicts.of(&claim.row, Why::NameElsewhere);
                    }
                    let holder = holders.here.get(&claim.name).copied();
                    let fates = naming.ask(claim, mover, holder);
                    self.fulfil(fates, Why::NameTaken).await?;
                }
            }
        }
        for ring in naming.rings() {
            if ring.len() > LONGEST_RING {
                let fates = ring.into_iter().map(Fate::Stays).collect();
                self.fulfil(fates, Why::NameTaken).await?;
                continue;
            }
            let mut steps = Vec::with_capacity(ring.len());
            for claim in ring {
                steps.extend(self.named(claim, true).await?);
            }
            self.push_together(steps).await?;
        }
        Ok(())
    }

    /// Does what has become of claims. `why` is what the first one of them fails for, if it does; others wait for its
    /// name.
    async fn fulfil(&mut self, fates: Vec<Fate<Claim>>, why: Why) -> Result<(), ImportError> {
        let mut why = Some(why);
        for fate in fates {
            let why = why.take().unwrap_or(Why::NameTaken);
            let step = match fate {
                Fate::Gets(claim, takes_over) => self.named(claim, takes_over).await?,
                Fate::Stays(Claim { mut row, who, .. }) => {
                    self.compared.conflicts.of(&row, why);
                    let Who::Account(held) = who else {
                        continue;
                    };
                    row.username.clone_from(&held.state.profile.username);
                    plan_listed(&self.said(row), &held)
                }
            };
            self.push(step).await?;
        }
        Ok(())
    }

    /// The step to the name that somebody gets.
    async fn named(
        &mut self,
        Claim { row, who, .. }: Claim,
        takes_over: bool,
    ) -> Result<Option<UserStep>, ImportError> {
        let said = self.said(row);
        let step = match who {
            Who::Account(held) => {
                self.compared.renamed += 1;
                plan_listed(&said, &held)
            }
            Who::Somebody { person, known } => {
                Some(plan_new_of_known(&said, self.numbers.take().await?, person, &known))
            }
            Who::Nobody => Some(plan_new(&said, self.numbers.take().await?)),
        };
        Ok(step.map(|step| UserStep { takes_over, ..step }))
    }
}
