//! Trying everything that a run needs, one after the other.

use super::{
    Google,
    account::{Account, SCOPES},
    answers::{self, ListAnswer},
    work::{List, quote},
};
use crate::cloud::{
    ConnectorError, Finding, Probe,
    tried::{clock, finding},
};

impl Google {
    pub(super) async fn try_everything(&self) -> Probe {
        let findings = try_to_sign_in(&self.line.dialect.account).await;
        let mut probe = Probe { findings, ..Probe::default() };
        if probe.findings.iter().all(|finding| finding.problem.is_none()) {
            self.try_users(&mut probe).await;
            self.try_groups(&mut probe).await;
            self.try_members(&mut probe).await;
        }
        probe.findings.extend(clock(&self.line.connection));
        probe
    }

    async fn try_users(&self, probe: &mut Probe) {
        let address = self.question.users(5);
        let tried =
            self.few(&address, &List::Users).await.and_then(|few| answers::users(&few.users));
        let tried = tried.map(|users| {
            probe.users = users;
            format!("{} as a sample", probe.users.len())
        });
        probe.findings.push(finding("read users", tried));
    }

    async fn try_groups(&self, probe: &mut Probe) {
        let address = self.question.groups(5);
        let tried =
            self.few(&address, &List::Groups).await.and_then(|few| answers::groups(&few.groups));
        let tried = tried.map(|groups| {
            probe.groups = groups;
            format!("{} as a sample", probe.groups.len())
        });
        probe.findings.push(finding("read groups", tried));
    }

    async fn try_members(&self, probe: &mut Probe) {
        let Some(group) = probe.groups.first() else { return };
        let address =
            format!("/admin/directory/v1/groups/{}/members?maxResults=5", quote(&group.id));
        let tried = self.few(&address, &List::Members(group.id.clone())).await;
        let tried = tried.map(|few| format!("{} as a sample", few.members.len()));
        probe.findings.push(finding("read members of groups", tried));
    }

    async fn few(&self, address: &str, list: &List) -> Result<ListAnswer, ConnectorError> {
        self.line.ask(&self.request(address, list)?).await
    }
}

/// Asks for a token, and if there is none, for each scope by itself: Google does not say which one is missing.
async fn try_to_sign_in(account: &Account) -> Vec<Finding> {
    let granted = |admin: &str| format!("for {admin}");
    match account.try_scopes(SCOPES).await {
        Err(ConnectorError::Forbidden { .. }) => {}
        tried => {
            return vec![finding("sign in", tried.map(|()| granted(&account.delegation().admin)))];
        }
    }
    let mut findings = Vec::new();
    for scope in SCOPES.split(' ') {
        let tried = account.try_scopes(scope).await.map(|()| "granted".to_owned());
        findings.push(finding(format!("have the scope {scope}"), tried));
    }
    findings
}
