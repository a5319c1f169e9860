//! Graph and Entra ID's token endpoint, beside what Microsoft's library looks at.

use reqwest::Method;
use serde_json::{Value, json};

use super::peer::{Peer, Said, said, sign, token};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn entra_code(answer: &Said) -> u64 {
    answer.body["error_codes"][0].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn who_may_not_have_a_token_is_told_why() {
    let peer = Peer::start().await;
    let (secret, old) =
        (peer.credential("graph", "client_secret"), peer.credential("graph", "expired_secret"));
    let wrong: [(&[(&str, &str)], u64); 7] = [
        (&[("client_secret", "guessed")], 7_000_215),
        (&[("client_secret", &old)], 7_000_222),
        (&[], 7_000_218),
        (&[("client_id", "somebody"), ("client_secret", &secret)], 700_016),
        (&[("grant_type", "password"), ("client_secret", &secret)], 70_003),
        (&[("scope", "User.Read.All"), ("client_secret", &secret)], 1_002_012),
        (&[("scope", "https://graph.microsoft.us/.default"), ("client_secret", &secret)], 500_011),
    ];
    for (fields, code) in wrong {
        let answer = peer.entra(fields).await;
        assert_eq!((entra_code(&answer), answer.status >= 400), (code, true), "{}", answer.body);
        let text = answer.body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
    }
}

#[tokio::test]
async fn an_assertion_is_signed_by_the_registered_key_for_this_endpoint_and_now() {
    let peer = Peer::start().await;
    let client = peer.credential("graph", "client_id");
    let tenant = peer.credential("graph", "tenant");
    let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", peer.host("login"));
    let now = peer.clouds.time.now().timestamp();
    let thumbprint = peer.clouds.credentials.graph.thumbprint();
    let good = json!({ "iss": client, "sub": client, "aud": endpoint, "jti": "1", "nbf": now, "exp": now + 600 });
    let ask = async |key: &str, thumbprint: &str, change: Value| {
        let mut claims = good.clone();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": "RS256", "typ": "JWT", "x5t#S256": thumbprint });
        let assertion = sign(&peer.credential("graph", key), &header, &claims);
        peer.entra(&[("client_assertion_type", ASSERTION), ("client_assertion", &assertion)]).await
    };
    assert_eq!(ask("private_key", &thumbprint, json!({})).await.status, 200);
    assert_eq!(entra_code(&ask("issuer_key", &thumbprint, json!({})).await), 700_027);
    assert_eq!(entra_code(&ask("private_key", "another", json!({})).await), 700_027);
    let elsewhere = json!({ "aud": "https://login.microsoftonline.us/x/oauth2/v2.0/token" });
    assert_eq!(entra_code(&ask("private_key", &thumbprint, elsewhere).await), 700_023);
    let old = json!({ "nbf": now - 1_200, "exp": now - 600 });
    assert_eq!(entra_code(&ask("private_key", &thumbprint, old).await), 700_024);
    let federated = json!({ "iss": peer.credential("graph", "issuer"), "sub": peer.credential("graph", "subject"), "aud": "api://AzureADTokenExchange" });
    assert_eq!(ask("issuer_key", "", federated.clone()).await.status, 200);
    assert_eq!(entra_code(&ask("private_key", "", federated.clone()).await), 50_013);
    for (claim, code) in [("iss", 700_211), ("aud", 700_212), ("sub", 700_213)] {
        let mut other = federated.clone();
        other[claim] = json!("another");
        assert_eq!(entra_code(&ask("issuer_key", "", other).await), code);
    }
}

#[tokio::test]
async fn a_token_is_good_for_an_hour() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    assert_eq!(peer.graph(&token, "/users").await.status, 200);
    peer.tell("/time", json!({ "seconds": 3_600 })).await;
    let answer = peer.graph(&token, "/users").await;
    assert_eq!((answer.status, answer.code()), (401, "InvalidAuthenticationToken"));
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    assert_eq!(peer.graph("made-up", "/users").await.status, 401);
}

