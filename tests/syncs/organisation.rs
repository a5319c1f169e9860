//! An organisation in memory that is read as a cloud is: by changes, as Graph gives them, or by lists, as Google does.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use gatehouse::cloud::{
    Capabilities, ConnectorError, Extent, Group, GroupKind, Item, Member, Members, Meter, Page,
    Probe, Round, Source, Standing, Task, User, Watermark,
};
use tokio::sync::Notify;

/// How it can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// What has changed can be asked for, and comes in pieces.
    #[default]
    Changes,
    /// Only what is can be asked for; who is in a group, for each of them.
    Lists,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub standing: Standing,
    pub guest: bool,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    pub name: String,
    pub members: BTreeSet<Member>,
}

/// Something that happened.
#[derive(Clone, Debug)]
enum Event {
    User(String),
    Group(String),
    Joined(String, Member),
    Left(String, Member),
}

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<String, Person>,
    groups: BTreeMap<String, Team>,
    /// Groups that were dissolved, and can be brought back.
    dissolved: BTreeMap<String, Team>,
    log: Vec<Event>,
    /// Nothing is known any more of what was before this.
    forgotten: usize,
    faults: VecDeque<(String, ConnectorError)>,
    asked: Vec<String>,
    holds: Vec<(String, OnItsWay, Hold)>,
}

/// Where a request is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnItsWay {
    There,
    Back,
}

/// Holds a request up.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    is_there: Arc<Notify>,
    may_go: Arc<Notify>,
}

impl Hold {
    /// Waits until the request is there.
    pub async fn is_there(&self) {
        self.is_there.notified().await;
    }

    pub fn go_on(&self) {
        self.may_go.notify_one();
    }
}

impl State {
    /// Who is in a group, and there: whoever is not is not named, and is in it again when they come back.
    fn members(&self, team: &Team) -> BTreeSet<Member> {
        let is_there = |member: &&Member| match member {
            Member::User(id) => self.users.contains_key(id),
            Member::Group(id) => self.groups.contains_key(id),
            Member::Everybody => true,
        };
        team.members.iter().filter(is_there).cloned().collect()
    }

    /// Somebody or a group is back in what they were in.
    fn come_back(&mut self, member: &Member) {
        let all = self.groups.iter().filter(|(_, team)| team.members.contains(member));
        let joined = all.map(|(id, _)| Event::Joined(id.clone(), member.clone()));
        self.log.extend(joined.collect::<Vec<_>>());
    }
}

/// The organisation.
#[derive(Debug)]
pub struct Organisation {
    way: Way,
    page: usize,
    state: Mutex<State>,
    meter: Meter,
}

/// Reads it.
#[derive(Clone, Debug)]
pub struct Reader(pub Arc<Organisation>);

