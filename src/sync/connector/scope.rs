//! Who comes, and which groups are shown: what `[connector.users]` and `[connector.groups]` say.

mod applied;
mod condition;
mod named;

pub(super) use self::applied::Applied;
use self::{condition::Condition, named::Named};
use super::{
    ConnectorConfigError,
    known::{KnownGroup, KnownUser},
};
use crate::{
    cloud::GroupKind,
    config::{
        CloudConfig, ConnectorConfig, ConnectorGroupsConfig, ConnectorUsersConfig, GroupRename,
        SameName, ShownGroups, UserKind,
    },
};

/// What filters say.
#[derive(Clone, Debug)]
pub struct Scope {
    users: ConnectorUsersConfig,
    groups: ConnectorGroupsConfig,
    /// Whether only those come who are assigned to an application; what stands for it is the only one in the mirror.
    application: bool,
    members_of: Named,
    not_members_of: Named,
    conditions: Vec<Condition>,
    names: Named,
    hide: Named,
}

/// One of the filters that decide who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserFilter {
    Application,
    MembersOf,
    NotMembersOf,
    Kind,
    Where(usize),
    Exclude,
}

/// One of the filters that decide which groups are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupFilter {
    Show,
    Kinds,
    Hide,
}

impl Scope {
    /// What the configuration says.
    pub fn of(config: &ConnectorConfig) -> Result<Self, ConnectorConfigError> {
        let is_assigned = matches!(
            config.cloud(),
            Some(CloudConfig::Entra(entra)) if entra.application.is_some()
        );
        Ok(Self { application: is_assigned, ..Self::new(&config.users, &config.groups)? })
    }

    fn new(
        users: &ConnectorUsersConfig,
        groups: &ConnectorGroupsConfig,
    ) -> Result<Self, ConnectorConfigError> {
        Ok(Self {
            application: false,
            members_of: Named::new("users.members_of", &users.members_of)?,
            not_members_of: Named::new("users.not_members_of", &users.not_members_of)?,
            conditions: users.conditions.iter().map(Condition::new).collect::<Result<_, _>>()?,
            names: Named::new("groups.names", &groups.names)?,
            hide: Named::new("groups.hide", &groups.hide)?,
            users: users.clone(),
            groups: groups.clone(),
        })
    }

    /// Whether who is in a group of a group is in both.
    pub(super) fn is_nested(&self) -> bool {
        self.users.nested
    }

    /// What becomes of groups that have one name.
    pub(super) fn same_name(&self) -> SameName {
        self.groups.same_name
    }

    /// Whether groups keep the names that they have here.
    pub(super) fn keeps_names(&self) -> bool {
        self.groups.rename == GroupRename::Keep
    }

    /// The filters of users that say something.
    pub(super) fn user_filters(&self) -> Vec<UserFilter> {
        let all = [
            (UserFilter::Application, self.application),
            (UserFilter::MembersOf, !self.members_of.is_empty()),
            (UserFilter::NotMembersOf, !self.not_members_of.is_empty()),
            (UserFilter::Kind, self.users.kind != UserKind::All),
            (UserFilter::Exclude, !self.users.exclude.is_empty()),
        ];
        let said = all.into_iter().filter(|(_, is_said)| *is_said).map(|(filter, _)| filter);
        said.chain((0..self.conditions.len()).map(UserFilter::Where)).collect()
    }

    /// A filter as people read it.
    pub(super) fn name(&self, filter: UserFilter) -> String {
        match filter {
            UserFilter::Application => "assigned to the application".to_owned(),
            UserFilter::MembersOf => format!("members_of {}", self.members_of.said().join(", ")),
            UserFilter::NotMembersOf => {
                format!("not_members_of {}", self.not_members_of.said().join(", "))
            }
            UserFilter::Kind if self.users.kind == UserKind::Guests => "kind guests".to_owned(),
            UserFilter::Kind => "kind members".to_owned(),
            UserFilter::Where(place) => {
                self.conditions.get(place).map(ToString::to_string).unwrap_or_default()
            }
            UserFilter::Exclude => format!("exclude {} ids", self.users.exclude.len()),
        }
    }