#[tokio::test]
async fn what_is_not_documented_is_refused() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    for (path, status, code) in [
        ("/users?$top=1000", 400, "BadRequest"),
        ("/users?$skip=10", 400, "Request_UnsupportedQuery"),
        ("/users?$select=id,shoeSize", 400, "BadRequest"),
        ("/users?$filter=shoeSize eq 'x'", 400, "BadRequest"),
        ("/users?$filter=displayName eq", 400, "BadRequest"),
        ("/users?$skiptoken=made-up", 400, "Directory_ExpiredPageToken"),
        ("/users/delta?$top=5", 400, "Request_UnsupportedQuery"),
        ("/users/delta?$filter=startswith(displayName,'a')", 400, "Request_UnsupportedQuery"),
        ("/users/nobody", 404, "Request_ResourceNotFound"),
        ("/planets", 400, "BadRequest"),
    ] {
        let answer = peer.graph(&token, path).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{path}");
        assert!(answer.body["error"]["innerError"]["request-id"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn advanced_queries_want_their_header_on_every_page() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let path = "/users?$filter=userType ne 'Guest'&$count=true&$top=10";
    let answer = peer.graph(&token, path).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let ask = async |url: String| {
        said(peer.http.get(url).bearer_auth(&token).header("ConsistencyLevel", "eventual")).await
    };
    let first = ask(peer.graph_url(path)).await;
    let next = first.body["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(first.body["@odata.count"].as_u64().unwrap() > 10, "{}", first.body);
    assert_eq!(peer.graph(&token, &next).await.status, 400);
    let second = ask(next).await;
    assert_eq!((second.status, second.ids().len()), (200, 10));
    assert!(second.body.get("@odata.count").is_none(), "only the first page counts");
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let count = async |path: &str| {
        let answer = peer.graph(&token, &format!("{path}&$top=999")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.ids().len()
    };
    assert_eq!(count("/users?$filter=accountEnabled eq false").await, 8);
    assert_eq!(count("/users?$filter=userType eq 'Guest' and accountEnabled eq true").await, 6);
    assert_eq!(
        count("/users?$filter=userPrincipalName eq 'sean.o''brien.24@example.com'").await,
        1
    );
    assert_eq!(count("/groups?$filter=startswith(displayName,'jira-')").await, 3);
    assert_eq!(count("/groups?$filter=groupTypes/any(c:c eq 'Unified')").await, 6);
    assert_eq!(count("/groups?$filter=displayName in ('Duplicate','Everyone')").await, 4);
    let secure =
        "/groups?$filter=(mailEnabled eq true or displayName eq 'x') and securityEnabled eq true";
    assert_eq!(count(secure).await, 2);
}

#[tokio::test]
async fn somebody_without_permission_sees_types_and_ids() {
    let peer = Peer::start().await;
    peer.tell("/graph/manners", json!({ "granted": ["GroupMember.Read.All"] })).await;
    let token = peer.graph_token().await;
    let answer = peer.graph(&token, "/users").await;
    assert_eq!((answer.status, answer.code()), (403, "Authorization_RequestDenied"));
    let groups = peer.graph(&token, "/groups?$top=10").await.ids();
    let members =
        peer.graph(&token, &format!("/groups/{}/members?$select=id,displayName", groups[2])).await;
    let first = &members.body["value"][0];
    assert_eq!(first["@odata.type"], "#microsoft.graph.user");
    assert!(first["id"].is_string() && first["displayName"].is_null(), "{first}");
    let hidden = peer.graph(&token, &format!("/groups/{}/members", groups[9])).await;
    assert_eq!((hidden.status, hidden.ids().len()), (200, 0));
}

#[tokio::test]
async fn a_batch_answers_each_request_by_itself() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let groups = peer.graph(&token, "/groups?$top=10").await.ids();
    peer.fault("graph", &groups[4], json!({ "kind": "throttle", "retry_after": 7 })).await;
    let one = |id: &str, url: String| json!({ "id": id, "method": "GET", "url": url });
    let requests = json!({ "requests": [
        one("a", format!("/groups/{}/members?$select=id&$top=5", groups[2])),
        one("b", format!("/groups/{}/members", groups[4])),
        one("c", "/groups/nothing".to_owned()),
    ] });
    let post = |body: Value| {
        let request = peer.http.request(Method::POST, peer.graph_url("/$batch"));
        request
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body.to_string())
    };
    let answer = said(post(requests)).await;
    assert_eq!(answer.status, 200);
    let find = |id: &str| {
        let all = answer.body["responses"].as_array().unwrap();
        all.iter().find(|it| it["id"] == id).unwrap().clone()
    };
    assert_eq!(find("a")["status"], 200);
    assert!(find("a")["body"]["@odata.nextLink"].as_str().unwrap().starts_with("http"));
    assert_eq!(
        (&find("b")["status"], &find("b")["headers"]["retry-after"]),
        (&json!(429), &json!("7"))
    );
    assert_eq!(find("c")["status"], 404);
    let many: Vec<Value> = (0..21).map(|no| one(&no.to_string(), "/users".to_owned())).collect();
    assert_eq!(said(post(json!({ "requests": many }))).await.status, 400);
}

#[tokio::test]
async fn resource_units_run_out_and_come_back() {
    let peer = Peer::start().await;
    peer.tell("/graph/manners", json!({ "limit": 5 })).await;
    let token = peer.graph_token().await;
    for _ in 0..2 {
        assert_eq!(peer.graph(&token, "/users").await.header("x-ms-resource-unit"), "2");
    }
    let answer = peer.graph(&token, "/users").await;
    assert_eq!((answer.status, answer.code()), (429, "TooManyRequests"));
    let wait: i64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
    peer.tell("/time", json!({ "seconds": wait })).await;
    let answer = peer.graph(&token, "/users?$select=id").await;
    assert_eq!((answer.status, answer.header("x-ms-resource-unit")), (200, "1"));
}

#[tokio::test]
async fn a_national_cloud_has_a_resource_and_paths_of_its_own() {
    let peer = Peer::start().await;
    let resource = "https://graph.microsoft.us";
    peer.tell("/graph/manners", json!({ "base_path": "/gov", "resource": resource })).await;
    let secret = peer.credential("graph", "client_secret");
    let global =
        [("client_secret", secret.as_str()), ("scope", "https://graph.microsoft.com/.default")];
    assert_eq!(entra_code(&peer.entra(&global).await), 500_011);
    let scope = format!("{resource}/.default");
    let token = token(&peer.entra(&[("client_secret", &secret), ("scope", &scope)]).await);
    let root = format!("{}/gov/v1.0", peer.host("graph"));
    let answer = peer.graph(&token, &format!("{root}/users/delta")).await;
    assert!(answer.body["@odata.nextLink"].as_str().unwrap().starts_with(&root), "{}", answer.body);
    assert_eq!(peer.graph(&token, "/users").await.status, 404);
}

#[tokio::test]
async fn groups_of_somebody_are_found_in_three_ways() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let user = &peer.graph(&token, "/users?$top=1").await.ids()[0];
    let post = async |path: &str, body: Value| {
        let request = peer.http.post(peer.graph_url(path)).bearer_auth(&token);
        said(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let listed = peer
        .graph(
            &token,
            &format!("/users/{user}/transitiveMemberOf/microsoft.graph.group?$select=id"),
        )
        .await
        .ids();
    let all =
        post(&format!("/users/{user}/getMemberGroups"), json!({ "securityEnabledOnly": false }))
            .await;
    assert_eq!(all.body["value"], json!(listed));
    let nineteen: Vec<_> = peer.graph(&token, "/groups?$top=19").await.ids();
    let asked = [nineteen.clone(), vec![user.clone()]].concat();
    let checked =
        post(&format!("/users/{user}/checkMemberGroups"), json!({ "groupIds": asked })).await;
    let expected: Vec<_> = nineteen.iter().filter(|id| listed.contains(id)).collect();
    assert_eq!(checked.body["value"], json!(expected));
    let too_many = vec![user; 21];
    assert_eq!(
        post(&format!("/users/{user}/checkMemberGroups"), json!({ "groupIds": too_many }))
            .await
            .status,
        400
    );
    let found =
        post("/directoryObjects/getByIds", json!({ "ids": asked, "types": ["group"] })).await;
    assert_eq!(found.ids(), nineteen);
}
