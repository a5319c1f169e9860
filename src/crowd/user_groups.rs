//! `/user/group` and `/group/user`: who is in which group.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, write_group_name, write_user_name},
    failure::{Failure, Reason},
    listing::Kind,
    nesting::Depth,
    query::Query,
};
use crate::{
    directory::{GroupId, UserId},
    http::Response,
    store::{Condition, Direction},
};

/// So many are sooner found one by one than among everybody.
const FEW: i64 = 5000;

/// `GET /user/group/direct?username=`; with `groupname=`, whether they are in that one.
pub(super) async fn list_direct_groups(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list_groups(&crowd, &asking, &query, Depth::Direct).await
}

/// `GET /user/group/nested?username=`: with the groups that those are in.
pub(super) async fn list_nested_groups(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list_groups(&crowd, &asking, &query, Depth::Nested).await
}

/// `GET /group/user/direct?groupname=`; with `username=`, whether they are in it.
pub(super) async fn list_direct_users(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list_users(&crowd, &asking, &query, Depth::Direct).await
}

/// `GET /group/user/nested?groupname=`: with those of the groups in it.
pub(super) async fn list_nested_users(
    crowd: State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    list_users(&crowd, &asking, &query, Depth::Nested).await
}

async fn list_groups(
    crowd: &Crowd,
    asking: &Asking,
    query: &Query,
    depth: Depth,
) -> Result<Response, Failure> {
    let user = crowd.find_user(asking, query.required("username")?).await?;
    let id = user.user.id;
    let Some(name) = query.find("groupname") else {
        let condition = match depth {
            Depth::Direct => Condition::GroupsOf(id),
            Depth::Nested => Condition::OneOf(crowd.groups_of(asking, id, depth).await?),
        };
        return crowd.answer_entries(asking, query, Kind::Groups, condition).await;
    };
    let groups = crowd.groups_of(asking, id, depth).await?;
    let group = crowd.find_group(asking, name).await.map_err(|failure| no_member(failure, name))?;
    if !group.ids.iter().any(|id| groups.contains(id)) {
        return Err(not_in(&user.user.profile.username, &group.name));
    }
    let links = Links::of(asking);
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("group");
        write_group_name(writer, &links, &group.name);
        writer.end("group");
    }))
}

async fn list_users(
    crowd: &Crowd,
    asking: &Asking,
    query: &Query,
    depth: Depth,
) -> Result<Response, Failure> {
    let group = crowd.find_group(asking, query.required("groupname")?).await?;
    let Some(name) = query.find("username") else {
        let condition = crowd.members_of(asking, group.ids, depth).await?;
        return crowd.answer_entries(asking, query, Kind::Users, condition).await;
    };
    let user = crowd.find_user(asking, name).await.map_err(|failure| no_member(failure, name))?;
    let groups = crowd.groups_of(asking, user.user.id, depth).await?;
    if !group.ids.iter().any(|id| groups.contains(id)) {
        return Err(not_in(&user.user.profile.username, &group.name));
    }
    let links = Links::of(asking);
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("user");
        write_user_name(writer, &links, &user.user.profile.username);
        writer.end("user");
    }))
}

impl Crowd {
    /// The groups that an account is in: directly, or by way of others too.
    pub(super) async fn groups_of(
        &self,
        asking: &Asking,
        user: UserId,
        depth: Depth,
    ) -> Result<Vec<GroupId>, Failure> {
        let direct = self.store.list_direct_groups(user).await?;
        let sight = self.store.look(&asking.application.directories).await?;
        let mut groups = self.store.widen_groups(&sight, &direct).await?;
        if depth == Depth::Nested {
            let parents = Direction::Parents;
            groups.extend(self.store.list_reached_groups(&sight, &groups, parents).await?);
        }
        Ok(groups)
    }

    /// Who is in groups, and in those in them if they are wanted.
    async fn members_of(
        &self,
        asking: &Asking,
        mut groups: Vec<GroupId>,
        depth: Depth,
    ) -> Result<Condition, Failure> {
        if depth == Depth::Nested {
            let sight = self.store.look(&asking.application.directories).await?;
            let children = Direction::Children;
            groups.extend(self.store.list_reached_groups(&sight, &groups, children).await?);
        }
        let counts = self.store.count_members(&groups).await?;
        let are_few = counts.iter().map(|(_, members)| members).sum::<i64>() <= FEW;
        Ok(Condition::MemberOf { groups, are_few })
    }
}

/// Who is not there is in nothing; what the gateway cannot do stays what it is.
fn no_member(failure: Failure, name: &str) -> Failure {
    if failure.status == StatusCode::NOT_FOUND {
        no_membership(format!("<{name}> does not exist"))
    } else {
        failure
    }
}

fn not_in(user: &str, group: &str) -> Failure {
    no_membership(format!("User <{user}> is not in group <{group}>"))
}

pub(super) fn no_membership(message: String) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, Reason::MembershipNotFound, message)
}
