//! Who comes, and which groups are shown: what `[connector.users]` and `[connector.groups]` say.

use super::{
    known::{KnownGroup, KnownUser},
    organisation::{Members, MirroredGroup, Organisation},
};
use crate::{
    cloud::GroupKind,
    config::{
        AttributeCondition, ConnectorGroupsConfig, ConnectorUsersConfig, ShownGroups, UserKind,
    },
    directory::NameKey,
};

/// What filters say.
#[derive(Clone, Debug)]
pub struct Scope {
    users: ConnectorUsersConfig,
    groups: ConnectorGroupsConfig,
    members_of: Named,
    not_members_of: Named,
    names: Named,
    hide: Named,
}

/// Groups as a filter names them.
#[derive(Clone, Debug, Default)]
struct Named {
    ids: Vec<String>,
    names: Vec<NameKey>,
    beginnings: Vec<String>,
}

/// What filters say of an organisation as it is now.
#[derive(Debug)]
pub(super) struct Applied {
    scope: Scope,
    members_of: Option<Members>,
    not_members_of: Members,
}

impl Named {
    fn new(names: &[String]) -> Self {
        let mut all = Self::default();
        for name in names {
            if let Some(id) = name.strip_prefix("id:") {
                all.ids.push(id.to_owned());
            } else if let Some(beginning) = name.strip_suffix('*') {
                all.beginnings.push(NameKey::of(beginning).as_str().to_owned());
            } else {
                all.names.push(NameKey::of(name));
            }
        }
        all
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.names.is_empty() && self.beginnings.is_empty()
    }

    fn contains(&self, id: &str, known: &KnownGroup) -> bool {
        if self.ids.iter().any(|named| named == id) {
            return true;
        }
        let Some(name) = &known.name else {
            return false;
        };
        let key = NameKey::of(name);
        let begins = |beginning: &String| key.as_str().starts_with(beginning.as_str());
        self.names.contains(&key) || self.beginnings.iter().any(begins)
    }

    fn places(&self, organisation: &Organisation) -> Vec<usize> {
        let is_named = |group: &MirroredGroup| {
            group.known.as_ref().is_some_and(|known| self.contains(&group.external_id, known))
        };
        let all = organisation.groups.iter().enumerate();
        all.filter(|(_, group)| is_named(group)).map(|(place, _)| place).collect()
    }
}

impl Scope {
    /// What the configuration says.
    #[must_use]
    pub fn new(users: &ConnectorUsersConfig, groups: &ConnectorGroupsConfig) -> Self {
        Self {
            members_of: Named::new(&users.members_of),
            not_members_of: Named::new(&users.not_members_of),
            names: Named::new(&groups.names),
            hide: Named::new(&groups.hide),
            users: users.clone(),
            groups: groups.clone(),
        }
    }

    /// Whether who is in a group of a group is in both.
    pub(super) fn is_nested(&self) -> bool {
        self.users.nested
    }

    /// What becomes of groups that have one name.
    pub(super) fn same_name(&self) -> crate::config::SameName {
        self.groups.same_name
    }

    /// What filters say of an organisation as it is now.
    pub(super) fn apply(&self, organisation: &Organisation) -> Applied {
        let members = |named: &Named| organisation.members(named.places(organisation));
        Applied {
            scope: self.clone(),
            members_of: (!self.members_of.is_empty()).then(|| members(&self.members_of)),
            not_members_of: members(&self.not_members_of),
        }
    }

    /// Whether a user comes by their groups, which somebody else has found out.
    pub(super) fn covers_groups(&self, groups: &[(&str, &KnownGroup)]) -> bool {
        let is_in = |named: &Named| groups.iter().any(|(id, known)| named.contains(id, known));
        (self.members_of.is_empty() || is_in(&self.members_of)) && !is_in(&self.not_members_of)
    }

    /// Whether a user comes by what is said of them, but for their groups.
    pub(super) fn covers_user(&self, id: &str, known: &KnownUser) -> bool {
        let is_guest = known.guest == Some(true);
        let by_kind = match self.users.kind {
            UserKind::All => true,
            UserKind::Members => !is_guest,
            UserKind::Guests => is_guest,
        };
        by_kind
            && !self.users.exclude.iter().any(|excluded| excluded == id)
            && self.users.conditions.iter().all(|condition| fulfils(known, condition))
    }

    /// Whether the directory shows a group.
    pub(super) fn shows(&self, id: &str, known: &KnownGroup) -> bool {
        let by_name = match self.groups.shown() {
            ShownGroups::All => true,
            ShownGroups::Named => self.names.contains(id, known),
            ShownGroups::None => false,
        };
        let has_kind =
            |kind: GroupKind| self.groups.kinds.iter().any(|wanted| wanted == word(kind));
        let by_kind = self.groups.kinds.is_empty() || known.kind.is_some_and(has_kind);
        by_name && by_kind && known.name.is_some() && !self.hide.contains(id, known)
    }

