//! What a test says has happened, and what is remembered of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Group, Member, Tenant, User, people};
use crate::support::clouds::time::Moment;

/// A change of a tenant. `set` names fields of [`User`] and [`Group`].
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mutation {
    /// The next number is theirs.
    AddUser {
        #[serde(default)]
        set: Map<String, Value>,
    },
    ChangeUser {
        no: u32,
        set: Map<String, Value>,
    },
    /// Into the recycle bin.
    DeleteUser {
        no: u32,
    },
    RestoreUser {
        no: u32,
    },
    /// For good.
    PurgeUser {
        no: u32,
    },
    /// Two people exchange their logins and addresses.
    SwapLogins {
        one: u32,
        other: u32,
    },
    AddGroup {
        #[serde(default)]
        set: Map<String, Value>,
    },
    ChangeGroup {
        no: u32,
        set: Map<String, Value>,
    },
    DeleteGroup {
        no: u32,
    },
    RestoreGroup {
        no: u32,
    },
    PurgeGroup {
        no: u32,
    },
    AddMembers {
        group: u32,
        members: Vec<Member>,
    },
    RemoveMembers {
        group: u32,
        members: Vec<Member>,
    },
    Assign {
        app: u32,
        member: Member,
        /// Which of its roles, if not the first.
        #[serde(default)]
        role: u32,
    },
    Unassign {
        app: u32,
        member: Member,
    },
    /// Every delta token is void from now on.
    Resync,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    User(u32),
    Group(u32),
}

#[derive(Clone, Debug)]
pub enum What {
    /// With how it was before, if it was.
    User(Option<Box<User>>),
    Group(Option<Box<Group>>),
    Joined(Member),
    Left(Member),
}

#[derive(Clone, Debug)]
pub struct Event {
    pub at: Moment,
    pub of: Of,
    pub what: What,
}

/// Why a change is not possible.
pub type Refused = String;

impl Tenant {
    /// Changes something, and says the number of what was added or changed.
    pub fn apply(&mut self, mutation: Mutation, now: Moment) -> Result<u32, Refused> {
        match mutation {
            Mutation::AddUser { set } => self.add_user(set, now),
            Mutation::ChangeUser { no, set } => self.edit_user(no, now, |user| merge(user, set)),
            Mutation::DeleteUser { no } => {
                self.edit_user(no, now, |user| Ok(User { deleted: Some(now), ..user }))
            }
            Mutation::RestoreUser { no } => {
                self.edit_user(no, now, |user| Ok(User { deleted: None, ..user }))
            }
            Mutation::PurgeUser { no } => self.purge_user(no, now),
            Mutation::SwapLogins { one, other } => self.swap(one, other, now),
            Mutation::AddGroup { set } => self.add_group(set, now),
            Mutation::ChangeGroup { no, set } => {
                self.edit_group(no, now, |group| merge_group(group, set))
            }
            Mutation::DeleteGroup { no } => {
                self.edit_group(no, now, |group| Ok(Group { deleted: Some(now), ..group }))
            }
            Mutation::RestoreGroup { no } => {
                self.edit_group(no, now, |group| Ok(Group { deleted: None, ..group }))
            }
            Mutation::PurgeGroup { no } => {
                let deleted = Some(now);
                self.edit_group(no, now, |group| Ok(Group { purged: true, deleted, ..group }))
            }
            Mutation::AddMembers { group, members } => self.join(group, &members, now),
            Mutation::RemoveMembers { group, members } => self.leave(group, &members, now),
            Mutation::Assign { app, member, role } => self.assign(app, member, Some(role)),
            Mutation::Unassign { app, member } => self.assign(app, member, None),
            Mutation::Resync => {
                self.generation += 1;
                Ok(self.generation)
            }
        }
    }

    /// How many changes there were until a moment.
    pub fn revision_at(&self, at: Moment) -> usize {
        self.history.partition_point(|event| event.at <= at)
    }

    /// A user as they were after so many changes.
    pub fn user_then(&self, no: u32, revision: usize) -> Option<User> {
        for event in self.history.get(revision..).unwrap_or_default() {
            if event.of == Of::User(no)
                && let What::User(before) = &event.what
            {
                return before.as_deref().cloned();
            }
        }
        self.any_user(no)
    }

    fn remember(&mut self, at: Moment, of: Of, what: What) {
        self.history.push(Event { at, of, what });
    }

    fn add_user(&mut self, set: Map<String, Value>, now: Moment) -> Result<u32, Refused> {
        let no = self.users;
        let plain = people::generate(self.vendor, &self.plan, no, now);
        let user =
            User { no, created: now, changed: now, status_changed: now, ..merge(plain, set)? };
        self.check_login(&user)?;
        self.users += 1;
        self.changed.insert(no, user);
        self.remember(now, Of::User(no), What::User(None));
        // Everybody is in the first group.
        if self.group(0).is_some() {
            self.join(0, &[Member::User(no)], now)?;
        }
        Ok(no)
    }

    fn edit_user(
        &mut self,
        no: u32,
        now: Moment,
        edit: impl FnOnce(User) -> Result<User, Refused>,
    ) -> Result<u32, Refused> {
        let before = self.any_user(no).ok_or("there is no such user")?;
        let mut user = User { no, changed: now, ..edit(before.clone())? };
        if user.status != before.status {
            user.status_changed = now;
        }
        if user.login != before.login || before.deleted.is_some() {
            self.check_login(&user)?;
        }
        self.changed.insert(no, user);
        self.remember(now, Of::User(no), What::User(Some(Box::new(before))));
        Ok(no)
    }

