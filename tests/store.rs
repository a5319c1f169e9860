//! The store does the same on both databases.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use chrono::TimeDelta;
use gatehouse::{
    directory::{Change, DirectoryId, Issuer, NameKey, PersonId},
    provisioning::{Claims, GroupClaim, plan_deactivation, plan_reactivation},
    secrets::{random, sha256},
    store::{
        FormLimits, LoginState, NewForm, NewHandover, NewSession, Provision, ProvisionError,
        Replay, SessionId, Store, StoreError, StoreOptions, StoredSession,
    },
};

use crate::support::{
    databases::{databases, postgres, sqlite},
    directory::{claims, edit, groups, now, policy},
};

fn provision(directory: DirectoryId, claims: Claims) -> Provision {
    Provision {
        enabled_at_source: None,
        directory,
        claims,
        policy: policy(),
        actor: "login".to_owned(),
        reason: "trace".to_owned(),
    }
}

async fn newcomer(store: &Store, username: &str) -> (DirectoryId, PersonId) {
    let directory = store.ensure_directory("Internal", now()).await.unwrap();
    let claims = claims("saml:corp", username, GroupClaim::NotAsked);
    let provisioned = store.provision(&provision(directory, claims), now()).await.unwrap();
    (directory, provisioned.person)
}

async fn session(store: &Store, person: PersonId) -> ([u8; 32], StoredSession) {
    let secret_hash = sha256(&random::<32>());
    let session = NewSession {
        secret_hash,
        person,
        issuer: Issuer("saml:corp".to_owned()),
        method: "saml",
        name_id: Some("alice".to_owned()),
        name_id_format: None,
        session_index: None,
        expires_at: now() + TimeDelta::hours(8),
        replaces: None,
    };
    (secret_hash, store.insert_session(session, now()).await.unwrap())
}

