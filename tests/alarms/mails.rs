//! Alarms by mail.

use std::path::Path;

use gatehouse::cloud::ConnectorError;
use serde_json::json;

use super::{Guard, Peer, adjustable, broken};
use crate::{
    connectors::heard::{Log, assert_hidden},
    support::gateway::write_secret,
    syncs::{World, organisation::Way},
};

const PASSWORD: &str = "correct horse battery";

/// What a server for mail needs, and the gateway to know it.
struct Post {
    folder: tempfile::TempDir,
}

impl Post {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("tls.pem"), made.cert.pem()).unwrap();
        write_secret(&folder.path().join("tls.key"), &made.signing_key.serialize_pem());
        write_secret(&folder.path().join("password"), PASSWORD);
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn serve(&self, more: &[&str]) -> Peer {
        let (certificate, key) = (self.path("tls.pem"), self.path("tls.key"));
        Peer::start("mail.py", &[&["--tls", &certificate, &key], more].concat()).await
    }

    /// The configuration of a receiver by a server.
    fn receiver(&self, server: &str, more: &str) -> String {
        format!(
            "[[alarm]]\nname = \"ops\"\n[alarm.mail]\nto = [\"ops@example.com\", \"night@example.com\"]\n\
             from = \"gatehouse@example.com\"\nserver = \"{server}\"\nca = \"{}\"\n{more}\n",
            self.path("tls.pem")
        )
    }

    fn signed_in(&self) -> String {
        let password = self.path("password");
        format!("tls = \"required\"\nuser = \"gatehouse\"\npassword = {{ file = \"{password}\" }}")
    }
}

async fn told(world: &World, text: &str) -> (String, Option<String>) {
    let guard = Guard::of(world, text);
    guard.look_and_deliver().await;
    let delivery = guard.deliveries().await.remove(0);
    (delivery.state, delivery.problem)
}

async fn failed() -> World {
    let world = adjustable(Way::Changes).await.remove(0);
    world.begin().await;
    world.organisation.fail("groups", broken("x"));
    world.run_error().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_what_it_is_and_what_to_do_over_starttls_to_who_has_signed_in() {
    let (world, post) = (failed().await, Post::new());
    let peer = post.serve(&["--user", "gatehouse", PASSWORD]).await;
    let server = format!("smtp://localhost:{}", peer.port);
    let text = post.receiver(&server, &post.signed_in());
    assert_eq!(told(&world, &text).await, ("delivered".to_owned(), None));
    let mail = peer.heard(1).await.remove(0);
    assert_eq!(mail["encrypted"], true);
    assert_eq!(mail["authenticated"], true);
    assert_eq!(mail["greeting"], "login.example.com");
    assert_eq!(mail["to"], json!(["ops@example.com", "night@example.com"]));
    assert_eq!(mail["from"], "gatehouse@example.com");
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(mail["type"], "text/plain");
    let head = &mail["head"];
    assert_eq!(head["Subject"], "[Gatehouse] cloud: the last run failed");
    assert_eq!(head["X-Gatehouse-Alarm"], "connector:cloud:failed");
    assert_eq!(head["Auto-Submitted"], "auto-generated");
    let id = head["Message-ID"].as_str().unwrap();
    assert!(id.starts_with('<') && id.ends_with("@login.example.com>"), "{id}");
    let said = mail["text"].as_str().unwrap();
    assert!(said.contains("the answer to users cannot be read: x"), "{said}");
    assert!(
        said.contains("What to do: ") && said.contains("gatehouse connector test cloud"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_first_byte_is_another_way() {
    let (world, post) = (failed().await, Post::new());
    let peer = post.serve(&["--implicit"]).await;
    let text = post.receiver(&format!("smtps://localhost:{}", peer.port), "");
    assert_eq!(told(&world, &text).await, ("delivered".to_owned(), None));
    assert_eq!(peer.heard(1).await[0]["encrypted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_in_clear_where_it_is_not_spelled_out() {
    let (world, post) = (failed().await, Post::new());
    let peer = Peer::start("mail.py", &[]).await;
    let server = format!("smtp://localhost:{}", peer.port);
    let (state, problem) = told(&world, &post.receiver(&server, "tls = \"required\"")).await;
    assert_eq!(state, "waiting", "{problem:?}");
    assert!(peer.heard(0).await.is_empty());
    let world = failed().await;
    let (state, _) = told(&world, &post.receiver(&server, "tls = \"none\"")).await;
    assert_eq!(state, "delivered");
    assert_eq!(peer.heard(1).await[0]["encrypted"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_another_one_is_told_nothing() {
    let (world, post) = (failed().await, Post::new());
    let peer = post.serve(&[]).await;
    let other = Post::new();
    let text = other.receiver(&format!("smtp://localhost:{}", peer.port), "tls = \"required\"");
    let (state, problem) = told(&world, &text).await;
    assert_eq!(state, "waiting");
    assert!(problem.unwrap().contains("certificate"));
    assert!(peer.heard(0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_is_not_shown_not_even_where_the_server_says_it() {
    let (world, post) = (failed().await, Post::new());
    let refusal = "550 go away with your {password}";
    let peer = post.serve(&["--user", "gatehouse", PASSWORD, "--refuse", refusal]).await;
    let server = format!("smtp://localhost:{}", peer.port);
    let (log, _hearing) = Log::hear();
    let (state, problem) = told(&world, &post.receiver(&server, &post.signed_in())).await;
    let problem = problem.unwrap();
    assert_eq!(state, "waiting");
    assert!(problem.contains("go away with your (a secret)"), "{problem}");
    write_secret(Path::new(&post.path("password")), "something else");
    let world = failed().await;
    let (state, wrong) = told(&world, &post.receiver(&server, &post.signed_in())).await;
    let wrong = wrong.unwrap();
    assert_eq!(state, "waiting");
    assert!(wrong.contains("does not take the mail"), "{wrong}");
    assert_hidden(&(log.text() + problem.as_str() + wrong.as_str()), &[PASSWORD, "something else"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_name_is_a_trap_adds_nothing_to_a_mail() {
    let world = adjustable(Way::Lists).await.remove(0);
    let post = Post::new();
    let peer = post.serve(&[]).await;
    let hostile = "g\r\nBcc:evil@example.com\r\n\r\n.\r\nMAIL\u{202e}";
    world.organisation.found(hostile, "trap");
    world.organisation.join_users(hostile, &["ada"]);
    world.begin().await;
    world.organisation.join_users(hostile, &["bob"]);
    let (host, reason) = ("cloud".to_owned(), hostile.to_owned());
    let failed = ConnectorError::Failed { host, status: 500, reason };
    world.organisation.fail(&format!("members {hostile}"), failed);
    assert_eq!(world.run().await.warnings.len(), 1);
    let server = format!("smtp://localhost:{}", peer.port);
    let guard = Guard::of(&world, &post.receiver(&server, "tls = \"required\""));
    guard.look_and_deliver().await;
    assert_eq!(guard.open().await, ["connector:cloud:warnings"]);
    let heard = peer.heard(1).await;
    assert_eq!(heard.len(), 1);
    let mail = &heard[0];
    assert_eq!(mail["to"], json!(["ops@example.com", "night@example.com"]));
    let names: Vec<_> =
        mail["names"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(!names.contains(&"Bcc"), "{names:?}");
    assert_eq!(mail["defects"], json!([]));
    let said = mail["text"].as_str().unwrap();
    let line = said.lines().find(|line| line.contains("Bcc")).unwrap();
    assert!(line.contains("the members of the group g  Bcc:evil@example.com"), "{said}");
    assert!(!said.contains('\u{202e}'), "{said}");
}
