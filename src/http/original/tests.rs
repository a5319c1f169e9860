use http::Method;

use super::*;

const FOR: (&str, &str) = ("x-forwarded-for", "192.0.2.7");

/// A question at an address, with headers.
fn asked(address: &str, pairs: &[(&str, &str)]) -> Request<()> {
    let request = Request::builder().uri(format!("/_gatehouse/authorize/{address}"));
    let request =
        pairs.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap()
}

fn read(asked: &Request<()>) -> Result<Original, Error> {
    let question = Question::at(asked.uri().path_and_query().unwrap().as_str()).unwrap();
    Original::read(&question, asked)
}

/// What was understood: method, host and target; or the code of the error.
fn understood(address: &str, pairs: &[(&str, &str)]) -> Result<String, &'static str> {
    let original = read(&asked(address, pairs)).map_err(|error| error.code())?;
    let request = original.request;
    let host = request.headers()[header::HOST].to_str().unwrap().to_owned();
    Ok(format!("{} {host} {}", request.method(), request.uri()))
}

#[test]
fn an_address_says_who_asks_and_for_which_application() {
    let at = |rest: &str| {
        let address = format!("/_gatehouse/authorize/{rest}");
        let Question { product, app, appended } = Question::at(&address)?;
        Some((product, app.map(str::to_owned), appended.to_owned()))
    };
    let plain = |product, app: Option<&str>| Some((product, app.map(str::to_owned), String::new()));
    assert_eq!(at("nginx"), plain(Product::Nginx, None));
    assert_eq!(at("haproxy/jira"), plain(Product::Haproxy, Some("jira")));
    assert_eq!(at("caddy/jira?app=wiki&a=1&a=2"), plain(Product::Caddy, Some("jira")));
    assert_eq!(at("traefik/"), plain(Product::Traefik, Some("")));
    assert_eq!(at("envoy/a/b?c"), Some((Product::Envoy, None, "/a/b?c".to_owned())));
    assert_eq!(at(""), None);
    assert_eq!(at("Nginx"), None);
    assert_eq!(Question::at("/_gatehouse/authorize"), None);
}

#[test]
fn each_product_is_understood_in_its_own_words() {
    let (target, host) = ("/browse/A-1;x?a=%7B|", "jira.example.com");
    let url = format!("https://{host}{target}");
    let expected = Ok(format!("PUT {host} {target}"));
    let x_original = [FOR, ("x-original-method", "PUT"), ("x-original-url", &url)];
    let without_host =
        [FOR, ("host", host), ("x-original-method", "PUT"), ("x-original-uri", target)];
    for product in ["nginx", "haproxy"] {
        assert_eq!(understood(product, &x_original), expected, "{product}");
        assert_eq!(understood(product, &without_host), expected, "{product}");
    }
    let x_forwarded = [
        FOR,
        ("host", "127.0.0.1:9090"),
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", host),
        ("x-forwarded-uri", target),
    ];
    for product in ["traefik", "caddy"] {
        assert_eq!(understood(product, &x_forwarded), expected, "{product}");
    }
    let mut envoys = asked(&format!("envoy{target}"), &[FOR, ("host", host)]);
    *envoys.method_mut() = Method::PUT;
    let original = read(&envoys).unwrap();
    assert_eq!((original.request.method(), original.secure), (&Method::PUT, None));
    assert_eq!(original.request.uri().to_string(), target);
}

#[test]
fn what_is_missing_twice_or_contradicts_is_refused() {
    let good = [
        FOR,
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "jira.example.com"),
        ("x-forwarded-uri", "/closed"),
    ];
    assert_eq!(understood("traefik", &good), Ok("GET jira.example.com /closed".to_owned()));
    for (number, (name, value)) in good.iter().enumerate() {
        let mut pairs = good.to_vec();
        pairs.remove(number);
        assert_eq!(understood("traefik", &pairs), Err("forwarded-missing"), "{name}");
        // A proxy says the client's address behind what it was told; all else is said once.
        if *name != FOR.0 {
            pairs.extend([(*name, *value), (*name, *value)]);
            assert_eq!(understood("traefik", &pairs), Err("forwarded-twice"), "{name}");
        }
    }
    for other in [
        ("x-original-uri", "/public"),
        ("x-original-url", "https://jira.example.com/public"),
        ("x-original-url", "https://wiki.example.com/closed"),
        ("x-original-url", "http://jira.example.com/closed"),
        ("x-original-url", "nonsense"),
        ("x-original-method", "POST"),
        ("x-original-host", "wiki.example.com"),
    ] {
        let pairs = [&good[..], &[other]].concat();
        assert_eq!(understood("traefik", &pairs), Err("forwarded-contradiction"), "{other:?}");
    }
    let the_same = [
        ("x-original-url", "https://JIRA.example.com/closed"),
        ("x-original-method", "GET"),
        ("x-original-uri", ""),
    ];
    assert!(understood("traefik", &[&good[..], &the_same].concat()).is_ok());
}

