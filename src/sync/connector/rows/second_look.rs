//! Writes rows of those for whom nothing has to be looked up.

use std::{collections::HashSet, sync::Arc};

use super::{Nameless, RowsError, group_names::ShownGroups};
use crate::{
    directory::{InactiveReason, Profile},
    store::MirrorUser,
    sync::{
        connector::{
            judge::{Judge, Verdict, digest, statement},
            known::KnownUser,
            naming::Contender,
            organisation::GroupsOfUsers,
        },
        roster::{Roster, RosterUser, RosterWriter},
    },
};

/// Takes users, and writes rows.
#[derive(Default)]
pub(super) struct SecondLook {
    writer: RosterWriter,
    judge: Option<Arc<Judge>>,
    /// The digests of names that several want; without, any may be.
    contested: Option<HashSet<u64>>,
    shown: ShownGroups,
    of_users: GroupsOfUsers,
}

/// What is left of a page.
#[derive(Default)]
pub(super) struct Left {
    /// Who wants a name that others may want too.
    pub(super) contenders: Vec<Contender>,
    /// Of whom only counts whether they have an account.
    pub(super) unfinished: Vec<Unfinished>,
}

/// Somebody who gets no account, and keeps one that they have.
#[derive(Clone)]
pub(super) struct Unfinished {
    pub(super) user: RosterUser,
    /// Why there is no name for them, if that is what is wrong.
    pub(super) nameless: Option<Nameless>,
    /// Whether nothing is said of whether they may work: then that stays as it is.
    pub(super) is_unsaid: bool,
}

impl Unfinished {
    /// Somebody who is not there any more, with whom nothing else can be done.
    pub(super) fn missing(external_id: String) -> Self {
        let absence = Some(InactiveReason::MissingAtSource);
        let user = RosterUser { external_id, absence, ..RosterUser::default() };
        Self { user, nameless: None, is_unsaid: false }
    }

    /// Somebody whose name others have or want.
    pub(super) fn contested(mut user: RosterUser, name: String) -> Self {
        user.profile.username.clear();
        let why =
            "somebody else has or wants the name: give claims.username a second source".to_owned();
        let nameless = Nameless { external_id: user.external_id.clone(), name, why };
        Self { user, nameless: Some(nameless), is_unsaid: false }
    }
}

impl SecondLook {
    pub(super) fn new(
        judge: Arc<Judge>,
        contested: Option<HashSet<u64>>,
        shown: ShownGroups,
        of_users: GroupsOfUsers,
    ) -> Self {
        Self { writer: RosterWriter::default(), judge: Some(judge), contested, shown, of_users }
    }

    pub(super) fn push(&mut self, user: RosterUser) -> Result<(), RowsError> {
        Ok(self.writer.push(user)?)
    }

    /// All rows, and groups that have no name.
    pub(super) fn finish(mut self) -> (Roster, Vec<Nameless>) {
        let nameless = std::mem::take(&mut self.shown.nameless);
        (self.writer.finish(self.shown.into_table()), nameless)
    }

    /// Looks at a page, and says what is left of it. Blocks.
    pub(super) fn look(&mut self, page: Vec<MirrorUser>) -> Result<Left, RowsError> {
        let mut left = Left::default();
        let Some(judge) = self.judge.clone() else {
            return Ok(left);
        };
        for MirrorUser { number, external_id, known } in page {
            let Some(known) = known else {
                left.unfinished.push(Unfinished::missing(external_id));
                continue;
            };
            let known = judge.known(number, &known)?;
            match judge.verdict(number, &external_id, &known) {
                Verdict::Comes => self.come(&judge, number, external_id, known, &mut left)?,
                Verdict::Absent(reason) => {
                    let user = self.absent(&judge, number, external_id, known, Some(reason));
                    left.unfinished.push(Unfinished { user, nameless: None, is_unsaid: false });
                }
                Verdict::Unsaid => {
                    let user = self.absent(&judge, number, external_id, known, None);
                    left.unfinished.push(Unfinished { user, nameless: None, is_unsaid: true });
                }
            }
        }
        Ok(left)
    }

    fn come(
        &mut self,
        judge: &Judge,
        number: u32,
        external_id: String,
        known: KnownUser,
        left: &mut Left,
    ) -> Result<(), RowsError> {
        let said = statement(&external_id, known);
        let groups = self.shown.in_table(self.of_users.of(number));
        let user = RosterUser { external_id, groups, ..RosterUser::default() };
        match judge.claims(&said) {
            Ok(claims) => {
                let match_key = claims.identity.match_key;
                let user = RosterUser { profile: claims.profile, match_key, ..user };
                let name = digest(&user.profile.username);
                if self.contested.as_ref().is_none_or(|contested| contested.contains(&name)) {
                    let names = judge.usernames(&said).unwrap_or_default();
                    let keeps = judge.aliases.contains_key(&user.external_id);
                    left.contenders.push(Contender { user, names, keeps });
                    return Ok(());
                }
                self.push(user)
            }
            Err(why) => {
                let external_id = user.external_id.clone();
                let nameless = Some(Nameless { external_id, name: String::new(), why });
                left.unfinished.push(Unfinished { user, nameless, is_unsaid: false });
                Ok(())
            }
        }
    }

    /// Who may not use their account still shows what is said of them. Who is disabled keeps their groups, and so does of
    /// whom it is not said why.
    fn absent(
        &self,
        judge: &Judge,
        number: u32,
        external_id: String,
        known: KnownUser,
        absence: Option<InactiveReason>,
    ) -> RosterUser {
        let keeps_groups = judge.shows_groups(number, &external_id, &known);
        let claims = judge.claims(&statement(&external_id, known)).ok();
        let match_key = claims.as_ref().and_then(|claims| claims.identity.match_key.clone());
        // They keep the name that they have: nobody needs to be told apart from them.
        let profile = claims.map_or_else(Profile::default, |claims| claims.profile);
        let profile = Profile { username: String::new(), ..profile };
        let groups = if keeps_groups { self.of_users.of(number) } else { Vec::new() };
        let groups = self.shown.in_table(groups);
        let stays = false;
        RosterUser { external_id, profile, absence, match_key, groups, stays }
    }
}
