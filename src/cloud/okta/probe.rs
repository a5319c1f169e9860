//! Trying everything that a run needs, one after the other.

use serde::de::DeserializeOwned;

use super::{
    Okta,
    answers::{self, GroupAnswer, GroupAssignmentAnswer, UserAnswer},
    api::Api,
    service_app::ServiceApp,
    work::{List, quote},
};
use crate::cloud::{ConnectorError, Probe};

impl Okta {
    pub(super) async fn try_everything(&self) -> Probe {
        let mut probe = Probe::default();
        if let Api::App(app) = &self.line.dialect {
            try_to_sign_in(app, &mut probe).await;
        }
        let signed_in = probe.is_good();
        if signed_in {
            self.try_users(&mut probe).await;
            self.try_groups(&mut probe).await;
            self.try_members(&mut probe).await;
        }
        probe.note("compare clocks", self.line.connection.compare_clocks());
        probe
    }

    async fn try_users(&self, probe: &mut Probe) {
        let users = match &self.application {
            None => {
                let list = List::Users { since: None };
                let few = self.few::<UserAnswer>("/api/v1/users?limit=20", &list).await;
                few.and_then(|few| answers::users(&few, &self.taken))
            }
            Some(application) => {
                let list = List::Assigned { application: application.clone(), since: None };
                let path =
                    format!("/api/v1/apps/{}/users?expand=user&limit=20", quote(application));
                let few = self.few(&path, &list).await;
                few.and_then(|few| answers::assigned(&few, &self.taken))
            }
        };
        let step = match self.application {
            None => "read users",
            Some(_) => "read users of the application",
        };
        let users = probe.note_value(step, users, |users| format!("{} looked at", users.len()));
        probe.users = users.unwrap_or_default();
    }

    async fn try_groups(&self, probe: &mut Probe) {
        let (step, few) = match &self.application {
            None => {
                let list = List::Groups { people: false };
                ("read groups", self.few::<GroupAnswer>("/api/v1/groups?limit=20", &list).await)
            }
            Some(application) => {
                let list = List::AssignedGroups { application: application.clone() };
                let path =
                    format!("/api/v1/apps/{}/groups?expand=group&limit=20", quote(application));
                let few = self.few::<GroupAssignmentAnswer>(&path, &list).await;
                let few =
                    few.map(|few| few.into_iter().map(GroupAssignmentAnswer::group).collect());
                ("read groups of the application", few)
            }
        };
        let groups = few.and_then(|few| answers::groups(&few));
        let groups = probe.note_value(step, groups, |groups| format!("{} looked at", groups.len()));
        let Some(groups) = groups else { return };
        probe.groups = groups;
        if self.application.is_none() {
            probe.note("see all groups", self.see_everyone().await);
        }
    }

    /// Whether the role that the gateway has shows it all groups, or only some. Okta does not say so.
    async fn see_everyone(&self) -> Result<String, ConnectorError> {
        let path = format!("/api/v1/groups?filter={}&limit=1", quote("type eq \"BUILT_IN\""));
        let few = self.few::<GroupAnswer>(&path, &List::Groups { people: false }).await?;
        let seen = if few.is_empty() {
            "Everyone is not among them: the connector's role shows it only some of the groups"
        } else {
            "Everyone is among them"
        };
        Ok(seen.to_owned())
    }

    async fn try_members(&self, probe: &mut Probe) {
        let Some(group) = probe.groups.first() else { return };
        let list = List::Members { group: group.id.clone(), people: false };
        let path = format!("/api/v1/groups/{}/users?limit=20", quote(&group.id));
        let few = self.few::<UserAnswer>(&path, &list).await;
        probe.note("read members of groups", few.map(|few| format!("{} seen", few.len())));
    }

    async fn few<T: DeserializeOwned>(
        &self,
        path: &str,
        list: &List,
    ) -> Result<Vec<T>, ConnectorError> {
        self.line.ask(&self.request(path, list)?).await
    }
}

/// Asks for a token, and if there is none, for each scope by itself: Okta does not say which one is missing.
async fn try_to_sign_in(app: &ServiceApp, probe: &mut Probe) {
    let tried = app.try_scopes(app.scopes()).await;
    if !matches!(tried, Err(ConnectorError::Forbidden { .. })) {
        probe.note("get a token", tried.map(|()| "Okta takes the key".to_owned()));
        return;
    }
    for scope in app.scopes().split(' ') {
        let tried = app.try_scopes(scope).await;
        probe.note(&format!("have {scope}"), tried.map(|()| "granted".to_owned()));
    }
}
