//! A gateway with a connector, and its cloud, which tells it what happens.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use gatehouse::store::{HeardHints, Store};
use serde_json::{Value, json};

use crate::support::{
    clouds::{Clouds, Settings, cloud::Cloud, ids::Sort, okta::hooks, tenant::Vendor},
    curl::{Curl, FOLLOW},
    gateway::{Plan, TestGateway, write_secret},
    idp::Idp,
    upstream::Seen,
};

/// Who signs in; the identity provider and the cloud know her by the same address.
pub const ALICE: u32 = 0;

/// What Okta's hook proves itself with.
pub const SECRET: &str = "a secret that an administrator has told Okta";

/// What it is told of.
const EVENTS: [&str; 8] = [
    "user.lifecycle.create",
    "user.lifecycle.suspend",
    "user.lifecycle.unsuspend",
    "user.lifecycle.deactivate",
    "user.lifecycle.activate",
    "user.account.update_profile",
    "group.user_membership.add",
    "group.user_membership.remove",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Entra,
    Okta,
    Google,
}

impl Which {
    pub const ALL: [Self; 3] = [Self::Entra, Self::Okta, Self::Google];

    fn vendor(self) -> Vendor {
        match self {
            Self::Entra => Vendor::Graph,
            Self::Okta => Vendor::Okta,
            Self::Google => Vendor::Google,
        }
    }

    /// How many subscriptions the gateway wants.
    pub fn wanted(self) -> usize {
        match self {
            Self::Entra => 2,
            Self::Okta => 0,
            Self::Google => 4,
        }
    }
}

pub struct House {
    pub gateway: TestGateway,
    pub clouds: Arc<Clouds>,
    pub which: Which,
    pub inactive_at_first: usize,
    idp: Idp,
}

/// One for each database, in which a run has come true and the cloud has agreed.
pub async fn houses(which: Which) -> Vec<House> {
    let mut houses = Vec::new();
    for plan in Plan::on_every_database().await {
        houses.push(House::on(which, plan).await);
    }
    houses
}

impl House {
    /// On SQLite.
    pub async fn build(which: Which) -> Self {
        Self::on(which, Plan::new()).await
    }

    /// The same, and the connector has not run yet.
    pub async fn without_runs(which: Which) -> Self {
        let house = Self::without_trust(which).await;
        house.trust();
        house
    }

    /// The same, and the cloud does not trust the gateway's certificate.
    pub async fn without_trust(which: Which) -> Self {
        Self::furnish(which, Plan::new()).await
    }

    /// On a database.
    pub async fn on(which: Which, plan: Plan) -> Self {
        let mut house = Self::furnish(which, plan).await;
        house.trust();
        house.move_in().await;
        house
    }

    pub fn trust(&self) {
        let certificate = std::fs::read_to_string(self.gateway.plan.ca()).unwrap();
        self.cloud().hooks.trust(certificate);
    }

    async fn furnish(which: Which, plan: Plan) -> Self {
        let (clouds, _) = Clouds::start(Settings::default()).await.unwrap();
        let cloud = clouds.cloud(which.vendor()).clone();
        let alice = json!({ "login": "alice@example.test", "mail": "alice@example.test" });
        cloud
            .happen(vec![mutation(json!({ "do": "change_user", "no": ALICE, "set": alice }))])
            .unwrap();
        let idp = Idp::start(&plan.login()).await;
        let connector = connector(which, &clouds, &plan);
        let plan = plan.with_app("jira", "directories = [\"cloud\"]");
        let plan = plan.with_idp(&idp).with_idp_line("directory = \"cloud\"").with(&connector);
        Self { gateway: plan.start().await, clouds, which, inactive_at_first: 0, idp }
    }

    async fn move_in(&mut self) {
        self.command(&["sync", "cloud"]).await;
        self.command(&["sync", "cloud", "--apply"]).await;
        self.inactive_at_first = self.inactive().await;
        if self.which == Which::Okta {
            self.make_hook().await;
        }
        self.wait_for_subscriptions().await;
    }

