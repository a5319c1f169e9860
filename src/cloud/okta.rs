//! Okta: users and groups by its management API, `developer.okta.com/docs/api/openapi/okta-management`.
//!
//! A user has the attributes `status`, what the profile has (`login`, `email` and so on), and `app.userName` and `app.scope`
//! where an application's users are read. Who has changed is asked by time; groups are listed each time, since nothing else says that
//! one was deleted, and the members of those are read whose `lastMembershipUpdated` is another than last time. Who was deleted
//! only a round of everything finds out, except among an application's users.

mod answers;
mod api;
mod api_token;
mod dpop;
mod hints;
mod limits;
mod link;
mod look_up;
mod pages;
mod probe;
mod profile;
mod refusal;
mod service_app;
mod work;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http::{HeaderValue, header::CONTENT_TYPE};

pub(super) use self::hints::words;
use self::{api::Api, pages::STREAM, profile::Taken, work::List};
use super::{
    Capabilities, ConnectorError, Extent, Group, Meter, Page, Probe, Round, Source, Task, User,
    Watermark,
    http::{Connection, Line, Request},
};
use crate::config::OktaConfig;

/// Nothing that Okta forgets is asked for.
const NEVER: u32 = 10 * 365 * 24;

/// Leaves out of users what is dear, and not wanted.
const WITHOUT_CREDENTIALS: HeaderValue = HeaderValue::from_static(
    "application/json; okta-response=omitCredentials,omitCredentialsLinks,omitTransitioningToStatus",
);

/// An organisation of Okta.
#[derive(Debug)]
pub(super) struct Okta {
    line: Line<Api>,
    taken: Taken,
    application: Option<String>,
}

impl Okta {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &OktaConfig,
    ) -> Result<Self, ConnectorError> {
        let mut org = config.org.clone();
        org.set_path("/");
        let api = Api::open(connection, config, &org)?;
        Ok(Self {
            line: Line::new(Arc::clone(connection), org, api),
            taken: Taken::new(config.attributes.as_deref()),
            application: config.application.clone(),
        })
    }

    /// Asks for a page of a list.
    fn request(&self, page: &str, list: &List) -> Result<Request, ConnectorError> {
        let request = Request::get(self.line.at(page)?, list.what());
        // Okta counts requests of each kind by themselves.
        let request = request.needing(list.scope()).limited_as(list.what());
        Ok(request.with(CONTENT_TYPE, WITHOUT_CREDENTIALS))
    }

    /// The lists that a round begins with.
    fn lists(&self, since: Option<DateTime<Utc>>) -> [List; 2] {
        match self.application.clone() {
            None => [List::Users { since }, List::Groups { people: since.is_some() }],
            Some(application) => {
                let groups = List::AssignedGroups { application: application.clone() };
                [List::Assigned { application, since }, groups]
            }
        }
    }
}

impl Source for Okta {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            changes: true,
            deletions: self.application.is_some(),
            nested_groups: false,
            watermark_hours: NEVER,
        }
    }

    fn meter(&self) -> &Meter {
        &self.line.connection.meter
    }

    fn begin(&self, since: Option<&Watermark>) -> Round {
        let since = since.and_then(|mark| mark.0.get(STREAM)?.parse().ok());
        let users = match (since, &self.application) {
            (Some(_), None) => Extent::Changes,
            // Assignments cannot be asked for by time.
            _ => Extent::Everything,
        };
        let tasks = self.lists(since).map(|list| self.begin_list(list, None)).to_vec();
        let members = if since.is_some() { Extent::Changes } else { Extent::Everything };
        Round { tasks, users, groups: Extent::Everything, members }
    }

    fn fetch<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>> {
        Box::pin(self.page(task))
    }

    fn members(&self, group: &str) -> Task {
        let people = self.application.is_none();
        self.begin_list(List::Members { group: group.to_owned(), people }, None)
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
}
