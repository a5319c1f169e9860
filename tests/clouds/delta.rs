//! Graph's feeds of changes, beside what Microsoft's library looks at.

use serde_json::{Value, json};

use super::peer::{Peer, said};

/// Everything that a round says, and where the next one begins.
async fn round(peer: &Peer, token: &str, from: &str) -> (Vec<Value>, String) {
    let (mut said, mut at) = (Vec::new(), from.to_owned());
    loop {
        let answer = peer.graph(token, &at).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        said.extend(answer.body["value"].as_array().unwrap().clone());
        let (next, end) = (&answer.body["@odata.nextLink"], &answer.body["@odata.deltaLink"]);
        assert!(next.is_null() != end.is_null(), "a page has one of two links");
        match next.as_str() {
            Some(next) => next.clone_into(&mut at),
            None => return (said, end.as_str().unwrap().to_owned()),
        }
    }
}

const USERS: &str = "/users/delta?$select=id,displayName,mail";

#[tokio::test]
async fn what_happens_during_a_round_comes_in_the_next_one() {
    let peer = Peer::start().await;
    peer.tell("/graph/manners", json!({ "delta_page": 10, "members_per_item": 7 })).await;
    let token = peer.graph_token().await;
    let first = peer.graph(&token, USERS).await;
    let groups = peer.graph(&token, "/groups/delta?$select=id,members").await;
    let on =
        |answer: &super::peer::Said| answer.body["@odata.nextLink"].as_str().unwrap().to_owned();
    let (people, teams) = (on(&first), on(&groups));
    peer.apply("graph", json!({ "do": "change_user", "no": 60, "set": { "display": "New" } }))
        .await;
    peer.apply("graph", json!({ "do": "add_user" })).await;
    peer.apply("graph", json!({ "do": "remove_members", "group": 0, "members": [{ "user": 3 }] }))
        .await;
    let (more, next) = round(&peer, &token, &people).await;
    let seen = first.ids().len() + more.len();
    assert_eq!(seen, 120, "who is new comes later");
    assert!(more.iter().all(|user| user["displayName"] != "New"));
    let (news, _) = round(&peer, &token, &next).await;
    assert_eq!(news.len(), 2, "{news:?}");
    let (pieces, next) = round(&peer, &token, &teams).await;
    let everyone = groups.ids()[0].clone();
    let named = pieces
        .iter()
        .chain(groups.body["value"].as_array().unwrap())
        .filter(|it| it["id"] == everyone.as_str());
    let named: usize = named.map(|it| it["members@delta"].as_array().unwrap().len()).sum();
    assert!((119..=121).contains(&named), "nobody is missed because somebody left: {named}");
    let (news, _) = round(&peer, &token, &next).await;
    let members = news[0]["members@delta"].as_array().unwrap();
    assert_eq!(members.len(), 2, "one has left, and one has come: {members:?}");
    assert_eq!(members.iter().filter(|it| it["@removed"]["reason"] == "deleted").count(), 1);
}

#[tokio::test]
async fn a_token_is_good_for_seven_days_and_then_its_state_is_lost() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (_, next) = round(&peer, &token, USERS).await;
    peer.tell("/time", json!({ "seconds": 7 * 86_400 - 60 })).await;
    let token = peer.graph_token().await;
    let (nothing, next) = round(&peer, &token, &next).await;
    assert!(nothing.is_empty());
    peer.tell("/time", json!({ "seconds": 7 * 86_400 + 60 })).await;
    let token = peer.graph_token().await;
    let answer = peer.graph(&token, &next).await;
    assert_eq!((answer.status, answer.code()), (400, "syncStateNotFound"));
}

#[tokio::test]
async fn a_resync_says_where_to_begin_again() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (_, next) = round(&peer, &token, USERS).await;
    peer.apply("graph", json!({ "do": "resync" })).await;
    let answer = peer.graph(&token, &next).await;
    assert_eq!(answer.status, 410);
    let location = answer.header("location").to_owned();
    assert!(location.ends_with("/users/delta?$deltatoken="), "{location}");
    assert_eq!(round(&peer, &token, &location).await.0.len(), 120);
}

#[tokio::test]
async fn a_token_that_was_made_up_or_is_of_another_feed_is_refused() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (_, next) = round(&peer, &token, USERS).await;
    let changed = format!("{}0", next.strip_suffix(char::is_alphanumeric).unwrap_or(&next));
    for link in [changed, next.replace("/users/", "/groups/"), format!("{next}&$select=id")] {
        assert_eq!(peer.graph(&token, &link).await.status, 400, "{link}");
    }
}

#[tokio::test]
async fn a_feed_is_as_far_behind_as_it_is_told_and_can_begin_now() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (nothing, now) = round(&peer, &token, "/users/delta?$deltatoken=latest").await;
    assert!(nothing.is_empty());
    peer.tell("/graph/manners", json!({ "lag_seconds": 120 })).await;
    peer.apply("graph", json!({ "do": "change_user", "no": 60, "set": { "display": "New" } }))
        .await;
    let (news, now) = round(&peer, &token, &now).await;
    assert!(news.is_empty(), "{news:?}");
    peer.tell("/time", json!({ "seconds": 121 })).await;
    let (news, _) = round(&peer, &token, &now).await;
    assert_eq!(news.len(), 1);
}

#[tokio::test]
async fn absent_null_and_minimal_are_three_things() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (all, next) = round(&peer, &token, USERS).await;
    assert!(
        all.iter().all(|user| user.get("mail").is_none_or(|mail| !mail.is_null())),
        "what was never set is left out"
    );
    peer.apply("graph", json!({ "do": "change_user", "no": 60, "set": { "mail": null } })).await;
    let (news, _) = round(&peer, &token, &next).await;
    assert!(news[0]["mail"].is_null() && news[0].get("mail").is_some(), "{news:?}");
    assert!(news[0]["displayName"].is_string(), "what is selected comes along");
    let request = peer.http.get(&next).bearer_auth(&token).header("prefer", "return=minimal");
    let minimal = said(request).await.body["value"][0].clone();
    assert!(minimal.get("displayName").is_none() && minimal.get("mail").is_some(), "{minimal}");
    peer.apply("graph", json!({ "do": "change_user", "no": 61, "set": { "title": "Boss" } })).await;
    let (news, _) = round(&peer, &token, &next).await;
    assert_eq!(news.len(), 1, "what is not selected is not news");
}

#[tokio::test]
async fn who_was_deleted_is_removed_but_does_not_leave_groups() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let (_, users) = round(&peer, &token, USERS).await;
    let (_, groups) = round(&peer, &token, "/groups/delta").await;
    peer.apply("graph", json!({ "do": "delete_user", "no": 60 })).await;
    let (news, users) = round(&peer, &token, &users).await;
    assert_eq!(news[0]["@removed"]["reason"], "changed");
    let (nothing, _) = round(&peer, &token, &groups).await;
    assert!(nothing.is_empty(), "{nothing:?}");
    peer.tell("/graph/manners", json!({ "leavers_stay_members": false })).await;
    let (left, _) = round(&peer, &token, &groups).await;
    assert!(!left.is_empty());
    peer.apply("graph", json!({ "do": "purge_user", "no": 60 })).await;
    let (news, _) = round(&peer, &token, &users).await;
    assert_eq!(news[0]["@removed"]["reason"], "deleted");
}