#[tokio::test]
async fn a_newcomer_gets_an_account_with_groups_and_a_log_of_it() {
    for database in databases().await {
        let store = &database.store;
        let directory = store.ensure_directory("Internal", now()).await.unwrap();
        assert_eq!(store.ensure_directory("INTERNAL", now()).await.unwrap(), directory);

        let request =
            provision(directory, claims("saml:corp", "Alice", groups(&["jira-users", "Devs"])));
        let provisioned = store.provision(&request, now()).await.unwrap();
        let account = store.find_account(&[directory], provisioned.person).await.unwrap().unwrap();
        assert_eq!(account.user.profile.username, "Alice");
        assert_eq!(account.groups, ["Devs", "jira-users"]);

        let log = store.list_changes(0, 100).await.unwrap();
        let kinds: Vec<_> = log.iter().map(|logged| logged.change.kind()).collect();
        assert_eq!(kinds[..3], ["create_person", "add_identity", "create_user"]);
        assert_eq!(log.iter().map(|logged| logged.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(log[0].reason, "trace");

        // The second login has nothing to say, and writes nothing.
        let again = store.provision(&request, now()).await.unwrap();
        assert_eq!(again.person, provisioned.person);
        assert_eq!(store.list_changes(7, 100).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn memberships_follow_the_claim_and_others_stay() {
    for database in databases().await {
        let store = &database.store;
        let directory = store.ensure_directory("Internal", now()).await.unwrap();
        let login = |issuer, claim| provision(directory, claims(issuer, "alice", claim));
        let by_saml = login("saml:corp", groups(&["a", "b"]));
        let person = store.provision(&by_saml, now()).await.unwrap().person;
        store.provision(&login("kerberos:EXAMPLE.COM", groups(&["b", "c"])), now()).await.unwrap();

        store.provision(&login("saml:corp", groups(&["a"])), now()).await.unwrap();
        let account = store.find_account(&[directory], person).await.unwrap().unwrap();
        assert_eq!(account.groups, ["a", "b", "c"], "the other issuer still gives b");

        store.provision(&login("saml:corp", GroupClaim::Empty), now()).await.unwrap();
        let account = store.find_account(&[directory], person).await.unwrap().unwrap();
        assert_eq!(account.groups, ["b", "c"]);

        let details = store.list_users_by_name(&NameKey::of("ALICE")).await.unwrap();
        assert_eq!(details.len(), 1);
        assert_eq!(details[0].identities.len(), 2);
        assert_eq!(details[0].directory, "Internal");
    }
}

#[tokio::test]
async fn fifty_first_logins_at_once_by_two_issuers_make_one_person() {
    for database in databases().await {
        let directory = database.store.ensure_directory("Internal", now()).await.unwrap();
        let logins = (0..50).map(|number| {
            let issuer = ["saml:corp", "kerberos:EXAMPLE.COM"][number % 2];
            let request = provision(directory, claims(issuer, "alice", groups(&["jira-users"])));
            let store = database.store.clone();
            tokio::spawn(async move { store.provision(&request, now()).await.unwrap() })
        });
        let mut people = BTreeSet::new();
        for login in logins.collect::<Vec<_>>() {
            let provisioned = login.await.unwrap();
            people.insert((provisioned.person, provisioned.user));
        }
        assert_eq!(people.len(), 1);
        let log = database.store.list_changes(0, 1000).await.unwrap();
        let made = |kind: &str| log.iter().filter(|logged| logged.change.kind() == kind).count();
        assert_eq!(made("create_person"), 1);
        assert_eq!(made("create_user"), 1);
        assert_eq!(made("add_identity"), 2);
    }
}

#[tokio::test]
async fn an_issuer_that_lost_the_domain_no_longer_says_who_somebody_is() {
    for database in databases().await {
        let store = &database.store;
        let (directory, _) = newcomer(store, "alice").await;
        let mut request =
            provision(directory, claims("kerberos:EXAMPLE.COM", "alice", GroupClaim::NotAsked));
        request.policy.domains.remove(0);
        let refused = store.provision(&request, now()).await.unwrap_err();
        assert!(
            matches!(refused, ProvisionError::Refused(refusal) if refusal.code() == "username-taken")
        );
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    for database in databases().await {
        let store = &database.store;
        let (directory, _) = newcomer(store, "alice").await;
        let before = store.list_changes(0, 100).await.unwrap().len();
        let mut eve = claims("saml:other", "alice", GroupClaim::NotAsked);
        eve.identity.match_key = None;
        assert!(store.provision(&provision(directory, eve), now()).await.is_err());
        assert_eq!(store.list_changes(0, 100).await.unwrap().len(), before);
    }
}

#[tokio::test]
async fn a_blocked_user_has_no_sessions_and_is_not_brought_back_by_a_login() {
    for database in databases().await {
        let store = &database.store;
        let (directory, person) = newcomer(store, "alice").await;
        let (bob, _) = {
            let (_, bob) = newcomer(store, "bob").await;
            session(store, bob).await
        };
        let (hash, _) = session(store, person).await;

        let user = store.find_account(&[directory], person).await.unwrap().unwrap().user;
        let blocked = edit(store, &user, plan_deactivation(&user)).await.unwrap();
        assert_eq!(blocked.ended_sessions, 1);
        assert_eq!(store.find_session(&hash, now()).await.unwrap(), None);
        assert!(store.find_session(&bob, now()).await.unwrap().is_some());

        let login = provision(directory, claims("saml:corp", "alice", GroupClaim::NotAsked));
        let refused = store.provision(&login, now()).await.unwrap_err();
        assert!(
            matches!(refused, ProvisionError::Refused(refusal) if refusal.code() == "account-inactive")
        );

        let user = store.find_account(&[directory], person).await.unwrap().unwrap().user;
        edit(store, &user, plan_reactivation(&user)).await.unwrap();
        store.provision(&login, now()).await.unwrap();
        let log = store.list_changes(0, 100).await.unwrap();
        let blocks = log.iter().filter(|l| matches!(l.change, Change::DeactivateUser { .. }));
        assert_eq!(blocks.count(), 1);
    }
}

#[tokio::test]
async fn children_end_with_their_parent_and_replicas_are_told() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (_, parent) = session(store, person).await;
        let child = sha256(b"child");
        assert!(store.insert_child_session(child, parent.id, "jira", now()).await.unwrap());
        let found = store.find_child_session(&child, now()).await.unwrap().unwrap();
        assert_eq!((found.host.as_str(), found.parent.id), ("jira", parent.id));
        let late = parent.expires_at;
        assert_eq!(store.find_child_session(&child, late).await.unwrap(), None);

        let head = store.head_of_session_endings().await.unwrap();
        assert!(store.delete_session(parent.id, now()).await.unwrap());
        assert!(!store.delete_session(parent.id, now()).await.unwrap());
        assert_eq!(store.find_child_session(&child, now()).await.unwrap(), None);
        assert!(
            !store.insert_child_session(sha256(b"late"), parent.id, "jira", now()).await.unwrap()
        );
        let endings = store.list_session_endings(head).await.unwrap();
        assert_eq!(endings.iter().map(|e| e.session).collect::<Vec<_>>(), [Some(parent.id)]);
    }
}

#[tokio::test]
async fn a_login_ends_the_session_that_it_replaces() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (old, parent) = session(store, person).await;
        let session = NewSession {
            secret_hash: sha256(b"new"),
            person,
            issuer: Issuer("saml:corp".to_owned()),
            method: "saml",
            name_id: None,
            name_id_format: None,
            session_index: None,
            expires_at: now() + TimeDelta::hours(1),
            replaces: Some(parent.id),
        };
        store.insert_session(session, now()).await.unwrap();
        assert_eq!(store.find_session(&old, now()).await.unwrap(), None);
        let listed = store.list_sessions(Some("alice"), now(), 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].username, "alice");
        assert_eq!(store.list_sessions(Some("bob"), now(), 10).await.unwrap(), []);
    }
}

#[tokio::test]
async fn last_seen_never_goes_back() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (hash, parent) = session(store, person).await;
        let later = now() + TimeDelta::minutes(5);
        store.touch_sessions(vec![(parent.id, later)]).await.unwrap();
        store.touch_sessions(vec![(parent.id, now())]).await.unwrap();
        assert_eq!(store.find_session(&hash, now()).await.unwrap().unwrap().seen_at, later);
    }
}

