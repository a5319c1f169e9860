//! Attacks that are made from their classes, over HTTP/1.1. Each class says what must be true of
//! whatever reaches the application.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    case::{bytes, identities},
    recorder::{Recorded, fold},
    target::{Answer, Target},
    tomcat,
};

/// What names of headers may be made of, besides letters and digits (RFC 9110 section 5.6.2).
const MARKS: &str = "!#$%&'*+-.^_`|~";

/// What they may not.
const NO_MARKS: &str = " \t\"(),/:;<=>?@[\\]{}\u{7f}\u{0}\u{1}\u{80}\u{ff}";

#[test]
fn nothing_that_is_made_from_the_classes_of_attacks_gets_further_than_it_must() {
    let (target, _alone) = Target::start();
    let attacks = Attacks { target: &target };
    attacks.ambiguous_paths();
    attacks.hosts();
    attacks.methods();
    attacks.look_alikes();
    attacks.connection_options();
    attacks.client_addresses();
    attacks.secrets_of_the_gateway();
    attacks.oversized();
    attacks.smuggling();
    // After all of it, the gateway still does what it is for.
    let (answer, reached) = attacks.send("GET /browse/X-1", "", Some("alice"));
    assert_eq!((answer.statuses(), reached.len()), (vec![200], 1));
}

struct Attacks<'a> {
    target: &'a Target,
}

