//! What Atlassian's applications do, by the strict double: a copy of the directory that is kept up, and single
//! sign-on step by step.

use std::{collections::BTreeSet, time::Duration};

use super::{Office, PASSWORD, crowd_app, crowd_url, url};
use crate::support::{
    crowd_app::{CrowdApp, Settings},
    crowd_client::{
        CachedDirectory, CrowdClient, CrowdError, Entries, NewUser, Restriction, Synchronised,
        factors,
    },
    curl::{Answer, Curl, FOLLOW},
    gateway::{Plan, TestGateway, write_secret},
    kdc::Kdc,
};

/// People of whom every name is difficult.
const PEOPLE: &str = "username,email,display_name,first_name,last_name,groups
alice,alice@example.test,Alice <A>,Alice,A & B,staff|tea drinkers
bob,bob@example.test,Bob O'Hara,Bob,O'Hara,staff
zoë,zoe@example.test,Zoë \u{1F375},Zoë,Ünal,tea drinkers
Carol/x,carol@example.test,Carol,Carol,C,
";

impl Office {
    async fn run(&self, arguments: &[&str]) {
        let output = self.gateway.command(arguments).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
    }

    async fn import(&self, people: &str) {
        let list = self.gateway.plan.path("people.csv");
        std::fs::write(&list, people).unwrap();
        self.run(&["import", "--source", "hr", list.to_str().unwrap()]).await;
    }

