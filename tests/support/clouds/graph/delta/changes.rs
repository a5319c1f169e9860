//! What a page of a feed is filled with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Stream, state::State};
use crate::support::clouds::{
    cloud::Manners,
    graph::{groups, members::identity, users},
    ids::Sort,
    tenant::{Event, Group, Member, Of, Tenant, User, What},
};

/// `id eq 'a' or id eq 'b'`, at most fifty.
pub fn only_ids(filter: &str) -> Option<Vec<String>> {
    let one = |part: &str| {
        let id = part.trim().strip_prefix("id eq '")?.strip_suffix('\'')?;
        Some(id.to_owned())
    };
    let ids: Option<Vec<_>> = filter.split(" or ").map(one).collect();
    ids.filter(|ids| ids.len() <= 50)
}

pub struct Feed<'a> {
    pub tenant: &'a Tenant,
    pub state: &'a State,
    pub stream: &'a Stream<'a>,
    pub manners: &'a Manners,
}

fn count_members(group: &Value) -> usize {
    group["members@delta"].as_array().map_or(0, Vec::len)
}

/// What a group was, and who has joined it or left.
type Touched = (Vec<Option<Group>>, BTreeMap<Member, bool>);

/// Some objects, and the place after them if there are more.
type Filled = (Vec<Value>, Option<u64>);

