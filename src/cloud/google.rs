//! Google Workspace: users, groups and members by its Directory API,
//! `developers.google.com/workspace/admin/directory/reference/rest/v1`.
//!
//! A user has the attributes `primaryEmail`, `givenName`, `orgUnitPath`, `externalIds.organization` and so on. Google cannot
//! say what has changed, so each round lists all users and all groups, and who is missing was deleted. A round of changes reads
//! the members of those groups only that look different than last time, by their tag and the number of their members: where
//! somebody takes another's place, that may look the same, and only a round of everything finds out. Who is in a group of a
//! group is not asked of Google: whoever knows all groups can tell, and the outer group does not look different when the inner
//! one changes.

mod account;
mod answers;
mod api;
mod channels;
mod hints;
mod look_up;
mod pages;
mod probe;
mod refusal;
mod work;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use url::Url;

pub(super) use self::hints::words;
use self::{
    account::Account,
    api::Api,
    work::{List, Question, Work},
};
use super::{
    Announcer, Capabilities, ConnectorError, Extent, Group, Meter, Page, Probe, Round, Source,
    Task, User, Watermark,
    http::{Connection, Line, Request},
};
use crate::config::GoogleConfig;

const API: &str = "https://admin.googleapis.com/";

/// Nothing that Google forgets is asked for.
const NEVER: u32 = 10 * 365 * 24;

/// A customer of Google Workspace.
#[derive(Debug)]
pub(super) struct Google {
    line: Line<Api>,
    question: Question,
    /// Whether groups that are in groups count.
    nested: bool,
}

impl Google {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &GoogleConfig,
    ) -> Result<Self, ConnectorError> {
        let root = match &config.api {
            Some(api) => api.clone(),
            None => Url::parse(API).map_err(|_| ConnectorError::ForeignLink(API.to_owned()))?,
        };
        let account = Account::open(connection, config)?;
        let (customer, schemas) = (config.customer.clone(), config.custom_schemas.clone());
        Ok(Self {
            line: Line::new(Arc::clone(connection), root, Api { account }),
            question: Question { customer, schemas },
            nested: config.nested_groups,
        })
    }

    /// Asks for a page of a list.
    fn request(&self, address: &str, list: &List) -> Result<Request, ConnectorError> {
        Ok(Request::get(self.line.at(address)?, list.what()).needing(list.scope()))
    }
}

impl Source for Google {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            changes: true,
            deletions: true,
            nested_groups: self.nested,
            watermark_hours: NEVER,
        }
    }

    fn meter(&self) -> &Meter {
        &self.line.connection.meter
    }

    fn begin(&self, since: Option<&Watermark>) -> Round {
        let members = if since.is_some() { Extent::Changes } else { Extent::Everything };
        let tasks = [List::Users, List::Groups].map(|list| Work::new(list).task(None)).to_vec();
        Round { tasks, users: Extent::Everything, groups: Extent::Everything, members }
    }

    fn fetch<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>> {
        Box::pin(self.page(task))
    }

    fn members(&self, group: &str) -> Task {
        Work::new(List::Members(group.to_owned())).task(None)
    }

    fn find_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, ConnectorError>> {
        Box::pin(self.look_up_user(id))
    }

    fn user_groups<'a>(
        &'a self,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        Box::pin(self.look_up_groups_of(id))
    }

    fn find_groups<'a>(
        &'a self,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Group>, ConnectorError>> {
        Box::pin(self.look_up_groups(ids))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(self.try_everything())
    }

    fn announcer(&self) -> Option<&dyn Announcer> {
        Some(self)
    }
}