    /// With [`PEOPLE`].
    async fn with_people(plan: Plan, crowd: &str) -> Self {
        let office = Self::open(plan, crowd).await;
        office.import(PEOPLE).await;
        office.run(&["group", "nest", "staff", "tea drinkers"]).await;
        office
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_reads_is_what_is_there() {
    for plan in Plan::on_every_database().await {
        let office = Office::with_people(plan, "").await;
        let client = office.client();
        client.test_connection().await.unwrap();
        let alice = client.find_user("ALICE").await.unwrap();
        assert_eq!(
            (alice.name.as_str(), alice.display_name.as_deref()),
            ("alice", Some("Alice <A>"))
        );
        let key = alice.key.clone().unwrap();
        assert_eq!(client.find_user_by_key(&key).await.unwrap().name, "alice");
        assert_eq!(client.find_user("Carol/x").await.unwrap().last_name.as_deref(), Some("C"));
        let nobody = client.find_user("nobody").await.unwrap_err();
        assert_eq!(nobody.reason(), Some("USER_NOT_FOUND"));
        assert_eq!(client.find_group("Tea Drinkers").await.unwrap().name, "tea drinkers");
        assert_eq!(client.find_group("x").await.unwrap_err().reason(), Some("GROUP_NOT_FOUND"));

        let direct = client.group_names_of("zoë", "direct").await.unwrap();
        assert_eq!(direct, ["tea drinkers"]);
        let nested = client.groups_of("zoë", "nested").await.unwrap();
        let nested: BTreeSet<_> = nested.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(nested, BTreeSet::from(["staff", "tea drinkers"]));
        let members = client.users_of("staff", "nested").await.unwrap();
        assert_eq!(
            sorted(members.into_iter().map(|user| user.name).collect()),
            ["alice", "bob", "zoë"]
        );
        assert_eq!(client.child_group_names("staff", "direct").await.unwrap(), ["tea drinkers"]);
        assert_eq!(client.parent_group_names("tea drinkers", "nested").await.unwrap(), ["staff"]);
        assert!(client.is_member("zoë", "staff", "nested").await.unwrap());
        assert!(!client.is_member("zoë", "staff", "direct").await.unwrap());
        assert!(client.is_child_group("tea drinkers", "staff", "direct").await.unwrap());

        let first = Entries { start: 0, most: Some(3) };
        let names = client.search_user_names(Restriction::None, first).await.unwrap();
        let rest = Entries { start: 3, most: Some(3) };
        let more = client.search_user_names(Restriction::None, rest).await.unwrap();
        assert_eq!((names.len(), more.len()), (3, 1));
        let mail = Restriction::Property("email", "STARTS_WITH", "bob@");
        let found = client.search_users(mail, Entries::ALL).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(client.cookie_config().await.unwrap().name, "crowd.token_key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_the_application_is_told_so_and_nothing_else() {
    let office = Office::with_people(Plan::new(), "").await;
    let url = office.crowd_url();
    for (application, password) in [("crowd", "wrong"), ("jira", PASSWORD), ("", "")] {
        let refused = CrowdClient::new(&url, application, password).find_user("alice").await;
        let expected = "Application failed to authenticate".to_owned();
        assert_eq!(refused, Err(CrowdError::InvalidAuthentication(expected)), "{application}");
    }
    let client = CrowdClient::new(&url, "CROWD", PASSWORD);
    assert!(client.find_user("alice").await.is_ok(), "in whichever case");
    // Who may only read is refused in a way that the client understands.
    let refused = client.remove_user("alice").await;
    assert!(matches!(refused, Err(CrowdError::ApplicationPermission(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_same_by_events_as_all_at_once() {
    for plan in Plan::on_every_database().await {
        let office = Office::with_people(plan, "").await;
        let client = office.client();
        let mut copy = CachedDirectory::default();
        assert_eq!(copy.synchronise(&client).await.unwrap(), Synchronised::Full);
        assert_eq!(copy.users.len(), 4);
        assert_eq!(copy.groups_of("alice"), ["staff", "tea drinkers"]);
        assert_eq!(copy.parents_of("tea drinkers"), ["staff"]);
        assert_eq!(copy.synchronise(&client).await.unwrap(), Synchronised::By(0));

        office.import(&PEOPLE.replace("O'Hara,staff", "O'Hara,")).await;
        office.run(&["group", "create", "coffee drinkers"]).await;
        office.run(&["group", "join", "coffee drinkers", "bob"]).await;
        office.run(&["user", "deactivate", "zoë"]).await;
        office.run(&["user", "remove", "Carol/x"]).await;
        office.run(&["group", "unnest", "staff", "tea drinkers"]).await;
        let synchronised = copy.synchronise(&client).await.unwrap();
        assert!(matches!(synchronised, Synchronised::By(1..)), "{synchronised:?}");
        let mut anew = CachedDirectory::default();
        anew.synchronise_all(&client, Some(2)).await.unwrap();
        assert_eq!(content(&copy), content(&anew));
        assert!(!anew.users["zoë"].user.active && !anew.users.contains_key("carol/x"));
        assert_eq!(anew.groups_of("bob"), ["coffee drinkers"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_events_that_nobody_knows_leads_to_everything_once_more() {
    let office = Office::with_people(Plan::new(), "").await;
    let client = office.client();
    for token in ["made-up", "00000000-0000-0000-0000-000000000000:1", "x y/z"] {
        let refused = client.events_since(token).await.unwrap_err();
        assert_eq!(refused.reason(), Some("EVENT_TOKEN_EXPIRED"), "{token}: {refused}");
    }
}

/// What an application would show: users with their groups, and groups with their parents.
fn content(copy: &CachedDirectory) -> Vec<String> {
    let users = copy
        .users
        .values()
        .map(|cached| format!("{:?} {:?}", cached.user, copy.groups_of(&cached.user.name)));
    let groups = copy
        .groups
        .values()
        .map(|group| format!("{} {:?}", group.name, copy.parents_of(&group.name)));
    users.chain(groups).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writing_application_changes_is_changed() {
    for plan in Plan::on_every_database().await {
        let office = Office::open(plan, "writable = true").await;
        let client = office.client();
        let new = NewUser {
            name: "dave",
            first_name: "Dave",
            last_name: "<D>",
            display_name: "Dave & D",
            email: "dave@example.test",
            active: true,
            password: Some("Green-tea-42"),
        };
        client.add_user(&new).await.unwrap();
        let again = client.add_user(&new).await.unwrap_err();
        assert_eq!(again.reason(), Some("INVALID_USER"));
        client.add_group("tea", "who drinks it").await.unwrap();
        client.add_group("green tea", "").await.unwrap();
        client.update_group("tea", "drinkers").await.unwrap();
        assert_eq!(
            client.find_group("tea").await.unwrap().description.as_deref(),
            Some("drinkers")
        );
        client.add_member("dave", "green tea").await.unwrap();
        let twice = client.add_member("dave", "green tea").await.unwrap_err();
        assert_eq!(twice.reason(), Some("MEMBERSHIP_ALREADY_EXISTS"));
        client.add_child_group("green tea", "tea").await.unwrap();
        assert!(client.is_member("dave", "tea", "nested").await.unwrap());
        client.set_attribute("dave", "room", "B & 7").await.unwrap();
        assert_eq!(client.find_user("dave").await.unwrap().attributes["room"], ["B & 7"]);
        client.remove_attribute("dave", "room").await.unwrap();
        assert!(!client.find_user("dave").await.unwrap().attributes.contains_key("room"));

        assert_eq!(client.authenticate("dave", "Green-tea-42").await.unwrap().name, "dave");
        client.set_password("dave", "Black-tea-43").await.unwrap();
        let old = client.authenticate("dave", "Green-tea-42").await.unwrap_err();
        assert_eq!(old.reason(), Some("INVALID_USER_AUTHENTICATION"));
        let key = client.find_user("dave").await.unwrap().key;
        let renamed = client.rename_user("dave", "david").await.unwrap();
        assert_eq!((renamed.name.as_str(), renamed.key), ("david", key));
        assert_eq!(client.group_names_of("david", "direct").await.unwrap(), ["green tea"]);
        client.authenticate("david", "Black-tea-43").await.unwrap();
        client
            .update_user(&NewUser { name: "david", active: false, password: None, ..new })
            .await
            .unwrap();
        let inactive = client.authenticate("david", "Black-tea-43").await.unwrap_err();
        assert_eq!(inactive.reason(), Some("INACTIVE_ACCOUNT"));

        client.remove_member("david", "green tea").await.unwrap();
        let gone = client.remove_member("david", "green tea").await.unwrap_err();
        assert_eq!(gone.reason(), Some("MEMBERSHIP_NOT_FOUND"));
        client.remove_child_group("green tea", "tea").await.unwrap();
        client.remove_group("tea").await.unwrap();
        client.remove_user("david").await.unwrap();
        assert_eq!(client.find_user("david").await.unwrap_err().reason(), Some("USER_NOT_FOUND"));
    }
}

/// A gateway in front of an application of Atlassian's, attached by Crowd.
pub struct Site {
    pub gateway: TestGateway,
    pub app: CrowdApp,
    url: String,
    kdc: Kdc,
}

const JIRA: &str = "kind = \"jira\"\npreset = false\nrule = [{ path = \"/secure/*\", decision = \"login\" }, \
     { path = \"/*\", decision = \"optional\" }]";

impl Site {
    pub async fn open(plan: Plan, change: impl FnOnce(&mut Settings), crowd: &str) -> Self {
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let base = format!("{}/crowd", plan.internal());
        let mut settings = Settings::new(CrowdClient::new(&base, "crowd", PASSWORD));
        change(&mut settings);
        let app = CrowdApp::start(settings).await;
        let table = crowd_app(&plan, app.port, JIRA, crowd);
        let url = url(&plan);
        let gateway = plan.with_tickets(&kdc.keytab()).with(&table).start().await;
        Self { gateway, app, url, kdc }
    }

    pub async fn sign_in(&self, user: &str) -> Curl {
        let browser = self.gateway.browser();
        self.sign_in_with(browser, user).await
    }

    /// At the gateway, whatever the application makes of it.
    pub async fn sign_in_in_vain(&self, user: &str) -> Curl {
        let browser = self.gateway.browser().with_env(self.kdc.client_env(&self.kdc.login(user)));
        browser.get(&format!("{}/secure/x", self.url), &FOLLOW).await;
        browser
    }

    async fn sign_in_with(&self, browser: Curl, user: &str) -> Curl {
        let browser = browser.with_env(self.kdc.client_env(&self.kdc.login(user)));
        let answer = browser.get(&format!("{}/secure/x", self.url), &FOLLOW).await;
        assert_eq!(answer.status, 200, "{} {}", answer.heads, answer.body);
        browser
    }

    async fn ask(&self, browser: &Curl, path: &str) -> Answer {
        browser.ask(&format!("{}{path}", self.url), &[]).await
    }

    /// Whom the application sees.
    async fn user(&self, browser: &Curl) -> String {
        self.ask(browser, "/").await.header("x-ausername").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_application_knows_whoever_is_signed_in() {
    for plan in Plan::on_every_database().await {
        let site = Site::open(plan, |_| (), "").await;
        let stranger = site.gateway.browser();
        assert_eq!(site.user(&stranger).await, "anonymous");
        let alice = site.sign_in("alice").await;
        let answer = site.ask(&alice, "/").await;
        assert_eq!(answer.header("x-ausername").unwrap(), "alice");
        assert!(!answer.heads.contains("crowd.token_key"), "{}", answer.heads);
        assert!(site.app.knows("alice").await, "told of her at her first visit");
        assert_eq!(site.user(&stranger).await, "anonymous");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_seldom_it_asks_the_application_follows_the_gateway() {
    let hour = Duration::from_hours(1);
    let site = Site::open(Plan::new(), |settings| settings.validation_interval = hour, "").await;
    let alice = site.sign_in("alice").await;
    for _ in 0..5 {
        assert_eq!(site.user(&alice).await, "alice");
    }
    assert!(site.app.calls("validate") <= 2, "{}", site.app.calls("validate"));
    // Somebody else in the same browser.
    for host in ["crowd.localhost", "login.localhost"] {
        alice.forget_cookie(host, "__Host-gatehouse-session");
        alice.forget_cookie(host, "__Host-gatehouse-login");
    }
    let bob = site.sign_in_with(alice, "bob").await;
    assert_eq!(site.user(&bob).await, "bob");
    // Ended by an administrator.
    let done = site.gateway.command(&["session", "end", "--user", "bob"]).await;
    assert!(done.status.success());
    for _ in 0..40 {
        if site.user(&bob).await == "anonymous" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("bob is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_tells_of_nobody_knows_them_after_a_synchronisation() {
    let site = Site::open(Plan::new(), |settings| settings.notifies = false, "").await;
    let client = CrowdClient::new(&crowd_url(&site.gateway), "crowd", PASSWORD);
    client.register_webhook("http://127.0.0.1:9/crowd", "secret").await.unwrap();
    let alice = site.sign_in_in_vain("alice").await;
    assert_eq!(site.user(&alice).await, "anonymous");
    site.app.synchronise().await;
    assert_eq!(site.user(&alice).await, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_of_the_application_is_signing_out() {
    let site = Site::open(Plan::new(), |_| (), "").await;
    let alice = site.sign_in("alice").await;
    let referer = format!("Referer: {}/", site.url);
    let same =
        ["-H", &referer, "-H", "Sec-Fetch-Site: same-origin", "-H", "Sec-Fetch-Mode: navigate"];
    let out = alice.get(&format!("{}/logout", site.url), &same).await;
    assert!(matches!(out.status, 302 | 303), "{}", out.heads);
    assert_eq!(site.app.calls("end"), 1);
    assert_eq!(site.ask(&alice, "/secure/x").await.status, 401);
    assert_eq!(site.ask(&alice, "/").await.header("x-ausername").unwrap(), "anonymous");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_by_another_name_and_passwords_for_scripts() {
    let rename = |settings: &mut Settings| settings.token_key = Some("gatehouse.jira".to_owned());
    let crowd = "cookie = \"gatehouse.jira\"\nwritable = true";
    let site = Site::open(Plan::new(), rename, crowd).await;
    let alice = site.sign_in("alice").await;
    assert_eq!(site.user(&alice).await, "alice");
    let password = site.gateway.plan.path("password");
    write_secret(&password, "Green-tea-42");
    let client = CrowdClient::new(&crowd_url(&site.gateway), "crowd", PASSWORD);
    client.set_password("alice", "Green-tea-42").await.unwrap();
    let token =
        client.begin_session("alice", Some("Green-tea-42"), &factors("127.0.0.1", None)).await;
    let token = token.unwrap().token;
    assert_eq!(client.find_session(&token).await.unwrap().username, "alice");
    assert_eq!(
        client.validate(&token, &factors("127.0.0.1", None)).await.unwrap().username,
        "alice"
    );
    client.end_session(&token).await.unwrap();
    client.end_session(&token).await.unwrap();
    let ended = client.find_session(&token).await.unwrap_err();
    assert_eq!(ended.reason(), Some("INVALID_SSO_TOKEN"));
    // Everywhere but here.
    let mut tokens = Vec::new();
    for place in ["192.0.2.7", "192.0.2.8"] {
        let begun =
            client.begin_session("alice", Some("Green-tea-42"), &factors(place, None)).await;
        tokens.push(begun.unwrap().token);
    }
    client.end_sessions_of("alice", Some(&tokens[1])).await.unwrap();
    assert!(client.find_session(&tokens[0]).await.is_err());
    assert!(client.find_session(&tokens[1]).await.is_ok());
    // Nobody vouches for people alone unless that is allowed.
    let alone = client.begin_session("alice", None, &factors("127.0.0.1", None)).await;
    assert!(alone.is_err(), "{alone:?}");
    // A script with a password.
    let basic = site.gateway.browser();
    let answer = basic.ask(&format!("{}/", site.url), &["-u", "alice:Green-tea-42"]).await;
    assert_eq!(answer.header("x-ausername").unwrap(), "alice");
    let wrong = basic.ask(&format!("{}/", site.url), &["-u", "alice:wrong"]).await;
    assert_eq!(wrong.header("x-ausername").unwrap(), "anonymous");
    assert_eq!(wrong.header("x-seraph-loginreason").unwrap(), "AUTHENTICATED_FAILED");
}
