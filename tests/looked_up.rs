//! People of whom an assertion does not say everything: their cloud is asked, as a real identity provider vouches for them.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::support::{
    clouds::{Clouds, Settings, tenant::Vendor},
    curl::{Answer, FOLLOW},
    gateway::{Plan, TestGateway},
    idp::Idp,
    upstream::Seen,
};

/// As the identity provider's `authsources.php` has them.
const ALICE: u32 = 0;
const FRANK: u32 = 3;

struct House {
    gateway: TestGateway,
    idp: Idp,
    clouds: Arc<Clouds>,
    groups: Vec<Value>,
}

/// A gateway that asks Entra ID by what the lookup says; in the cloud are the groups `jira-users` and `wiki-users`.
async fn house(lookup: &str) -> House {
    let (clouds, _) = Clouds::start(Settings::default()).await.unwrap();
    let plan = Plan::new();
    let addresses = clouds.addresses();
    let graph = &addresses["credentials"]["graph"];
    let secret = plan.path("secret");
    write_secret(&secret, graph["client_secret"].as_str().unwrap());
    let connector = format!(
        r#"
[saml.lookup]
connector = "entra"
{lookup}
[[connector]]
name = "entra"
[connector.entra]
tenant = {tenant}
client_id = {client}
secret = {{ file = "{secret}" }}
authority = {login}
graph = {host}
"#,
        tenant = graph["tenant"],
        client = graph["client_id"],
        login = addresses["hosts"]["login"],
        host = addresses["hosts"]["graph"],
        secret = secret.display(),
    );
    let idp = Idp::start(&plan.login()).await;
    let plan = plan.with_idp(&idp).with_subject("objectid").with(&connector);
    let mut house = House { gateway: plan.start().await, idp, clouds, groups: Vec::new() };
    for name in ["jira-users", "wiki-users"] {
        let no = house.change(json!({ "do": "add_group", "set": { "name": name } }));
        house.groups.push(no.into());
    }
    house
}

fn write_secret(path: &std::path::Path, secret: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, secret).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl House {
    fn change(&self, mutation: Value) -> u32 {
        let cloud = self.clouds.cloud(Vendor::Graph);
        let now = cloud.now();
        cloud.tenant_mut().apply(serde_json::from_value(mutation).unwrap(), now).unwrap()
    }

    /// Lets somebody join (or leave) a group of [`House::groups`].
    fn move_member(&self, what: &str, group: usize, user: u32) {
        let members = json!([{ "user": user }]);
        self.change(json!({ "do": what, "group": self.groups[group], "members": members }));
    }

    fn fail(&self, what: &Value, times: u32) {
        let fault = json!({ "at": "getMemberGroups", "times": times, "what": what });
        self.clouds.cloud(Vendor::Graph).faults.add(serde_json::from_value(fault).unwrap());
    }

    /// How often the cloud was asked for somebody's groups.
    fn asked(&self) -> usize {
        let cloud = self.clouds.cloud(Vendor::Graph);
        cloud.seen().iter().filter(|seen| seen.uri.contains("getMemberGroups")).count()
    }

    /// What comes of signing in with a browser of one's own.
    async fn sign_in(&self, user: &str) -> Answer {
        let browser = self.gateway.browser();
        let form = browser.get(&self.gateway.jira(), &["-L"]).await;
        let posted = self.idp.fill_in(&browser, &form, user).await;
        posted.post(&self.gateway.login(), &browser, &FOLLOW).await
    }

    /// The groups that the application is told, but for those that the cloud was made with.
    async fn groups_of(&self, user: &str) -> BTreeSet<String> {
        let answer = self.sign_in(user).await;
        assert_eq!(answer.status, 200, "{} {}", answer.heads, answer.body);
        let seen: Seen = answer.json();
        let groups = seen.headers.get("x-forwarded-groups").cloned().unwrap_or_default();
        groups.split(',').filter(|group| group.ends_with("-users")).map(str::to_owned).collect()
    }
}

fn named(groups: &[&str]) -> BTreeSet<String> {
    groups.iter().map(|group| (*group).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_too_many_to_be_said_are_asked_for_and_never_taken_for_none() {
    let house = house("remember_seconds = 0").await;
    house.move_member("add_members", 0, FRANK);
    house.move_member("add_members", 1, FRANK);
    assert_eq!(house.groups_of("frank").await, named(&["jira-users", "wiki-users"]));
    house.move_member("remove_members", 1, FRANK);
    assert_eq!(house.groups_of("frank").await, named(&["jira-users"]));

    // The cloud fails, and is too slow: what somebody has, stays.
    house.move_member("remove_members", 0, FRANK);
    for (what, times) in [
        (json!({ "kind": "status", "status": 500 }), 20),
        (json!({ "kind": "delay", "ms": 20_000 }), 1),
    ] {
        house.fail(&what, times);
        assert_eq!(house.groups_of("frank").await, named(&["jira-users"]));
        house.clouds.cloud(Vendor::Graph).faults.clear();
    }
    // Nobody is asked of whom the assertion says it all.
    let asked = house.asked();
    assert_eq!(house.groups_of("alice").await, named(&["jira-users", "wiki-users"]));
    assert_eq!(house.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_says_the_groups_where_the_identity_provider_need_not() {
    let house = house("groups = \"always\"").await;
    house.move_member("add_members", 0, ALICE);
    // Not what the assertion says of her.
    assert_eq!(house.groups_of("alice").await, named(&["jira-users"]));
    let asked = house.asked();
    house.groups_of("alice").await;
    assert_eq!(house.asked(), asked, "an answer is believed for a while");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_assertion_does_not_stand_in_for_a_cloud_that_fails() {
    let house = house("groups = \"always\"\nremember_seconds = 0").await;
    house.move_member("add_members", 0, ALICE);
    house.move_member("add_members", 1, ALICE);
    assert_eq!(house.groups_of("alice").await, named(&["jira-users", "wiki-users"]));
    house.move_member("remove_members", 1, ALICE);
    assert_eq!(house.groups_of("alice").await, named(&["jira-users"]));
    house.fail(&json!({ "kind": "status", "status": 500 }), 20);
    // The assertion still says both; she keeps what the cloud said last.
    assert_eq!(house.groups_of("alice").await, named(&["jira-users"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_in_the_cloud_does_not_come_in() {
    let house = house("account = true\nremember_seconds = 0\notherwise = \"refuse\"").await;
    house.groups_of("alice").await;
    house.change(json!({ "do": "change_user", "no": ALICE, "set": { "status": "SUSPENDED" } }));
    let refused = house.sign_in("alice").await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("Your account is not active"), "{}", refused.body);
    let again = json!({ "do": "change_user", "no": ALICE, "set": { "status": "ACTIVE" } });
    house.change(again);
    house.groups_of("alice").await;

    // Without the cloud's word nobody comes in, if that is wanted.
    house.fail(&json!({ "kind": "status", "status": 500 }), 20);
    let unavailable = house.sign_in("frank").await;
    assert_eq!(unavailable.status, 503, "{}", unavailable.body);
}