#[test]
fn another_products_words_never_count() {
    let url = ("x-original-url", "https://jira.example.com/closed");
    let host = ("host", "jira.example.com");
    let own = [FOR, host, ("x-original-method", "GET"), url];
    for smuggled in [
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-host", "wiki.example.com"),
        ("x-forwarded-proto", "http"),
        ("x-original-uri", "/public"),
    ] {
        let pairs = [&own[..], &[smuggled]].concat();
        assert_eq!(understood("nginx", &pairs), Err("forwarded-contradiction"), "{smuggled:?}");
    }
    // A proxy that says the path alone: the host is not for others to add.
    let uri = ("x-original-uri", "/page");
    let wiki = ("x-original-url", "https://wiki.example.com/page");
    let pairs = [FOR, host, ("x-original-method", "GET"), uri, wiki];
    assert_eq!(understood("nginx", &pairs), Err("forwarded-contradiction"));
    let of_traefik = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "jira.example.com"),
        ("x-forwarded-uri", "/public"),
    ];
    let only_of_traefik = [&[FOR][..], &of_traefik].concat();
    assert_eq!(understood("nginx", &only_of_traefik), Err("forwarded-missing"));
    let host = [FOR, ("host", "jira.example.com"), ("x-forwarded-uri", "/public")];
    assert_eq!(understood("envoy/closed", &host), Err("forwarded-contradiction"));
}

#[test]
fn targets_that_are_cut_off_somewhere_are_refused() {
    for (target, code) in [
        ("", "forwarded-missing"),
        ("*", "target-not-a-path"),
        ("http://wiki.example.com/public", "target-not-a-path"),
        ("/public#/closed", "target-characters"),
        ("/public x", "target-characters"),
    ] {
        let pairs = [
            FOR,
            ("host", "jira.example.com"),
            ("x-original-method", "GET"),
            ("x-original-uri", target),
        ];
        assert_eq!(understood("nginx", &pairs), Err(code), "{target}");
    }
    for appended in ["*", "x/y"] {
        let pairs = [FOR, ("host", "jira.example.com")];
        let address = format!("envoy{appended}");
        assert_eq!(understood(&address, &pairs), Err("target-not-a-path"), "{appended}");
    }
}

#[test]
fn the_client_has_an_address() {
    for (said, code) in
        [("junk", "forwarded-contradiction"), ("192.0.2.1, ", "forwarded-contradiction")]
    {
        let pairs = [("x-forwarded-for", said), ("host", "jira.example.com")];
        assert_eq!(understood("envoy/", &pairs), Err(code), "{said}");
    }
    let pairs = [("x-forwarded-for", "junk, 192.0.2.1"), ("host", "jira.example.com")];
    assert!(understood("envoy/", &pairs).is_ok(), "what a client says of itself is left of it");
}

#[test]
fn a_websocket_is_one_although_proxies_keep_the_word_for_it() {
    let upgrade = |pair: (&str, &str)| {
        let original = read(&asked("envoy/", &[FOR, ("host", "jira.example.com"), pair])).unwrap();
        original.request.headers().contains_key(header::UPGRADE)
    };
    for says_so in [
        ("sec-websocket-key", "x"),
        ("sec-websocket-version", "13"),
        ("sec-fetch-mode", "websocket"),
        ("x-forwarded-proto", "wss"),
        ("upgrade", "websocket"),
    ] {
        assert!(upgrade(says_so), "{says_so:?}");
    }
    assert!(!upgrade(("sec-fetch-mode", "cors")));
}

#[test]
fn nothing_but_200_lets_a_request_through() {
    for (_, product) in Product::ALL {
        for status in 100..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let said = product.status(status);
            assert_eq!(said.is_success(), status.is_success(), "{product:?} {status}");
        }
    }
    let nginx = |status| Product::Nginx.status(StatusCode::from_u16(status).unwrap()).as_u16();
    assert_eq!([200, 303, 401, 403, 404, 503].map(nginx), [200, 401, 401, 403, 403, 503]);
}