#[tokio::test]
async fn a_handover_code_is_good_once_and_not_for_long() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (_, parent) = session(store, person).await;
        let code = |text: &[u8]| NewHandover {
            code_hash: sha256(text),
            session: parent.id,
            host: "jira".to_owned(),
            browser_hash: sha256(b"browser"),
            expires_at: now() + TimeDelta::seconds(30),
        };
        store.insert_handover(code(b"one")).await.unwrap();
        store.insert_handover(code(b"two")).await.unwrap();
        let attempts = (0..10).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take_handover(sha256(b"one"), now()).await.unwrap() })
        });
        let mut taken = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            taken += usize::from(attempt.await.unwrap().is_some());
        }
        assert_eq!(taken, 1);
        let late = now() + TimeDelta::seconds(30);
        assert_eq!(store.take_handover(sha256(b"two"), late).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_login_state_is_good_for_one_answer() {
    for database in databases().await {
        let store = &database.store;
        let state = LoginState {
            idp: "corp".to_owned(),
            request_id: "_1".to_owned(),
            browser_hash: vec![1; 32],
            flow: vec![2; 9],
            expires_at: now() + TimeDelta::minutes(10),
        };
        store.insert_login_state(sha256(b"handle"), state.clone()).await.unwrap();
        assert_eq!(
            store.take_login_state(sha256(b"handle"), now()).await.unwrap(),
            Some(state.clone())
        );
        assert_eq!(store.take_login_state(sha256(b"handle"), now()).await.unwrap(), None);

        store.insert_login_state(sha256(b"late"), state.clone()).await.unwrap();
        let late = state.expires_at;
        assert_eq!(store.take_login_state(sha256(b"late"), late).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_answered_login_is_known_until_it_expires_and_leads_to_its_session() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (_, session) = session(store, person).await;
        let state = LoginState {
            idp: "corp".to_owned(),
            request_id: "_1".to_owned(),
            browser_hash: vec![1; 32],
            flow: vec![2; 9],
            expires_at: now() + TimeDelta::minutes(10),
        };
        let (handle, later) = (sha256(b"handle"), state.expires_at);
        store.insert_login_state(handle, state.clone()).await.unwrap();
        assert_eq!(store.count_login_states().await.unwrap(), 1);
        assert_eq!(store.find_used_login_state(handle, now()).await.unwrap(), None);
        store.take_login_state(handle, now()).await.unwrap().unwrap();
        assert_eq!(store.find_used_login_state(handle, now()).await.unwrap(), Some(state));
        assert_eq!(store.find_used_login_state(handle, later).await.unwrap(), None);

        let found = async || store.find_session_of_browser(vec![1; 32], now()).await.unwrap();
        assert_eq!(found().await, None);
        store.connect_login_state(handle, session.id).await.unwrap();
        assert_eq!(found().await.unwrap().id, session.id);
        store.delete_session(session.id, now()).await.unwrap();
        assert_eq!(found().await, None, "its number may be another session's next");
        store.delete_expired(later, now() - TimeDelta::days(1)).await.unwrap();
        assert_eq!(store.count_login_states().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_form_is_given_back_once_and_no_more_are_kept_than_there_is_room_for() {
    for database in databases().await {
        let store = &database.store;
        let limits = FormLimits { bytes: 10_000, bytes_of_client: 5_000, forms_of_browser: 2 };
        let keep = async |name: &str, browser: Option<&str>, client: &str, bytes: usize| {
            let form = NewForm {
                token_hash: sha256(name.as_bytes()),
                browser_hash: browser.map(|browser| sha256(browser.as_bytes())),
                client_hash: sha256(client.as_bytes()),
                sealed: vec![7; bytes],
                expires_at: now() + TimeDelta::hours(1),
            };
            store.insert_form(form, limits, now()).await.unwrap()
        };
        assert!(keep("1", Some("a"), "x", 1000).await);
        assert!(keep("2", Some("a"), "x", 1000).await);
        assert!(!keep("3", Some("a"), "x", 10).await, "two of this browser are enough");
        assert!(!keep("4", Some("b"), "x", 2000).await, "this network has enough");
        assert!(keep("5", None, "y", 4400).await);
        assert!(!keep("6", None, "z", 3000).await, "all have enough");

        let hash = sha256(b"1");
        let found = store.find_form(&hash, now()).await.unwrap().unwrap();
        assert_eq!(found.browser_hash.as_deref(), Some(sha256(b"a").as_slice()));
        assert_eq!(found.sealed, vec![7; 1000]);
        assert_eq!(store.find_form(&hash, now() + TimeDelta::hours(1)).await.unwrap(), None);
        assert_eq!(store.take_form(hash, now()).await.unwrap(), Some(found));
        assert_eq!(store.take_form(hash, now()).await.unwrap(), None);
        assert!(keep("7", Some("a"), "x", 1000).await, "there is room again");

        let later = now() + TimeDelta::hours(2);
        let deleted = store.delete_expired(later, now() - TimeDelta::days(1)).await.unwrap();
        assert_eq!(deleted, 3);
    }
}

#[tokio::test]
async fn what_was_used_once_is_remembered_until_it_expires() {
    for database in databases().await {
        let store = &database.store;
        let until = now() + TimeDelta::minutes(5);
        let remember = |replay| store.remember_once(replay, sha256(b"id"), until);
        assert!(remember(Replay::Assertion).await.unwrap());
        assert!(!remember(Replay::Assertion).await.unwrap());
        assert!(remember(Replay::Authenticator).await.unwrap());
        let yesterday = now() - TimeDelta::days(1);
        store.delete_expired(now(), yesterday).await.unwrap();
        assert!(!remember(Replay::Assertion).await.unwrap());
        store.delete_expired(until, yesterday).await.unwrap();
        assert!(remember(Replay::Assertion).await.unwrap());
    }
}

#[tokio::test]
async fn forgets_sessions_that_nobody_uses() {
    for database in databases().await {
        let store = &database.store;
        let (_, person) = newcomer(store, "alice").await;
        let (hash, _) = session(store, person).await;
        store.delete_expired(now(), now() - TimeDelta::hours(1)).await.unwrap();
        assert!(store.find_session(&hash, now()).await.unwrap().is_some());
        store.delete_expired(now(), now()).await.unwrap();
        assert!(store.find_session(&hash, now()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn writes_that_fail_do_not_disturb_those_they_are_committed_with() {
    for database in databases().await {
        let (directory, _) = newcomer(&database.store, "alice").await;
        let logins = (0..60).map(|number| {
            // Every third wants a name that is taken, by an issuer that may not speak for it.
            let taken = number % 3 == 0;
            let name = if taken { "alice".to_owned() } else { format!("user{number}") };
            let mut claims = claims("saml:x", &name, GroupClaim::NotAsked);
            claims.identity.subject.value = format!("{number}");
            claims.identity.match_key = None;
            let (store, request) = (database.store.clone(), provision(directory, claims));
            tokio::spawn(async move { store.provision(&request, now()).await.is_ok() != taken })
        });
        for login in logins.collect::<Vec<_>>() {
            assert!(login.await.unwrap());
        }
        let log = database.store.list_changes(0, 1000).await.unwrap();
        let users = log.iter().filter(|logged| logged.change.kind() == "create_user").count();
        assert_eq!(users, 41);
        let seqs: Vec<i64> = log.iter().map(|logged| logged.seq).collect();
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
    }
}

#[tokio::test]
async fn a_reader_with_a_cursor_never_skips_a_change() {
    for database in databases().await {
        let directory = database.store.ensure_directory("Internal", now()).await.unwrap();
        let writers: Vec<_> = (0..40)
            .map(|number| {
                let mut claims = claims("saml:x", &format!("user{number}"), groups(&["g"]));
                claims.identity.match_key = None;
                let (store, request) = (database.store.clone(), provision(directory, claims));
                tokio::spawn(async move { store.provision(&request, now()).await.unwrap() })
            })
            .collect();
        let (mut cursor, mut read) = (0, 0);
        loop {
            let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
            for logged in database.store.list_changes(cursor, 7).await.unwrap() {
                assert_eq!(logged.seq, cursor + 1);
                cursor = logged.seq;
                read += 1;
            }
            if done && database.store.list_changes(cursor, 1).await.unwrap().is_empty() {
                break;
            }
        }
        assert_eq!(read, 40 * 4 + 1);
    }
}

#[tokio::test]
async fn who_listens_hears_of_a_change_when_it_is_made_by_whichever_gateway() {
    for database in databases().await {
        let directory = database.store.ensure_directory("Internal", now()).await.unwrap();
        // PostgreSQL has several gateways.
        let other = match &database.store {
            Store::Sqlite { .. } => database.store.clone(),
            Store::Postgres(_) => Store::open(&database.options).await.unwrap(),
        };
        let mut listener = database.store.listen_for_changes().await.unwrap();
        let writing = tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let claims = claims("saml:x", "alice", groups(&[]));
            other.provision(&provision(directory, claims), now()).await.unwrap();
        });
        // Without hearing, the log is looked into after five seconds.
        let heard = async {
            while database.store.list_changes(0, 1).await.unwrap().is_empty() {
                listener.hear().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(4), heard).await.expect("it is told");
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn a_second_gateway_on_the_same_file_is_refused() {
    let database = sqlite().await;
    let refused = Store::open(&database.options).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_once_more() {
    let mut database = sqlite().await;
    let (directory, person) = newcomer(&database.store, "alice").await;
    database.store.close().await;
    let options = database.options.clone();
    drop(std::mem::replace(&mut database.store, sqlite().await.store));
    let store = open_when_free(&options).await.unwrap();
    assert!(store.find_account(&[directory], person).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_of_a_newer_gateway_is_refused() {
    const NEWER: &str = "
        INSERT INTO _sqlx_migrations
            (version, description, installed_on, success, checksum, execution_time)
        SELECT 999, 'later', installed_on, success, checksum, execution_time
        FROM _sqlx_migrations WHERE version = 1";
    if let Some(database) = postgres().await {
        let pool = sqlx::PgPool::connect(&database.options.url).await.unwrap();
        sqlx::query(NEWER).execute(&pool).await.unwrap();
        let refused = Store::open(&database.options).await.unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found: 999, .. }), "{refused}");
    }
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/g.db?mode=rwc", dir.path().display());
    let options = StoreOptions { url: url.clone(), password: None };
    drop(Store::open(&options).await.unwrap());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(NEWER).execute(&pool).await.unwrap();
    pool.close().await;
    let refused = open_when_free(&options).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 999, .. }), "{refused}");
}

#[tokio::test]
async fn sessions_outlive_a_new_version_with_all_that_belongs_to_them() {
    const BEFORE: &str = "
        INSERT INTO persons VALUES (1, randomblob(16), 0);
        INSERT INTO sessions VALUES (3, x'03', 1, 'saml:corp', 'saml', NULL, NULL, NULL, 0, 0, $END);
        INSERT INTO child_sessions VALUES (8, x'08', 3, 'jira', 0);
        INSERT INTO handover_codes VALUES (x'09', 3, 'jira', x'01', $END);
        INSERT INTO login_states VALUES (x'0a', 'corp', 'r', x'01', x'02', $END, 1, 3);
        INSERT INTO crowd_tokens VALUES (x'0b', 3, 'jira', '', 0);
        INSERT INTO session_endings (at, session_id) VALUES (0, 7);";
    const LEFT: &str = "
        SELECT (SELECT COUNT(*) FROM child_sessions c JOIN sessions s ON s.id = c.session_id)
             + (SELECT COUNT(*) FROM handover_codes c JOIN sessions s ON s.id = c.session_id)
             + (SELECT COUNT(*) FROM login_states c JOIN sessions s ON s.id = c.session_id)
             + (SELECT COUNT(*) FROM crowd_tokens c JOIN sessions s ON s.id = c.session_id)";
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/g.db?mode=rwc", dir.path().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let mut before = sqlx::migrate!("migrations/sqlite");
    let old = before.iter().filter(|migration| migration.version < 13).cloned();
    before.migrations = old.collect::<Vec<_>>().into();
    before.run(&pool).await.unwrap();
    let end = (now() + TimeDelta::days(1)).timestamp_micros().to_string();
    let rows = sqlx::AssertSqlSafe(BEFORE.replace("$END", &end));
    sqlx::raw_sql(rows).execute(&pool).await.unwrap();
    pool.close().await;

    let store = Store::open(&StoreOptions { url: url.clone(), password: None }).await.unwrap();
    let (_, next) = session(&store, PersonId(1)).await;
    assert_eq!(next.id, SessionId(8), "the one with the number 7 has ended");
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let left = async || sqlx::query_scalar::<_, i64>(LEFT).fetch_one(&pool).await.unwrap();
    assert_eq!(left().await, 4);
    assert!(store.delete_session(SessionId(3), now()).await.unwrap());
    assert_eq!(left().await, 0, "all of it ends with the session");
    pool.close().await;
}

#[tokio::test]
async fn the_number_of_a_directory_that_is_gone_is_never_another_ones() {
    for database in databases().await {
        let store = &database.store;
        let gone = store.ensure_directory("Contractors", now()).await.unwrap();
        assert_eq!(store.ensure_directory("contractors", now()).await.unwrap(), gone);
        store.set_directory_removed(gone, Some(now())).await.unwrap();
        store.purge_directory(gone).await.unwrap();
        // Gateways that run still show this number to applications.
        assert_ne!(store.ensure_directory("Partners", now()).await.unwrap(), gone);
    }
}

#[tokio::test]
async fn says_what_is_wrong_with_a_database_it_cannot_open() {
    let open = |url: &str| {
        let options = StoreOptions { url: url.to_owned(), password: None };
        async move { Store::open(&options).await.unwrap_err().to_string() }
    };
    let missing = open("sqlite:///nonexistent/gatehouse.db").await;
    assert!(missing.contains("/nonexistent/gatehouse.db.lock"), "{missing}");
    let nobody = open("postgres://gatehouse@127.0.0.1:1/gatehouse").await;
    assert!(nobody.contains("gatehouse@127.0.0.1") && nobody.contains("store.url"), "{nobody}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("not-a-database");
    std::fs::write(&path, "this is a text file that is no database at all, however long it is")
        .unwrap();
    let not_one = open(&format!("sqlite://{}", path.display())).await;
    assert!(not_one.contains("not-a-database"), "{not_one}");
}

/// The child of the next test: makes one user after the other, and says so once it will last.
#[tokio::test]
#[ignore = "is run and killed by the test that reads what it says"]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "the parent reads it")]
async fn makes_users_until_it_is_killed() {
    let url = std::env::var("GATEHOUSE_DATABASE").unwrap();
    let options = StoreOptions { url, password: None };
    let store = open_when_free(&options).await.unwrap();
    let directory = store.ensure_directory("Internal", now()).await.unwrap();
    for number in 0..100_000 {
        let name = format!("user{number}");
        let request = provision(directory, claims("saml:corp", &name, groups(&["jira-users"])));
        store.provision(&request, now()).await.unwrap();
        println!("made {name}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill_and_nothing_is_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/gatehouse.db", dir.path().display());
    let options = StoreOptions { url: url.clone(), password: None };
    let mut acknowledged = BTreeSet::new();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "store::makes_users_until_it_is_killed"])
            .env("GATEHOUSE_DATABASE", &url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The test harness may put words of its own before the first line.
        let made = lines
            .map_while(Result::ok)
            .filter_map(|line| line.split_once("made ").map(|(_, name)| name.to_owned()));
        acknowledged.extend(made.take(40 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open_when_free(&options).await.unwrap();
        for name in &acknowledged {
            let users = store.list_users_by_name(&NameKey::of(name)).await.unwrap();
            assert_eq!(users.len(), 1, "{name}");
            assert_eq!(users[0].memberships.len(), 1, "{name} is half made");
            assert_eq!(users[0].identities.len(), 1, "{name} is half made");
        }
        let log = store.list_changes(0, 1_000_000).await.unwrap();
        assert!(log.iter().zip(1..).all(|(logged, seq)| logged.seq == seq));
        let made = |kind: &str| log.iter().filter(|l| l.change.kind() == kind).count();
        assert_eq!(made("create_user"), made("create_person"));
        assert_eq!(made("create_user"), made("add_membership"));
        assert!(made("create_user") >= acknowledged.len());
        store.close().await;
    }
    assert!(acknowledged.len() >= 120, "{}", acknowledged.len());
}

#[tokio::test]
async fn numbers_that_a_loss_of_power_may_have_lost_are_given_to_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/gatehouse.db", dir.path().display());
    let options = StoreOptions { url, password: None };
    for (skipped, boot) in [(0, None), (0, None), (10_000, Some("an earlier one"))] {
        if let Some(boot) = boot {
            std::fs::write(dir.path().join("gatehouse.db.lock"), boot).unwrap();
        }
        let store = open_when_free(&options).await.unwrap();
        let directory = store.ensure_directory("Internal", now()).await.unwrap();
        let before = store.list_changes(0, 1_000).await.unwrap();
        let claims = claims("saml:corp", &format!("user{}", before.len()), groups(&[]));
        store.provision(&provision(directory, claims), now()).await.unwrap();
        let log = store.list_changes(0, 1_000).await.unwrap();
        let last = before.last().map_or(0, |last| last.seq);
        assert_eq!(log[before.len()].seq, last + skipped + 1);
        // It is not closed: its log stays.
        drop(store);
    }
}

/// Opens a database once nobody has it any more.
async fn open_when_free(options: &StoreOptions) -> Result<Store, StoreError> {
    loop {
        match Store::open(options).await {
            Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
            opened => return opened,
        }
    }
}
