//! Logins by Kerberos: real tickets of a real KDC.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use gatehouse::kerberos::{
    Accepted, Acceptor, KeytabError, NegotiateError, Token, Verdict, read_keytab,
};
use libgssapi::{
    context::{ClientCtx, CtxFlags},
    name::Name,
    oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE},
};

use crate::support::kdc::Kdc;

const LOGIN: &str = "HTTP/login.localhost";

fn token(header: &str) -> Token {
    Token::from_header(header.as_bytes()).unwrap().unwrap()
}

async fn accept(acceptor: &Acceptor, header: &str) -> Result<Accepted, NegotiateError> {
    acceptor.accept(token(header)).await
}

/// Whose token it is, and what to answer.
async fn login(acceptor: &Acceptor, header: &str) -> (String, Option<String>) {
    let login = accept(acceptor, header).await.unwrap().unless_replayed(false).unwrap();
    (login.principal.to_string(), login.reply_token)
}

/// Tokens of a client that asks for nothing, as Chromium and Firefox do.
///
/// The library reads its environment, which tests share: so the client is this program again, run
/// as the test [`client_in_a_process_of_its_own`].
fn browser_tokens(kdc: &Kdc, ccache: &Path, mechanism: &str, count: usize) -> Vec<String> {
    tokens_for("HTTP@login.localhost", kdc, ccache, mechanism, count)
}

/// The same, for any service.
fn tokens_for(
    service: &str,
    kdc: &Kdc,
    ccache: &Path,
    mechanism: &str,
    count: usize,
) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("kerberos::client_in_a_process_of_its_own")
        .envs(kdc.client_env(ccache))
        .env("CLIENT_MECHANISM", mechanism)
        .env("CLIENT_SERVICE", service)
        .env("CLIENT_TOKENS", count.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let headers: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once("Negotiate "))
        .map(|(_, token)| format!("Negotiate {token}"))
        .collect();
    assert_eq!(headers.len(), count, "{text}");
    headers
}

#[test]
#[ignore = "a client that other tests start with an environment of its own"]
#[expect(clippy::print_stdout, reason = "this is how the tokens reach the test")]
fn client_in_a_process_of_its_own() {
    let setting = |name| std::env::var_os(name).map(|value| value.into_string().unwrap());
    let Some(count) = setting("CLIENT_TOKENS") else { return };
    let spnego = setting("CLIENT_MECHANISM").unwrap() == "spnego";
    let service = setting("CLIENT_SERVICE").unwrap();
    let mechanism = if spnego { GSS_MECH_SPNEGO } else { GSS_MECH_KRB5 };
    for _ in 0..count.parse().unwrap() {
        let host = Name::new(service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)).unwrap();
        let mut client = ClientCtx::new(None, host, CtxFlags::empty(), Some(mechanism));
        let token = client.step(None, None).unwrap().unwrap();
        println!("\nNegotiate {}", BASE64.encode(&*token));
    }
}

#[tokio::test]
async fn accepts_a_client_that_asks_for_mutual_authentication() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let header = kdc.authorization(&kdc.login("alice"), "login.localhost");

    let (who, reply) = login(&acceptor, &header).await;
    assert_eq!(who, "alice@EXAMPLE.TEST");
    let reply = BASE64.decode(reply.unwrap()).unwrap();
    assert_eq!(reply[0], 0xa1, "NegTokenResp");
    assert!(reply.len() > 100, "with the AP-REP in it");
}

#[tokio::test]
async fn accepts_browsers_that_ask_for_nothing_and_bare_kerberos() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let ccache = kdc.login("bob");

    let spnego = browser_tokens(&kdc, &ccache, "spnego", 1);
    let (who, reply) = login(&acceptor, &spnego[0]).await;
    assert_eq!(who, "bob@EXAMPLE.TEST");
    assert_eq!(BASE64.decode(reply.unwrap()).unwrap().len(), 22);

    let bare = browser_tokens(&kdc, &ccache, "krb5", 1);
    assert_eq!(login(&acceptor, &bare[0]).await, ("bob@EXAMPLE.TEST".to_owned(), None));
}

