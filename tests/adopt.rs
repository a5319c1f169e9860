//! People of an application that is older than the gateway keep their usernames, on both databases.

use std::{fs, path::Path};

use gatehouse::{
    directory::{DirectoryId, Issuer, NameKey, Subject, SubjectKind},
    provisioning::{
        AliasRow, Claims, Counts, GroupClaim, MatchClass, Policy, match_users, plan_removal,
        read_existing, read_report, read_said, write_report,
    },
    store::{
        AliasEdit, AliasError, AliasOutcome, Provision, ProvisionError, Provisioned, Store,
        UserDetails,
    },
};

use crate::{
    cli::{configured, gatehouse, text},
    saml::Vectors,
    support::{
        curl::FOLLOW,
        databases::databases,
        directory::{claims, edit, now, policy},
        gateway::Plan,
        kdc::Kdc,
    },
};

const SERVICE: &str = "HTTP/login.localhost";

const CORP: &str = "saml:corp";

const JIRA: &str = r#"[
    {"key":"asmith","name":"asmith","emailAddress":"alice@example.com","displayName":"Alice Smith"},
    {"key":"bob","name":"bob","emailAddress":"bob@example.com","displayName":"Bob"},
    {"key":"JIRAUSER3","name":"eve1","emailAddress":"eve@old.example","displayName":"Eve Lee"},
    {"key":"JIRAUSER4","name":"eve2","emailAddress":null,"displayName":"Eve Lee"}]"#;

const SAID: &str = "\
subject,username,email,display_name
s-alice,alice.smith,alice@example.com,Alice Smith
s-bob,bob,bob@example.com,Bob
s-eve,eve,eve@example.com,Eve Lee
s-new,newcomer,new@example.com,New
";

struct House {
    store: Store,
    internal: DirectoryId,
    policy: Policy,
}

async fn on_every_database(case: impl AsyncFn(House)) {
    for database in databases().await {
        let store = database.store.clone();
        let internal = store.ensure_directory("Internal", now()).await.unwrap();
        case(House { store, internal, policy: policy() }).await;
    }
}

impl House {
    async fn log_in(&self, claims: Claims) -> Result<Provisioned, ProvisionError> {
        let request = Provision {
            enabled_at_source: None,
            directory: self.internal,
            claims,
            policy: self.policy.clone(),
            actor: "login".to_owned(),
            reason: "trace".to_owned(),
        };
        self.store.provision(&request, now()).await
    }

    async fn refusal(&self, claims: Claims) -> &'static str {
        match self.log_in(claims).await {
            Err(ProvisionError::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        }
    }

    async fn find(&self, name: &str) -> Option<UserDetails> {
        self.store.list_users_by_name(&NameKey::of(name)).await.unwrap().into_iter().next()
    }

    async fn apply(&self, rows: Vec<AliasRow>, dry_run: bool) -> Result<AliasOutcome, AliasError> {
        let edit = AliasEdit {
            issuer: Issuer(CORP.to_owned()),
            rows,
            directory: self.internal,
            reason: "test".to_owned(),
        };
        self.store.apply_aliases(edit, dry_run, now()).await
    }

    async fn give(&self, subject: &str, username: &str) {
        self.apply(vec![row(2, subject, username)], false).await.unwrap();
    }

    async fn aliases(&self) -> Vec<(String, String)> {
        let all = self.store.list_aliases(Some(CORP), 100).await.unwrap();
        all.into_iter().map(|alias| (alias.subject, alias.username)).collect()
    }
}

fn row(line: u64, subject: &str, username: &str) -> AliasRow {
    AliasRow { line, subject: subject.to_owned(), username: username.to_owned() }
}

/// A login of a subject that says a username.
fn said(issuer: &str, subject: &str, username: &str) -> Claims {
    let mut claims = claims(issuer, username, GroupClaim::NotAsked);
    claims.identity.subject = Subject { kind: SubjectKind::Attribute, value: subject.to_owned() };
    claims.identity.match_key = None;
    claims
}

