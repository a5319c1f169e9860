//! An organisation of Okta, or a customer of Google Workspace, and the connector of it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use gatehouse::{
    clock::Clock,
    cloud::{self, ConnectorError, Source},
    config::ConnectorConfig,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{mirror::Mirror, reading::Reading, tenant::PATIENCE, truth};
use crate::support::clouds::{
    Clouds, Settings,
    cloud::{Cloud, Manners, Seen},
    ids::Sort,
    tenant::{Plan, Vendor},
};

pub struct Organisation {
    pub clouds: Arc<Clouds>,
    vendor: Vendor,
    addresses: Value,
    folder: TempDir,
}

impl Organisation {
    /// 120 people and 30 groups, on many small pages.
    pub async fn start(vendor: Vendor) -> Self {
        let plan = Plan { users: 120, groups: 30, ..Plan::default() };
        let organisation = Self::start_with(vendor, plan).await;
        organisation.behave(|manners| manners.page = 25);
        organisation
    }

    pub async fn start_with(vendor: Vendor, plan: Plan) -> Self {
        let settings = Settings { plan, ..Settings::default() };
        let (clouds, _control) = Clouds::start(settings).await.unwrap();
        let (addresses, folder) = (clouds.addresses(), tempfile::tempdir().unwrap());
        let organisation = Self { clouds, vendor, addresses, folder };
        // What is left of a limit is tested where it matters.
        organisation.behave(|manners| manners.limit = 1_000_000);
        organisation
    }

    pub fn cloud(&self) -> &Cloud {
        self.clouds.cloud(self.vendor)
    }

    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        let mut manners = self.cloud().manners();
        change(&mut manners);
        self.cloud().set_manners(manners);
    }

    pub fn apply(&self, change: Value) -> u32 {
        self.try_to_apply(change).unwrap()
    }

    /// Some changes are not possible, such as adding somebody who is not there.
    pub fn try_to_apply(&self, change: Value) -> Result<u32, String> {
        let now = self.cloud().now();
        let change = serde_json::from_value(change).unwrap();
        self.cloud().tenant_mut().apply(change, now)
    }

    /// So many requests to an address go wrong, after some that do not.
    pub fn fault(&self, at: &str, skip: u32, times: u32, what: &Value) {
        let fault = json!({ "at": at, "skip": skip, "times": times, "what": what });
        self.cloud().faults.add(serde_json::from_value(fault).unwrap());
    }

    /// What was asked since the last time.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.cloud().seen())
    }

    pub fn host(&self, name: &str) -> &str {
        self.addresses["hosts"][name].as_str().unwrap()
    }

    /// What the vendor has handed out.
    pub fn credential(&self, name: &str) -> Value {
        let vendor = if self.vendor == Vendor::Okta { "okta" } else { "google" };
        self.addresses["credentials"][vendor][name].clone()
    }

    /// Where a secret is that only its owner may read.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        format!("{{ file = \"{}\" }}", path.display())
    }

    /// Keys of the vendor's table.
    pub fn toml(&self) -> String {
        if self.vendor == Vendor::Okta {
            let key = self.file("key", &self.credential("jwk").to_string());
            return format!("client_id = {}\nkey = {key}\n", self.credential("client_id"));
        }
        let key = self.file("key", &self.credential("key").to_string());
        format!("key = {key}\nadmin = {}\n", self.credential("admin"))
    }

    /// Opens it as a table says, with keys before it.
    pub fn open_with(&self, before: &str, table: &str) -> Result<Arc<dyn Source>, ConnectorError> {
        let table = match self.vendor {
            Vendor::Okta => format!("[okta]\norg = \"{}\"\n{table}", self.host("okta")),
            _ => format!("[google]\napi = \"{}\"\n{table}", self.host("google")),
        };
        let all = if before.contains("quota_percent") { "" } else { "quota_percent = 100\n" };
        let toml = format!("name = \"corp\"\ntimeout_seconds = 5\n{all}{before}\n{table}");
        let config: ConnectorConfig = toml::from_str(&toml).unwrap();
        cloud::open(&config, &Clock::System, PATIENCE)
    }

    pub fn open(&self, table: &str) -> Result<Arc<dyn Source>, ConnectorError> {
        self.open_with("", table)
    }

    /// A source that has a token already, and knows what Okta wants to find in proofs: the next request is answered.
    pub async fn ready(&self) -> Arc<dyn Source> {
        let source = self.source();
        source.find_user(&self.id(Sort::User, 3)).await.unwrap();
        source
    }

    pub fn source(&self) -> Arc<dyn Source> {
        self.open(&self.toml()).unwrap()
    }

    /// The id of a user, a group or an application.
    pub fn id(&self, sort: Sort, no: u32) -> String {
        truth::id(&self.cloud().tenant(), sort, no)
    }

    /// What there is.
    pub fn truth(&self) -> Mirror {
        truth::of(&self.cloud().tenant())
    }

    /// Both have to be the same; told briefly if they are not.
    pub fn assert_read(&self, reading: &Reading) {
        assert_same(&reading.mirror, &self.truth());
    }
}

/// As [`Organisation::assert_read`], for a part of an organisation.
pub fn assert_same(mirror: &Mirror, truth: &Mirror) {
    let view = truth::comparable(&mirror.view());
    let truth = truth::comparable(&truth.view());
    for (id, user) in &truth.users {
        assert_eq!(view.users.get(id), Some(user), "user {id}");
    }
    for (id, group) in &truth.groups {
        assert_eq!(view.groups.get(id), Some(group), "group {id}");
    }
    let gone = |id: &&String| !truth.users.contains_key(*id) && !truth.groups.contains_key(*id);
    let left: Vec<_> = view.users.keys().chain(view.groups.keys()).filter(gone).collect();
    assert!(left.is_empty(), "still there: {left:?}");
}
