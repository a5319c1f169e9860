//! Reading a page of a list: what was said, and what is left to be read.

use super::{
    Google,
    answers::{self, GroupAnswer, ListAnswer},
    work::{List, Question, Work},
};
use crate::cloud::{ConnectorError, Item, Members, Page, Task, http::Request};

/// A round begins anew each time; that there was one is all that the next needs to know.
pub(super) const STREAM: &str = "users";

impl Google {
    /// Reads one page.
    pub(super) async fn page(&self, task: &Task) -> Result<Page, ConnectorError> {
        let work = Work::of(task)?;
        let answer = match self.list(&work).await {
            Err(error) => return Err(self.gone_or(error, &work.list).await),
            Ok(answer) => answer,
        };
        let next = answer.next_page_token.clone();
        let mut page = self.read(&work, answer)?;
        match next {
            Some(token) => {
                let further = work.follow(token, page.ids())?;
                page.next.push(further.task(task.fingerprint.clone()));
            }
            None if work.list == List::Users => {
                page.marks.insert(STREAM.to_owned(), "read".to_owned());
            }
            None => {}
        }
        Ok(page)
    }

    pub(super) async fn list(&self, work: &Work) -> Result<ListAnswer, ConnectorError> {
        let request = self.request(&work.address(&self.question), &work.list)?;
        self.ask_for_list(&request, &work.list).await
    }

    pub(super) async fn ask_for_list(
        &self,
        request: &Request,
        list: &List,
    ) -> Result<ListAnswer, ConnectorError> {
        self.line.ask_for(request, |answer| ListAnswer::of(answer, list.kind())).await
    }

    fn read(&self, work: &Work, answer: ListAnswer) -> Result<Page, ConnectorError> {
        let mut page = Page::default();
        match &work.list {
            List::Users => {
                page.items.extend(answers::users(&answer.users)?.into_iter().map(Item::User));
            }
            List::Groups => {
                page.items.extend(answers::groups(&answer.groups)?.into_iter().map(Item::Group));
                page.next.extend(answer.groups.iter().map(members_of));
            }
            List::Members(group) => {
                let (joined, others) = answers::members(answer.members, self.nested);
                self.tell_others(group, others);
                let (group, afresh) = (group.clone(), work.is_first());
                page.items.push(Item::Members(Members { group, afresh, joined, left: Vec::new() }));
            }
            List::GroupsOf(_) => {}
        }
        Ok(page)
    }

    fn tell_others(&self, group: &str, count: usize) {
        if count > 0 {
            let connector = &self.line.connection.name;
            tracing::debug!(connector, group, count, "members from elsewhere are left out");
        }
    }

    /// A group that was there a moment ago may have been deleted since. Google says so with 404, or with 403 as if it might
    /// not be seen; then only the group itself tells one from the other.
    async fn gone_or(&self, error: ConnectorError, list: &List) -> ConnectorError {
        if let (ConnectorError::Forbidden { .. }, List::Members(group)) = (&error, list)
            && let Err(gone @ ConnectorError::Gone(_)) = self.group(group, false).await
        {
            return gone;
        }
        error
    }

    pub(super) async fn group(
        &self,
        id: &str,
        urgent: bool,
    ) -> Result<GroupAnswer, ConnectorError> {
        let request = self.request(&Question::group(id), &List::Groups)?;
        self.line.ask(&if urgent { request.urgent() } else { request }).await
    }
}

fn members_of(group: &GroupAnswer) -> Task {
    Work::new(List::Members(group.id.clone())).task(group.fingerprint())
}
