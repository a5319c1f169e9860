//! A tenant of Entra ID, and the connector of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gatehouse::{
    clock::Clock,
    cloud::{self, ConnectorError, GroupKind, Member, Patience, Source, Standing},
    config::ConnectorConfig,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mirror::{Mirror, MirroredGroup, MirroredUser, Values};
use crate::support::clouds::{
    Clouds, Settings,
    cloud::{Cloud, Manners, Seen},
    graph::{groups, members::identity, users},
    ids::Sort,
    tenant::{self, Kind, Plan, Vendor},
};

pub struct Tenant {
    pub clouds: Arc<Clouds>,
    addresses: Value,
    folder: TempDir,
}

/// Waits that a test can wait for.
pub const PATIENCE: Patience = Patience {
    first_wait: Duration::from_millis(2),
    longest_wait: Duration::from_millis(20),
    tries: 8,
    total: Duration::from_secs(20),
    urgent: Duration::from_secs(2),
};

impl Tenant {
    /// 120 people and 30 groups, on many small pages.
    pub async fn start() -> Self {
        Self::start_with(Settings {
            plan: Plan { users: 120, groups: 30, ..Plan::default() },
            ..Settings::default()
        })
        .await
    }

    pub async fn start_with(settings: Settings) -> Self {
        let (clouds, _control) = Clouds::start(settings).await.unwrap();
        let addresses = clouds.addresses();
        let tenant = Self { clouds, addresses, folder: tempfile::tempdir().unwrap() };
        tenant.behave(|manners| {
            (manners.delta_page, manners.members_per_item) = (25, 20);
            manners.ignores_page_wishes = true;
        });
        tenant
    }

    pub fn graph(&self) -> &Cloud {
        self.clouds.cloud(Vendor::Graph)
    }

    /// Changes how the cloud behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        let mut manners = self.graph().manners();
        change(&mut manners);
        self.graph().set_manners(manners);
    }

    pub fn apply(&self, change: Value) {
        self.try_to_apply(change).unwrap();
    }

    /// Some changes are not possible, such as restoring who was not deleted.
    pub fn try_to_apply(&self, change: Value) -> Result<u32, String> {
        let now = self.graph().now();
        let change = serde_json::from_value(change).unwrap();
        self.graph().tenant_mut().apply(change, now)
    }

    /// So many requests to an address go wrong, after some that do not.
    pub fn fault(&self, at: &str, skip: u32, times: u32, what: &Value) {
        let fault = json!({ "at": at, "skip": skip, "times": times, "what": what });
        self.graph().faults.add(serde_json::from_value(fault).unwrap());
    }

    /// What was asked since the last time.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.graph().seen())
    }

    pub fn host(&self, name: &str) -> &str {
        self.addresses["hosts"][name].as_str().unwrap()
    }

    pub fn credential(&self, name: &str) -> &str {
        self.addresses["credentials"]["graph"][name].as_str().unwrap()
    }

    /// A file that only its owner may read.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The `[[connector]]` table, with what it proves itself with.
    pub fn toml(&self, proof: &str) -> String {
        let (tenant, client) = (self.credential("tenant"), self.credential("client_id"));
        let (login, graph) = (self.host("login"), self.host("graph"));
        format!(
            "name = \"corp\"\ntimeout_seconds = 5\nquota_percent = 100\n[entra]\ntenant = \"{tenant}\"\n\
             client_id = \"{client}\"\nauthority = \"{login}\"\ngraph = \"{graph}\"\n{proof}\n"
        )
    }

    pub fn secret(&self) -> String {
        let path = self.file("secret", self.credential("client_secret"));
        format!("secret = {{ file = \"{}\" }}", path.display())
    }

    pub fn source(&self) -> Arc<dyn Source> {
        Self::open(&self.toml(&self.secret())).unwrap()
    }

    pub fn open(toml: &str) -> Result<Arc<dyn Source>, ConnectorError> {
        let config: ConnectorConfig = toml::from_str(toml).unwrap();
        cloud::open(&config, &Clock::System, PATIENCE)
    }

    /// The id of a user or a group.
    pub fn id(&self, sort: Sort, no: u32) -> String {
        self.graph().tenant().ids.guid(sort, no)
    }

    /// What there is.
    pub fn truth(&self) -> Mirror {
        let tenant = self.graph().tenant();
        let users = (0..tenant.users).filter_map(|no| tenant.user(no));
        let users = users.map(|user| (tenant.ids.guid(Sort::User, user.no), known(&tenant, &user)));
        let groups = tenant.list_groups();
        let groups =
            groups.map(|group| (tenant.ids.guid(Sort::Group, group.no), seen(&tenant, group)));
        Mirror::new(users.collect(), groups.collect())
    }
}

fn known(tenant: &tenant::Tenant, user: &tenant::User) -> MirroredUser {
    const SELECTED: [&str; 20] = [
        "id",
        "accountEnabled",
        "userPrincipalName",
        "mail",
        "otherMails",
        "displayName",
        "givenName",
        "surname",
        "userType",
        "externalUserState",
        "createdDateTime",
        "mailNickname",
        "employeeId",
        "department",
        "jobTitle",
        "companyName",
        "onPremisesSamAccountName",
        "onPremisesUserPrincipalName",
        "onPremisesDomainName",
        "onPremisesSecurityIdentifier",
    ];
    MirroredUser {
        standing: if user.is_active() { Standing::Enabled } else { Standing::Disabled },
        guest: Some(match user.kind {
            Kind::Guest { .. } => true,
            Kind::Member => false,
            Kind::Untyped => user.login.contains("#EXT#"),
        }),
        values: values(&users::render(tenant.ids, user), &SELECTED),
    }
}

fn seen(tenant: &tenant::Tenant, group: &tenant::Group) -> MirroredGroup {
    use tenant::GroupKind as Fake;
    const SELECTED: [&str; 12] = [
        "id",
        "displayName",
        "description",
        "mail",
        "mailNickname",
        "mailEnabled",
        "securityEnabled",
        "groupTypes",
        "visibility",
        "onPremisesSamAccountName",
        "onPremisesNetBiosName",
        "onPremisesSecurityIdentifier",
    ];
    let kind = match group.kind {
        Fake::Microsoft365 | Fake::DynamicMicrosoft365 => GroupKind::Microsoft365,
        Fake::Distribution => GroupKind::Distribution,
        _ => GroupKind::Security,
    };
    MirroredGroup {
        name: Some(group.name.clone()),
        kind: Some(kind),
        values: values(&groups::render(tenant.ids, group), &SELECTED),
        members: members(tenant, group),
    }
}

fn members(tenant: &tenant::Tenant, group: &tenant::Group) -> BTreeSet<Member> {
    let members = tenant.members(group).filter_map(|member| match identity(tenant.ids, member) {
        ("user", id) => Some(Member::User(id)),
        ("group", id) => Some(Member::Group(id)),
        _ => None,
    });
    members.collect()
}

/// What has a value.
fn values(object: &Value, names: &[&str]) -> Values {
    let texts = |value: &Value| match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    };
    let all: BTreeMap<_, _> =
        names.iter().map(|name| ((*name).to_owned(), texts(&object[*name]))).collect();
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}
