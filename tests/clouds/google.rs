//! Google's Directory API, beside what its own library looks at.

use serde_json::json;

use super::peer::{Peer, said};
use crate::support::clouds::tenant::Vendor;

#[tokio::test]
async fn an_account_acts_for_administrators_and_for_what_was_delegated() {
    let peer = Peer::start().await;
    let admin = peer.credential("google", "admin");
    let scope = "https://www.googleapis.com/auth/admin.directory.user.readonly";
    let answer = peer.google_grant(&admin, "https://www.googleapis.com/auth/drive").await;
    assert_eq!((answer.status, answer.code()), (401, "unauthorized_client"));
    let answer = peer.google_grant("nobody@example.com", scope).await;
    assert_eq!((answer.status, answer.code()), (400, "invalid_grant"));
    let token = super::peer::token(&peer.google_grant(&admin, scope).await);
    assert_eq!(peer.google(&token, "/users?customer=my_customer").await.status, 200);
    let answer = peer.google(&token, "/groups?customer=my_customer").await;
    assert_eq!((answer.status, answer.code()), (403, "insufficientPermissions"));
}

#[tokio::test]
async fn an_etag_changes_with_its_object_and_conditions_are_kept() {
    let peer = Peer::start().await;
    let token = peer.google_token().await;
    let id = &peer.google(&token, "/users?customer=my_customer&maxResults=1").await.ids()[0];
    let path = format!("/users/{id}");
    let first = peer.google(&token, &path).await;
    let tag = first.body["etag"].as_str().unwrap();
    let ask = async |header: &str, tag: &str| {
        said(peer.http.get(peer.google_url(&path)).bearer_auth(&token).header(header, tag)).await
    };
    assert_eq!(ask("If-None-Match", tag).await.status, 304);
    assert_eq!(ask("If-Match", tag).await.status, 200);
    peer.apply("google", json!({ "do": "change_user", "no": 0, "set": { "display": "New" } }))
        .await;
    assert_eq!(ask("If-None-Match", tag).await.status, 200);
    let answer = ask("If-Match", tag).await;
    assert_eq!((answer.status, answer.code()), (412, "conditionNotMet"));
}

#[tokio::test]
async fn a_page_token_is_good_for_three_days_and_the_same_question() {
    let peer = Peer::start().await;
    let token = peer.google_token().await;
    let first = peer.google(&token, "/users?customer=my_customer&maxResults=10").await;
    let page = first.body["nextPageToken"].as_str().unwrap();
    let next = format!("/users?customer=my_customer&maxResults=10&pageToken={page}");
    assert_eq!(peer.google(&token, &next).await.ids().len(), 10);
    let answer = peer.google(&token, &format!("{next}&orderBy=email")).await;
    assert_eq!((answer.status, answer.code()), (400, "invalid"));
    peer.tell("/time", json!({ "seconds": 3 * 86_400 + 60 })).await;
    let token = peer.google_token().await;
    assert_eq!(peer.google(&token, &next).await.status, 400);
}

#[tokio::test]
async fn what_is_not_documented_is_refused() {
    let peer = Peer::start().await;
    let token = peer.google_token().await;
    for path in [
        "/users",
        "/users?customer=my_customer&maxResults=501",
        "/users?customer=my_customer&limit=5",
        "/users?customer=my_customer&projection=custom",
        "/users?customer=my_customer&query=shoeSize=45",
        "/users?customer=my_customer&fields=users(id",
        "/groups?customer=my_customer&maxResults=201",
        "/groups/group-1@example.com/members?roles=KING",
    ] {
        let answer = peer.google(&token, path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
    }
    assert_eq!(peer.google(&token, "/users?customer=C0another").await.status, 403);
    assert_eq!(peer.google(&token, "/groups/nothing@example.com").await.code(), "notFound");
}

#[tokio::test]
async fn a_group_does_not_change_with_its_members_except_for_their_number() {
    let peer = Peer::start().await;
    let token = peer.google_token().await;
    let before = peer.google(&token, "/groups/group-20@example.com").await.body;
    let users = peer.clouds.cloud(Vendor::Google).tenant().group(20).unwrap().users.clone();
    let (leaver, free) = (users[0], (0..120).find(|no| !users.contains(no)));
    peer.apply(
        "google",
        json!({ "do": "add_members", "group": 20, "members": [{ "user": free }] }),
    )
    .await;
    let after = peer.google(&token, "/groups/group-20@example.com").await.body;
    assert_ne!(before["directMembersCount"], after["directMembersCount"]);
    peer.apply(
        "google",
        json!({ "do": "remove_members", "group": 20, "members": [{ "user": leaver }] }),
    )
    .await;
    assert_eq!(peer.google(&token, "/groups/group-20@example.com").await.body, before);
}

#[tokio::test]
async fn who_was_deleted_is_seen_for_twenty_days() {
    let peer = Peer::start().await;
    peer.apply("google", json!({ "do": "delete_user", "no": 60 })).await;
    let path = "/users?customer=my_customer&showDeleted=true";
    let token = peer.google_token().await;
    assert_eq!(peer.google(&token, path).await.ids().len(), 1);
    peer.tell("/time", json!({ "seconds": 21 * 86_400 })).await;
    let token = peer.google_token().await;
    assert_eq!(peer.google(&token, path).await.ids().len(), 0);
    peer.apply("google", json!({ "do": "restore_user", "no": 60 })).await;
    assert_eq!(
        peer.google(&token, "/users?customer=my_customer&maxResults=500").await.ids().len(),
        120
    );
}

#[tokio::test]
async fn a_quota_is_403_and_comes_back_after_a_minute() {
    let peer = Peer::start().await;
    peer.tell("/google/manners", json!({ "limit": 1 })).await;
    let token = peer.google_token().await;
    let path = "/users?customer=my_customer";
    assert_eq!(peer.google(&token, path).await.status, 200);
    let answer = peer.google(&token, path).await;
    assert_eq!((answer.status, answer.code()), (403, "rateLimitExceeded"));
    peer.tell("/time", json!({ "seconds": 61 })).await;
    assert_eq!(peer.google(&token, path).await.status, 200);
}