    /// Whether it is shown although nobody who comes is in it.
    pub(super) fn shows_empty(&self, id: &str, known: &KnownGroup) -> bool {
        self.names.contains(id, known)
    }
}

impl Applied {
    /// Whether nobody can come, whoever they are: nobody is in the groups one of which somebody has to be in.
    pub(super) fn is_closed(&self) -> bool {
        let is_nobody = |members: &Members| !members.everybody && members.users.is_empty();
        self.members_of.as_ref().is_some_and(is_nobody)
    }

    /// Whether a user comes.
    pub(super) fn covers(&self, number: u32, id: &str, known: &KnownUser) -> bool {
        let by_groups = self.members_of.as_ref().is_none_or(|members| members.contains(number));
        by_groups && !self.not_members_of.contains(number) && self.scope.covers_user(id, known)
    }
}

fn fulfils(known: &KnownUser, condition: &AttributeCondition) -> bool {
    let values = known.attributes.get(&condition.attribute).map_or(&[][..], Vec::as_slice);
    let has = |wanted: &String| {
        values.iter().any(|value| value.trim().to_lowercase() == wanted.trim().to_lowercase())
    };
    (condition.is.is_empty() || condition.is.iter().any(has)) && !condition.is_not.iter().any(has)
}

/// What the configuration calls a sort of groups.
fn word(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Security => "security",
        GroupKind::Microsoft365 => "microsoft365",
        GroupKind::Distribution => "distribution",
        GroupKind::Okta => "okta",
        GroupKind::App => "app",
        GroupKind::BuiltIn => "built_in",
        GroupKind::Google => "google",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn group(name: &str) -> KnownGroup {
        let kind = Some(GroupKind::Security);
        KnownGroup { name: Some(name.to_owned()), kind, attributes: BTreeMap::new() }
    }

    fn user(guest: Option<bool>, department: &str) -> KnownUser {
        let attributes = [("department".to_owned(), vec![department.to_owned()])].into();
        KnownUser { guest, attributes, ..KnownUser::default() }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn groups_are_named_by_name_beginning_or_id() {
        let named = Named::new(&texts(&["Jira-Users", "wiki-*", "id:7"]));
        for (id, name, is_named) in [
            ("1", "jira-users", true),
            ("1", "WIKI-admins", true),
            ("1", "wiki", false),
            ("7", "anything", true),
            ("1", "id:7", false),
        ] {
            assert_eq!(named.contains(id, &group(name)), is_named, "{id} {name}");
        }
    }

    #[test]
    fn users_come_by_kind_attributes_and_not_if_they_are_excluded() {
        let covers = |change: &dyn Fn(&mut ConnectorUsersConfig), known: &KnownUser| {
            let mut users = ConnectorUsersConfig::default();
            change(&mut users);
            Scope::new(&users, &ConnectorGroupsConfig::default()).covers_user("7", known)
        };
        let (member, guest) = (user(None, " IT "), user(Some(true), "Sales"));
        assert!(covers(&|_| {}, &member) && covers(&|_| {}, &guest));
        let members = |users: &mut ConnectorUsersConfig| users.kind = UserKind::Members;
        assert!(covers(&members, &member) && !covers(&members, &guest));
        let guests = |users: &mut ConnectorUsersConfig| users.kind = UserKind::Guests;
        assert!(!covers(&guests, &member) && covers(&guests, &guest));
        let excluded = |users: &mut ConnectorUsersConfig| users.exclude = texts(&["7"]);
        assert!(!covers(&excluded, &member));
        let condition = |is: &[&str], is_not: &[&str]| AttributeCondition {
            attribute: "department".to_owned(),
            is: texts(is),
            is_not: texts(is_not),
        };
        let it = |users: &mut ConnectorUsersConfig| {
            users.conditions = vec![condition(&["it", "hr"], &[])];
        };
        assert!(covers(&it, &member) && !covers(&it, &guest));
        let not_sales = |users: &mut ConnectorUsersConfig| {
            users.conditions = vec![condition(&[], &["sales"])];
        };
        assert!(covers(&not_sales, &member) && !covers(&not_sales, &guest));
    }

    #[test]
    fn groups_are_shown_by_name_and_kind_and_not_if_they_are_hidden() {
        let shows = |config: ConnectorGroupsConfig, name: &str| {
            Scope::new(&ConnectorUsersConfig::default(), &config).shows("7", &group(name))
        };
        let all = ConnectorGroupsConfig::default;
        assert!(shows(all(), "any"));
        assert!(!shows(ConnectorGroupsConfig { hide: texts(&["an*"]), ..all() }, "any"));
        let named = ConnectorGroupsConfig { names: texts(&["jira-*"]), ..all() };
        assert!(shows(named.clone(), "jira-x") && !shows(named, "any"));
        let none = ConnectorGroupsConfig { show: Some(ShownGroups::None), ..all() };
        assert!(!shows(none, "any"));
        let kinds = ConnectorGroupsConfig { kinds: texts(&["microsoft365"]), ..all() };
        assert!(!shows(kinds, "any"));
    }
}
