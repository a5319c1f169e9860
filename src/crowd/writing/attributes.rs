//! `/user/attribute` and `/group/attribute`: what else is said.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse as _};
use http::StatusCode;

use super::{
    applying::about,
    permission::Writing,
    texts::{invalid, merge_attributes},
};
use crate::{
    crowd::{Crowd, Failure, Reason, given::Given, query::Query, sent},
    directory::{Profile, User},
    http::Response,
    provisioning::plan_update,
};

/// `POST /user/attribute?username=`, also `PUT`: those that are not sent stay.
pub(super) async fn store_attributes(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    let user = crowd.find_changeable_user(&writing, query.required("username")?).await?.user;
    crowd.merge_attributes(&writing, &user, &sent::attributes(&node)).await
}

/// `DELETE /user/attribute?username=&attributename=`
pub(super) async fn remove_attribute(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    let user = crowd.find_changeable_user(&writing, query.required("username")?).await?.user;
    let name = query.required("attributename")?;
    let is_there = user.profile.attributes.contains_key(name);
    let removed: Vec<_> = is_there.then(|| (name.to_owned(), Vec::new())).into_iter().collect();
    crowd.merge_attributes(&writing, &user, &removed).await
}

/// `POST /group/attribute?groupname=`: the gateway's groups have none.
pub(super) async fn refuse_group_attributes(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
    Given(node): Given,
) -> Result<Response, Failure> {
    crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    require_no_attributes(&sent::attributes(&node))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /group/attribute?groupname=&attributename=`: it is not there in any case.
pub(super) async fn remove_group_attribute(
    State(crowd): State<Arc<Crowd>>,
    writing: Writing,
    query: Query,
) -> Result<Response, Failure> {
    crowd.find_changeable_groups(&writing, query.required("groupname")?).await?;
    query.required("attributename")?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Refuses attributes of a group that would be lost.
pub(super) fn require_no_attributes(sent: &[(String, Vec<String>)]) -> Result<(), Failure> {
    if sent.iter().all(|(_, values)| values.is_empty()) {
        return Ok(());
    }
    let message = "The gateway's groups have no attributes: nothing was stored";
    Err(invalid(Reason::UnsupportedOperation, message))
}

impl Crowd {
    async fn merge_attributes(
        &self,
        writing: &Writing,
        user: &User,
        sent: &[(String, Vec<String>)],
    ) -> Result<Response, Failure> {
        let mut attributes = user.profile.attributes.clone();
        merge_attributes(&mut attributes, sent)?;
        let after = Profile { attributes, ..user.profile.clone() };
        let steps = about(user, plan_update(user, after, None));
        self.change(writing, user.directory, steps, "/user/attribute").await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}