impl Organisation {
    pub fn new(way: Way) -> Arc<Self> {
        Arc::new(Self { way, page: 3, state: Mutex::default(), meter: Meter::default() })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    pub fn people(&self) -> BTreeMap<String, Person> {
        self.with(|state| state.users.clone())
    }

    pub fn teams(&self) -> BTreeMap<String, Team> {
        self.with(|state| {
            let team = |(id, team): (&String, &Team)| {
                (id.clone(), Team { name: team.name.clone(), members: state.members(team) })
            };
            state.groups.iter().map(team).collect()
        })
    }

    /// Makes or changes somebody; their id is also the beginning of their address.
    pub fn hire(&self, id: &str, change: impl FnOnce(&mut Person)) {
        self.with(|state| {
            let mut person = state.users.get(id).cloned().unwrap_or_else(|| Person {
                standing: Standing::Enabled,
                guest: false,
                attributes: [
                    ("userPrincipalName".to_owned(), format!("{id}@example.com")),
                    ("mail".to_owned(), format!("{id}@mail.example.com")),
                    ("displayName".to_owned(), id.to_uppercase()),
                ]
                .into(),
            });
            change(&mut person);
            state.log.push(Event::User(id.to_owned()));
            if state.users.insert(id.to_owned(), person).is_none() {
                state.come_back(&Member::User(id.to_owned()));
            }
        });
    }

    /// Forty people, `u0` to `u39`, who are in a group.
    pub fn hire_forty(&self, group: &str) {
        for number in 0..40 {
            let id = format!("u{number}");
            self.hire(&id, |_| {});
            self.join(group, Member::User(id));
        }
    }

    pub fn set(&self, id: &str, attribute: &str, value: &str) {
        self.hire(id, |person| {
            person.attributes.insert(attribute.to_owned(), value.to_owned());
        });
    }

    pub fn disable(&self, id: &str) {
        self.hire(id, |person| person.standing = Standing::Disabled);
    }

    /// As at Graph, nobody says which groups they were in.
    pub fn fire(&self, id: &str) {
        self.with(|state| {
            state.users.remove(id);
            state.log.push(Event::User(id.to_owned()));
        });
    }

    /// Makes, renames or brings back a group.
    pub fn found(&self, id: &str, name: &str) {
        self.with(|state| {
            let is_new = !state.groups.contains_key(id);
            let mut team =
                state.dissolved.remove(id).or(state.groups.remove(id)).unwrap_or_default();
            name.clone_into(&mut team.name);
            state.groups.insert(id.to_owned(), team);
            state.log.push(Event::Group(id.to_owned()));
            if is_new {
                state.come_back(&Member::Group(id.to_owned()));
            }
        });
    }

    pub fn dissolve(&self, id: &str) {
        self.with(|state| {
            let team = state.groups.remove(id).unwrap();
            state.dissolved.insert(id.to_owned(), team);
            state.log.push(Event::Group(id.to_owned()));
        });
    }

    pub fn join(&self, group: &str, member: Member) {
        self.with(|state| {
            state.groups.get_mut(group).unwrap().members.insert(member.clone());
            state.log.push(Event::Joined(group.to_owned(), member));
        });
    }

    pub fn join_users(&self, group: &str, users: &[&str]) {
        for user in users {
            self.join(group, Member::User((*user).to_owned()));
        }
    }

    pub fn leave(&self, group: &str, member: &Member) {
        self.with(|state| {
            state.groups.get_mut(group).unwrap().members.remove(member);
            state.log.push(Event::Left(group.to_owned(), member.clone()));
        });
    }

    /// The next request whose work begins so fails.
    pub fn fail(&self, work: &str, error: ConnectorError) {
        self.with(|state| state.faults.push_back((work.to_owned(), error)));
    }

    pub fn heal(&self) {
        self.with(|state| state.faults.clear());
    }

    /// The next request whose work begins so is on its way until that may go on: to the cloud, or back with its answer.
    pub fn hold(&self, work: &str, on_its_way: OnItsWay) -> Hold {
        let hold = Hold::default();
        self.with(|state| state.holds.push((work.to_owned(), on_its_way, hold.clone())));
        hold
    }

    async fn pass(&self, work: &str, on_its_way: OnItsWay) {
        let found = self.with(|state| {
            let is_it = |(held, way, _): &(String, OnItsWay, Hold)| {
                work.starts_with(held.as_str()) && *way == on_its_way
            };
            state.holds.iter().position(is_it).map(|place| state.holds.remove(place).2)
        });
        if let Some(hold) = found {
            hold.is_there.notify_one();
            hold.may_go.notified().await;
        }
    }

    /// Watermarks of before mean nothing any more.
    pub fn forget(&self) {
        self.with(|state| state.forgotten = state.log.len());
    }

    /// What has been asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    /// Everybody in a group, and in the groups in it.
    pub fn everybody_in(&self, group: &str) -> BTreeSet<String> {
        self.named_in(group, &self.people().into_keys().collect())
    }

    /// Everybody who is named in a group or in the groups in it, and whoever is meant where everybody is.
    fn named_in(&self, group: &str, everybody: &BTreeSet<String>) -> BTreeSet<String> {
        let teams = self.teams();
        let (mut seen, mut left, mut users) =
            (BTreeSet::new(), vec![group.to_owned()], BTreeSet::new());
        while let Some(id) = left.pop() {
            let Some(team) = teams.get(&id).filter(|_| seen.insert(id.clone())) else {
                continue;
            };
            for member in &team.members {
                match member {
                    Member::User(id) => drop(users.insert(id.clone())),
                    Member::Group(id) => left.push(id.clone()),
                    Member::Everybody => users.extend(everybody.iter().cloned()),
                }
            }
        }
        users
    }
}

fn user(id: &str, person: &Person, whole: bool) -> User {
    let value = |(name, value): (&String, &String)| (name.clone(), Some(vec![value.clone()]));
    User {
        id: id.to_owned(),
        standing: person.standing,
        guest: Some(person.guest),
        attributes: person.attributes.iter().map(value).collect(),
        whole,
    }
}

fn group(id: &str, team: &Team, whole: bool) -> Group {
    let (name, kind) = (Some(team.name.clone()), Some(GroupKind::Security));
    Group { id: id.to_owned(), name, kind, attributes: BTreeMap::new(), whole }
}

fn members(group: &str, afresh: bool, joined: Vec<Member>, left: Vec<String>) -> Item {
    Item::Members(Members { group: group.to_owned(), afresh, joined, left })
}

fn id_of(member: &Member) -> String {
    match member {
        Member::User(id) | Member::Group(id) => id.clone(),
        Member::Everybody => "everybody".to_owned(),
    }
}

fn task(work: String) -> Task {
    Task { work, group: None, fingerprint: None }
}

impl Organisation {
    fn answer(&self, asked: &Task) -> Result<Page, ConnectorError> {
        self.with(|state| {
            state.asked.push(asked.work.clone());
            if let Some(place) =
                state.faults.iter().position(|(work, _)| asked.work.starts_with(work.as_str()))
            {
                return Err(state.faults.remove(place).unwrap().1);
            }
            let words: Vec<_> = asked.work.split(' ').collect();
            let number = |word: &str| word.parse::<usize>().unwrap();
            match words[..] {
                ["users", "all", from, at] => Ok(self.list_users(state, number(from), number(at))),
                ["groups", "all", from, at] => {
                    Ok(self.list_groups(state, number(from), number(at)))
                }
                ["users" | "groups", "since", since] if number(since) < state.forgotten => {
                    Err(ConnectorError::Restart("410".to_owned()))
                }
                ["users", "since", since] => Ok(changed_users(state, number(since))),
                ["groups", "since", since] => Ok(changed_groups(state, number(since))),
                ["members", id, from] => self.list_members(state, id, number(from), asked),
                _ => panic!("{asked:?}"),
            }
        })
    }

