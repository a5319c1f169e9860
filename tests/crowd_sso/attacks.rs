//! Nobody else's token, in whichever spelling, on whichever way.

use super::{TOKEN, house, own, token_of};
use crate::support::{curl::FOLLOW, own_sessions::Shown, upstream::Seen};

/// How a client could write the cookie so that some server reads it.
fn spellings(token: &str) -> Vec<String> {
    [
        "crowd.token_key=T",
        "Crowd.Token_Key=T",
        " crowd.token_key = T ",
        "a=1; CROWD.TOKEN_KEY=T; b=2",
        "a=1,crowd.token_key=T",
        "a=1 crowd.token_key=T",
        "crowd_token_key=T",
        "crowd%2etoken_key=T",
        "$Version=1; crowd.token_key=\"T\"; $Path=/",
        "$Version=1, crowd.token_key=T",
        "a=\"; crowd.token_key=T",
        "a=\"1; crowd.token_key=T\"",
        "crowd.token_key=T; crowd.token_key=T",
        "crowd.token_key",
        "a=\u{e4}; crowd.token_key=T",
    ]
    .map(|spelling| {
        spelling
            .replace("=T", &format!("={token}"))
            .replace("= T", &format!("= {token}"))
            .replace("\"T\"", &format!("\"{token}\""))
    })
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_token_never_reaches_the_application() {
    let house = house().await;
    let (alice, bob) = (house.browser("alice"), house.browser("bob"));
    let (of_alice, of_bob) = (house.token(&alice).await, house.token(&bob).await);
    let nobody = house.gateway.browser();
    for spelling in spellings(&of_alice) {
        let cookie = format!("Cookie: {spelling}");
        for version in ["--http1.1", "--http2"] {
            for (browser, path, own) in [
                (&bob, "/x", Some(&of_bob)),
                (&bob, "/public/x", Some(&of_bob)),
                (&bob, "/images/x.png", None),
                (&nobody, "/public/x", None),
                (&nobody, "/status", None),
            ] {
                // Two headers beside the one of the jar: HTTP/2 sends cookies so (RFC 9113 8.2.3).
                let more = [version, "-H", &cookie, "-H", "Cookie: c=3"];
                let seen: Seen = browser.ask(&house.jira(path), &more).await.json();
                let sent = seen.headers.get("cookie").cloned().unwrap_or_default();
                assert!(!sent.contains(of_alice.as_str()), "{version} {path} {spelling}: {sent}");
                assert_eq!(token_of(&seen).as_ref(), own, "{version} {path} {spelling}: {sent}");
                let named = sent.to_lowercase().matches("token_key").count();
                assert_eq!(
                    named,
                    usize::from(own.is_some()),
                    "{version} {path} {spelling}: {sent}"
                );
            }
        }
    }
    let credentials = ["-H", "Authorization: Bearer x", "-H", "Cookie: crowd.token_key=x"];
    let seen: Seen = bob.ask(&house.jira("/x"), &credentials).await.json();
    assert_eq!(token_of(&seen), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_never_get_the_token() {
    let house = house().await;
    let alice = house.browser("alice");
    let answer = alice.get(&house.jira("/own"), &FOLLOW).await;
    let shown: Shown = answer.json();
    assert!(shown.cookies.contains(TOKEN), "the application repeats it: {shown:?}");
    assert!(answer.heads.contains("JSESSIONID"), "{}", answer.heads);
    assert!(!answer.heads.contains(TOKEN), "{}", answer.heads);
    assert!(!answer.heads.contains(&house.token(&alice).await), "{}", answer.heads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_worth_nothing_at_another_application() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let seen = house.seen(&alice, &house.wiki("/x")).await;
    let at_wiki = token_of(&seen).unwrap();
    assert_ne!(token, at_wiki);
    for (application, token, whose) in [
        ("jira", &token, Some("alice")),
        ("wiki", &at_wiki, Some("alice")),
        ("wiki", &token, None),
        ("ci", &token, None),
        ("jira", &at_wiki, None),
    ] {
        assert_eq!(house.whose(application, token).await.as_deref(), whose, "{application}");
    }
    for method in ["GET", "DELETE"] {
        let answer = house.ask("wiki", method, &format!("/session/{token}"), "").await;
        assert_eq!(answer.status, if method == "GET" { 404 } else { 204 });
    }
    assert!(house.whose("jira", &token).await.is_some(), "another application cannot end it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_up_is_no_token_and_neither_is_the_sessions_cookie() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let cookie = alice.cookie("jira.localhost", "__Host-gatehouse-session").unwrap();
    let other = if &token[20..21] == "A" { "B" } else { "A" };
    let changed = format!("{}{other}{}", &token[..20], &token[21..]);
    for made_up in ["x", "A", &changed, &cookie, &"A".repeat(43), &token[1..], "%20", "..%2fx"] {
        assert_eq!(house.whose("jira", made_up).await, None, "{made_up}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_none_after_somebody_has_signed_out() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let logout = house.jira("/_gatehouse/logout");
    assert_eq!(alice.ask(&logout, &["-X", "POST", "-H", &own(&house)]).await.status, 303);
    assert_eq!(house.whose("jira", &token).await, None);
    let again = house.token(&house.browser("alice")).await;
    assert_ne!(again, token);
    assert_eq!(house.whose("jira", &token).await, None, "and stays none");
}
