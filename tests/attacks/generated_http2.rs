//! Attacks that are made from their classes, over HTTP/2.

use super::{
    frames::{DATA, END_HEADERS, END_STREAM, End, HEADERS, Http2, RST_STREAM, block},
    target::Target,
    tomcat,
};

type Pairs<'a> = Vec<(&'a str, &'a str)>;

#[test]
fn nothing_over_http2_gets_further_than_it_must() {
    let (target, _alone) = Target::start();
    let host = target.places.host.clone();
    let good: Pairs<'_> = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", &host),
        (":path", "/public/x"),
    ];

    // The good one gets through, so that the bad ones do not fail for another reason.
    assert_eq!(ask(&target, &good), (End::Status(200), 1));
    malformed(&target, &good);
    paths(&target, &good);
    lengths(&target, &good);
    many_streams(&target, &good);
    rapid_resets(&target, &good);
    assert_eq!(ask(&target, &good), (End::Status(200), 1), "after all of it");
}

/// How one request on a connection of its own ends, and how many reached the application.
fn ask(target: &Target, pairs: &[(&str, &str)]) -> (End, usize) {
    let mut http2 = Http2::connect(&target.places);
    http2.ask(1, pairs).unwrap();
    (http2.end_of(1), target.reached().len())
}

fn with<'a>(good: &Pairs<'a>, name: &'a str, value: &'a str) -> Pairs<'a> {
    good.iter().map(|pair| if pair.0 == name { (name, value) } else { *pair }).collect()
}

fn without<'a>(good: &Pairs<'a>, name: &str) -> Pairs<'a> {
    good.iter().filter(|pair| pair.0 != name).copied().collect()
}

/// Requests that RFC 9113 section 8 calls malformed, and those that name two hosts.
fn malformed(target: &Target, good: &Pairs<'_>) {
    let and = |name, value| [good.clone(), vec![(name, value)]].concat();
    let first = |name, value| [vec![(name, value)], good.clone()].concat();
    let own = target.places.host.clone();
    let with_user = format!("evil@{own}");
    let requests = vec![
        without(good, ":method"),
        without(good, ":path"),
        without(good, ":scheme"),
        without(good, ":authority"),
        and(":path", "/admin"),
        first(":path", "/admin"),
        first(":method", "POST"),
        first(":authority", "evil.example"),
        first(":unknown", "x"),
        first("x", "before the pseudo headers"),
        first(":status", "200"),
        and("connection", "close"),
        and("connection", "x-forwarded-user"),
        and("keep-alive", "1"),
        and("proxy-connection", "close"),
        and("upgrade", "websocket"),
        and("transfer-encoding", "chunked"),
        and("transfer_encoding", "chunked"),
        and("te", "gzip"),
        and("X-Upper", "case"),
        and("x y", "space"),
        and("x:", "colon"),
        and("", "nothing"),
        and("x", "a\nb"),
        and("x", "a\rb"),
        and("x", "a\0b"),
        and("host", "evil.example"),
        [good.clone(), vec![("host", &own), ("host", "evil.example")]].concat(),
        with(good, ":authority", "evil.example"),
        with(good, ":authority", &with_user),
        with(good, ":authority", ""),
        with(good, ":scheme", "https://evil.example/x?"),
        with(good, ":scheme", ""),
        with(good, ":method", "TRACE"),
        with(good, ":method", "CONNECT"),
        with(good, ":method", "get"),
        with(good, ":method", "GET /admin HTTP/1.1\r\nx: "),
        with(good, ":method", ""),
    ];
    for request in requests {
        let (end, reached) = ask(target, &request);
        assert_eq!(reached, 0, "{request:?}: {end:?}");
        let refused =
            [End::Reset, End::Closed, End::Status(400), End::Status(405), End::Status(421)];
        assert!(refused.contains(&end), "{request:?}: {end:?}");
    }
}

