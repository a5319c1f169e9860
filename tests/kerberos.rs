//! Tickets of a real KDC, as curl sends them.

use std::{collections::BTreeSet, fs, path::Path};

use gatehouse::kerberos::{Accepted, Acceptor, KeytabError, NegotiateError, Token, read_keytab};

use crate::support::kdc::{Kdc, REALM};

const LOGIN: &str = "HTTP/login.localhost";
const OTHER: &str = "HTTP/other.localhost";

fn token(header: &str) -> Token {
    Token::from_header(header.as_bytes()).unwrap().unwrap()
}

async fn accept(acceptor: &Acceptor, header: &str) -> Result<Accepted, NegotiateError> {
    acceptor.accept(token(header)).await
}

#[tokio::test]
async fn a_ticket_says_who_it_is_once() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.export("http.keytab", &[LOGIN]), 2).unwrap();
    let tickets = kdc.kinit("alice");
    let header = kdc.authorization(&tickets, "login.localhost").unwrap();

    let sent = token(&header);
    assert_eq!(sent.ticket().service, LOGIN);
    assert_eq!((sent.ticket().realm.as_str(), sent.ticket().enctype), (REALM, 18));

    let accepted = accept(&acceptor, &header).await.unwrap();
    assert!(accepted.reply_token().is_some(), "curl asks who the gateway is");
    let replay_key = accepted.replay_key();
    let principal = accepted.principal(true).unwrap();
    assert_eq!((principal.name(), principal.realm()), ("alice", REALM));

    // The library does not remember it, the store will: by the same key.
    let again = accept(&acceptor, &header).await.unwrap();
    assert_eq!(again.replay_key(), replay_key);
    assert_eq!(again.principal(false), Err(NegotiateError::Replayed));

    let another = kdc.authorization(&tickets, "login.localhost").unwrap();
    assert_ne!(accept(&acceptor, &another).await.unwrap().replay_key(), replay_key);
}

#[tokio::test]
async fn a_ticket_that_was_changed_is_refused() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.export("http.keytab", &[LOGIN]), 1).unwrap();
    let header = kdc.authorization(&kdc.kinit("alice"), "login.localhost").unwrap();
    let mut good = 0;
    for index in (30..header.len() - 4).step_by(17) {
        let mut changed = header.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let Ok(Some(token)) = Token::from_header(&changed) else {
            continue;
        };
        if let Ok(accepted) = acceptor.accept(token).await {
            // Not every byte is protected, but no other one may come of it.
            assert_eq!(accepted.principal(true).unwrap().name(), "alice");
            good += 1;
        }
    }
    assert!(good < 10, "{good} changed tickets were accepted");
}

#[tokio::test]
async fn the_log_says_why_the_keytab_has_no_key_for_a_ticket() {
    let kdc = Kdc::start(&[LOGIN, OTHER]);
    let keytab = kdc.export("http.keytab", &[LOGIN]);
    let acceptor = Acceptor::start(&keytab, 1).unwrap();
    let refused = async |host: &str| {
        // A fresh login: tickets for services are kept with it.
        let header = kdc.authorization(&kdc.kinit("alice"), host).unwrap();
        accept(&acceptor, &header).await.unwrap_err().to_string()
    };
    let other = refused("other.localhost").await;
    assert!(other.contains("the ticket is for HTTP/other.localhost@EXAMPLE.TEST"), "{other}");
    assert!(other.contains("the keytab has HTTP/login.localhost@EXAMPLE.TEST"), "{other}");

    kdc.rekey(LOGIN);
    let rekeyed = refused("login.localhost").await;
    assert!(rekeyed.contains("the ticket has key version 2; the keytab has 1"), "{rekeyed}");

    // A new keytab over the old one is used without a restart.
    let new = kdc.export("new.keytab", &[LOGIN]);
    fs::rename(new, &keytab).unwrap();
    let header = kdc.authorization(&kdc.kinit("alice"), "login.localhost").unwrap();
    assert!(accept(&acceptor, &header).await.is_ok());
}

#[tokio::test]
async fn many_tickets_at_once_are_told_apart() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.export("http.keytab", &[LOGIN]), 4).unwrap();
    let users = ["alice", "bob"].map(|user| (user, kdc.kinit(user)));
    let headers: Vec<_> = (0..24)
        .map(|number| {
            let (user, tickets) = &users[number % 2];
            (*user, kdc.authorization(tickets, "login.localhost").unwrap())
        })
        .collect();
    let accepts = headers.into_iter().map(|(user, header)| {
        let acceptor = acceptor.clone();
        tokio::spawn(async move { (user, accept(&acceptor, &header).await.unwrap()) })
    });
    let mut keys = BTreeSet::new();
    for accept in accepts.collect::<Vec<_>>() {
        let (user, accepted) = accept.await.unwrap();
        keys.insert(accepted.replay_key());
        assert_eq!(accepted.principal(true).unwrap().name(), user);
    }
    assert_eq!(keys.len(), 24);
}

#[test]
fn a_keytab_that_cannot_be_used_is_named_with_the_reason() {
    let kdc = Kdc::start(&["host/login.localhost"]);
    let no_http = kdc.export("host.keytab", &["host/login.localhost"]);
    assert!(matches!(read_keytab(&no_http), Err(KeytabError::NoHttpKey(_))));
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.keytab");
    for content in [&b""[..], b"\x05", b"\x05\x02\0\0\0\xffabc", b"-----BEGIN"] {
        fs::write(&broken, content).unwrap();
        let refused = read_keytab(&broken).unwrap_err();
        assert!(matches!(refused, KeytabError::NotAKeytab(_)), "{content:?}: {refused}");
    }
    let missing = Acceptor::start(Path::new("/nonexistent.keytab"), 1).unwrap_err().to_string();
    assert!(missing.contains("cannot read /nonexistent.keytab"), "{missing}");
}
