//! One user, or a few groups, for somebody who waits.

use std::collections::BTreeSet;

use super::{
    Google,
    answers::{self, UserAnswer},
    work::{List, Work},
};
use crate::cloud::{ConnectorError, Group, User};

/// So many groups of groups are looked at, at most, for one person.
const MOST_GROUPS: usize = 200;

impl Google {
    pub(super) async fn look_up_user(&self, id: &str) -> Result<Option<User>, ConnectorError> {
        // Google would look for an address as well.
        if !is_id(id) {
            return Ok(None);
        }
        let request = self.request(&self.question.user(id), &List::Users)?.urgent();
        match self.line.ask::<UserAnswer>(&request).await {
            Err(ConnectorError::Gone(_)) => Ok(None),
            found => Ok(answers::users(&[found?])?.pop()),
        }
    }

    /// The groups that somebody is in, and those that these are in. Groups that everybody is in are not among them.
    pub(super) async fn look_up_groups_of(&self, id: &str) -> Result<Vec<String>, ConnectorError> {
        let mut found = BTreeSet::new();
        let mut asked = vec![id.to_owned()];
        while let Some(member) = asked.pop() {
            let groups = self.groups_of(&member).await?;
            let new: Vec<_> =
                groups.into_iter().filter(|group| found.insert(group.clone())).collect();
            if self.nested && found.len() < MOST_GROUPS {
                asked.extend(new);
            }
        }
        Ok(found.into_iter().collect())
    }

    async fn groups_of(&self, member: &str) -> Result<Vec<String>, ConnectorError> {
        if !is_id(member) {
            return Err(ConnectorError::Gone(format!("user {member:?}")));
        }
        let mut work = Work::new(List::GroupsOf(member.to_owned()));
        let mut groups = Vec::new();
        loop {
            let request = self.request(&work.address(&self.question), &work.list)?.urgent();
            let answer = self.ask_for_list(&request, &work.list).await?;
            let here: Vec<_> = answer.groups.into_iter().map(|group| group.id).collect();
            groups.extend(here.iter().cloned());
            let Some(token) = answer.next_page_token else { return Ok(groups) };
            work = work.follow(token, here.iter().map(String::as_str))?;
        }
    }

    pub(super) async fn look_up_groups(
        &self,
        ids: &[String],
    ) -> Result<Vec<Group>, ConnectorError> {
        let mut groups = Vec::new();
        for id in ids.iter().filter(|id| is_id(id)) {
            match self.group(id, true).await {
                Err(ConnectorError::Gone(_)) => {}
                found => groups.extend(answers::groups(&[found?])?),
            }
        }
        Ok(groups)
    }
}

/// Whether it is one of Google's ids, and not an address.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
