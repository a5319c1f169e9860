//! Who of those that are said is which user of the application.
//!
//! Hash maps all the way: the time grows with the number of users, also where thousands share an address
//! or a name.

use super::{
    ExistingUser, MatchClass, Proposal, SaidUser,
    index::{Index, email_key, locals, words},
};

/// How many candidates are looked at and shown; more are "and others".
const SHOWN: usize = 5;

/// Whom somebody seems to be, before anybody asks who else does.
#[derive(Debug)]
enum Claim {
    One { name: usize, strength: Strength, why: &'static str },
    Several { names: Vec<usize>, why: &'static str },
    Nobody,
}

/// What a claim rests on, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// The part before the `@`, or the name that people read: others may have the same.
    Resemblance,
    /// The address; or the username, though something else differs.
    Likely,
    /// The username, and nothing to compare besides.
    Exact,
    /// The username and the address, or the id.
    Confirmed,
}

/// Says of everybody who is said which user of the application they are. No username is proposed twice,
/// and where it is not plain which of several to take, none is.
///
/// An exact match stands though others resemble the same user: who is only called the same does not make
/// it doubtful.
#[must_use]
pub fn match_users(existing: &[ExistingUser], said: Vec<SaidUser>) -> Vec<Proposal> {
    let index = Index::new(existing);
    let claims: Vec<Claim> = said.iter().map(|user| index.claim(user)).collect();
    let mut wanted = vec![Vec::new(); index.names.len()];
    for (who, claim) in claims.iter().enumerate() {
        if let Claim::One { name, strength, .. } = claim {
            wanted[*name].push((*strength, who));
        }
    }
    for claimants in &mut wanted {
        claimants.sort_unstable_by(|one, other| other.cmp(one));
    }
    let decide = |(who, claim): (usize, &Claim)| match claim {
        Claim::Nobody => (MatchClass::None, None, "nobody is alike".to_owned()),
        Claim::Several { names, why } => {
            (MatchClass::Ambiguous, None, format!("{why}: {}", index.list(names)))
        }
        Claim::One { name, strength, why } => {
            let username = index.names[*name].username.to_owned();
            match rival(&wanted[*name], who) {
                None => {
                    let is_exact = *strength >= Strength::Exact;
                    let class = if is_exact { MatchClass::Exact } else { MatchClass::Probable };
                    (class, Some(username), (*why).to_owned())
                }
                Some(rival) => {
                    let rival = &said[rival].subject;
                    let why = format!("{why}: {username}, which {rival:?} may be too");
                    (MatchClass::Ambiguous, None, why)
                }
            }
        }
    };
    let decided: Vec<_> = claims.iter().enumerate().map(decide).collect();
    let proposals = said.into_iter().zip(decided);
    proposals
        .map(|(said, (class, username, why))| Proposal { said, class, username, why })
        .collect()
}

/// Who else wants the same so much that it is in doubt; the strongest come first.
fn rival(claimants: &[(Strength, usize)], who: usize) -> Option<usize> {
    let (first, second) = (claimants.first()?, claimants.get(1)?);
    if first.1 != who {
        return Some(first.1);
    }
    let stands = match first.0 {
        Strength::Confirmed => second.0 < Strength::Exact,
        Strength::Exact => second.0 < Strength::Likely,
        Strength::Likely | Strength::Resemblance => false,
    };
    (!stands).then_some(second.1)
}

/// Whether two values are the same; `None` if one is not there.
fn same<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<bool> {
    Some(one? == other?)
}

impl Index<'_> {
    fn claim(&self, said: &SaidUser) -> Claim {
        let by_id = self.id(&said.subject);
        let by_username = said.username.as_deref().and_then(|name| self.username(name));
        let by_email = email_key(said.email.as_ref());
        let by_email = by_email.as_deref().map_or(&[][..], |key| self.email(key));
        let mut names: Vec<usize> = by_id.iter().copied().take(SHOWN + 1).collect();
        names.extend(by_username.filter(|name| !names.contains(name)));
        match names.as_slice() {
            [] => self.resembling(said, by_email),
            [name] => self.named(*name, !by_id.is_empty(), said, by_email),
            _ => Claim::Several { names, why: "the id and the username are those of" },
        }
    }

    /// Who has the id or the username: what else is said may speak against it.
    fn named(&self, name: usize, by_id: bool, said: &SaidUser, by_email: &[usize]) -> Claim {
        let rows = &self.names[name].rows;
        let email = email_key(said.email.as_ref());
        let emails = || rows.iter().map(|row| same(email.clone(), email_key(row.email.as_ref())));
        let shown = words(said.display_name.as_deref());
        let shown_differs = rows.iter().all(|row| {
            same(shown.as_ref(), words(row.display_name.as_deref()).as_ref()) == Some(false)
        });
        let one = |strength, why| Claim::One { name, strength, why };
        if emails().any(|same| same == Some(true)) {
            let why = if by_id { "same id and email" } else { "same username and email" };
            one(Strength::Confirmed, why)
        } else if !by_email.is_empty() {
            let others = by_email.iter().copied().take(SHOWN);
            let names = std::iter::once(name).chain(others).collect();
            Claim::Several { names, why: "the username or id and the email are those of" }
        } else if emails().any(|same| same == Some(false)) {
            let why = if by_id { "same id, another email" } else { "same username, another email" };
            one(Strength::Likely, why)
        } else if by_id {
            one(Strength::Confirmed, "same id")
        } else if shown_differs {
            one(Strength::Likely, "same username, another name, no email to compare")
        } else {
            one(Strength::Exact, "same username")
        }
    }

    /// Who has the address, or else something that others may have too.
    fn resembling(&self, said: &SaidUser, by_email: &[usize]) -> Claim {
        match by_email {
            [] => {}
            [name] => {
                let (name, why) = (*name, "same email");
                return Claim::One { name, strength: Strength::Likely, why };
            }
            names => {
                let names = names.iter().copied().take(SHOWN + 1).collect();
                return Claim::Several { names, why: "same email" };
            }
        }
        let mut names: Vec<usize> = Vec::new();
        let locals = locals(said.username.as_deref(), said.email.as_deref());
        let by_local = locals.iter().flat_map(|key| self.local(key).iter().take(SHOWN + 1));
        for name in by_local {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        let same_local = !names.is_empty();
        let shown = words(said.display_name.as_deref());
        let by_shown = shown.as_deref().map_or(&[][..], |key| self.display_name(key));
        for name in by_shown.iter().take(SHOWN + 1) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        let strength = Strength::Resemblance;
        match names.as_slice() {
            [] => Claim::Nobody,
            [name] if same_local => Claim::One { name: *name, strength, why: "same before the @" },
            [name] => Claim::One { name: *name, strength, why: "same name" },
            _ => Claim::Several { names, why: "the name or what is before the @ is that of" },
        }
    }

    /// Names, for people.
    fn list(&self, names: &[usize]) -> String {
        let shown = names.iter().take(SHOWN).map(|name| self.names[*name].username);
        let shown: Vec<_> = shown.collect();
        let more = if names.len() > SHOWN { " and others" } else { "" };
        format!("{}{more}", shown.join(", "))
    }
}
