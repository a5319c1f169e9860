//! One user, or a few groups, for somebody who waits.

use url::Position;

use super::{
    Okta,
    answers::{self, AssignmentAnswer, GroupAnswer, UserAnswer},
    pages::Sheet,
    work::{List, Work, quote},
};
use crate::cloud::{ConnectorError, Group, User};

/// So many groups are asked for at a time: more would make the address too long.
const AT_A_TIME: usize = 20;

impl Okta {
    pub(super) async fn look_up_user(&self, id: &str) -> Result<Option<User>, ConnectorError> {
        // Okta would look for a login as well.
        if !is_id(id) {
            return Ok(None);
        }
        let found = match &self.application {
            None => self.user(id).await,
            Some(application) => self.assigned_user(application, id).await,
        };
        match found {
            Err(ConnectorError::Gone(_)) => Ok(None),
            found => Ok(found?.pop()),
        }
    }

    async fn user(&self, id: &str) -> Result<Vec<User>, ConnectorError> {
        let request = self.request(&format!("/api/v1/users/{id}"), &List::Users { since: None })?;
        let answer: UserAnswer = self.line.ask(&request.limited_as("user").urgent()).await?;
        answers::users(&[answer], &self.taken)
    }

    async fn assigned_user(
        &self,
        application: &str,
        id: &str,
    ) -> Result<Vec<User>, ConnectorError> {
        let list = List::Assigned { application: application.to_owned(), since: None };
        let path = format!("/api/v1/apps/{}/users/{id}?expand=user", quote(application));
        let request = self.request(&path, &list)?;
        let answer: AssignmentAnswer =
            self.line.ask(&request.limited_as("assigned user").urgent()).await?;
        answers::assigned(&[answer], &self.taken)
    }

    pub(super) async fn look_up_groups_of(&self, id: &str) -> Result<Vec<String>, ConnectorError> {
        if !is_id(id) {
            return Err(ConnectorError::Gone(format!("user {id:?}")));
        }
        let mut work = Work::new(List::GroupsOf { user: id.to_owned() }, None);
        let mut groups = Vec::new();
        loop {
            let request = self.request(&work.page, &work.list)?.urgent();
            let sheet: Sheet<GroupAnswer> =
                self.line.ask_for(&request, |answer| Sheet::of(answer, &work.list)).await?;
            let here: Vec<_> = sheet.items.into_iter().map(|group| group.id).collect();
            groups.extend(here.iter().cloned());
            let Some(link) = sheet.next else { return Ok(groups) };
            let url = self.line.follow(&link)?;
            let page = url[Position::BeforePath..].to_owned();
            work = work.follow(page, here.iter().map(String::as_str))?;
        }
    }

    pub(super) async fn look_up_groups(
        &self,
        ids: &[String],
    ) -> Result<Vec<Group>, ConnectorError> {
        let ids: Vec<_> = ids.iter().filter(|id| is_id(id)).collect();
        let mut groups = Vec::new();
        for some in ids.chunks(AT_A_TIME) {
            let any: Vec<_> = some.iter().map(|id| format!("id eq \"{id}\"")).collect();
            let path = format!("/api/v1/groups?filter={}&limit=200", quote(&any.join(" or ")));
            let request = self.request(&path, &List::Groups { people: false })?.urgent();
            let answers: Vec<GroupAnswer> = self.line.ask(&request).await?;
            groups.extend(answers::groups(&answers)?);
        }
        Ok(groups)
    }
}

/// Whether it is one of Okta's ids, and nothing that could mean something else in an address.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