    pub async fn wait_for_subscriptions(&self) {
        let wanted = self.which.wanted();
        self.wait_until(async || {
            let agreed = wanted == 0 || self.status().await.contains("good until");
            agreed && self.listeners() >= wanted
        })
        .await;
        // Since nobody has told of what happened before, there is a run, which is not what the test is about.
        self.clock_forward(120);
        self.wait_until(async || self.status().await.contains("waiting: 0")).await;
        self.wait_until(async || !self.status().await.contains("cloud: runs")).await;
    }

    pub fn cloud(&self) -> &Arc<Cloud> {
        self.clouds.cloud(self.which.vendor())
    }

    pub fn listeners(&self) -> usize {
        let now = self.cloud().now();
        self.cloud().hooks.listeners().iter().filter(|it| it.until > now).count()
    }

    /// An administrator makes Okta's event hook.
    pub async fn make_hook(&self) {
        let uri = self.address();
        let events = EVENTS.map(str::to_owned).to_vec();
        let hook = hooks::NewHook { uri, secret: SECRET.to_owned(), events };
        hooks::create(self.cloud(), hook).await.unwrap();
    }

    /// Where the cloud says what happens.
    pub fn address(&self) -> String {
        format!("{}/_gatehouse/hints/cloud", self.gateway.login())
    }

    pub fn happen(&self, change: Value) -> u32 {
        self.happen_all(vec![change])[0]
    }

    pub fn happen_all(&self, changes: Vec<Value>) -> Vec<u32> {
        self.cloud().happen(changes.into_iter().map(mutation).collect()).unwrap()
    }

    /// Minutes go by, here and there.
    pub fn clock_forward(&self, seconds: i64) {
        self.gateway.clock.advance(TimeDelta::seconds(seconds));
        self.clouds.time.advance(seconds);
    }

    pub async fn sign_in(&self, user: &str) -> Curl {
        let browser = self.gateway.browser();
        let form = browser.get(&self.gateway.jira(), &["-L"]).await;
        let posted = self.idp.fill_in(&browser, &form, user).await;
        let answer = posted.post(&self.gateway.login(), &browser, &FOLLOW).await;
        assert_eq!(answer.status, 200, "{} {}", answer.heads, answer.body);
        browser
    }

    /// Whether a browser still has its session.
    pub async fn is_in(&self, browser: &Curl) -> bool {
        browser.get(&self.gateway.jira(), &[]).await.status == 200
    }

    /// The groups that the application is told.
    pub async fn groups(&self, browser: &Curl) -> String {
        let answer = browser.get(&self.gateway.jira(), &[]).await;
        let seen: Seen = answer.json();
        seen.headers.get("x-forwarded-groups").cloned().unwrap_or_default()
    }

