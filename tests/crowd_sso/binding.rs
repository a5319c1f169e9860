//! An application's own sessions go with the gateway's: nobody gets one that somebody else has begun.

use chrono::TimeDelta;

use super::{House, house, house_of, own, session_of, with_crowd, with_crowd_and};
use crate::support::{
    curl::{Curl, FOLLOW},
    gateway::Plan,
    own_sessions::Shown,
};

const HOST: &str = "jira.localhost";
const MARKER: &str = "__Host-gatehouse-app-jira";

impl House {
    /// Takes the directory from everybody, as if somebody did who leaves their sessions alone.
    async fn disable_in_silence(&self) {
        let url = format!("sqlite://{}", self.gateway.plan.path("gatehouse.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::query("UPDATE directories SET disabled_at = 1").execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// The same browser, where somebody else sits now.
    fn taken_over(&self, from: &Curl, by: &str) -> Curl {
        let browser = self.browser(by);
        browser.copy_cookies(from);
        browser
    }

    async fn own(&self, browser: &Curl) -> Shown {
        self.shown(browser, &self.jira("/own")).await
    }

    /// Ends all of somebody's sessions, as an administrator: their browser does not hear of it.
    async fn end_sessions(&self, user: &str) {
        self.run(&["session", "end", "--user", user]).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }

    /// Lets all sessions grow too old.
    fn wait_for_the_night(&self) {
        self.gateway.clock.advance(TimeDelta::hours(9));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_the_applications_goes_on_for_as_long_as_the_gateways() {
    for plan in Plan::on_every_database().await {
        let mut house = house_of(with_crowd(plan)).await;
        let alice = house.browser("alice");
        let first = house.own(&alice).await;
        assert_eq!((first.owner.as_str(), first.user.as_str()), ("alice", "alice"));
        let marker = alice.cookie(HOST, MARKER).unwrap();
        assert_eq!(house.own(&alice).await.session, first.session);
        house.gateway.stop().await;
        house.gateway.try_run().await.unwrap();
        assert_eq!(house.own(&alice).await.session, first.session, "after a restart");
        assert_eq!(alice.cookie(HOST, MARKER).unwrap(), marker);
        assert!(!first.cookies.contains("gatehouse"), "{first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_inherits_the_session_of_whoever_sat_there_before() {
    for plan in Plan::on_every_database().await {
        let house = house_of(with_crowd(plan)).await;
        let alice = house.browser("alice");
        let of_alice = house.own(&alice).await;
        alice.set_cookie(HOST, "seraph.rememberme.cookie", "alice");
        alice.set_cookie(HOST, "board", "7");
        house.end_sessions("alice").await;

        let bob = house.taken_over(&alice, "bob");
        let of_bob = house.own(&bob).await;
        assert_eq!((of_bob.owner.as_str(), of_bob.user.as_str()), ("bob", "bob"));
        assert_ne!(of_bob.session, of_alice.session);
        assert!(of_bob.cookies.contains("board=7"), "{of_bob:?}");
        assert!(!of_bob.cookies.contains("rememberme"), "{of_bob:?}");
        assert_eq!(bob.cookie(HOST, "seraph.rememberme.cookie"), None);
        assert_eq!(bob.cookie(HOST, "JSESSIONID").unwrap(), of_bob.session);
        assert_eq!(
            house.own(&bob).await,
            Shown { cookies: house.own(&bob).await.cookies, ..of_bob }
        );

        // The same when nobody has ended anything, but the night has.
        house.wait_for_the_night();
        let alice = house.taken_over(&bob, "alice");
        assert_eq!(house.own(&alice).await.owner, "alice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_again_finds_what_they_had_begun_unless_they_had_signed_out() {
    for plan in Plan::on_every_database().await {
        let house = house_of(with_crowd(plan)).await;
        let alice = house.browser("alice");
        let first = house.own(&alice).await;
        house.wait_for_the_night();
        assert_eq!(house.own(&alice).await.session, first.session, "the morning after");
        assert_eq!(house.own(&alice).await.session, first.session);

        // She signs out at the wiki: Jira's host hears nothing of it.
        house.seen(&alice, &house.wiki("/x")).await;
        let page = format!("Origin: {}", house.gateway.wiki());
        let out = alice.ask(&house.wiki("/_gatehouse/logout"), &["-X", "POST", "-H", &page]).await;
        assert_eq!(out.status, 303);
        assert_eq!(alice.cookie(HOST, "JSESSIONID").unwrap(), first.session);
        let second = house.own(&alice).await;
        assert_ne!(second.session, first.session);
        assert_eq!(house.own(&alice).await.session, second.session);

        house.end_sessions("alice").await;
        assert_ne!(
            house.own(&alice).await.session,
            second.session,
            "an administrator's end is one"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_remembered_for_too_long_is_nobodys() {
    let house = house().await;
    let alice = house.browser("alice");
    let first = house.own(&alice).await;
    house.gateway.clock.advance(TimeDelta::days(31));
    assert_ne!(house.own(&alice).await.session, first.session);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_needs_a_session_an_ended_one_leaves_nothing_behind() {
    let house = house().await;
    let alice = house.browser("alice");
    let first = house.own(&alice).await;
    house.end_sessions("alice").await;
    let open = house.jira("/public/own");
    let nobody: Shown = alice.get(&open, &[]).await.json();
    assert_ne!(nobody.session, first.session);
    assert_eq!((nobody.owner.as_str(), nobody.user.as_str()), ("", ""));
    assert!(!nobody.cookies.contains("JSESSIONID"), "{nobody:?}");
    assert_eq!(alice.cookie(HOST, MARKER), None);
    assert_eq!(alice.cookie(HOST, "JSESSIONID").unwrap(), nobody.session);
    let again: Shown = alice.get(&open, &[]).await.json();
    assert_eq!(
        again.session, nobody.session,
        "without the gateway's, the application's own business"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_needs_a_session_one_without_an_account_is_none() {
    let house = house().await;
    let alice = house.browser("alice");
    let first = house.own(&alice).await;
    assert_eq!(first.owner, "alice");
    // She stays signed in, and has no account at Jira any more.
    house.disable_in_silence().await;
    house.gateway.clock.advance(TimeDelta::seconds(31));
    assert_eq!(alice.get(&house.jira("/own"), &[]).await.status, 403, "she has a session");
    let open = house.jira("/public/own");
    let nobody: Shown = alice.get(&open, &[]).await.json();
    assert_eq!((nobody.owner.as_str(), nobody.user.as_str()), ("", ""));
    assert!(!nobody.cookies.contains("JSESSIONID"), "{nobody:?}");
    assert_eq!(alice.cookie(HOST, MARKER), None);
    let again: Shown = alice.get(&open, &[]).await.json();
    assert_eq!(
        again.session, nobody.session,
        "what nobody has begun is the application's business"
    );

    // With an account, she does not take it along.
    house.run(&["directory", "enable", "Internal"]).await;
    house.gateway.clock.advance(TimeDelta::seconds(31));
    let hers = house.own(&alice).await;
    assert_ne!(hers.session, nobody.session);
    assert_eq!(hers.owner, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_begun_is_not_taken_along_by_whoever_signs_in() {
    let house = house().await;
    let alice = house.browser("alice");
    let nobody: Shown = alice.get(&house.jira("/public/own"), &[]).await.json();
    let of_alice = house.own(&alice).await;
    assert_ne!(of_alice.session, nobody.session, "somebody could have planted it");
    assert_eq!(of_alice.owner, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_paths_neither_get_a_session_nor_spoil_it() {
    let house = house().await;
    let alice = house.browser("alice");
    let first = house.own(&alice).await;
    let answer = alice.get(&house.jira("/images/own"), &[]).await;
    let picture: Shown = answer.json();
    assert!(!picture.cookies.contains("JSESSIONID"), "{picture:?}");
    assert!(!answer.heads.to_lowercase().contains("set-cookie"), "{}", answer.heads);
    assert_eq!(house.own(&alice).await.session, first.session);

    // Who brings credentials of their own is who those say.
    let more = ["-H", "Authorization: Basic YTpi"];
    let called: Shown = alice.ask(&house.jira("/rest/own"), &more).await.json();
    assert_eq!(called.session, first.session);
    let nobody = house.gateway.browser();
    let answer = nobody.get(&house.jira("/images/own"), &[]).await;
    assert!(answer.heads.contains("JSESSIONID"), "{}", answer.heads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_of_somebody_elses_or_of_ones_own_making_is_none() {
    let house = house().await;
    let (alice, bob) = (house.browser("alice"), house.browser("bob"));
    let (of_alice, of_bob) = (house.own(&alice).await, house.own(&bob).await);
    let marker = alice.cookie(HOST, MARKER).unwrap();
    let mine = bob.cookie(HOST, MARKER).unwrap();
    assert_ne!(marker, mine);
    let changed = format!("{}{}", &mine[..30], &marker[30..]);
    for marker in [marker.as_str(), changed.as_str(), "x", ""] {
        let cookies = format!(
            "Cookie: {}; JSESSIONID={}; {MARKER}={marker}",
            session_of(&bob),
            of_alice.session
        );
        let plain = Curl::new(&house.gateway.plan.ca());
        let shown: Shown = plain.ask(&house.jira("/own"), &["-H", &cookies]).await.json();
        assert_ne!(shown.session, of_alice.session, "{marker}");
        assert_eq!((shown.owner.as_str(), shown.user.as_str()), ("bob", "bob"));
        // And it is said that what comes now is Bob's.
        assert_eq!(plain.cookie(HOST, MARKER).unwrap(), mine, "{marker}");
    }
    assert_eq!(house.own(&bob).await.session, of_bob.session);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_takes_the_applications_cookies_away() {
    let house = house().await;
    let alice = house.browser("alice");
    house.own(&alice).await;
    alice.set_cookie(HOST, "seraph.rememberme.cookie", "alice");
    alice.set_cookie(HOST, "board", "7");
    let logout = house.jira("/_gatehouse/logout");
    assert_eq!(alice.ask(&logout, &["-X", "POST", "-H", &own(&house)]).await.status, 303);
    for name in ["JSESSIONID", "seraph.rememberme.cookie", MARKER, "__Host-gatehouse-session"] {
        assert_eq!(alice.cookie(HOST, name), None, "{name}");
    }
    assert_eq!(alice.cookie(HOST, "board").unwrap(), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_gets_no_session_of_somebody_elses() {
    let house = house().await;
    let (alice, bob) = (house.browser("alice"), house.browser("bob"));
    let of_alice = house.own(&alice).await;
    house.own(&bob).await;
    let origin = own(&house);
    let open = async |cookies: String| {
        let more = [
            "--http1.1",
            "-m",
            "2",
            "-H",
            "Connection: Upgrade",
            "-H",
            "Upgrade: websocket",
            "-H",
            "Sec-WebSocket-Version: 13",
            "-H",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "-H",
            &origin,
            "-H",
            &cookies,
        ];
        let plain = Curl::new(&house.gateway.plan.ca());
        let answer = plain.ask_in_vain(&house.jira("/own/socket"), &more).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        let json = &answer.body[answer.body.find('{').unwrap()..=answer.body.rfind('}').unwrap()];
        (serde_json::from_str::<Shown>(json).unwrap(), answer.heads)
    };
    let (session, id) = (session_of(&bob), &of_alice.session);
    let (shown, heads) = open(format!("Cookie: {session}; JSESSIONID={id}")).await;
    assert_eq!(shown.owner, "bob");
    assert!(heads.contains(MARKER), "{heads}");
    let (session, marker) = (session_of(&alice), alice.cookie(HOST, MARKER).unwrap());
    let (shown, _) = open(format!("Cookie: {session}; JSESSIONID={id}; {MARKER}={marker}")).await;
    assert_eq!(&shown.session, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn which_cookies_are_meant_is_the_administrators_to_say() {
    let line = "sessions = { cookies = [\"board\"] }";
    let house = house_of(with_crowd_and(Plan::new(), line)).await;
    let alice = house.browser("alice");
    let first = house.own(&alice).await;
    alice.set_cookie(HOST, "board", "7");
    house.end_sessions("alice").await;
    let bob = house.taken_over(&alice, "bob");
    let shown: Shown = bob.get(&house.jira("/own"), &FOLLOW).await.json();
    assert_eq!(shown.session, first.session, "nobody has said that this is a session");
    assert_eq!(bob.cookie(HOST, "board"), None);

    let house = house_of(with_crowd_and(Plan::new(), "sessions = { cookies = [] }")).await;
    let alice = house.browser("alice");
    house.own(&alice).await;
    assert_eq!(alice.cookie(HOST, MARKER), None);
}
