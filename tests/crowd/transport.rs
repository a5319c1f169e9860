//! Who is let in, what is answered to what cannot be understood, and in which format.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::world::{PASSWORD, World, plan, send};
use crate::support::gateway::Plan;

async fn world() -> World {
    World::start(plan(Plan::new())).await
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_let_in_by_its_address_and_then_its_password() {
    let world = world().await;
    let internal = world.gateway.plan.internal();
    let ask = async |path: &str, authorization: &str| {
        let headers = [("authorization", authorization)];
        send("GET", &format!("{internal}{path}"), &headers, "").await
    };
    let place = "/rest/usermanagement/1/config/cookie";
    for application in ["jira", "JIRA", "both"] {
        assert_eq!(ask(place, &basic(application, PASSWORD)).await.status, 200, "{application}");
    }
    let wrong =
        [basic("jira", "wrong"), basic("nobody", PASSWORD), "Bearer x".into(), String::new()];
    for authorization in wrong {
        // What is not there, nobody hears of who is not let in.
        for path in [place, "/rest/usermanagement/1/non-existent/location", "/crowd/x"] {
            let refused = ask(path, &authorization).await;
            assert_eq!(refused.status, 401, "{authorization}");
            assert_eq!(refused.body, "Application failed to authenticate");
            let challenge = refused.header("www-authenticate");
            assert_eq!(challenge, "Basic realm=\"Crowd REST Service\"");
        }
    }
    for password in [PASSWORD, "wrong"] {
        let refused = ask(place, &basic("far", password)).await;
        assert_eq!(refused.status, 403);
        let sentence = "The server understood the request but refuses to authorize it.";
        assert!(refused.body.contains(sentence), "{}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_proxies_say_for_whom_they_ask() {
    let trusting = plan(Plan::new().with_server("trusted_proxies = [\"127.0.0.1/32\"]"));
    for (plan, expected) in [(plan(Plan::new()), 403), (trusting, 200)] {
        let world = World::start(plan).await;
        let forwarded = [("x-forwarded-for", "192.0.2.7")];
        let answer = world.ask("far", "GET", "/config/cookie", &forwarded, "").await;
        assert_eq!(answer.status, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_where_both_kinds_of_clients_look() {
    let world = world().await;
    let internal = world.gateway.plan.internal();
    let authorization = basic("jira", PASSWORD);
    for prefix in ["", "/crowd"] {
        for version in ["1", "latest"] {
            let base = format!("{internal}{prefix}/rest/usermanagement/{version}");
            let url = format!("{base}/user?username=ada");
            let headers = [("authorization", authorization.as_str())];
            let answer = send("GET", &url, &headers, "").await;
            assert_eq!(answer.status, 200, "{url}");
            let link = format!("<link href=\"{base}/user?username=ada\" rel=\"self\"/>");
            assert!(answer.body.contains(&link), "{}", answer.body);
        }
    }
    for path in ["/rest/usermanagement/2/user?username=ada", "/rest/usermanagement/1", "/crowd"] {
        let url = format!("{internal}{path}");
        let answer = send("GET", &url, &[("authorization", &authorization)], "").await;
        assert_eq!(answer.failure(), (404, "UNSUPPORTED_OPERATION".into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_format_is_asked_for_by_a_suffix_or_accept_and_otherwise_xml() {
    let world = world().await;
    let json = [("accept", "application/json")];
    for (resource, headers, is_json) in [
        ("/config/cookie", &[][..], false),
        ("/config/cookie", &[("accept", "*/*")], false),
        ("/config/cookie", &[("accept", "text/html, */*;q=0.1")], false),
        ("/config/cookie", &json, true),
        ("/config/cookie.json", &[], true),
        ("/config/cookie.xml", &json, false),
        ("/user.json?username=ada", &[], true),
    ] {
        let answer = world.ask("jira", "GET", resource, headers, "").await;
        assert_eq!(answer.status, 200, "{resource} {headers:?}");
        if is_json { drop(answer.json()) } else { drop(answer.xml()) }
    }
    // What is sent is read by its own type, and errors come in the format that was asked for.
    let restriction = "<null-search-restriction/>";
    let headers =
        [("accept", "application/json"), ("content-type", "application/xml; charset=UTF-8")];
    let found = world.ask("jira", "POST", "/search?entity-type=group", &headers, restriction).await;
    assert!(found.json()["groups"].as_array().is_some_and(|groups| groups.len() == 6), "{found:?}");
    let missing = world.ask("jira", "GET", "/user?username=nobody", &json, "").await;
    assert_eq!(missing.json()["reason"], "USER_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_refused_in_crowds_words_and_quickly() {
    let world = world().await;
    let ask = async |method: &str, resource: &str, content_type: &str, body: &str| {
        let started = Instant::now();
        let answer =
            world.ask("jira", method, resource, &[("content-type", content_type)], body).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{resource}");
        answer.failure()
    };
    let illegal = (400, "ILLEGAL_ARGUMENT".to_owned());
    let unsupported = |status| (status, "UNSUPPORTED_OPERATION".to_owned());
    let (xml, json) = ("application/xml", "application/json");
    let search = "/search?entity-type=user";

    assert_eq!(ask("GET", "/non-existent/location", "", "").await, unsupported(404));
    assert_eq!(ask("PATCH", "/user?username=ada", xml, "").await, unsupported(405));
    for resource in ["/user", "/user?username=", "/group", "/search", "/search?entity-type=cat"] {
        assert_eq!(ask("GET", resource, "", "").await, illegal, "{resource}");
    }
    for resource in [
        "/user?username=a%00b",
        "/search?entity-type=user&max-results=many",
        "/search?entity-type=user&restriction=name",
        "/user/group/direct?username=ada&start-index=x",
    ] {
        assert_eq!(ask("GET", resource, "", "").await, illegal, "{resource}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "xml"] {
        let refused = ask("POST", search, content_type, "<null-search-restriction/>").await;
        assert_eq!(refused, (415, "ILLEGAL_ARGUMENT".to_owned()), "{content_type}");
    }
    let bomb = format!(
        "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\">{}]><null-search-restriction>&z;</null-search-restriction>",
        "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">".repeat(50)
    );
    let file = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><property-search-restriction>&x;</property-search-restriction>";
    let open = "<boolean-search-restriction boolean-logic='and'><restrictions>";
    let close = "</restrictions></boolean-search-restriction>";
    let deep = format!("{}<null-search-restriction/>{}", open.repeat(1000), close.repeat(1000));
    let control = "<property-search-restriction><property><name>email</name></property><value>&#1;</value></property-search-restriction>";
    for body in [
        "",
        "<",
        "<null-search-restriction",
        "not xml",
        "<user name='ada'/>",
        &bomb,
        file,
        &deep,
        control,
    ] {
        assert_eq!(ask("POST", search, xml, body).await, illegal, "{body:.80}");
    }
    let deep = r#"{"restriction-type":"boolean-search-restriction","boolean-logic":"and","restrictions":["#
        .repeat(1000);
    let nul = r#"{"restriction-type":"property-search-restriction","property":{"name":"email"},"value":"\u0000"}"#;
    for body in
        ["", "{", "[]", "null", "{\"restriction-type\":7}", &deep, &"[".repeat(900_000), nul]
    {
        assert_eq!(ask("POST", search, json, body).await, illegal, "{body:.80}");
    }
    let deep = "(".repeat(1000);
    let resource = format!("/search?entity-type=user&restriction={deep}");
    assert_eq!(ask("GET", &resource, "", "").await, illegal);
    let large =
        format!("<null-search-restriction>{}</null-search-restriction>", " ".repeat(1 << 20));
    assert_eq!(ask("POST", search, xml, &large).await, (413, "ILLEGAL_ARGUMENT".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_characters_that_no_xml_has_are_not_found_in_good_xml() {
    for world in World::everywhere().await {
        for name in ["%01", "%1B%5B31m", "%EF%BF%BE", "a%3Cb%26%22", "%ff"] {
            let answer = world.get(&format!("/user?username={name}")).await;
            assert_eq!(answer.failure(), (404, "USER_NOT_FOUND".into()), "{name}");
            let answer = world.get(&format!("/group?groupname={name}")).await;
            assert_eq!(answer.failure(), (404, "GROUP_NOT_FOUND".into()), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_spoken_to_in_http_1_1_and_connections_go_on() {
    let world = world().await;
    let address = world.gateway.plan.internal().replace("http://", "");
    let authorization = basic("jira", PASSWORD);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for _ in 0..3 {
        let request = format!(
            "GET /rest/usermanagement/1/config/cookie HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut read = String::new();
        while !read.ends_with("</cookie-config>") {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "{read}");
            read.push_str(str::from_utf8(&bytes[..count]).unwrap());
        }
        assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
        assert!(read.to_ascii_lowercase().contains("content-length: "), "{read}");
    }
    // HTTP/2 is not begun here.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    let read = String::from_utf8_lossy(&read);
    assert!(read.is_empty() || read.starts_with("HTTP/1.1 4"), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_machines_are_spoken_to_in_tls() {
    let plan = Plan::new();
    let (certificate, key) = (plan.path("tls.pem"), plan.path("tls.key"));
    let tls = format!(
        "internal_tls = {{ certificate = \"{}\", key = \"{}\" }}",
        certificate.display(),
        key.display()
    );
    let world = World::start(self::plan(plan.with_server(&tls))).await;
    let internal = world.gateway.plan.internal().replace("http://127.0.0.1", "https://localhost");
    let url = format!("{internal}/rest/usermanagement/1/config/cookie");
    let authorization = format!("Authorization: {}", basic("jira", PASSWORD));
    let answer = world.gateway.browser().ask(&url, &["-H", &authorization]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.heads.starts_with("HTTP/1.1 200"), "{}", answer.heads);
    let health = world.gateway.browser().ask(&format!("{internal}/healthz"), &[]).await;
    assert_eq!(health.body, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_counted() {
    let world = world().await;
    world.get("/user?username=ada").await;
    world.get("/user?username=nobody").await;
    world.get("/made/up").await;
    world.ask("nobody", "GET", "/user?username=ada", &[], "").await;
    let url = format!("{}/metrics", world.gateway.plan.internal());
    let metrics = world.gateway.browser().ask(&url, &[]).await.body;
    for (application, resource, status) in [
        ("jira", "user", "2xx"),
        ("jira", "user", "4xx"),
        ("jira", "other", "4xx"),
        ("", "user", "4xx"),
    ] {
        let line = format!(
            "gatehouse_crowd_requests_total{{application=\"{application}\",resource=\"{resource}\",status=\"{status}\"}} 1\n"
        );
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_applications_there_is_no_crowd_server() {
    let plan = self::plan(Plan::new()).with_app("jira", "");
    let world = World { gateway: plan.start().await };
    let url = format!("{}/rest/usermanagement/1/config/cookie", world.gateway.plan.internal());
    let answer = world.gateway.browser().ask(&url, &[]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-embedded-crowd-version"), None);
}
