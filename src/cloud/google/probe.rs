//! Trying everything that a run needs, one after the other.

use super::{
    Google,
    account::{Account, SCOPES},
    answers::{self, ListAnswer},
    work::{List, Work},
};
use crate::cloud::{ConnectorError, Probe};

impl Google {
    pub(super) async fn try_everything(&self) -> Probe {
        let mut probe = Probe::default();
        try_to_sign_in(&self.line.dialect.account, &mut probe).await;
        if probe.is_good() {
            self.try_users(&mut probe).await;
            self.try_groups(&mut probe).await;
            self.try_members(&mut probe).await;
        }
        probe.note("compare clocks", self.line.connection.compare_clocks());
        probe
    }

    async fn try_users(&self, probe: &mut Probe) {
        let few = self.few(&self.question.users(20), &List::Users).await;
        let users = few.and_then(|few| answers::users(&few.users));
        let users = probe.note_value("read users", users, |it| format!("{} looked at", it.len()));
        probe.users = users.unwrap_or_default();
    }

    async fn try_groups(&self, probe: &mut Probe) {
        let few = self.few(&self.question.groups(20), &List::Groups).await;
        let groups = few.and_then(|few| answers::groups(&few.groups));
        let groups =
            probe.note_value("read groups", groups, |it| format!("{} looked at", it.len()));
        probe.groups = groups.unwrap_or_default();
    }

    async fn try_members(&self, probe: &mut Probe) {
        let Some(group) = probe.groups.first() else { return };
        let list = List::Members(group.id.clone());
        let few = self.few(&Work::new(list.clone()).address(&self.question), &list).await;
        probe.note("read members of groups", few.map(|few| format!("{} seen", few.members.len())));
    }

    async fn few(&self, address: &str, list: &List) -> Result<ListAnswer, ConnectorError> {
        self.ask_for_list(&self.request(address, list)?, list).await
    }
}

/// Asks for a token, and if there is none, for each scope by itself: Google does not say which one is missing.
async fn try_to_sign_in(account: &Account, probe: &mut Probe) {
    let tried = account.try_scopes(SCOPES).await;
    if !matches!(tried, Err(ConnectorError::Forbidden { .. })) {
        let admin = &account.delegation().admin;
        probe.note("get a token", tried.map(|()| format!("to act for {admin}")));
        return;
    }
    for scope in SCOPES.split(' ') {
        let tried = account.try_scopes(scope).await;
        probe.note(&format!("have {scope}"), tried.map(|()| "granted".to_owned()));
    }
}