#[tokio::test]
async fn who_is_matched_and_applied_keeps_the_old_username() {
    let existing = read_existing("jira.json", JIRA.as_bytes()).unwrap();
    let proposals = match_users(&existing, read_said("said.csv", SAID.as_bytes(), None).unwrap());
    let counts = Counts { exact: 1, probable: 1, ambiguous: 1, none: 1 };
    assert_eq!(Counts::of(&proposals), counts);
    assert_eq!(proposals[2].class, MatchClass::Ambiguous);
    let report = String::from_utf8(write_report(&proposals).unwrap()).unwrap();
    // A person decides which of two she is.
    let decided = report.replace("Eve Lee,ambiguous,,", "Eve Lee,ambiguous,eve2,");
    assert_ne!(decided, report);
    let rows = read_report("report.csv", decided.as_bytes()).unwrap();

    on_every_database(async |house| {
        let dry = house.apply(rows.clone(), true).await.unwrap();
        assert_eq!(dry.plan.added.len(), 3);
        assert_eq!(house.aliases().await, []);
        let real = house.apply(rows.clone(), false).await.unwrap();
        assert_eq!(real, dry);
        assert_eq!(house.apply(rows.clone(), false).await.unwrap().plan.unchanged, 3);

        for (subject, says, called) in [
            ("s-alice", "alice.smith", "asmith"),
            ("s-bob", "bob", "bob"),
            ("s-eve", "eve", "eve2"),
            ("s-new", "newcomer", "newcomer"),
        ] {
            let first = house.log_in(said(CORP, subject, says)).await.unwrap();
            assert_eq!(house.find(called).await.unwrap().user.id, first.user);
            let again = said(CORP, subject, says);
            let preview = house.store.preview(house.internal, &again, &house.policy).await;
            assert_eq!(preview.unwrap().changes, []);
            let second = house.log_in(said(CORP, subject, says)).await.unwrap();
            assert_eq!(second.plan.changes, []);
            // Renamed at the identity provider, as after a wedding.
            let mut renamed = said(CORP, subject, "renamed");
            renamed.profile.email = Some(format!("{says}@example.com"));
            if called != "newcomer" {
                let third = house.log_in(renamed).await.unwrap();
                assert_eq!(third.plan.changes, []);
                assert_eq!(house.find(called).await.unwrap().user.id, first.user);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_alias_of_somebody_who_has_come_before_renames_the_account() {
    on_every_database(async |house| {
        let first = house.log_in(said(CORP, "1", "alice.smith")).await.unwrap();
        house.give("1", "asmith").await;
        let second = house.log_in(said(CORP, "1", "alice.smith")).await.unwrap();
        assert_eq!(second.user, first.user);
        assert_eq!(house.find("asmith").await.unwrap().user.id, first.user);
        // Without it the next login is called again what it says.
        assert!(house.store.delete_alias(CORP, "1").await.unwrap());
        assert!(!house.store.delete_alias(CORP, "1").await.unwrap());
        house.log_in(said(CORP, "1", "alice.smith")).await.unwrap();
        assert_eq!(house.find("alice.smith").await.unwrap().user.id, first.user);
    })
    .await;
}

#[tokio::test]
async fn an_alias_takes_no_account_from_anybody() {
    on_every_database(async |house| {
        house.log_in(said(CORP, "1", "asmith")).await.unwrap();
        let outcome = house.apply(vec![row(7, "2", "ASmith")], false).await.unwrap();
        assert_eq!(outcome.held, [row(7, "2", "ASmith")], "the administrator is told");
        assert_eq!(house.refusal(said(CORP, "2", "alice")).await, "username-taken");

        let details = house.find("asmith").await.unwrap();
        let removal = plan_removal(&details.user, &details.memberships);
        edit(&house.store, &details.user, removal).await.unwrap();
        assert_eq!(house.refusal(said(CORP, "2", "alice")).await, "username-retired");
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_first_and_takes_a_name_that_is_kept_for_somebody() {
    on_every_database(async |house| {
        house.give("1", "asmith").await;
        // Another subject of the issuer, and an issuer that does not speak for the same people.
        assert_eq!(house.refusal(said(CORP, "2", "ASmith")).await, "username-taken");
        assert_eq!(house.refusal(said("saml:partner", "1", "asmith")).await, "username-taken");
        // Neither by a rename.
        house.log_in(said(CORP, "2", "andrew")).await.unwrap();
        let renamed = house.log_in(said(CORP, "2", "asmith")).await.unwrap();
        assert_eq!((renamed.plan.changes.len(), renamed.plan.warnings.len()), (1, 1));
        assert!(house.find("andrew").await.is_some());
        // An issuer of the same domain speaks for the same people: who comes by ticket first is alice.
        let ticket = claims("kerberos:EXAMPLE.COM", "asmith", GroupClaim::NotAsked);
        let person = house.log_in(ticket.clone()).await.unwrap().person;
        let mut assertion = said(CORP, "1", "alice.smith");
        assertion.identity.match_key = ticket.identity.match_key;
        assert_eq!(house.log_in(assertion).await.unwrap().person, person);
        assert!(house.find("asmith").await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_report_with_one_bad_row_writes_nothing() {
    on_every_database(async |house| {
        house.give("1", "asmith").await;
        for (bad, expected) in [
            (
                vec![row(2, "2", "b"), row(3, "3", "B")],
                "line 3: the username \"B\" is given in line 2",
            ),
            (vec![row(2, "2", "b"), row(3, "2", "c")], "line 3: the subject \"2\" is in line 2"),
            (
                vec![row(2, "2", "b"), row(3, "3", "c\u{7}")],
                "line 3: \"c\\u{7}\" cannot be a username",
            ),
            (vec![row(2, "2", "b"), row(3, "", "c")], "line 3: there is no subject"),
            (
                vec![row(2, "2", "b"), row(3, "3", "ASMITH")],
                "line 3: the username \"ASMITH\" is the alias",
            ),
        ] {
            for dry_run in [true, false] {
                let refused = house.apply(bad.clone(), dry_run).await.unwrap_err().to_string();
                assert!(refused.contains(expected), "{refused}");
            }
            assert_eq!(house.aliases().await, [("1".to_owned(), "asmith".to_owned())]);
        }
        let swap = vec![row(2, "1", "b"), row(3, "2", "asmith")];
        house.apply(swap, false).await.unwrap();
        let (b, a) = (("2".to_owned(), "asmith".to_owned()), ("1".to_owned(), "b".to_owned()));
        assert_eq!(house.aliases().await, [b, a]);
    })
    .await;
}

#[tokio::test]
async fn a_report_of_twenty_thousand_is_applied() {
    on_every_database(async |house| {
        let rows: Vec<_> =
            (0..20_000).map(|n| row(n + 2, &format!("s{n}"), &format!("user{n}"))).collect();
        assert_eq!(house.apply(rows, false).await.unwrap().plan.added.len(), 20_000);
        assert_eq!(house.store.list_aliases(None, 100_000).await.unwrap().len(), 20_000);
    })
    .await;
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_command_line_matches_applies_lists_and_removes() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let dir = vectors.path();
    let (jira, said) = (write(dir, "jira.json", JIRA), write(dir, "said.csv", SAID));
    let report = dir.join("report.csv").display().to_string();
    let run = |arguments: &[&str]| {
        let output = gatehouse(&[&["--config", &config], arguments].concat());
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let matching = ["adopt", "match", "--existing", &jira, "--said", &said, "--output", &report];
    let (code, counts, complaint) = run(&[&matching[..], &["--json"]].concat());
    assert_eq!((code, complaint), (0, String::new()));
    let counts: serde_json::Value = serde_json::from_str(&counts).unwrap();
    let expected = serde_json::json!({ "exact": 1, "probable": 1, "ambiguous": 1, "none": 1 });
    assert_eq!(counts, expected);
    let (code, _, complaint) = run(&matching);
    assert!(code == 1 && complaint.contains("is there already"), "{complaint}");

    let apply = ["adopt", "apply", &report, "--issuer", CORP];
    let (code, dry, _) = run(&[&apply[..], &["--dry-run"]].concat());
    assert!(code == 0 && dry.contains(r#"would call "s-alice" of saml:corp "asmith""#), "{dry}");
    assert!(!run(&["adopt", "list"]).1.contains("asmith"));
    let (code, done, _) = run(&apply);
    assert_eq!((code, done.as_str()), (0, "added 2, changed 0, unchanged 0\n"));
    let (_, listed, _) = run(&["adopt", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed[0]["username"], &listed[1]["subject"]),
        (&"asmith".into(), &"s-bob".into())
    );

    let broken = fs::read_to_string(&report).unwrap().replace("probable", "propable");
    let broken = write(dir, "broken.csv", &broken);
    let (code, _, complaint) = run(&["adopt", "apply", &broken, "--issuer", CORP]);
    assert!(code == 1 && complaint.contains("line 2: \"propable\" is no match"), "{complaint}");
    let (code, _, complaint) = run(&["adopt", "apply", &report, "--issuer", "saml:crop"]);
    assert!(code == 1 && complaint.contains("it has saml:corp"), "{complaint}");

    let (code, removed, _) = run(&["adopt", "remove", CORP, "s-alice"]);
    assert!(code == 0 && removed.contains("no longer \"asmith\""), "{removed}");
    let (code, _, complaint) = run(&["adopt", "remove", CORP, "s-alice"]);
    assert!(code == 1 && complaint.contains("there is no alias"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_takes_a_report_and_calls_people_so_at_once() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let report = gateway.plan.path("report.csv").display().to_string();
    // More than fits into the body of an ordinary request.
    let others: Vec<_> = (0..20_000)
        .map(|n| format!("other-{n}@example.test,exact,{}{n}\n", "x".repeat(90)))
        .collect();
    let principal = "alice@EXAMPLE.TEST";
    fs::write(
        &report,
        format!("subject,match,username\n{principal},probable,asmith\n{}", others.concat()),
    )
    .unwrap();
    let output =
        gateway.command(&["adopt", "apply", &report, "--issuer", "kerberos:EXAMPLE.TEST"]).await;
    assert_eq!(
        text(&output.stdout),
        "added 20001, changed 0, unchanged 0\n",
        "{}",
        text(&output.stderr)
    );

    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    alice.get(&gateway.jira(), &FOLLOW).await;
    let shown = text(&gateway.command(&["user", "show", "asmith"]).await.stdout);
    assert!(shown.contains("\"alice@example.test\""), "{shown}");
}