#[tokio::test]
async fn knows_an_authenticator_again_and_leaves_the_replay_to_the_caller() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let headers = browser_tokens(&kdc, &kdc.login("alice"), "spnego", 2);

    let first = accept(&acceptor, &headers[0]).await.unwrap();
    let again = accept(&acceptor, &headers[0]).await.unwrap();
    let other = accept(&acceptor, &headers[1]).await.unwrap();
    assert_eq!(first.replay_key(), again.replay_key());
    assert_ne!(first.replay_key(), other.replay_key());

    let bare = unwrapped(&headers[0]);
    let bare = accept(&acceptor, &bare).await.unwrap();
    assert_eq!(bare.replay_key(), first.replay_key());
    assert_eq!(bare.unless_replayed(true).unwrap_err(), NegotiateError::Replay);
}

/// The Kerberos token inside SPNEGO: the last field of the token, so it reaches to the end.
fn unwrapped(header: &str) -> String {
    let bytes = BASE64.decode(header.strip_prefix("Negotiate ").unwrap()).unwrap();
    let kerberos = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00";
    let oid = bytes.windows(kerberos.len()).position(|bytes| bytes == kerberos).unwrap();
    // Before the OID are the tag 0x60 and a length of two octets.
    let start = oid - 4;
    assert_eq!(bytes[start..start + 2], [0x60, 0x82]);
    format!("Negotiate {}", BASE64.encode(&bytes[start..]))
}

#[tokio::test]
async fn a_ticket_for_a_service_without_a_key_is_refused_by_name() {
    let kdc = Kdc::start(&[LOGIN, "HTTP/other.localhost"]);
    let keytab = kdc.directory().join("login.keytab");
    kdc.admin(&[format!("ktadd -norandkey -k {} {LOGIN}", keytab.display())]);
    let acceptor = Acceptor::start(&keytab, 1).unwrap();
    let header = kdc.authorization(&kdc.login("alice"), "other.localhost");

    let error = accept(&acceptor, &header).await.unwrap_err();
    let known = vec!["HTTP/login.localhost@EXAMPLE.TEST".to_owned()];
    let NegotiateError::Refused { verdict, .. } = &error else { panic!("{error}") };
    assert_eq!(*verdict, Some(Verdict::UnknownService { keytab: known }));
    assert!(error.to_string().contains("HTTP/other.localhost@EXAMPLE.TEST"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_no_web_server_is_refused_though_its_key_is_there() {
    let kdc = Kdc::start(&[LOGIN, "host/login.localhost"]);
    assert_eq!(read_keytab(&kdc.keytab()).unwrap().len(), 4);
    let header = kdc.authorization(&kdc.login("alice"), "login.localhost");
    let bytes = BASE64.decode(header.strip_prefix("Negotiate ").unwrap()).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == b"HTTP").unwrap();
    let bytes = [&bytes[..at], b"host", &bytes[at + 4..]].concat();

    let error = Token::from_header(format!("Negotiate {}", BASE64.encode(bytes)).as_bytes());
    assert_eq!(error.unwrap_err().code(), "not-for-http");
}

/// The name of the service is in the ticket's clear part, where whoever holds the ticket can change it:
/// somebody who runs another service could pass its visitors' tickets on to us.
#[tokio::test]
async fn a_ticket_for_another_service_is_refused_whatever_it_calls_itself() {
    let kdc = Kdc::start(&[LOGIN, "host/login.localhost"]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let ccache = kdc.login("alice");
    let header = tokens_for("host@login.localhost", &kdc, &ccache, "krb5", 1).remove(0);
    let bytes = BASE64.decode(header.strip_prefix("Negotiate ").unwrap()).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == b"host").unwrap();
    let bytes = [&bytes[..at], b"HTTP", &bytes[at + 4..]].concat();

    let error = accept(&acceptor, &format!("Negotiate {}", BASE64.encode(bytes))).await;
    assert_eq!(error.unwrap_err().code(), "ticket-refused");
    let good = browser_tokens(&kdc, &ccache, "krb5", 1);
    assert_eq!(login(&acceptor, &good[0]).await.0, "alice@EXAMPLE.TEST");
}

#[tokio::test]
async fn a_forged_ticket_or_authenticator_is_refused() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let header = browser_tokens(&kdc, &kdc.login("alice"), "krb5", 1).remove(0);
    let bytes = BASE64.decode(header.strip_prefix("Negotiate ").unwrap()).unwrap();

    // The end is in the authenticator, the middle in the ticket.
    for at in [bytes.len() - 1, bytes.len() / 2] {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        let forged = format!("Negotiate {}", BASE64.encode(forged));
        let error = accept(&acceptor, &forged).await.unwrap_err();
        assert_eq!(error.code(), "ticket-refused", "{error}");
    }
    assert_eq!(login(&acceptor, &header).await.0, "alice@EXAMPLE.TEST");
}

#[tokio::test]
async fn a_keytab_that_fell_behind_is_named_and_a_new_one_is_used_at_once() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let new = kdc.directory().join("new.keytab");
    kdc.admin(&[format!("ktadd -k {} {LOGIN}", new.display())]);
    let headers = browser_tokens(&kdc, &kdc.login("alice"), "spnego", 2);

    let error = accept(&acceptor, &headers[0]).await.unwrap_err();
    let NegotiateError::Refused { verdict, .. } = &error else { panic!("{error}") };
    assert_eq!(*verdict, Some(Verdict::WrongKeyVersion { ticket: 3, keytab: vec![2] }), "{error}");

    fs::rename(new, kdc.keytab()).unwrap();
    assert_eq!(login(&acceptor, &headers[1]).await.0, "alice@EXAMPLE.TEST");
    assert_eq!(acceptor.keytab_entries().unwrap()[0].kvno, 3);
}