    /// A page of something, with the task for the next one or the mark.
    fn page(
        &self,
        stream: &str,
        from: usize,
        at: usize,
        count: usize,
    ) -> (Vec<Task>, BTreeMap<String, String>) {
        if from + self.page < count {
            (vec![task(format!("{stream} all {} {at}", from + self.page))], BTreeMap::new())
        } else {
            (Vec::new(), [(stream.to_owned(), at.to_string())].into())
        }
    }

    fn list_users(&self, state: &State, from: usize, at: usize) -> Page {
        let some = state.users.iter().skip(from).take(self.page);
        let items = some.map(|(id, person)| Item::User(user(id, person, true))).collect();
        let (next, marks) = self.page("users", from, at, state.users.len());
        Page { items, next, marks }
    }

    fn list_groups(&self, state: &State, from: usize, at: usize) -> Page {
        let (mut next, marks) = self.page("groups", from, at, state.groups.len());
        let mut items = Vec::new();
        for (id, team) in state.groups.iter().skip(from).take(self.page) {
            items.push(Item::Group(group(id, team, true)));
            match self.way {
                // In pieces, in any order.
                Way::Changes => {
                    for member in state.members(team) {
                        items.insert(0, members(id, false, vec![member], Vec::new()));
                    }
                }
                Way::Lists => next.push(Task {
                    work: format!("members {id} 0"),
                    group: Some(id.clone()),
                    fingerprint: Some(format!("{:?}", state.members(team))),
                }),
            }
        }
        Page { items, next, marks }
    }

