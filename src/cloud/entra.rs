//! Entra ID, by Microsoft Graph 1.0.
//!
//! Users and groups are read by delta queries (`learn.microsoft.com/graph/delta-query-overview`): the first round says
//! everything, each further one what has changed. Who is in a group comes with the groups, so an organisation is read
//! with as few requests as it has pages, and a round in which nothing has changed has two.

mod aadsts;
mod addresses;
mod assigned;
mod delta;
mod expiry;
mod graph;
mod hints;
mod lookups;
mod members;
mod objects;
mod probe;
mod proof;
mod select;
mod subscriptions;
mod tokens;
mod work;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue};

pub(super) use self::hints::words;
use self::{addresses::Addresses, graph::Graph, tokens::Tokens, work::Work};
use super::{
    Announcer, Capabilities, ConnectorError, Expiry, Extent, Group, Meter, Page, Probe, Round,
    Source, Task, User, Watermark,
    http::{Connection, Line, Request},
};
use crate::config::EntraConfig;

/// After seven days Graph has forgotten what a delta link means; a day is left for those who look after it.
const WATERMARK_HOURS: u32 = 6 * 24;

/// What Graph serves first when it is busy (`graph/throttling`).
const PRIORITY: HeaderName = HeaderName::from_static("x-ms-throttle-priority");

/// A tenant.
#[derive(Debug)]
pub(super) struct Entra {
    graph: Line<Graph>,
    config: EntraConfig,
}

impl Entra {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &EntraConfig,
    ) -> Result<Self, ConnectorError> {
        let addresses = Addresses::of(config);
        let tokens = Tokens::open(connection, config, &addresses)?;
        let base = addresses.graph_root()?;
        let graph = Line::new(Arc::clone(connection), base, Graph { tokens });
        Ok(Self { graph, config: config.clone() })
    }

    /// A request of a round, which others may go before.
    fn of_a_round(request: Request) -> Request {
        request.with(PRIORITY, HeaderValue::from_static("low"))
    }

    /// A request that somebody waits for.
    fn of_somebody(request: Request) -> Request {
        request.with(PRIORITY, HeaderValue::from_static("high")).urgent()
    }
}

impl Source for Entra {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            changes: true,
            deletions: true,
            nested_groups: true,
            watermark_hours: WATERMARK_HOURS,
        }
    }

    fn meter(&self) -> &Meter {
        &self.graph.connection.meter
    }

    fn begin(&self, since: Option<&Watermark>) -> Round {
        let users = Work::begin(work::Stream::Users, since);
        let groups = Work::begin(work::Stream::Groups, since);
        let extent =
            |work: &Work| if work.is_whole() { Extent::Everything } else { Extent::Changes };
        let assigned = self.config.application.as_ref().map(|_| Work::Application.task());
        Round {
            users: extent(&users),
            groups: extent(&groups),
            members: extent(&groups),
            tasks: [users.task(), groups.task()].into_iter().chain(assigned).collect(),
        }
    }

    fn fetch<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<Page, ConnectorError>> {
        Box::pin(async move {
            match Work::read(task)? {
                Work::Delta(delta) => self.read_delta(delta).await,
                Work::Members(members) => self.read_members(members).await,
                Work::Application => self.read_application().await,
                Work::Assigned(assigned) => self.read_assigned(assigned).await,
            }
        })
    }

    fn members(&self, group: &str) -> Task {
        Work::members(group).task()
    }

    fn find_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, ConnectorError>> {
        Box::pin(self.look_up_user(id))
    }

    fn user_groups<'a>(
        &'a self,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        Box::pin(self.look_up_user_groups(id))
    }

    fn assignments<'a>(
        &'a self,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ConnectorError>> {
        Box::pin(self.look_up_assignments(id))
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

    fn expiry(&self) -> BoxFuture<'_, Result<Option<Expiry>, ConnectorError>> {
        Box::pin(self.find_expiry())
    }
}