impl Feed<'_> {
    /// Everybody, in no particular order.
    pub fn all_users(&self) -> Filled {
        let total = self.state.users;
        let step = step(total);
        let mut items = Vec::new();
        let mut place = self.state.place;
        while place < total.into() && items.len() < self.manners.delta_page {
            let no = place * u64::from(step) % u64::from(total);
            place += 1;
            let Ok(no) = u32::try_from(no) else { continue };
            let Some(user) = self.tenant.user_then(no, self.state.to) else { continue };
            items.extend(self.first_sight(&user));
        }
        (items, (place < total.into()).then_some(place))
    }

    fn first_sight(&self, user: &User) -> Option<Value> {
        let id = self.tenant.ids.guid(Sort::User, user.no);
        if !self.wants(&id) {
            return None;
        }
        if user.deleted.is_some() {
            return self.manners.removed_in_first_pass.then(|| removed(&id, "changed"));
        }
        let whole = users::render(self.tenant.ids, user);
        Some(Value::Object(self.known(&whole)))
    }

    /// What was selected and has ever been set.
    fn known(&self, whole: &Value) -> Map<String, Value> {
        let mut object = self.selected(whole);
        object.retain(|_, value| !value.is_null());
        object
    }

    fn selected(&self, whole: &Value) -> Map<String, Value> {
        let chosen = |name: &str| match &self.state.select {
            Some(select) => select.iter().any(|it| it == name),
            None => self.stream.default.contains(&name),
        };
        let all = whole.as_object().into_iter().flatten();
        let all = all.filter(|(name, _)| *name == "id" || chosen(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn wants(&self, id: &str) -> bool {
        self.state.ids.as_ref().is_none_or(|ids| ids.iter().any(|it| it.eq_ignore_ascii_case(id)))
    }

    fn wants_members(&self) -> bool {
        let select = self.state.select.as_ref();
        select.is_none_or(|select| select.iter().any(|name| name == "members"))
    }

    /// Every group, the large ones in several pieces. A place is a group's number and that of the member to go on with, so that
    /// nobody is missed when others leave in between.
    pub fn all_groups(&self) -> Filled {
        let (mut no, mut from) =
            ((self.state.place >> 32) as u32, (self.state.place & 0xffff_ffff) as u32);
        let (mut items, mut room) = (Vec::new(), self.manners.members_per_page);
        while (no as usize) < self.tenant.groups.len()
            && items.len() < self.manners.delta_page
            && room > 0
        {
            let group = self.tenant.any_group(no).filter(|group| !self.is_new(group));
            let (item, next) = group.map_or((None, None), |group| self.piece(group, from, room));
            room = room.saturating_sub(item.as_ref().map_or(0, count_members));
            items.extend(item);
            (no, from) = next.map_or((no + 1, 0), |next| (no, next));
        }
        let more = (no as usize) < self.tenant.groups.len();
        (items, more.then_some(u64::from(no) << 32 | u64::from(from)))
    }

    /// Whether a group is newer than the round.
    fn is_new(&self, group: &Group) -> bool {
        let later = self.tenant.history.get(self.state.to..).unwrap_or_default();
        later
            .iter()
            .any(|event| event.of == Of::Group(group.no) && matches!(event.what, What::Group(None)))
    }

    /// One item of a group, and the member to go on with, if there are more.
    fn piece(&self, group: &Group, from: u32, most: usize) -> (Option<Value>, Option<u32>) {
        let id = self.tenant.ids.guid(Sort::Group, group.no);
        if !self.wants(&id) {
            return (None, None);
        }
        if group.deleted.is_some() {
            return (self.manners.removed_in_first_pass.then(|| removed(&id, "changed")), None);
        }
        let mut object = self.known(&groups::render(self.tenant.ids, group));
        let hidden = group.hidden && !self.stream.hidden;
        if !self.wants_members() || hidden {
            return (Some(Value::Object(object)), None);
        }
        let begin = group.users.partition_point(|no| *no < from);
        let most = self.manners.members_per_item.min(most);
        let end = begin.saturating_add(most).min(group.users.len());
        let users = group.users[begin..end].iter().filter(|no| self.tenant.is_there(**no));
        let mut members: Vec<_> = users.map(|no| self.member(Member::User(*no), true)).collect();
        let next = group.users.get(end).copied();
        if next.is_none() {
            let others = self.tenant.members(group).filter(|it| !matches!(it, Member::User(_)));
            members.extend(others.map(|it| self.member(it, true)));
        }
        if !members.is_empty() {
            object.insert("members@delta".to_owned(), json!(members));
        }
        (Some(Value::Object(object)), next)
    }

    fn member(&self, member: Member, is_in: bool) -> Value {
        let (kind, id) = identity(self.tenant.ids, member);
        let mut object = json!({ "@odata.type": format!("#microsoft.graph.{kind}"), "id": id });
        if !is_in {
            object["@removed"] = json!({ "reason": "deleted" });
        }
        object
    }

    /// What happened in this round.
    fn events(&self) -> &[Event] {
        self.tenant.history.get(self.state.from..self.state.to).unwrap_or_default()
    }

    /// Every object that something happened to. A place counts items.
    pub fn changed(&self) -> Filled {
        let items = if self.stream.kind == "user" { self.users() } else { self.groups() };
        let begin = usize::try_from(self.state.place).unwrap_or(usize::MAX).min(items.len());
        let end = (begin + self.manners.delta_page).min(items.len());
        (items[begin..end].to_vec(), (end < items.len()).then_some(end as u64))
    }

    fn users(&self) -> Vec<Value> {
        let mut before: BTreeMap<u32, Vec<Option<User>>> = BTreeMap::new();
        for event in self.events() {
            if let (Of::User(no), What::User(was)) = (event.of, &event.what) {
                before.entry(no).or_default().push(was.as_deref().cloned());
            }
        }
        before.into_iter().filter_map(|(no, states)| self.user(no, &states)).collect()
    }

    fn user(&self, no: u32, before: &[Option<User>]) -> Option<Value> {
        let ids = self.tenant.ids;
        let id = ids.guid(Sort::User, no);
        if !self.wants(&id) {
            return None;
        }
        let Some(now) = self.tenant.user_then(no, self.state.to) else {
            return Some(removed(&id, "deleted"));
        };
        if now.deleted.is_some() {
            return Some(removed(&id, "changed"));
        }
        let states: Vec<Value> = before
            .iter()
            .map(|user| user.as_ref().map_or(Value::Null, |user| users::render(ids, user)))
            .collect();
        let returned = before.iter().flatten().any(|user| user.deleted.is_some());
        self.difference(&states, &users::render(ids, &now), returned).map(Value::Object)
    }

    /// What is said of an object that had these states before: nothing, if nothing selected has changed.
    fn difference(
        &self,
        states: &[Value],
        now: &Value,
        returned: bool,
    ) -> Option<Map<String, Value>> {
        let chain: Vec<&Value> = states.iter().chain([now]).collect();
        let object = self.selected(now);
        let differs = |name: &String| chain.windows(2).any(|pair| pair[0][name] != pair[1][name]);
        let was_set = |name: &String| chain.iter().any(|state| !state[name].is_null());
        let new = returned || states.iter().any(Value::is_null);
        let names: BTreeSet<String> = object.keys().filter(|name| differs(name)).cloned().collect();
        if names.is_empty() && !new {
            return None;
        }
        let said = |name: &String| {
            name == "id"
                || if self.state.minimal && !new { names.contains(name) } else { was_set(name) }
        };
        Some(object.into_iter().filter(|(name, _)| said(name)).collect())
    }

    fn groups(&self) -> Vec<Value> {
        let mut touched: BTreeMap<u32, Touched> = BTreeMap::new();
        for event in self.events() {
            let Of::Group(no) = event.of else { continue };
            let (states, members) = touched.entry(no).or_default();
            match &event.what {
                What::Group(was) => states.push(was.as_deref().cloned()),
                What::Joined(member) => drop(members.insert(*member, true)),
                What::Left(Member::User(user)) if self.is_kept_quiet(*user) => {}
                What::Left(member) => drop(members.insert(*member, false)),
                What::User(_) => {}
            }
        }
        if !self.manners.leavers_stay_members {
            self.add_leavers(&mut touched);
        }
        touched
            .into_iter()
            .flat_map(|(no, (states, members))| self.group(no, &states, members))
            .collect()
    }

    /// Whether it is not said that somebody who is gone for good has left.
    fn is_kept_quiet(&self, user: u32) -> bool {
        self.manners.leavers_stay_members && self.tenant.any_user(user).is_none()
    }

    /// Who was deleted in this round is said to have left, and who was restored to be there again.
    fn add_leavers(&self, touched: &mut BTreeMap<u32, Touched>) {
        for event in self.events() {
            let (Of::User(no), What::User(Some(before))) = (event.of, &event.what) else {
                continue;
            };
            let is_in = self.tenant.is_there(no);
            if is_in && before.deleted.is_none() {
                continue;
            }
            let member = Member::User(no);
            for group in self.tenant.list_groups().filter(|group| group.has(member)) {
                touched.entry(group.no).or_default().1.insert(member, is_in);
            }
        }
    }

    fn group(
        &self,
        no: u32,
        before: &[Option<Group>],
        members: BTreeMap<Member, bool>,
    ) -> Vec<Value> {
        let ids = self.tenant.ids;
        let id = ids.guid(Sort::Group, no);
        if !self.wants(&id) {
            return Vec::new();
        }
        let Some(now) = self.tenant.any_group(no) else { return vec![removed(&id, "deleted")] };
        if now.deleted.is_some() {
            return vec![removed(&id, "changed")];
        }
        let states: Vec<Value> = before
            .iter()
            .map(|group| group.as_ref().map_or(Value::Null, |group| groups::render(ids, group)))
            .collect();
        let whole = groups::render(ids, now);
        let returned = before.iter().flatten().any(|group| group.deleted.is_some());
        let members = if returned {
            self.tenant.members(now).map(|member| (member, true)).collect()
        } else {
            members
        };
        let hidden = now.hidden && !self.stream.hidden;
        let members: Vec<Value> = if self.wants_members() && !hidden {
            members.into_iter().map(|(member, is_in)| self.member(member, is_in)).collect()
        } else {
            Vec::new()
        };
        let said = self.difference(&states, &whole, returned);
        if members.is_empty() {
            return said.map(Value::Object).into_iter().collect();
        }
        let plain = if self.state.minimal { self.id_only(&whole) } else { self.known(&whole) };
        let object = said.unwrap_or(plain);
        let pieces = members.chunks(self.manners.members_per_item);
        let piece = |members: &[Value]| {
            let mut object = object.clone();
            object.insert("members@delta".to_owned(), json!(members));
            Value::Object(object)
        };
        pieces.map(piece).collect()
    }

    fn id_only(&self, whole: &Value) -> Map<String, Value> {
        let mut object = self.selected(whole);
        object.retain(|name, _| name == "id");
        object
    }
}

fn removed(id: &str, reason: &str) -> Value {
    json!({ "id": id, "@removed": { "reason": reason } })
}

/// A number that steps through all users without meeting one twice.
fn step(total: u32) -> u32 {
    let coprime = |step: &u32| gcd(*step, total) == 1;
    (total / 3 + 1..=total).find(coprime).unwrap_or(1)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