    /// Nobody has a login that somebody else has.
    fn check_login(&self, user: &User) -> Result<(), Refused> {
        let login = user.login.to_lowercase();
        let mut others = self.all_users(0).filter(|other| other.no != user.no);
        let taken = user.deleted.is_none()
            && others.any(|other| other.deleted.is_none() && other.login.to_lowercase() == login);
        if taken { Err(format!("{login} is taken")) } else { Ok(()) }
    }

    fn purge_user(&mut self, no: u32, now: Moment) -> Result<u32, Refused> {
        let deleted = Some(now);
        self.edit_user(no, now, |user| Ok(User { purged: true, deleted, ..user }))?;
        let member = Member::User(no);
        let groups = self.groups.iter_mut();
        let left: Vec<u32> =
            groups.filter_map(|group| group.remove(member).then_some(group.no)).collect();
        for group in left {
            self.remember(now, Of::Group(group), What::Left(member));
        }
        Ok(no)
    }

    fn swap(&mut self, one: u32, other: u32, now: Moment) -> Result<u32, Refused> {
        let first = self.user(one).ok_or("there is no such user")?;
        let second = self.user(other).ok_or("there is no such user")?;
        let with = |user: &User, from: &User| User {
            login: from.login.clone(),
            mail: from.mail.clone(),
            changed: now,
            ..user.clone()
        };
        self.changed.insert(one, with(&first, &second));
        self.changed.insert(other, with(&second, &first));
        self.remember(now, Of::User(one), What::User(Some(Box::new(first))));
        self.remember(now, Of::User(other), What::User(Some(Box::new(second))));
        Ok(one)
    }

    fn add_group(&mut self, set: Map<String, Value>, now: Moment) -> Result<u32, Refused> {
        let no = u32::try_from(self.groups.len()).map_err(|error| error.to_string())?;
        let plan = super::Plan { groups: no + 1, members_per_group: 0, ..self.plan.clone() };
        let made = super::groups::generate(self.vendor, &plan, now).pop().ok_or("no group")?;
        let mut group = Group { no, created: now, changed: now, ..merge_group(made, set)? };
        (group.users, group.others) = (Vec::new(), Vec::new());
        self.groups.push(group);
        self.remember(now, Of::Group(no), What::Group(None));
        Ok(no)
    }

    fn edit_group(
        &mut self,
        no: u32,
        now: Moment,
        edit: impl FnOnce(Group) -> Result<Group, Refused>,
    ) -> Result<u32, Refused> {
        let before = self.any_group(no).ok_or("there is no such group")?.clone();
        let group = Group { no, changed: now, ..edit(before.clone())? };
        self.groups[no as usize] = group;
        let before = Group { users: Vec::new(), others: Vec::new(), ..before };
        self.remember(now, Of::Group(no), What::Group(Some(Box::new(before))));
        Ok(no)
    }

    fn join(&mut self, no: u32, members: &[Member], now: Moment) -> Result<u32, Refused> {
        for member in members {
            self.check_member(*member)?;
            let group = self.groups.get_mut(no as usize).ok_or("there is no such group")?;
            if group.add(*member) {
                group.membership_changed = now;
                self.remember(now, Of::Group(no), What::Joined(*member));
            }
        }
        Ok(no)
    }

    fn assign(&mut self, no: u32, member: Member, role: Option<u32>) -> Result<u32, Refused> {
        self.check_member(member)?;
        let app = self.apps.get_mut(no as usize).ok_or("there is no such application")?;
        let assigned = role.is_some();
        app.others.insert(member, role.unwrap_or_default());
        let (set, member) = match member {
            Member::User(no) => (&mut app.users, no),
            Member::Group(no) => (&mut app.groups, no),
            _ => return Err("only users and groups are assigned".to_owned()),
        };
        let _ = if assigned { set.insert(member) } else { set.remove(&member) };
        Ok(no)
    }

    fn check_member(&self, member: Member) -> Result<(), Refused> {
        let there = match member {
            Member::User(no) => self.user(no).is_some(),
            Member::Group(no) => self.group(no).is_some(),
            _ => true,
        };
        if there { Ok(()) } else { Err(format!("{member:?} is not there")) }
    }

    fn leave(&mut self, no: u32, members: &[Member], now: Moment) -> Result<u32, Refused> {
        for member in members {
            let group = self.groups.get_mut(no as usize).ok_or("there is no such group")?;
            if group.remove(*member) {
                group.membership_changed = now;
                self.remember(now, Of::Group(no), What::Left(*member));
            }
        }
        Ok(no)
    }
}

/// A thing with some fields replaced. A field that there is not is refused.
fn merge<T: Serialize + serde::de::DeserializeOwned>(
    thing: T,
    set: Map<String, Value>,
) -> Result<T, Refused> {
    let mut whole = serde_json::to_value(thing).map_err(|error| error.to_string())?;
    for (field, value) in set {
        let place = whole.get_mut(&field).ok_or_else(|| format!("there is no field {field}"))?;
        *place = value;
    }
    serde_json::from_value(whole).map_err(|error| error.to_string())
}

fn merge_group(group: Group, set: Map<String, Value>) -> Result<Group, Refused> {
    let (users, others) = (group.users.clone(), group.others.clone());
    Ok(Group { users, others, ..merge(group, set)? })
}
