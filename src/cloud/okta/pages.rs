//! Reading a page of a list: what was said, and what is left to be read.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use url::Position;

use super::{
    Okta,
    answers::{self, AssignmentAnswer, GroupAnswer, GroupAssignmentAnswer, UserAnswer},
    link,
    work::{List, Work, with_overlap},
};
use crate::cloud::{ConnectorError, Item, Member, Members, Page, Task, http::Answer};

/// What goes on where the last round was.
pub(super) const STREAM: &str = "users";

/// A page as it came.
#[derive(Debug)]
pub(super) struct Sheet<T> {
    pub items: Vec<T>,
    /// Where the list goes on.
    pub next: Option<String>,
    /// When that was, by Okta's own clock.
    date: Option<DateTime<Utc>>,
}

/// What was read of a page.
struct Reading {
    page: Page,
    next: Option<String>,
    date: Option<DateTime<Utc>>,
}

impl<T: DeserializeOwned> Sheet<T> {
    /// A page of a list. One that came without its links would be the last one.
    pub(super) fn of(answer: &Answer, list: &List) -> Result<Self, String> {
        let links = || answer.headers.get_all("link").iter().filter_map(|it| it.to_str().ok());
        if list.has_pages() && !link::has_self(links()) {
            return Err("has no links: something on the way may leave out headers".to_owned());
        }
        let next = link::next(links()).map(str::to_owned);
        Ok(Self { items: answer.json()?, next, date: answer.date() })
    }

    fn saying(self, page: Page) -> Reading {
        Reading { page, next: self.next, date: self.date }
    }
}

impl Okta {
    /// Reads one page.
    pub(super) async fn page(&self, task: &Task) -> Result<Page, ConnectorError> {
        let mut work = Work::of(task)?;
        let Reading { mut page, next, date } = match self.read(&work).await {
            // Whoever is not there any more, although they were when they were named, is in no group.
            Err(ConnectorError::Gone(_)) if matches!(work.list, List::GroupsOf { .. }) => {
                return Ok(Page::default());
            }
            read => read?,
        };
        work.begun = work.begun.or(date);
        match next {
            Some(link) => {
                let url = self.line.follow(&link)?;
                let further = work.follow(url[Position::BeforePath..].to_owned(), page.ids())?;
                page.next.push(further.task(task.fingerprint.clone()));
            }
            None => page.marks.extend(mark(&work)),
        }
        Ok(page)
    }

    async fn read(&self, work: &Work) -> Result<Reading, ConnectorError> {
        match &work.list {
            List::Users { since } => {
                let sheet = self.sheet(work).await?;
                let page = self.users(&sheet.items, *since)?;
                Ok(sheet.saying(page))
            }
            List::Assigned { since, .. } => {
                let sheet = self.sheet(work).await?;
                let page = self.assigned(&sheet.items, *since)?;
                Ok(sheet.saying(page))
            }
            List::Groups { people } => {
                let sheet = self.sheet(work).await?;
                let page = self.groups(&sheet.items, *people)?;
                Ok(sheet.saying(page))
            }
            List::AssignedGroups { .. } => {
                let mut sheet = self.sheet::<GroupAssignmentAnswer>(work).await?;
                let groups: Vec<_> =
                    sheet.items.drain(..).map(GroupAssignmentAnswer::group).collect();
                let page = self.groups(&groups, false)?;
                Ok(sheet.saying(page))
            }
            List::Members { group, people } => {
                let sheet = self.sheet(work).await?;
                let page = self.members(&sheet.items, group, work.first, *people)?;
                Ok(sheet.saying(page))
            }
            List::GroupsOf { user } => {
                let mut sheet = self.sheet::<GroupAnswer>(work).await?;
                let items = sheet.items.drain(..).map(|group| joined(group.id, user)).collect();
                Ok(sheet.saying(Page { items, ..Page::default() }))
            }
        }
    }

    async fn sheet<T: DeserializeOwned>(&self, work: &Work) -> Result<Sheet<T>, ConnectorError> {
        let request = self.request(&work.page, &work.list)?;
        self.line.ask_for(&request, |answer| Sheet::of(answer, &work.list)).await
    }

    fn users(
        &self,
        answers: &[UserAnswer],
        since: Option<DateTime<Utc>>,
    ) -> Result<Page, ConnectorError> {
        let items = answers::users(answers, &self.taken)?.into_iter().map(Item::User).collect();
        Ok(Page { items, next: self.returned(answers.iter(), since), ..Page::default() })
    }

    fn assigned(
        &self,
        answers: &[AssignmentAnswer],
        since: Option<DateTime<Utc>>,
    ) -> Result<Page, ConnectorError> {
        let items = answers::assigned(answers, &self.taken)?.into_iter().map(Item::User).collect();
        let users = answers.iter().map(AssignmentAnswer::user);
        Ok(Page { items, next: self.returned(users, since), ..Page::default() })
    }

    fn groups(&self, answers: &[GroupAnswer], people: bool) -> Result<Page, ConnectorError> {
        let items = answers::groups(answers)?.into_iter().map(Item::Group).collect();
        let members = answers.iter().map(|group| {
            let list = List::Members { group: group.id.clone(), people };
            self.begin_list(list, group.last_membership_updated.clone())
        });
        Ok(Page { items, next: members.collect(), ..Page::default() })
    }

    fn members(
        &self,
        answers: &[UserAnswer],
        group: &str,
        afresh: bool,
        people: bool,
    ) -> Result<Page, ConnectorError> {
        let users = answers::users(answers, &self.taken)?;
        let joined = users.iter().map(|user| Member::User(user.id.clone())).collect();
        let members = Members { group: group.to_owned(), afresh, joined, left: Vec::new() };
        let mut items = vec![Item::Members(members)];
        if people {
            items.extend(users.into_iter().map(Item::User));
        }
        Ok(Page { items, ..Page::default() })
    }

    /// Reads in which groups people are who could not work before.
    fn returned<'a>(
        &self,
        users: impl Iterator<Item = &'a UserAnswer>,
        since: Option<DateTime<Utc>>,
    ) -> Vec<Task> {
        let Some(since) = since.map(with_overlap) else { return Vec::new() };
        let back = users.filter(|user| user.came_back_since(since));
        back.map(|user| self.begin_list(List::GroupsOf { user: user.id.clone() }, None)).collect()
    }

    pub(super) fn begin_list(&self, list: List, fingerprint: Option<String>) -> Task {
        Work::new(list, self.taken.fields().as_deref()).task(fingerprint)
    }
}

/// What the next round begins with: when this list was begun. What changed since may be on pages that were read before it
/// did.
fn mark(work: &Work) -> Option<(String, String)> {
    let begun = work.begun?.to_rfc3339_opts(SecondsFormat::Millis, true);
    matches!(work.list, List::Users { .. } | List::Assigned { .. })
        .then(|| (STREAM.to_owned(), begun))
}

/// Somebody is in a group, whoever else is.
fn joined(group: String, user: &str) -> Item {
    let joined = vec![Member::User(user.to_owned())];
    Item::Members(Members { group, afresh: false, joined, left: Vec::new() })
}
