//! The fake clouds in a process of their own, so that what they use is not counted.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

/// Where `make bench-sync` has built them.
const PROGRAM: &str = "target/release/examples/fake_clouds";

/// So many people are in each group on average.
const MEMBERS: u64 = 2_000;

/// How many groups everybody is in on average.
pub const GROUPS_EACH: u64 = 10;

/// An organisation in Entra ID. It ends with this.
pub struct Clouds {
    process: Child,
    control: String,
    http: reqwest::Client,
    /// Hosts and credentials.
    pub addresses: Value,
}

impl Clouds {
    /// One with so many people.
    pub async fn start(users: u64) -> Self {
        let groups = (users * GROUPS_EACH / MEMBERS).max(1);
        let plan = json!({ "users": users, "groups": groups, "members_per_group": MEMBERS });
        let mut process = Command::new(PROGRAM)
            .arg(json!({ "plan": plan }).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PROGRAM}: {error}; run `make bench-sync`"));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let control = said["control"].as_str().unwrap().to_owned();
        let http = reqwest::Client::builder().timeout(Duration::from_mins(5)).build().unwrap();
        let addresses = http.get(&control).send().await.unwrap().bytes().await.unwrap();
        let addresses = serde_json::from_slice(&addresses).unwrap();
        let clouds = Self { process, control, http, addresses };
        // Pages as large as Graph's, and nobody has to wait.
        let manners = json!({
            "limit": 4_000_000_000_u32,
            "delta_page": 999,
            "members_per_item": 20_000,
            "members_per_page": 20_000,
            "remembers_pages": false,
        });
        clouds.tell("PUT", "graph/manners", &manners).await;
        clouds
    }

    /// Changes the organisation: half of the changes are of people, half of who is in which group.
    pub async fn change(&self, users: u64, changes: u64) {
        let groups = (users * GROUPS_EACH / MEMBERS).max(1);
        let step = (users / changes).max(1);
        let mutations = (0..changes).map(|change| {
            let user = change * step % users;
            if change % 2 == 0 {
                json!({ "do": "change_user", "no": user, "set": { "title": format!("Title {change}"), "display": format!("Renamed {change}") } })
            } else {
                json!({ "do": "add_members", "group": change % groups, "members": [{ "user": user }] })
            }
        });
        self.tell("POST", "graph/apply", &Value::Array(mutations.collect())).await;
    }

    async fn tell(&self, method: &str, path: &str, said: &Value) {
        let url = format!("{}/{path}", self.control);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, url).header("content-type", "application/json");
        let answer = request.body(said.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

impl Drop for Clouds {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
