//! Filters on an organisation as it is now.

use super::{Named, Scope, UserFilter};
use crate::{
    cloud::{APP_ROLES, GroupKind},
    sync::connector::{
        known::KnownUser,
        organisation::{Members, Organisation},
    },
};

/// What filters say of an organisation as it is now.
#[derive(Debug)]
pub(in crate::sync::connector) struct Applied {
    scope: Scope,
    filters: Vec<UserFilter>,
    assigned: Members,
    members_of: Members,
    not_members_of: Members,
    /// Who has which role of the application.
    roles: Vec<(String, Members)>,
}

impl Scope {
    /// What filters say of an organisation as it is now.
    pub(in crate::sync::connector) fn apply(&self, organisation: &Organisation) -> Applied {
        let members = |named: &Named| organisation.members(named.places(organisation));
        let is = |kind: GroupKind| organisation.places_of(kind);
        Applied {
            filters: self.user_filters(),
            assigned: organisation.members(is(GroupKind::Application)),
            members_of: members(&self.members_of),
            not_members_of: members(&self.not_members_of),
            roles: is(GroupKind::AppRole)
                .filter_map(|place| {
                    let role = organisation.groups[place].known.as_ref()?.name.clone()?;
                    Some((role, organisation.members([place])))
                })
                .collect(),
            scope: self.clone(),
        }
    }
}

impl Applied {
    /// Whether nobody can come, whoever they are: nobody is in the groups one of which somebody has to be in, or nobody is
    /// assigned.
    pub(in crate::sync::connector) fn is_closed(&self) -> bool {
        let is_nobody = |members: &Members| !members.everybody && members.users.is_empty();
        (self.filters.contains(&UserFilter::Application) && is_nobody(&self.assigned))
            || (self.filters.contains(&UserFilter::MembersOf) && is_nobody(&self.members_of))
    }

    /// The filters that say something.
    pub(in crate::sync::connector) fn filters(&self) -> &[UserFilter] {
        &self.filters
    }

    /// Whether a user comes.
    pub(in crate::sync::connector) fn covers(
        &self,
        number: u32,
        id: &str,
        known: &KnownUser,
    ) -> bool {
        self.filters.iter().all(|filter| self.keeps(*filter, number, id, known))
    }

    /// Whether one of the filters lets a user come.
    pub(in crate::sync::connector) fn keeps(
        &self,
        filter: UserFilter,
        number: u32,
        id: &str,
        known: &KnownUser,
    ) -> bool {
        match filter {
            UserFilter::Application => self.assigned.contains(number),
            UserFilter::MembersOf => self.members_of.contains(number),
            UserFilter::NotMembersOf => !self.not_members_of.contains(number),
            other => self.scope.lets_by(other, id, known),
        }
    }

    /// What is known of a user, with the roles that they have in the application.
    pub(in crate::sync::connector) fn with_roles(
        &self,
        number: u32,
        mut known: KnownUser,
    ) -> KnownUser {
        let own = self.roles.iter().filter(|(_, members)| members.contains(number));
        known.set_roles(own.map(|(role, _)| role.clone()).collect());
        known
    }
}

impl KnownUser {
    /// The roles in the application, as if the cloud had said them of the user.
    pub(in crate::sync::connector) fn set_roles(&mut self, roles: Vec<String>) {
        if !roles.is_empty() {
            self.attributes.insert(APP_ROLES.to_owned(), roles);
        }
    }
}
