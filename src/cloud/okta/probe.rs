//! Trying everything that a run needs, one after the other.

use serde::de::DeserializeOwned;

use super::{
    Okta,
    answers::{self, GroupAnswer, GroupAssignmentAnswer, UserAnswer},
    api::Api,
    service_app::ServiceApp,
    work::{List, quote},
};
use crate::cloud::{
    ConnectorError, Finding, GroupKind, Probe,
    tried::{clock, finding},
};

impl Okta {
    pub(super) async fn try_everything(&self) -> Probe {
        let mut probe = Probe::default();
        if let Api::App(app) = &self.line.dialect {
            probe.findings = try_to_sign_in(app).await;
        }
        if probe.findings.iter().all(|finding| finding.problem.is_none()) {
            self.try_users(&mut probe).await;
            self.try_groups(&mut probe).await;
            self.try_members(&mut probe).await;
        }
        probe.findings.extend(clock(&self.line.connection));
        probe
    }

    async fn try_users(&self, probe: &mut Probe) {
        let tried = match &self.application {
            None => {
                let list = List::Users { since: None };
                let few = self.few::<UserAnswer>("/api/v1/users?limit=5", &list).await;
                few.and_then(|few| answers::users(&few, &self.taken))
            }
            Some(application) => {
                let list = List::Assigned { application: application.clone(), since: None };
                let path = format!("/api/v1/apps/{}/users?expand=user&limit=5", quote(application));
                let few = self.few(&path, &list).await;
                few.and_then(|few| answers::assigned(&few, &self.taken))
            }
        };
        let step =
            if self.application.is_some() { "read users of the application" } else { "read users" };
        let tried = tried.map(|users| {
            probe.users = users;
            format!("{} as a sample", probe.users.len())
        });
        probe.findings.push(finding(step, tried));
    }

    async fn try_groups(&self, probe: &mut Probe) {
        let list = List::Groups { people: false };
        let (step, tried) = match &self.application {
            None => ("read groups", self.few::<GroupAnswer>("/api/v1/groups?limit=5", &list).await),
            Some(application) => {
                let list = List::AssignedGroups { application: application.clone() };
                let path =
                    format!("/api/v1/apps/{}/groups?expand=group&limit=20", quote(application));
                let few = self.few::<GroupAssignmentAnswer>(&path, &list).await;
                let groups =
                    few.map(|few| few.into_iter().map(GroupAssignmentAnswer::group).collect());
                ("read groups of the application", groups)
            }
        };
        match tried.and_then(|few| answers::groups(&few)) {
            Err(error) => probe.findings.push(finding(step, Err(error))),
            Ok(groups) => {
                probe.groups = groups;
                let detail =
                    format!("{} as a sample{}", probe.groups.len(), self.who_is_seen().await);
                probe.findings.push(finding(step, Ok(detail)));
            }
        }
    }

    /// Whether the role that the gateway has shows it only some of the groups. Okta does not say so.
    async fn who_is_seen(&self) -> &'static str {
        let path = format!("/api/v1/groups?filter={}&limit=1", quote("type eq \"BUILT_IN\""));
        let found = self.few::<GroupAnswer>(&path, &List::Groups { people: false }).await;
        let found = found.and_then(|few| answers::groups(&few)).unwrap_or_default();
        if found.iter().any(|group| group.kind == Some(GroupKind::BuiltIn)) {
            ""
        } else {
            "; Everyone is not among the groups, so the connector's administrator role shows it only some of them"
        }
    }

    async fn try_members(&self, probe: &mut Probe) {
        let Some(group) = probe.groups.first() else { return };
        let list = List::Members { group: group.id.clone(), people: false };
        let path = format!("/api/v1/groups/{}/users?limit=5", quote(&group.id));
        let tried = self.few::<UserAnswer>(&path, &list).await;
        let tried = tried.map(|few| format!("{} as a sample", few.len()));
        probe.findings.push(finding("read members of groups", tried));
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
async fn try_to_sign_in(app: &ServiceApp) -> Vec<Finding> {
    match app.try_scopes(app.scopes()).await {
        Err(ConnectorError::Forbidden { .. }) => {}
        tried => return vec![finding("sign in", tried.map(|()| format!("with {}", app.scopes())))],
    }
    let mut findings = Vec::new();
    for scope in app.scopes().split(' ') {
        let tried = app.try_scopes(scope).await.map(|()| "granted".to_owned());
        findings.push(finding(format!("have the scope {scope}"), tried));
    }
    findings
}