/// Whatever path reaches the application is public for whoever reads it.
fn paths(target: &Target, good: &Pairs<'_>) {
    for path in [
        "",
        "*",
        "admin",
        "//admin",
        "/public/..;/admin",
        "/public/%2e%2e/admin",
        "/public\\..\\admin",
        "/admin#/public/x",
        "/public/x#",
        "/public /admin",
        "/public/x HTTP/1.1\r\nx: y",
        "https://sso.test/admin",
        "http://evil.example/public/x",
        "/s/x/_/admin",
        "/public/%00",
        "/public/%2fx",
        "/\t/public",
        "/public/\u{e4}",
        "?x",
        "/_gatehouse",
        "/%5fgatehouse/x",
    ] {
        let mut http2 = Http2::connect(&target.places);
        http2.ask(1, &with(good, ":path", path)).unwrap();
        let end = http2.end_of(1);
        for request in target.reached() {
            for view in tomcat::views(&request.target) {
                assert!(view.starts_with("/public/"), "{path:?}: {view} {end:?}");
            }
        }
        assert!(end != End::Silence && end != End::Status(500), "{path:?}: {end:?}");
    }
}

/// A body that is not as long as it says, or says two lengths.
fn lengths(target: &Target, good: &Pairs<'_>) {
    let post = with(good, ":method", "POST");
    for (lengths, body) in [
        (vec!["5"], "longer than five"),
        (vec!["50"], "shorter"),
        (vec!["5", "6"], "hello"),
        (vec!["5", "5"], "hello"),
        (vec!["+5"], "hello"),
        (vec!["5, 5"], "hello"),
        (vec![""], "hello"),
    ] {
        let mut request = post.clone();
        request.extend(lengths.iter().map(|length| ("content-length", *length)));
        let mut http2 = Http2::connect(&target.places);
        http2.send(HEADERS, END_HEADERS, 1, &block(&request)).unwrap();
        let _ = http2.send(DATA, END_STREAM, 1, body.as_bytes());
        let end = http2.end_of(1);
        assert!(!matches!(end, End::Status(200) | End::Silence), "{lengths:?} {body}: {end:?}");
        let whole = target.reached();
        assert!(whole.is_empty(), "{lengths:?}: {whole:?}");
    }
}

/// More streams at a time than the gateway allows: those that are too many are refused, and not kept.
fn many_streams(target: &Target, good: &Pairs<'_>) {
    let mut http2 = Http2::connect(&target.places);
    let open = with(good, ":method", "POST");
    let head = block(&open);
    let mut sent = 0;
    // Bodies that never end.
    while sent < 400 && http2.send(HEADERS, END_HEADERS, 2 * sent + 1, &head).is_ok() {
        sent += 1;
    }
    let mut refused = 0;
    while let Ok(Some(frame)) = http2.next() {
        refused += u32::from(frame.kind == RST_STREAM);
    }
    assert!(refused >= sent - 100 || sent < 400, "{refused} of {sent} were refused");
    drop(http2);
    target.reached();
}

/// Streams that are reset as soon as they are opened (CVE-2023-44487): the connection ends, before
/// they cost much.
fn rapid_resets(target: &Target, good: &Pairs<'_>) {
    let mut http2 = Http2::connect(&target.places);
    let head = block(good);
    let cancel = 8_u32.to_be_bytes();
    let mut sent = 0;
    while sent < 20_000 {
        let stream = 2 * sent + 1;
        let opened = http2.send(HEADERS, END_HEADERS | END_STREAM, stream, &head);
        if opened.and_then(|()| http2.send(RST_STREAM, 0, stream, &cancel)).is_err() {
            break;
        }
        sent += 1;
    }
    assert!(sent < 20_000, "the connection goes on");
    assert!(target.refused("http2") > 0, "it is counted");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let reached = target.reached().len();
    assert!(reached < 2000, "{reached} of {sent} reached the application");
}
