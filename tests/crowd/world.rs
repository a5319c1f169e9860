//! People in two directories, applications that see one of them or both, and a client.

use std::{io::Cursor, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gatehouse::{
    clock::Clock,
    directory::{Change, DirectoryId, Source},
    provisioning::{Unlisted, plan_nesting},
    store::{Edit, Step, Store},
    sync::{Events, Format, ImportRequest, import},
};
use http::{HeaderMap, StatusCode};
use roxmltree::Document;
use serde_json::Value;

use crate::support::gateway::{Plan, TestGateway};

/// What everybody here has as a password.
pub const PASSWORD: &str = "pa:ss wörd";

const INTERNAL: &str =
    "username,email,display_name,first_name,last_name,active,groups,attributes.room
ada,ada@example.com,Ada Lovelace,Ada,Lovelace,true,Staff|jira users,7
Bob,bob@example.com,Bob & <Sons>,Bob,O'Neill,true,Staff,
carol,carol@example.org,Élodie Carol,Élodie,Carol,false,contractors,
dave_x,dave%x@example.com,,,,true,,9
";

const PARTNERS: &str =
    "username,email,display_name,first_name,last_name,active,groups,attributes.room
BOB,other@partner.example,The other Bob,Bob,Other,true,Staff|partners,
zoë,zoe@partner.example,Zoë,Zoë,Partner,true,STAFF|partners,
";

/// A gateway with people.
pub struct World {
    pub gateway: TestGateway,
}

/// An answer of the Crowd server.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// A table for a gateway that nobody logs in to.
const IDP: &str = "
[[saml]]
name = \"corp\"
title = \"Corp\"
entity_id = \"https://idp.invalid/\"
metadata = { url = \"http://127.0.0.1:1/metadata\" }
domains = [\"example.com\"]
[saml.claims]
subject = [\"uid\"]
username = [\"uid\"]
";

/// The applications: `jira` sees one directory, `both` two, `far` may ask from elsewhere only.
fn applications() -> String {
    let hash = gatehouse::secrets::sha256(PASSWORD.as_bytes());
    let credential = gatehouse::config::CredentialHash(hash).text();
    let table = |more: &str| format!("{{ credentials = [\"{credential}\"], {more} }}");
    format!(
        "crowd = [{}, {}, {}]",
        table("cookie = \"crowd.token_key\""),
        table("application = \"Both\", directories = [\"Internal\", \"Partners\"]"),
        table("application = \"far\", networks = [\"192.0.2.0/24\"]"),
    )
}

/// A gateway with the applications, before it is started.
pub fn plan(plan: Plan) -> Plan {
    plan.with_app("jira", &applications()).with(IDP)
}

impl World {
    /// One on each database.
    pub async fn everywhere() -> Vec<Self> {
        let mut worlds = Vec::new();
        for plan in Plan::on_every_database().await {
            worlds.push(Self::start(self::plan(plan)).await);
        }
        worlds
    }

    pub async fn start(plan: Plan) -> Self {
        let store = Store::open(&plan.store_options()).await.unwrap();
        for (name, list) in [("Internal", INTERNAL), ("Partners", PARTNERS)] {
            let directory = store.ensure_directory(name, Clock::System.now()).await.unwrap();
            fill(&store, directory, list.to_owned()).await;
        }
        let internal = store.ensure_directory("Internal", Clock::System.now()).await.unwrap();
        let group = |group: &str| Change::CreateGroup { group: group.to_owned() };
        let nested = [plan_nesting("everybody", "staff"), plan_nesting("company", "everybody")];
        let groups = [group("everybody"), group("company"), group("empty")];
        let steps = groups.into_iter().chain(nested);
        let steps = steps.map(|change| Step { person: None, user: None, change }).collect();
        let (actor, reason) = ("admin".to_owned(), "test".to_owned());
        let edit = Edit { directory: internal, steps, actor, reason };
        store.apply_edit(edit, false, Clock::System.now()).await.unwrap();
        store.close().await;
        drop(store);
        Self { gateway: plan.start().await }
    }

    /// Asks as `jira`, in XML.
    pub async fn get(&self, resource: &str) -> Answer {
        self.ask("jira", "GET", resource, &[], "").await
    }

    /// Asks as an application, in JSON.
    pub async fn json(&self, application: &str, resource: &str) -> Value {
        let headers = [("accept", "application/json")];
        self.ask(application, "GET", resource, &headers, "").await.json()
    }

    /// Asks as an application.
    pub async fn ask(
        &self,
        application: &str,
        method: &str,
        resource: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let credentials = STANDARD.encode(format!("{application}:{PASSWORD}"));
        let authorization = format!("Basic {credentials}");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        let url = format!("{}/rest/usermanagement/1{resource}", self.gateway.plan.internal());
        send(method, &url, &all, body).await
    }
}

/// Sends a request, and reads its answer as every answer has to be.
pub async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let mut request = client.request(method.parse().unwrap(), url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let answer = Answer { status: status.as_u16(), headers, body: response.text().await.unwrap() };
    assert!(answer.header("x-embedded-crowd-version").starts_with("Gatehouse/"), "{url}");
    assert_eq!(answer.header("cache-control"), "no-store", "{url}");
    assert!(!answer.header("content-type").is_empty(), "{url}");
    if status.is_client_error() || status.is_server_error() {
        let told = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        assert!(told || !answer.reason().is_empty(), "{url}: {answer:?}");
    }
    answer
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn xml(&self) -> Document<'_> {
        assert_eq!(self.header("content-type"), "application/xml;charset=UTF-8", "{self:?}");
        Document::parse(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason of an error, in whichever format.
    pub fn reason(&self) -> String {
        if self.header("content-type") == "application/json" {
            return self.json()["reason"].as_str().unwrap_or_default().to_owned();
        }
        let document = self.xml();
        let error = document.root_element();
        assert!(error.has_tag_name("error"), "{self:?}");
        let names: Vec<_> = error.children().map(|child| child.tag_name().name()).collect();
        assert_eq!(names, ["reason", "message"]);
        error.first_element_child().and_then(|reason| reason.text()).unwrap_or_default().to_owned()
    }

    /// Status and reason.
    pub fn failure(&self) -> (u16, String) {
        (self.status, self.reason())
    }

    /// The names in a list of users or groups, in XML.
    pub fn names(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let document = self.xml();
        let entries = document.root_element().children().filter(roxmltree::Node::is_element);
        entries.map(|entry| entry.attribute("name").unwrap().to_owned()).collect()
    }
}

/// The names in a list of users or groups, in JSON.
pub fn names(list: &Value, kind: &str) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    list[kind].as_array().unwrap().iter().map(name).collect()
}

/// Fills a directory with a list.
pub async fn fill(store: &Store, directory: DirectoryId, list: String) {
    let request = ImportRequest {
        directory,
        source: Source::Import("test".to_owned()).to_string(),
        actor: "test".to_owned(),
        reason: "test".to_owned(),
        format: Format::Csv,
        unlisted: Unlisted::Keep,
        leave_out: false,
        dry_run: false,
        unguarded: true,
    };
    let list = Cursor::new(list.into_bytes());
    import(store, &Clock::System, &request, list, &Events::default()).await.unwrap();
}