    pub async fn command(&self, arguments: &[&str]) -> String {
        let output = self.gateway.command(arguments).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, problems) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}{problems}");
        said
    }

    pub async fn status(&self) -> String {
        self.command(&["sync", "status", "cloud"]).await
    }

    pub async fn history(&self) -> String {
        self.command(&["sync", "history", "cloud"]).await
    }

    /// How many runs there were; looks at one user are none.
    pub async fn runs(&self) -> usize {
        self.history().await.lines().filter(|line| !line.contains("  user ")).count()
    }

    /// How many people may not use their accounts.
    pub async fn inactive(&self) -> usize {
        let said = self.command(&["export", "--directory", "cloud", "--format", "json"]).await;
        said.lines().filter(|line| line.contains("\"active\":false")).count()
    }

    /// How often something became of a hint.
    pub async fn counted(&self, outcome: &str) -> u64 {
        counted(&self.gateway, outcome).await
    }

    pub fn suspend_alice(&self) {
        let suspended = json!({ "status": "SUSPENDED" });
        self.happen(json!({ "do": "change_user", "no": ALICE, "set": suspended }));
    }

    /// As if the gateway had been killed before it could write down what the cloud answered.
    pub async fn forget_subscriptions(&self) {
        let store = Store::open(&self.gateway.plan.store_options()).await.unwrap();
        let id = store.ensure_connector("cloud").await.unwrap();
        for subscription in store.list_subscriptions(id).await.unwrap() {
            store.delete_subscription(subscription.id).await.unwrap();
        }
        store.close().await;
    }

    /// As if another gateway asked the cloud for something at this moment.
    pub async fn ask_the_cloud(&self) {
        let socket = self.gateway.plan.path("control.sock").display().to_string();
        let url = "http://gatehouse/connectors/cloud/hints/trial";
        let asked = ["-X", "POST", "--unix-socket", &socket];
        let answer = self.gateway.browser().ask(url, &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// What the cloud calls her.
    pub fn id_of_alice(&self) -> String {
        self.cloud().tenant().ids.okta(Sort::User, ALICE)
    }

    /// As if a hint had been heard before the gateway ended.
    pub async fn note(&self, user: &str) {
        let store = Store::open(&self.gateway.plan.store_options()).await.unwrap();
        let id = store.ensure_connector("cloud").await.unwrap();
        let users = [user.to_owned()].into();
        let heard = HeardHints { users, ..HeardHints::default() };
        store.note_hints(id, heard, self.gateway.clock.now()).await.unwrap();
        store.close().await;
    }

    /// Something happens, and the cloud tells nobody.
    pub fn happen_in_silence(&self, change: Value) {
        let now = self.cloud().now();
        self.cloud().tenant_mut().apply(mutation(change), now).unwrap();
    }

    /// Takes hints out of the configuration.
    pub fn without_hints(&mut self) {
        self.gateway.plan.replace("[connector.hints]\n", "");
        let address = format!("address = \"{}\"\n", self.address());
        self.gateway.plan.replace(&address, "");
    }

    /// Waits for what is to happen within seconds.
    pub async fn wait_until(&self, happened: impl AsyncFn() -> bool) {
        for _ in 0..100 {
            if happened().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let told = self.cloud().hooks.told().clone();
        panic!("it has not happened: {}\n{told:?}", self.status().await);
    }
}

fn mutation(change: Value) -> crate::support::clouds::tenant::Mutation {
    serde_json::from_value(change).unwrap()
}

/// The tables of the connector.
fn connector(which: Which, clouds: &Clouds, plan: &Plan) -> String {
    let addresses = clouds.addresses();
    let (hosts, credentials) = (&addresses["hosts"], &addresses["credentials"]);
    let file = |name: &str, text: &str| {
        write_secret(&plan.path(name), text);
        format!("{{ file = {:?} }}", plan.path(name).display().to_string())
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (cloud, hints) = match which {
        Which::Entra => {
            let graph = &credentials["graph"];
            let secret = file("secret", &text(&graph["client_secret"]));
            let table = format!(
                "[connector.entra]\ntenant = {}\nclient_id = {}\nsecret = {secret}\nauthority = {}\ngraph = {}",
                graph["tenant"], graph["client_id"], hosts["login"], hosts["graph"]
            );
            (table, String::new())
        }
        Which::Okta => {
            let token = file("token", &text(&credentials["okta"]["api_token"]));
            let secret = format!("secret = {}", file("hook", SECRET));
            (format!("[connector.okta]\norg = {}\ntoken = {token}", hosts["okta"]), secret)
        }
        Which::Google => {
            let google = &credentials["google"];
            let key = file("google.json", &google["key"].to_string());
            let table = format!(
                "[connector.google]\nkey = {key}\nadmin = {}\napi = {}",
                google["admin"], hosts["google"]
            );
            // Said in full, as where several gateways share an address.
            (table, format!("address = \"{}/_gatehouse/hints/cloud\"", plan.login()))
        }
    };
    format!(
        "\n[[connector]]\nname = \"cloud\"\ndomains = [\"example.test\"]\nquota_percent = 100\n{cloud}\n[connector.groups]\n\
         same_name = \"suffix\"\n[connector.hints]\n{hints}\n"
    )
}

/// How often something became of a hint of a gateway.
pub async fn counted(gateway: &TestGateway, outcome: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", gateway.plan.internal())).await.unwrap();
    let label = format!("outcome=\"{outcome}\"");
    let text = text.text().await.unwrap();
    let is_it = |line: &&str| line.starts_with("gatehouse_hints_total{") && line.contains(&label);
    let line = text.lines().find(is_it);
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}
