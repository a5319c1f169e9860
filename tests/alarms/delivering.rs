//! Messages that are owed: tried again, given up, delivered once at least, and signed.

use chrono::TimeDelta;

use super::{Ears, Guard, Peer, adjustable, broken, of_failures};
use crate::{
    connectors::heard::{Log, assert_hidden},
    support::gateway::write_secret,
    syncs::{World, organisation::Way},
};

async fn fail(world: &World) {
    world.begin().await;
    world.organisation.fail("groups", broken("x"));
    world.run_error().await;
}

#[tokio::test]
async fn a_receiver_that_is_away_for_a_while_is_told_when_it_is_back_in_order() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guard = Guard::of(&world, &of_failures(&ears));
        let address = ears.address;
        drop(ears);
        fail(&world).await;
        guard.look_and_deliver().await;
        let waits = guard.deliveries().await.remove(0);
        assert_eq!((waits.state.as_str(), waits.tries), ("waiting", 1));
        assert!(waits.problem.unwrap().contains("cannot reach 127.0.0.1"));
        // It is over before anybody has heard of it, and that is not what they hear first.
        let ears = Ears::at(address).await;
        world.run().await;
        guard.look_and_deliver().await;
        assert!(ears.events().is_empty(), "not before its time");
        world.clock.advance(TimeDelta::seconds(31));
        guard.deliver().await;
        guard.deliver().await;
        assert_eq!(ears.events(), ["raised failed", "over failed"]);
        assert_eq!(ears.calls()[0].id, waits.message_id);
    }
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_has_put_off_is_tried_within_the_hour() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        ears.answer(&[500]);
        let guard = Guard::of(&world, &of_failures(&ears));
        fail(&world).await;
        guard.look_and_deliver().await;
        world.execute("UPDATE alarm_deliveries SET next_at = 9000000000000000").await;
        guard.deliver().await;
        assert_eq!(ears.calls().len(), 1);
        world.clock.advance(TimeDelta::minutes(61));
        guard.deliver().await;
        assert_eq!(ears.events(), ["raised failed", "raised failed"]);
        // Nor is it believed that somebody will have been told in years.
        world.execute("UPDATE alarm_deliveries SET created_at = 9000000000000000").await;
        guard.look_and_deliver().await;
        assert_eq!(ears.events().len(), 3);
    }
}

#[tokio::test]
async fn that_somebody_protected_waits_is_told_once_however_many_runs_go_by() {
    for mut world in adjustable(Way::Changes).await {
        world.configure("[guard]\nprotected_users = [\"ada@example.com\"]");
        let ears = Ears::open().await;
        let text = of_failures(&ears).replace("failed", "waits");
        let guard = Guard::of(&world, &text);
        world.begin().await;
        world.organisation.fire("ada");
        for hour in 0..5 {
            world.organisation.set("bob", "displayName", &format!("Bob {hour}"));
            world.run().await;
            guard.look_and_deliver().await;
            world.clock.advance(TimeDelta::hours(1));
        }
        assert_eq!(ears.events(), ["raised waits"]);
        world.approve().await.unwrap();
        guard.look_and_deliver().await;
        assert_eq!(ears.events(), ["raised waits", "over waits"]);
    }
}

#[tokio::test]
async fn whoever_answers_badly_is_told_again_with_the_same_words_and_redirects_lead_nowhere() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        ears.answer(&[500, 307, 404]);
        let guard = Guard::of(&world, &of_failures(&ears));
        fail(&world).await;
        guard.look().await;
        let mut pauses = Vec::new();
        for _ in 0..4 {
            guard.deliver().await;
            let delivery = guard.deliveries().await.remove(0);
            let pause = delivery.next_at() - world.clock.now();
            pauses.push(((pause.num_milliseconds() + 500) / 1000, delivery.problem));
            world.clock.advance(pause + TimeDelta::seconds(1));
        }
        let problem = |status| Some(format!("127.0.0.1 answered {status}"));
        assert_eq!(pauses[0], (30, problem(500)));
        assert_eq!(pauses[1], (60, problem(307)));
        assert_eq!(pauses[2], (120, problem(404)));
        let calls = ears.calls();
        assert_eq!(calls.len(), 4);
        assert!(calls.iter().all(|call| call.path == "/hook" && call.id == calls[0].id));
        assert!(calls.iter().all(|call| call.said == calls[0].said));
        assert_eq!(guard.deliveries().await[0].state, "delivered");
    }
}

#[tokio::test]
async fn what_could_not_be_delivered_for_a_day_is_given_up_and_said_anew() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guard = Guard::of(&world, &of_failures(&ears));
        fail(&world).await;
        ears.answer(&[500; 60]);
        let mut tries = 0;
        while guard.deliveries().await.first().is_none_or(|it| it.state == "waiting") {
            guard.look_and_deliver().await;
            world.clock.advance(TimeDelta::hours(1));
            tries += 1;
            assert!(tries < 40, "never given up");
        }
        let given_up = guard.deliveries().await.remove(0);
        assert_eq!(given_up.state, "given_up");
        assert_eq!(given_up.problem.as_deref(), Some("127.0.0.1 answered 500"));
        assert!((24..=26).contains(&tries), "{tries}");
        let shown = guard.metrics.render().unwrap();
        let line = "gatehouse_alarm_deliveries_total{receiver=\"ops\",outcome=\"given_up\"} 1";
        assert!(shown.contains(line), "{shown}");
        ears.answer(&[]);
        guard.look_and_deliver().await;
        assert_eq!(ears.events().last().unwrap(), "repeated failed");
    }
}