    /// Whether a user comes by their groups, which somebody else has found out.
    pub(super) fn covers_groups(&self, groups: &[(&str, &KnownGroup)]) -> bool {
        let is_in = |named: &Named| groups.iter().any(|(id, known)| named.contains(id, known));
        let is_assigned =
            || groups.iter().any(|(_, known)| known.kind == Some(GroupKind::Application));
        (!self.application || is_assigned())
            && (self.members_of.is_empty() || is_in(&self.members_of))
            && !is_in(&self.not_members_of)
    }

    /// Whether a user comes by what is said of them, but for their groups.
    pub(super) fn covers_user(&self, id: &str, known: &KnownUser) -> bool {
        self.user_filters().into_iter().all(|filter| self.lets_by(filter, id, known))
    }

    /// Whether a filter lets somebody by whose groups do not matter.
    fn lets_by(&self, filter: UserFilter, id: &str, known: &KnownUser) -> bool {
        let is_guest = known.guest == Some(true);
        match filter {
            UserFilter::Application | UserFilter::MembersOf | UserFilter::NotMembersOf => true,
            UserFilter::Kind => is_guest == (self.users.kind == UserKind::Guests),
            UserFilter::Where(place) => {
                self.conditions.get(place).is_none_or(|it| it.is_true_of(&known.attributes))
            }
            UserFilter::Exclude => !self.users.exclude.iter().any(|excluded| excluded == id),
        }
    }

    /// The filters of groups that say something.
    pub(super) fn group_filters(&self) -> Vec<(GroupFilter, String)> {
        let show = match self.groups.shown() {
            ShownGroups::All => None,
            ShownGroups::Named => Some(format!("names {}", self.names.said().join(", "))),
            ShownGroups::None => Some("show none".to_owned()),
        };
        let kinds = &self.groups.kinds;
        let kinds = (!kinds.is_empty()).then(|| format!("kinds {}", kinds.join(", ")));
        let hide = &self.hide;
        let hide = (!hide.is_empty()).then(|| format!("hide {}", hide.said().join(", ")));
        let all =
            [(GroupFilter::Show, show), (GroupFilter::Kinds, kinds), (GroupFilter::Hide, hide)];
        all.into_iter().filter_map(|(filter, name)| Some((filter, name?))).collect()
    }

    /// Whether a filter lets a group be shown.
    pub(super) fn lets_show(&self, filter: GroupFilter, id: &str, known: &KnownGroup) -> bool {
        match filter {
            GroupFilter::Show => match self.groups.shown() {
                ShownGroups::All => true,
                ShownGroups::Named => self.names.contains(id, known),
                ShownGroups::None => false,
            },
            GroupFilter::Kinds => {
                let is_wanted = |word: &str| self.groups.kinds.iter().any(|wanted| wanted == word);
                self.groups.kinds.is_empty() || words(known).any(is_wanted)
            }
            GroupFilter::Hide => !self.hide.contains(id, known),
        }
    }

    /// Whether the directory shows a group.
    pub(super) fn shows(&self, id: &str, known: &KnownGroup) -> bool {
        let all = [GroupFilter::Show, GroupFilter::Kinds, GroupFilter::Hide];
        known.name.is_some()
            && !known.stands_for_application()
            && all.into_iter().all(|filter| self.lets_show(filter, id, known))
    }

    /// Whether it is shown although nobody who comes is in it.
    pub(super) fn shows_empty(&self, id: &str, known: &KnownGroup) -> bool {
        self.names.contains(id, known)
    }
}

/// What the configuration calls a group's sort, and that its members follow from a rule.
fn words(known: &KnownGroup) -> impl Iterator<Item = &'static str> {
    let types = known.attributes.get("groupTypes").into_iter().flatten();
    let is_dynamic = types.into_iter().any(|kind| kind == "DynamicMembership");
    known.kind.and_then(word).into_iter().chain(is_dynamic.then_some("dynamic"))
}

fn word(kind: GroupKind) -> Option<&'static str> {
    Some(match kind {
        GroupKind::Security => "security",
        GroupKind::Microsoft365 => "microsoft365",
        GroupKind::Distribution => "distribution",
        GroupKind::Okta => "okta",
        GroupKind::App => "app",
        GroupKind::BuiltIn => "built_in",
        GroupKind::Google => "google",
        GroupKind::Application | GroupKind::AppRole => return None,
    })
}

#[cfg(test)]
mod tests;
