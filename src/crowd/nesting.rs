//! `/group/child-group` and `/group/parent-group`: groups in groups.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, write_group_name},
    failure::Failure,
    listing::Kind,
    query::Query,
    user_groups::no_membership,
};
use crate::{
    http::Response,
    store::{Condition, Direction},
};

/// How far groups in groups are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Not at all.
    Direct,
    /// To the end.
    Nested,
}

/// `GET /group/child-group/direct?groupname=`; with `child-groupname=`, whether that is one.
pub(super) async fn list_direct_children(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list(&crowd, &asking, &query, Direction::Children, Depth::Direct).await
}

/// `GET /group/child-group/nested?groupname=`.
pub(super) async fn list_nested_children(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list(&crowd, &asking, &query, Direction::Children, Depth::Nested).await
}

/// `GET /group/parent-group/direct?groupname=`; with `parent-groupname=`, whether that is one.
pub(super) async fn list_direct_parents(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list(&crowd, &asking, &query, Direction::Parents, Depth::Direct).await
}

/// `GET /group/parent-group/nested?groupname=`.
pub(super) async fn list_nested_parents(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list(&crowd, &asking, &query, Direction::Parents, Depth::Nested).await
}

async fn list(
    crowd: &Crowd,
    asking: &Asking,
    query: &Query,
    direction: Direction,
    depth: Depth,
) -> Result<Response, Failure> {
    let group = crowd.find_group(asking, query.required("groupname")?).await?;
    let sight = crowd.store.look(&asking.application.directories).await?;
    let mut others = match depth {
        Depth::Direct => crowd.store.list_next_groups(&sight, &group.ids, direction).await?,
        Depth::Nested => crowd.store.list_reached_groups(&sight, &group.ids, direction).await?,
    };
    // Groups that go round in a circle are in themselves, which nobody asks for.
    others.retain(|other| !group.ids.contains(other));
    let parameter = match direction {
        Direction::Children => "child-groupname",
        Direction::Parents => "parent-groupname",
    };
    let Some(name) = query.find(parameter) else {
        return crowd.answer_entries(asking, query, Kind::Groups, Condition::OneOf(others)).await;
    };
    let other = crowd.find_group(asking, name).await;
    let none = || no_membership(format!("<{}> and <{name}> are not so related", group.name));
    let other = match other {
        Ok(other) if other.ids.iter().any(|id| others.contains(id)) => other,
        Err(failure) if failure.status != StatusCode::NOT_FOUND => return Err(failure),
        _ => return Err(none()),
    };
    let links = Links::of(asking);
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("group");
        write_group_name(writer, &links, &other.name);
        writer.end("group");
    }))
}