#[tokio::test]
async fn whoever_tries_and_dies_has_it_taken_over_by_another() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guard = Guard::of(&world, &of_failures(&ears));
        fail(&world).await;
        guard.look().await;
        ears.answer(&[100]);
        let dying = tokio::time::timeout(std::time::Duration::from_millis(500), guard.deliver());
        assert!(dying.await.is_err(), "the receiver never answers");
        let other = Guard::of(&world, &of_failures(&ears));
        other.deliver().await;
        assert_eq!(ears.calls().len(), 1, "somebody may still be at it");
        world.clock.advance(TimeDelta::minutes(4));
        other.deliver().await;
        let calls = ears.calls();
        assert_eq!((calls.len(), &calls[0].id), (2, &calls[1].id));
    }
}

#[tokio::test]
async fn one_receiver_that_is_away_keeps_nobody_else_from_hearing() {
    let world = adjustable(Way::Changes).await.remove(0);
    let (away, there) = (Ears::open().await, Ears::open().await);
    let second = of_failures(&there).replace("\"ops\"", "\"others\"");
    let guard = Guard::of(&world, &(of_failures(&away) + second.as_str()));
    drop(away);
    fail(&world).await;
    guard.look_and_deliver().await;
    assert_eq!(there.events(), ["raised failed"]);
}

#[tokio::test]
async fn a_receiver_that_is_not_configured_any_more_is_given_up_after_a_day() {
    for world in adjustable(Way::Changes).await {
        let ears = Ears::open().await;
        let guard = Guard::of(&world, &of_failures(&ears));
        fail(&world).await;
        guard.look().await;
        let other = Guard::of(&world, &of_failures(&ears).replace("\"ops\"", "\"new\""));
        guard.watch.stop().await.unwrap();
        other.look_and_deliver().await;
        assert_eq!(ears.events(), ["raised failed"], "who is new is told of what is open");
        assert_eq!(guard.deliveries().await[0].state, "waiting");
        world.clock.advance(TimeDelta::hours(24));
        other.look().await;
        let given_up = guard.deliveries().await.remove(0);
        assert_eq!((given_up.receiver.as_str(), given_up.state.as_str()), ("ops", "given_up"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_signed_and_only_trusted_hosts_get_them() {
    let world = adjustable(Way::Changes).await.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(path("tls.pem"), made.cert.pem()).unwrap();
    write_secret(path("tls.key").as_ref(), &made.signing_key.serialize_pem());
    let secret = "a-secret-of-thirty-two-characters";
    write_secret(path("secret").as_ref(), &format!("{secret}\n"));
    let peer = Peer::start("webhook.py", &[secret, &path("tls.pem"), &path("tls.key")]).await;
    write_secret(
        path("url").as_ref(),
        &format!("https://localhost:{}/services/T000/B000/XXXX\n", peer.port),
    );
    let alarm = |name: &str, more: &str| {
        format!(
            "[[alarm]]\nname = \"{name}\"\non = [\"failed\"]\n[alarm.webhook]\nurl = {{ file = \"{}\" }}\n\
             secret = {{ file = \"{}\" }}\n{more}\n",
            path("url"),
            path("secret"),
        )
    };
    let known = alarm("known", &format!("ca = \"{}\"", path("tls.pem")));
    let text = known + alarm("unknown", "").as_str();
    let guard = Guard::of(&world, &text);
    fail(&world).await;
    let (log, _hearing) = Log::hear();
    guard.look_and_deliver().await;
    let heard = peer.heard(1).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0]["signed"] == true && heard[0]["fresh"] == true, "{heard:?}");
    assert_eq!(heard[0]["id"], heard[0]["said"]["id"]);
    assert_eq!(heard[0]["type"], "application/json");
    let deliveries = guard.deliveries().await;
    let states: Vec<_> = deliveries.iter().map(|it| (&*it.receiver, &*it.state)).collect();
    assert_eq!(states, [("known", "delivered"), ("unknown", "waiting")]);
    let problem = deliveries[1].problem.clone().unwrap();
    assert!(problem.contains("certificate"), "{problem}");
    // Who knows the address may post there.
    let seen = log.text() + problem.as_str();
    assert!(seen.contains("nobody could be told"), "{seen}");
    assert_hidden(&seen, &[secret, "XXXX", "T000"]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_and_not_shown() {
    let world = adjustable(Way::Changes).await.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("url");
    write_secret(&url, "http://hooks.example.com/services/XXXX");
    let text = format!(
        "[[alarm]]\nname = \"ops\"\nwebhook = {{ url = {{ file = \"{}\" }} }}\n",
        url.display()
    );
    let guard = Guard::of(&world, &text);
    fail(&world).await;
    guard.look_and_deliver().await;
    let problem = guard.deliveries().await[0].problem.clone().unwrap();
    assert_eq!(problem, "webhook.url: must begin with https:// (http:// only for localhost)");
}