impl Attacks<'_> {
    /// A request with this line and these header lines, of nobody or of somebody with a session.
    fn send(&self, line: &str, headers: &str, user: Option<&str>) -> (Answer, Vec<Recorded>) {
        let places = &self.target.places;
        let cookie = user.map(|_| format!("Cookie: {}\r\n", places.session_alice));
        let cookie = cookie.unwrap_or_default();
        let host = &places.host;
        let raw = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\n{cookie}{headers}Connection: close\r\n\r\n"
        );
        self.target.send(&bytes(&raw))
    }

    /// Every path that the application could serve to nobody is one that is public.
    fn ambiguous_paths(&self) {
        let pieces = prop::sample::select(vec![
            "/",
            "//",
            "/public",
            "/status",
            "/s",
            "/_",
            "/admin",
            "/secure",
            "/rest",
            "/x",
            "/..",
            "/.",
            ";",
            ";x=y",
            "..;",
            "%2e%2e",
            ".%2e",
            "%252e%252e",
            "%2f",
            "%5c",
            "\\",
            "%00",
            "%3b",
            "%61dmin",
            "/ADMIN",
            "%ef%bc%8e%ef%bc%8e",
            "?",
            "#",
            "%",
            "%c0%af",
            "%c0%ae",
            "\u{2e}\u{2e}/",
            "/public/..;/admin",
            "/s/x/_/admin",
            "http://sso.test",
            "*",
        ]);
        let paths = prop::collection::vec(pieces, 1..7).prop_map(|pieces| pieces.concat());
        let mut runner = TestRunner::new_with_rng(
            Config { cases: 700, failure_persistence: None, ..Config::default() },
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        let public = |view: &String| {
            let below = |stem: &str| {
                view.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            view == "/status" || below("/public") || below("/s")
        };
        let passed = std::cell::Cell::new(0);
        let run = runner.run(&paths, |path| {
            let line = format!("GET /{}", path.trim_start_matches('/'));
            for line in [line, format!("GET {path}")] {
                let (_, reached) = self.send(&line, "", None);
                passed.set(passed.get() + reached.len());
                for view in reached.iter().flat_map(|request| tomcat::views(&request.target)) {
                    prop_assert!(public(&view), "{line:?} serves {view}");
                }
            }
            Ok(())
        });
        run.unwrap();
        assert!(passed.get() > 20, "hardly anything of it is public: {}", passed.get());
    }

    /// What reaches the application has the one host of the configuration.
    fn hosts(&self) {
        let own = &self.target.places.host;
        for hosts in [
            String::new(),
            "Host:\r\n".to_owned(),
            format!("Host: {own}\r\nHost: {own}\r\n"),
            format!("Host: {own}\r\nhost: evil.example\r\n"),
            format!("Host: {own}, evil.example\r\n"),
            format!("Host: {own} evil.example\r\n"),
            format!("Host: {own}@evil.example\r\n"),
            format!("Host: evil@{own}\r\n"),
            format!("Host: {own}#\r\n"),
            format!("Host: {own}/\r\n"),
            format!("Host: {own}\\\r\n"),
            format!("Host: {own}.\r\n"),
            format!("Host: {own}:0x50\r\n"),
            format!("Host: {own}:\r\n"),
            format!("Host: {own}:8080\r\n"),
            format!("Host: http://{own}\r\n"),
            format!("Host: \u{e4}{own}\r\n"),
            format!("Host: {own}\r\nHost_: x\r\n").replace("Host_", "Host-"),
            "Host: evil.example\r\n".to_owned(),
            "Host: 127.0.0.1\r\n".to_owned(),
            format!(" Host: {own}\r\n"),
            format!("Host : {own}\r\n"),
            format!("X: y\r\n Host: {own}\r\n"),
        ] {
            let raw = format!("GET /public/x HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            let (answer, reached) = self.target.send(&bytes(&raw));
            for request in &reached {
                assert_eq!(request.values("host"), [own.as_str()], "{hosts:?}");
                assert!(!request.raw.contains("evil"), "{hosts:?}");
            }
            let good = hosts.contains("Host-") || hosts == format!("Host: {own}:\r\n");
            assert!(good || reached.is_empty(), "{hosts:?}: {}", answer.text);
            assert!(
                answer.statuses().iter().all(|status| good || [400, 421].contains(status)),
                "{hosts:?}: {}",
                answer.text
            );
        }
        for target in [
            "http://evil.example/public/x",
            "http://sso.test@evil.example/public/x",
            "http://sso.test:1/public/x",
            "//evil.example/public/x",
            "https://sso.test.evil.example/public/x",
            "http:/public/x",
            "http:public/x",
            "evil.example:443",
            "sso.test:443",
            "?x",
            "",
        ] {
            let (_, reached) = self.send(&format!("GET {target}"), "", None);
            let served = reached.iter().all(|request| {
                request.target.starts_with("/public") && !request.raw.contains("evil")
            });
            assert!(served, "{target}: {reached:?}");
        }
        for name in MARKS.chars().filter(|mark| *mark != '-') {
            let (answer, reached) =
                self.send("GET /public/x", &format!("Content{name}Length: 3\r\n"), None);
            assert!(reached.is_empty() && answer.statuses() == [400], "{name}: {}", answer.text);
        }
    }

    /// Methods that are for other servers, or are none, reach nobody.
    fn methods(&self) {
        for method in [
            "CONNECT", "TRACE", "TRACK", "DEBUG", "get", "Get", "GE T", "G\u{e4}T", "PRI", "FOO",
            "GET\t", "-", "GETGET",
        ] {
            for target in ["/public/x", "sso.test:443", "*"] {
                let (answer, reached) = self.send(&format!("{method} {target}"), "", Some("alice"));
                assert!(reached.is_empty(), "{method} {target}: {reached:?}");
                assert!(
                    answer.statuses().iter().all(|status| [400, 405].contains(status)),
                    "{method}: {}",
                    answer.text
                );
            }
        }
        let (answer, reached) = self.send("OPTIONS *", "", Some("alice"));
        assert!(reached.is_empty() && answer.statuses() == [400], "{}", answer.text);
    }

    /// No name that folds to one of the gateway's reaches the application with what a client says.
    fn look_alikes(&self) {
        let places = self.target.places.clone();
        let managed = [
            places.id_user.as_str(),
            &places.id_email,
            &places.id_name,
            &places.id_groups,
            &places.id_jwt,
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "X-Original-URL",
            "Remote-User",
            "X-HTTP-Method-Override",
        ];
        for mark in MARKS.chars() {
            let spelled = managed.map(|name| name.replace('-', &mark.to_string()));
            let lines = spelled.map(|name| format!("{name}: evil\r\n")).concat();
            for user in [None, Some("alice")] {
                let (answer, reached) = self.send("GET /public/x", &lines, user);
                assert_eq!((answer.statuses(), reached.len()), (vec![200], 1), "{mark}");
                assert!(!reached[0].raw.contains("evil"), "{mark}: {}", reached[0].raw);
                assert!(
                    identities(&reached[0], &places).is_empty(),
                    "{mark}: a public path has no identity"
                );
            }
            let (_, reached) = self.send("GET /browse/X-1", &lines, Some("alice"));
            assert!(!reached[0].raw.contains("evil"), "{mark}: {}", reached[0].raw);
            let user = fold(&places.id_user);
            assert_eq!(reached[0].values(&user), ["alice"], "{mark}");
        }
        for mark in NO_MARKS.chars() {
            let name = places.id_user.replace('-', &mark.to_string());
            let (answer, reached) = self.send("GET /public/x", &format!("{name}: evil\r\n"), None);
            // A colon ends the name: what is left of it is another header.
            let harmless =
                |request: &Recorded| mark == ':' && identities(request, &places).is_empty();
            assert!(reached.iter().all(harmless), "{mark:?}: {reached:?}");
            assert!(
                mark == ':' || answer.statuses().iter().all(|status| *status == 400),
                "{mark:?}: {}",
                answer.text
            );
        }
    }

    /// What `Connection` names is what the client sent, never what the gateway adds.
    fn connection_options(&self) {
        let places = &self.target.places;
        let names = [
            places.id_user.as_str(),
            &places.id_groups,
            "Host",
            "Cookie",
            "Content-Length",
            "Authorization",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "Transfer-Encoding",
            "Via",
            "close, close",
            ",,",
            "\"X-Forwarded-User\"",
        ];
        for name in names {
            for option in [name.to_owned(), name.to_uppercase(), format!("keep-alive ,\t{name}")] {
                let headers = format!("Connection: {option}\r\nAccept: x\r\n");
                let (answer, reached) = self.send("GET /browse/X-1", &headers, Some("alice"));
                assert_eq!((answer.statuses(), reached.len()), (vec![200], 1), "{option}");
                let request = &reached[0];
                assert_eq!(request.values("x-forwarded-user"), ["alice"], "{option}");
                assert_eq!(request.values("host"), [places.host.as_str()], "{option}");
                assert_eq!(request.values("x-forwarded-for"), ["127.0.0.1"], "{option}");
                assert!(request.values("connection").is_empty(), "{option}: {}", request.raw);
            }
        }
        let (_, reached) =
            self.send("GET /browse/X-1", "Connection: X-Mine\r\nX-Mine: 1\r\n", Some("alice"));
        assert!(reached[0].values("x-mine").is_empty(), "{}", reached[0].raw);
    }

    /// The application sees the address that the connection came from, and no other.
    fn client_addresses(&self) {
        let names = [
            "X-Forwarded-For",
            "x_forwarded_for",
            "Forwarded",
            "X-Real-IP",
            "Client-IP",
            "True-Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "CF-Connecting-IP",
            "Fastly-Client-IP",
            "X-Envoy-External-Address",
            "X-Forwarded",
            "X-Original-Forwarded-For",
            "X-ProxyUser-Ip",
            "WL-Proxy-Client-IP",
            "Proxy-Client-IP",
            "X-Azure-ClientIP",
            "X-Remote-Addr",
            "X-Remote-IP",
            "Remote-Addr",
            "X-Originating-IP",
            "X-Appengine-User-IP",
            "Fly-Client-IP",
            "DO-Connecting-IP",
        ];
        for name in names {
            for value in [
                "10.1.1.1",
                "127.0.0.1, 10.1.1.1",
                "for=10.1.1.1",
                "10.1.1.1\r\nX-Forwarded-For: 10.1.1.1",
            ] {
                let (_, reached) =
                    self.send("GET /browse/X-1", &format!("{name}: {value}\r\n"), Some("alice"));
                assert_eq!(reached[0].values("x-forwarded-for"), ["127.0.0.1"], "{name}: {value}");
                assert!(!reached[0].raw.contains("10.1.1.1"), "{name}: {}", reached[0].raw);
            }
        }
        let (_, reached) = self.send("GET /admin/x", "X-Forwarded-For: 10.1.1.1\r\n", None);
        assert!(reached.is_empty());
        let header = b"PROXY TCP4 10.1.1.1 10.0.0.2 1 2\r\n";
        let raw = format!(
            "GET /public/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.target.places.host
        );
        let (answer, reached) = self.target.send(&[header, raw.as_bytes()].concat());
        assert!(reached.is_empty() && answer.closed, "{}", answer.text);
    }

    /// The gateway's cookies and the credentials that were for it stay with it.
    fn secrets_of_the_gateway(&self) {
        let session = self.target.places.session_alice.clone();
        let (name, value) = session.split_once('=').unwrap();
        for cookies in [
            format!("Cookie: a=1; {session}; b=2\r\n"),
            format!("Cookie: {session};{session} ;\t{session}\r\n"),
            format!("Cookie: a=1\r\ncookie: {session}\r\nCOOKIE: b=2\r\n"),
            format!("Cookie: {} = {value}; a=1\r\n", name.to_uppercase()),
            format!("Cookie: __host-{}={value}\r\n", name.trim_start_matches("__Host-")),
            format!("Cookie: $Version=1; {session}; $Path=/\r\n"),
            format!(
                "Cookie: gatehouse-login={value}; gatehouse-saml={value}; Gatehouse-Browser={value}\r\n"
            ),
        ] {
            let (_, reached) = self.send("GET /public/x", &cookies, None);
            assert!(
                reached.iter().all(|request| !request.raw.contains(value)),
                "{cookies}: {reached:?}"
            );
            assert_eq!(reached.len(), 1, "{cookies}");
        }
        for credentials in [
            "Negotiate YII",
            "negotiate YII",
            "NEGOTIATE\tYII",
            "Negotiate",
            "NTLM YII",
            "Kerberos YII",
            " Negotiate YII",
        ] {
            for user in [None, Some("alice")] {
                let (_, reached) =
                    self.send("GET /public/x", &format!("Authorization: {credentials}\r\n"), user);
                assert!(
                    reached[0].values("authorization").is_empty(),
                    "{credentials}: {}",
                    reached[0].raw
                );
            }
            // Nor does a ticket open what is for credentials of the application.
            let (_, reached) =
                self.send("GET /rest/x", &format!("Authorization: {credentials}\r\n"), None);
            assert!(reached.is_empty(), "{credentials}");
        }
        let (_, reached) = self.send("GET /public/x", "Proxy-Authorization: Basic eA==\r\n", None);
        assert!(reached[0].values("proxy-authorization").is_empty());
        for name in [name.to_owned(), name.to_uppercase(), "gatehouse-login".to_owned()] {
            let (answer, _) = self.send(&format!("GET /public/x?set={name}"), "", None);
            assert!(answer.headers("set-cookie").is_empty(), "{}", answer.text);
        }
    }

    /// What is too large is refused in time, by its own status, and says of what there is too much.
    fn oversized(&self) {
        for (line, headers, status) in [
            (format!("GET /public/{}", "a".repeat(9000)), String::new(), 414),
            (format!("GET /public/{}", "a".repeat(200_000)), String::new(), 431),
            ("GET /public/x".to_owned(), format!("X: {}\r\n", "a".repeat(9000)), 431),
            ("GET /public/x".to_owned(), format!("X: {}\r\n", "a".repeat(300_000)), 431),
            ("GET /public/x".to_owned(), format!("{}: b\r\n", "a".repeat(9000)), 431),
            ("GET /public/x".to_owned(), "X: a\r\n".repeat(5000), 431),
            ("GET /public/x".to_owned(), format!("Cookie: {}=b\r\n", "a".repeat(9000)), 431),
            ("GET /public/x".to_owned(), "X-1: a\r\n".repeat(101), 431),
        ] {
            let (answer, reached) = self.send(&line, &headers, None);
            assert!(reached.is_empty(), "{} {}", line.len(), headers.len());
            // Whoever is still sending when the gateway closes may not see the answer.
            assert!(
                answer.statuses().iter().all(|found| *found == status),
                "{} {}: {}",
                line.len(),
                headers.len(),
                answer.text
            );
            assert!(answer.closed);
        }
        assert!(self.target.refused("head-too-large") >= 3);
        assert!(self.target.refused("head-unreadable-too-large") >= 2);
        // The gateway's own cookies do not count: they are not passed on.
        let own = format!("Cookie: gatehouse-x={}\r\n", "a".repeat(9000));
        let (answer, reached) = self.send("GET /public/x", &own, None);
        assert_eq!((answer.statuses(), reached.len()), (vec![200], 1));
    }

    /// However a body is framed, nothing of it becomes a request.
    fn smuggling(&self) {
        let lengths = [
            "",
            "Content-Length: 5\r\n",
            "Content-Length: 0\r\n",
            "Content_Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 0\r\n",
        ];
        let codings = [
            "",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: CHUNKED\r\n",
            "Transfer-Encoding: \tchunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked;q=1\r\n",
            "Transfer-Encoding: \"chunked\"\r\n",
            "Transfer-Encoding: x\r\n",
            "Transfer-Encoding:\r\n",
            "Transfer_Encoding: chunked\r\n",
            "Transfer.Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
            "Transfer-Encoding:\u{b}chunked\r\n",
            "Transfer-Encoding: chunked\u{0}\r\n",
            "X: y\nTransfer-Encoding: chunked\r\n",
            "\tTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding\r\n: chunked\r\n",
            "Transfer-Encoding: chun\r\n ked\r\n",
        ];
        let host = &self.target.places.host;
        let hidden = format!("GET /admin/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for version in ["1.1", "1.0"] {
            for length in lengths {
                for coding in codings {
                    for start in ["0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"] {
                        let raw = format!(
                            "POST /public/x HTTP/{version}\r\nHost: {host}\r\n{length}{coding}Connection: close\r\n\r\n{start}{hidden}"
                        );
                        let (_, reached) = self.target.send(&bytes(&raw));
                        assert!(reached.len() <= 1, "{raw:?}: {reached:?}");
                        for request in reached {
                            assert!(!request.raw.contains("smuggled"), "{raw:?}: {}", request.raw);
                            let framings = request.values("transfer-encoding").len()
                                + request.values("content-length").len();
                            assert!(framings <= 1, "{raw:?}: {}", request.raw);
                        }
                    }
                }
            }
        }
    }
}
