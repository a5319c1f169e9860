//! Tries everything that a run and a login need, and names each permission that is missing.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Entra,
    members::{Listing, checked},
    objects::{self, Object},
    select,
};
use crate::cloud::{ConnectorError, Probe, http::Request};

/// So many groups are looked at for members.
const GROUPS_WITH_MEMBERS: usize = 5;

const USERS: &str = "User.Read.All";
const GROUPS: &str = "GroupMember.Read.All";

impl Entra {
    pub(super) async fn try_everything(&self) -> Probe {
        let mut probe = Probe::default();
        let token = self.graph.dialect.tokens.token(true).await;
        let got_token = token.is_ok();
        probe.note("get a token", token.map(|_| "Entra ID takes the credential".to_owned()));
        probe.note("compare clocks", self.graph.connection.compare_clocks());
        if !got_token {
            return probe;
        }
        let organization = self.try_organization().await;
        let is_reachable = organization.as_ref().err().is_none_or(|error| !error.is_passing());
        probe.note("reach Graph", organization);
        if !is_reachable {
            return probe;
        }
        self.try_users(&mut probe).await;
        self.try_groups(&mut probe).await;
        if let Some(application) = &self.config.application {
            let found = self.find_application(application, Self::of_somebody).await;
            let name = found.map(|found| found.name.unwrap_or_default());
            probe.note("find the application", name);
            if let Some(user) = probe.users.first().map(|user| user.id.clone()) {
                let assigned = self.look_up_assignments(&user).await;
                let assigned = assigned.map(|found| {
                    if found.is_empty() { "the first user is not" } else { "the first user is" }
                        .to_owned()
                });
                probe.note("read who is assigned", assigned);
            }
        }
        probe
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &'static str,
        needs: &'static str,
    ) -> Result<T, ConnectorError> {
        let request = Request::get(self.graph.at(path)?, what).needing(needs);
        self.graph.ask(&Self::of_somebody(request)).await
    }

    /// Its name may not be read with the least permissions; that it says so shows that it is there.
    async fn try_organization(&self) -> Result<String, ConnectorError> {
        let path = "organization?$select=id,displayName";
        match self.read::<Listing<Value>>(path, "the organisation", "").await {
            Ok(list) => {
                let name = list.value.first().and_then(|one| one["displayName"].as_str());
                Ok(name.unwrap_or("without a name").to_owned())
            }
            Err(ConnectorError::Forbidden { .. }) => {
                Ok("Graph answers; the organisation's name may not be read, nor need it be"
                    .to_owned())
            }
            Err(error) => Err(error),
        }
    }

    async fn try_users(&self, probe: &mut Probe) {
        let path = format!("users?$select={}&$top=20", select::users());
        let users = self.read::<Listing<Object>>(&path, "users", USERS).await;
        let users = users.and_then(|list| {
            readable(&list.value, "users", &["userPrincipalName", "displayName"], USERS)?;
            readable(&list.value, "users", &["accountEnabled"], USERS)?;
            Ok(list.value)
        });
        let users =
            probe.note_value("read users", users, |users| format!("{} looked at", users.len()));
        let Some(users) = users else { return };
        probe.users = users.into_iter().filter_map(|object| objects::user(object, true)).collect();
        let path = "users/delta?$select=id&$deltatoken=latest";
        let delta = self.read::<Object>(path, "changes of users", USERS).await;
        probe.note("follow users", delta.map(|_| "changes can be read".to_owned()));
        if let Some(user) = probe.users.first().map(|user| user.id.clone()) {
            let groups = self.look_up_user_groups(&user).await;
            probe.note("read groups of a user", groups.map(|groups| format!("{}", groups.len())));
        }
    }

    async fn try_groups(&self, probe: &mut Probe) {
        let path = format!("groups?$select={}&$top=20", select::groups());
        let groups = self.read::<Listing<Object>>(&path, "groups", GROUPS).await;
        let groups = groups.and_then(|list| {
            readable(&list.value, "groups", &["displayName"], GROUPS)?;
            Ok(list.value)
        });
        let groups =
            probe.note_value("read groups", groups, |groups| format!("{} looked at", groups.len()));
        let Some(groups) = groups else { return };
        probe.groups =
            groups.into_iter().filter_map(|object| objects::group(object, true)).collect();
        let path = "groups/delta?$select=id,members&$deltatoken=latest";
        let delta = self.read::<Object>(path, "changes of groups", GROUPS).await;
        probe.note("follow groups", delta.map(|_| "changes can be read".to_owned()));
        let ids = probe.groups.iter().map(|group| group.id.as_str()).take(GROUPS_WITH_MEMBERS);
        let members = self.count_members(ids.collect()).await;
        probe.note("read members of groups", members.map(|count| format!("{count} seen")));
    }

    /// How many members some groups have, up to a page of each.
    async fn count_members(&self, groups: Vec<&str>) -> Result<usize, ConnectorError> {
        let mut count = 0;
        for group in groups {
            let path = format!("groups/{}/members?$select=id&$top=20", checked(group)?);
            let list: Listing<Object> = self.read(&path, "members of groups", GROUPS).await?;
            count += list.value.len();
        }
        Ok(count)
    }
}

/// Refuses a list of objects that all lack what none of them lacks.
fn readable(
    objects: &[Object],
    what: &'static str,
    has: &[&str],
    permission: &'static str,
) -> Result<(), ConnectorError> {
    let count = objects.iter().filter(|object| objects::is_blank(object, true, has)).count();
    if count > 0 && count == objects.len() {
        return Err(ConnectorError::Blank { what, count, permission });
    }
    Ok(())
}