#[tokio::test]
async fn fifty_at_once_are_all_accepted() {
    let kdc = Kdc::start(&[LOGIN]);
    let acceptor = std::sync::Arc::new(Acceptor::start(&kdc.keytab(), 4).unwrap());
    let headers = browser_tokens(&kdc, &kdc.login("carol"), "spnego", 50);

    let mut tasks = tokio::task::JoinSet::new();
    for header in headers {
        let acceptor = acceptor.clone();
        tasks.spawn(async move { login(&acceptor, &header).await.0 });
    }
    assert_eq!(tasks.join_all().await, vec!["carol@EXAMPLE.TEST"; 50]);
}

#[test]
fn a_keytab_without_web_servers_does_not_start() {
    let kdc = Kdc::start(&["host/login.localhost"]);
    let error = Acceptor::start(&kdc.keytab(), 1).unwrap_err();
    assert!(matches!(&error, KeytabError::NoHttpPrincipal { .. }), "{error}");
    assert!(error.to_string().contains("host/login.localhost@EXAMPLE.TEST"), "{error}");
}

#[tokio::test]
async fn a_service_with_a_good_ticket_is_not_a_user() {
    let kdc = Kdc::start(&[LOGIN]);
    kdc.admin(&["addprinc -pw svc/backup-pw svc/backup".to_owned()]);
    let acceptor = Acceptor::start(&kdc.keytab(), 1).unwrap();
    let header = kdc.authorization(&kdc.login("svc/backup"), "login.localhost");
    assert_eq!(accept(&acceptor, &header).await.unwrap_err().code(), "principal-unusable");
}

#[test]
fn the_environment_of_the_gateway_decides_nothing() {
    let kdc = Kdc::start(&[LOGIN]);
    let header = kdc.authorization(&kdc.login("alice"), "login.localhost");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("kerberos::acceptor_in_a_process_of_its_own")
        .env("ACCEPTOR_KEYTAB", kdc.keytab())
        .env("ACCEPTOR_HEADER", &header)
        .env("KRB5_CONFIG", "/dev/null")
        .env("KRB5_KTNAME", "FILE:/nonexistent/keytab")
        .env("KRB5RCACHENAME", "file2:/nonexistent/rcache")
        .env("KRB5RCACHEDIR", "/nonexistent")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("accepted alice@EXAMPLE.TEST twice"), "{text}");
}

#[tokio::test]
#[ignore = "an acceptor that another test starts with an environment of its own"]
#[expect(clippy::print_stdout, reason = "this is how the answer reaches the test")]
async fn acceptor_in_a_process_of_its_own() {
    let Some(keytab) = std::env::var_os("ACCEPTOR_KEYTAB") else { return };
    let header = std::env::var_os("ACCEPTOR_HEADER").unwrap().into_string().unwrap();
    let acceptor = Acceptor::start(Path::new(&keytab), 1).unwrap();
    login(&acceptor, &header).await;
    println!("\naccepted {} twice", login(&acceptor, &header).await.0);
}