    fn list_members(
        &self,
        state: &State,
        id: &str,
        from: usize,
        asked: &Task,
    ) -> Result<Page, ConnectorError> {
        let Some(team) = state.groups.get(id) else {
            return Err(ConnectorError::Gone(format!("the group {id}")));
        };
        let all = state.members(team);
        let some = all.iter().skip(from).take(self.page).cloned().collect();
        let is_last = from + self.page >= all.len();
        let work = format!("members {id} {}", from + self.page);
        let next = if is_last { Vec::new() } else { vec![Task { work, ..asked.clone() }] };
        Ok(Page { items: vec![members(id, from == 0, some, Vec::new())], next, ..Page::default() })
    }
}

fn changed_users(state: &State, since: usize) -> Page {
    let mut items = Vec::new();
    for event in &state.log[since..] {
        if let Event::User(id) = event {
            items.push(match state.users.get(id) {
                Some(person) => Item::User(user(id, person, false)),
                None => Item::UserGone(id.clone()),
            });
        }
    }
    let marks = [("users".to_owned(), state.log.len().to_string())].into();
    Page { items, marks, ..Page::default() }
}

fn changed_groups(state: &State, since: usize) -> Page {
    let mut items = Vec::new();
    for event in &state.log[since..] {
        match event {
            Event::User(_) => {}
            Event::Group(id) => items.push(match state.groups.get(id) {
                Some(team) => Item::Group(group(id, team, false)),
                None => Item::GroupGone(id.clone()),
            }),
            Event::Joined(id, member) => {
                items.push(members(id, false, vec![member.clone()], Vec::new()));
            }
            Event::Left(id, member) => {
                items.push(members(id, false, Vec::new(), vec![id_of(member)]));
            }
        }
    }
    let marks = [("groups".to_owned(), state.log.len().to_string())].into();
    Page { items, marks, ..Page::default() }
}

impl Source for Reader {
    fn capabilities(&self) -> Capabilities {
        let changes = self.0.way == Way::Changes;
        Capabilities { changes, deletions: changes, nested_groups: true, watermark_hours: 144 }
    }

    fn meter(&self) -> &Meter {
        &self.0.meter
    }

    fn begin(&self, since: Option<&Watermark>) -> Round {
        let at = self.0.with(|state| state.log.len());
        let all = |stream: &str| task(format!("{stream} all 0 {at}"));
        let everything = Extent::Everything;
        match (self.0.way, since) {
            (Way::Changes, Some(Watermark(marks))) => Round {
                tasks: ["users", "groups"]
                    .map(|stream| task(format!("{stream} since {}", marks[stream])))
                    .to_vec(),
                users: Extent::Changes,
                groups: Extent::Changes,
                members: Extent::Changes,
            },
            (way, _) => Round {
                tasks: vec![all("users"), all("groups")],
                users: everything,
                groups: everything,
                members: if way == Way::Changes { everything } else { Extent::Changes },
            },
        }
    }

    fn fetch<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>> {
        async {
            self.0.pass(&task.work, OnItsWay::There).await;
            let answer = self.0.answer(task);
            self.0.pass(&task.work, OnItsWay::Back).await;
            answer
        }
        .boxed()
    }

    fn members(&self, group: &str) -> Task {
        Task {
            work: format!("members {group} 0"),
            group: Some(group.to_owned()),
            fingerprint: None,
        }
    }

    fn find_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, ConnectorError>> {
        let found = self.0.people().get(id).map(|person| user(id, person, true));
        async move {
            self.0.pass(&format!("user {id}"), OnItsWay::Back).await;
            Ok(found)
        }
        .boxed()
    }

    fn user_groups<'a>(
        &'a self,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        let all = self.0.teams().into_keys();
        // Groups that everybody is in are not among them.
        let named = |group: &String| self.0.named_in(group, &BTreeSet::new()).contains(id);
        let found = all.filter(named).collect();
        async move { Ok(found) }.boxed()
    }

    fn find_groups<'a>(
        &'a self,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Group>, ConnectorError>> {
        let all = self.0.teams();
        let found = ids.iter().filter_map(|id| Some(group(id, all.get(id)?, true))).collect();
        async move { Ok(found) }.boxed()
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        async { Probe::default() }.boxed()
    }
}
