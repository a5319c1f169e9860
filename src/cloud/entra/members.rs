//! All members of one group (`learn.microsoft.com/graph/api/group-list-members`).

use serde::Deserialize;

use super::{
    Entra,
    objects::{self, Object},
    work::{MembersWork, Work},
};
use crate::cloud::{ConnectorError, Item, Members, Page, http::Request};

/// A page of any list.
#[derive(Deserialize)]
pub(super) struct Listing<T> {
    pub value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// Everything, of a list that has one page only: half of it would be as if the rest were not there.
    pub(super) fn whole(self, what: &str) -> Result<Vec<T>, ConnectorError> {
        if self.next.is_none() {
            return Ok(self.value);
        }
        let problem = "it goes on elsewhere, which this list never does".to_owned();
        Err(ConnectorError::Malformed { what: what.to_owned(), problem })
    }
}

impl Entra {
    pub(super) async fn read_members(&self, mut work: MembersWork) -> Result<Page, ConnectorError> {
        let url = match &work.link {
            Some(link) => self.graph.follow(link)?,
            None => self
                .graph
                .at(&format!("groups/{}/members?$select=id&$top=999", checked(&work.group)?))?,
        };
        let request = Request::get(url, "members of groups").needing("GroupMember.Read.All");
        let list: Listing<Object> = self.graph.ask(&Self::of_a_round(request)).await?;
        let members = Members {
            group: work.group.clone(),
            afresh: work.link.is_none(),
            joined: list.value.iter().filter_map(objects::member).collect(),
            left: Vec::new(),
        };
        let mut page = Page { items: vec![Item::Members(members)], ..Page::default() };
        if let Some(link) = list.next {
            self.graph.follow(&link)?;
            if work.trail.is_circle(&link, list.value.iter().filter_map(objects::id)) {
                return Err(ConnectorError::Loop(format!("members of group {}", work.group)));
            }
            work.link = Some(link);
            page.next.push(Work::Members(work).task());
        }
        Ok(page)
    }
}

/// An id as it may stand in an address. Nothing that is no id leads to anything.
pub(super) fn checked(id: &str) -> Result<&str, ConnectorError> {
    let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_id { Ok(id) } else { Err(ConnectorError::Gone(format!("{id:?}"))) }
}
