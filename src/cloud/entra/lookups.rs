//! Questions about one user, and about groups by their ids: for logins, so Graph is asked to answer them first.

use serde_json::json;

use super::{
    Entra,
    members::{Listing, checked},
    objects::{self, Object},
    select,
};
use crate::cloud::{ConnectorError, Group, User, http::Request};

/// So many ids go into one question (`learn.microsoft.com/graph/api/directoryobject-getbyids`).
const IDS: usize = 1_000;

impl Entra {
    pub(super) async fn look_up_user(&self, id: &str) -> Result<Option<User>, ConnectorError> {
        let Ok(id) = checked(id) else { return Ok(None) };
        let url = self.graph.at(&format!("users/{id}?$select={}", select::users()))?;
        let request = Request::get(url, "users").needing("User.Read.All");
        let object: Object = match self.graph.ask(&Self::of_somebody(request)).await {
            Err(ConnectorError::Gone(_)) => return Ok(None),
            other => other?,
        };
        if objects::is_blank(&object, true, &["userPrincipalName", "accountEnabled"]) {
            let permission = "User.Read.All";
            return Err(ConnectorError::Blank { what: "users", count: 1, permission });
        }
        Ok(objects::user(object, true))
    }

    /// Also those that a user is in by way of others (`graph/api/directoryobject-getmembergroups`).
    pub(super) async fn look_up_user_groups(
        &self,
        id: &str,
    ) -> Result<Vec<String>, ConnectorError> {
        let url = self.graph.at(&format!("users/{}/getMemberGroups", checked(id)?))?;
        let body = json!({ "securityEnabledOnly": false });
        let request = Request::post_json(url, &body, "groups of users")
            .needing("User.Read.All and GroupMember.Read.All");
        let request = Self::of_somebody(request);
        let list: Listing<String> = self.graph.ask(&request).await?;
        list.whole(request.what)
    }

    pub(super) async fn look_up_groups(
        &self,
        ids: &[String],
    ) -> Result<Vec<Group>, ConnectorError> {
        let url =
            self.graph.at(&format!("directoryObjects/getByIds?$select={}", select::groups()))?;
        let ids: Vec<&str> = ids.iter().filter_map(|id| checked(id).ok()).collect();
        let mut groups = Vec::new();
        for ids in ids.chunks(IDS) {
            let body = json!({ "ids": ids, "types": ["group"] });
            let request =
                Request::post_json(url.clone(), &body, "groups").needing("GroupMember.Read.All");
            let request = Self::of_somebody(request);
            let list: Listing<Object> = self.graph.ask(&request).await?;
            groups.extend(named(list.whole(request.what)?)?);
        }
        Ok(groups)
    }
}

/// The groups that are meant. Without their names they would be none that anybody knows, and a login would end who is in
/// them.
fn named(objects: Vec<Object>) -> Result<Vec<Group>, ConnectorError> {
    let is_blank = |object: &&Object| objects::is_blank(object, true, &["displayName"]);
    let count = objects.iter().filter(is_blank).count();
    if count > 0 {
        let permission = "GroupMember.Read.All";
        return Err(ConnectorError::Blank { what: "groups", count, permission });
    }
    Ok(objects.into_iter().filter_map(|object| objects::group(object, true)).collect())
}
