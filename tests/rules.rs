//! What rules do to requests, and what administrators are told about them.

use std::fs;

use crate::{
    cli::{configured, gatehouse, text},
    login::post,
    saml::Vectors,
    support::{
        curl::{Curl, FOLLOW},
        gateway::{Plan, TestGateway},
        idp::Idp,
        kdc::Kdc,
        upstream::{Seen, Upstream},
    },
};

const SERVICE: &str = "HTTP/login.localhost";

/// A gateway with a Bitbucket that shares Jira's host, and Alice's browser.
struct House {
    gateway: TestGateway,
    code: Upstream,
    alice: Curl,
    _kdc: Kdc,
}

/// Rules for the application at `/code`, which comes with a preset.
async fn house(rules: &str) -> House {
    let (kdc, code) = (Kdc::start(&[SERVICE]), Upstream::start("code").await);
    let more = format!(
        "[[app]]\nname = \"code\"\nkind = \"bitbucket\"\nurl = \"{{jira}}/code\"\n\
         upstream = \"http://127.0.0.1:{}\"\nrule = [{rules}]\n",
        code.port
    );
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with(&more).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    House { gateway, code, alice, _kdc: kdc }
}

impl House {
    fn url(&self, path: &str) -> String {
        format!("{}/code{path}", self.gateway.jira())
    }

    /// What a command prints, and how it ends.
    async fn said(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.gateway.command(arguments).await;
        (output.status.code().unwrap(), text(&[output.stdout, output.stderr].concat()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_lets_clients_with_credentials_in_and_nobody_into_administration() {
    let house = house("").await;
    let nobody = house.gateway.browser();
    let basic = ["-H", "Authorization: Basic YTpi"];
    for (path, arguments, status) in [
        ("/status", &[][..], 200),
        ("/s/x/_/download/batch/a.css", &[], 200),
        ("/s/x/_/admin/users", &[], 401),
        ("/rest/api/1.0/projects", &[], 401),
        ("/rest/api/1.0/projects", &basic, 200),
        ("/rest/api/1.0/admin/users", &basic, 401),
        ("/rest/api/1.0/ADMIN/users", &basic, 401),
        ("/rest/api/1.0/x/..;/admin/users", &basic, 400),
        ("/admin/users", &basic, 401),
        ("/setup", &basic, 401),
        ("/projects/DEMO/settings", &basic, 401),
        ("/projects/DEMO/repos/web/raw/x", &basic, 200),
        ("/dashboard", &basic, 401),
    ] {
        let answer = nobody.ask(&house.url(path), arguments).await;
        assert_eq!(answer.status, status, "{path} {arguments:?}: {}", answer.heads);
        assert_eq!(answer.header("www-authenticate"), None, "{path}");
    }
    let seen: Seen = house.alice.get(&house.url("/admin/users"), &[]).await.json();
    assert_eq!(seen.headers["x-forwarded-user"], "alice");
    let seen: Seen = house.alice.ask(&house.url("/rest/x"), &basic).await.json();
    assert!(!seen.headers.contains_key("x-forwarded-user"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn git_is_asked_for_its_password_and_browsers_are_not() {
    let house = house("").await;
    let nobody = house.gateway.browser();
    let path = house.url("/scm/demo/web.git/info/refs?service=git-upload-pack");
    let asked = nobody.ask(&path, &[]).await;
    assert_eq!(asked.status, 401);
    assert_eq!(asked.header("www-authenticate").unwrap(), "Basic realm=\"code\"");
    let sent = nobody.get(&path, &["-H", "Sec-Fetch-Mode: navigate"]).await;
    assert_eq!((sent.status, sent.header("www-authenticate")), (303, None));
    assert_eq!(house.code.requests(), 0, "nothing of it reached the application");

    let url = house.url("/scm/demo/web.git").replace("https://", "https://alice:secret@");
    let git = tokio::process::Command::new("git")
        .args(["ls-remote", &url])
        .env("GIT_SSL_CAINFO", house.gateway.plan.ca())
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .await
        .unwrap();
    let said = text(&git.stderr);
    // What the application answers has no branches.
    assert!(git.status.success(), "{said}");
    assert!(house.code.requests() > 0, "git has sent its password: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_closes_and_never_opens() {
    let rules = r#"
        { path = "/code/*", headers = [{ name = "User-Agent", value = "*Wget*" }], decision = "deny" },
        { path = "/code/open/*", headers = [{ name = "X-Suspicious" }], decision = "login" },
        { path = "/code/open/*", decision = "pass" }"#;
    let house = house(rules).await;
    let nobody = house.gateway.browser();
    for (path, arguments, status) in [
        ("/open/x", &[][..], 200),
        ("/open/x", &["-H", "x-suspicious: 0"], 401),
        ("/open/x", &["-A", "wget/1.2"], 403),
        ("/closed/x", &["-A", "kube-probe/1.0"], 401),
        ("/status", &["-A", "wget/1.2", "-H", "Authorization: Basic YTpi"], 403),
    ] {
        let answer = nobody.ask(&house.url(path), arguments).await;
        assert_eq!(answer.status, status, "{path} {arguments:?}: {}", answer.heads);
    }
    assert_eq!(house.alice.get(&house.url("/x"), &["-A", "Wget"]).await.status, 403);
}

/// An application at `/vault` whose parts ask for different ways to sign in.
async fn vault(kdc: &Kdc, upstream: &Upstream) -> (TestGateway, Idp) {
    let plan = Plan::new().with_tickets(&kdc.keytab());
    let idp = Idp::start(&plan.login()).await;
    let login = |path: &str, ways: &str| {
        format!("{{ path = \"/vault/{path}/*\", sign_in_with = [{ways}], decision = \"login\" }}")
    };
    let rules = [
        login("ticket", "\"kerberos\""),
        login("corp", "\"corp\""),
        login("both", "\"corp\", \"kerberos\""),
    ];
    let more = format!(
        "[[app]]\nname = \"vault\"\nurl = \"{{jira}}/vault\"\nupstream = \"http://127.0.0.1:{}\"\n\
         rule = [{}]\n",
        upstream.port,
        rules.join(", ")
    );
    (plan.with_idp(&idp).with(&more).start().await, idp)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_asks_for_a_way_to_sign_in_and_takes_no_session_by_another() {
    let (kdc, upstream) = (Kdc::start(&[SERVICE]), Upstream::start("vault").await);
    let (gateway, idp) = vault(&kdc, &upstream).await;
    let url = |path: &str| format!("{}/vault/{path}", gateway.jira());
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));

    let seen: Seen = alice.get(&url("ticket/x"), &FOLLOW).await.json();
    assert_eq!(seen.headers["x-forwarded-user"], "alice");
    assert_eq!(alice.get(&url("anything"), &[]).await.status, 200);
    assert_eq!(alice.get(&url("both/x"), &[]).await.status, 200);

    // Her session is by ticket, and a ticket is not asked for here, nor taken.
    let told = alice.ask(&url("corp/x"), &["-H", "Accept: application/json"]).await;
    assert_eq!(told.status, 401);
    assert!(told.body.contains("other-way-required"), "{}", told.body);
    let form = alice.get(&url("corp/x"), &FOLLOW).await;
    assert!(form.url.starts_with("http://idp.localhost"), "{}", form.url);
    let posted = idp.fill_in(&alice, &form, "alice").await;
    let seen: Seen = post(&gateway, &alice, &posted, &["-L"]).await.json();
    assert_eq!(
        (seen.target.as_str(), &*seen.headers["x-forwarded-user"]),
        ("/vault/corp/x", "alice")
    );

    // One session, one way: now it is the other that is not good enough.
    assert_eq!(alice.get(&url("both/x"), &[]).await.status, 200);
    assert_eq!(alice.get(&url("ticket/x"), &[]).await.status, 303);
    assert_eq!(alice.get(&url("s/x/_/ticket/x"), &[]).await.status, 303, "whatever the reading");
    assert_eq!(alice.get(&url("ticket/x"), &FOLLOW).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_offers_what_the_rule_names_in_its_order_and_nothing_else() {
    let (kdc, upstream) = (Kdc::start(&[SERVICE]), Upstream::start("vault").await);
    let (gateway, _idp) = vault(&kdc, &upstream).await;
    let url = |path: &str| format!("{}/vault/{path}", gateway.jira());
    let nobody = gateway.browser();

    let page = nobody.get(&url("both/x"), &["-L"]).await;
    assert_eq!(page.status, 200, "no ticket is asked for first: {}", page.heads);
    let (corp, ticket) = (page.body.find("Example Corp"), page.body.find("your computer"));
    assert!(corp.is_some() && corp < ticket, "{}", page.body);

    let page = nobody.get(&url("ticket/x"), &["-L"]).await;
    assert_eq!(page.status, 401);
    assert!(!page.body.contains("Example Corp"), "{}", page.body);
    // The way is sealed into the flow: another address does not lead around it.
    let (_, flow) = page.url.split_once("flow=").unwrap();
    let start = format!("{}/_gatehouse/saml/start?idp=corp&flow={flow}", gateway.login());
    assert_eq!(nobody.get(&start, &[]).await.status, 404);

    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    let sent = alice.get(&url("corp/x"), &[]).await.header("location").unwrap();
    let pushed =
        alice.get(&sent, &["--negotiate", "-u", ":", "-H", "Authorization: Negotiate YII"]).await;
    assert_eq!(pushed.status, 303);
    assert!(pushed.header("location").unwrap().contains("saml/start?idp=corp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_requests_meet_with_and_without_a_running_gateway() {
    let rules = r#"
        { path = "/code/admin/*", groups = ["code-admins"], decision = "login", about = "admins only" },
        { path = "/code/near", networks = ["10.0.0.0/8"], decision = "pass" }"#;
    let mut house = house(rules).await;
    for running in [true, false] {
        if !running {
            house.gateway.stop().await;
        }
        let explain = async |method: &str, path: &str, more: &[&str]| {
            let url = house.url(path);
            let arguments = ["explain", "request", method, &url];
            let (code, said) = house.said(&[&arguments[..], more].concat()).await;
            assert_eq!(code, 0, "{said}");
            said
        };
        let said = explain("GET", "/s/x/_/admin/users", &["--user", "alice"]).await;
        for expected in [
            "application  code",
            "read as      /code/s/x/_/admin/users",
            "read as      /code/admin/users",
            "rule[0] (admins only)",
            "decision     login, by ",
            "groups       one of [\"code-admins\"]",
            "user         alice, signed in with kerberos",
            "outcome      refuse: not-in-group",
        ] {
            assert!(said.contains(expected), "{expected} is not in\n{said}");
        }
        let said = explain("GET", "/rest/api/1.0/projects", &[]).await;
        assert!(said.contains("no: for requests with credentials of their own"), "{said}");
        assert!(said.contains("outcome      login: nobody is signed in: 401"), "{said}");
        assert!(said.contains("sign in with kerberos"), "{said}");
        let basic = ["--header", "Authorization: Basic c2VjcmV0"];
        let said = explain("GET", "/rest/api/1.0/projects", &basic).await;
        assert!(said.contains("outcome      forward") && said.contains("authorization: Basic ***"));
        assert!(said.contains("preset bitbucket[2] (REST and files of repositories)"), "{said}");
        assert!(!said.contains("c2VjcmV0") && !said.contains("x-forwarded-user"), "{said}");
        let said = explain("GET", "/x", &["--user", "ALICE", "--header", "Accept: a"]).await;
        assert!(said.contains("header       x-forwarded-user: alice"), "{said}");
        assert!(said.contains("header       accept: a"), "{said}");
        let said = explain("GET", "/x", &["--header", "Accept: text/html"]).await;
        assert!(said.contains("nobody is signed in: the browser is sent to sign in"), "{said}");
        assert!(
            explain("GET", "/near", &["--from", "10.1.2.3"]).await.contains("outcome      forward")
        );
        assert!(explain("GET", "/near", &[]).await.contains("no: for other networks"));
        assert!(explain("GET", "/../x", &[]).await.contains("refuse: target-dot-segment"));
        assert!(explain("GET", "/s/x/_/_gatehouse/x", &[]).await.contains("outcome      login"));
        let said = explain("GET", "/admin/x", &["--user", "alice", "--json"]).await;
        let view: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&view["outcome"], &view["decision"]), (&"refuse".into(), &"login".into()));
        assert_eq!(view["readings"][0]["rules"][0]["decision"], "login");

        for arguments in [
            &["GET", "/no/address"][..],
            &["GET", "https://x.example/", "--from", "nowhere"],
            &["GET", "https://x.example/", "--header", "no header"],
            &["G T", "https://x.example/"],
            &["GET", &house.url("/x"), "--user", "nobody"],
        ] {
            let (code, said) = house.said(&[&["explain", "request"], arguments].concat()).await;
            assert_eq!(code, 2, "{arguments:?}: {said}");
        }
        let (code, said) = house.said(&["explain", "request", "GET", "https://x.example/"]).await;
        assert!(code == 0 && said.contains("host-unknown"), "{said}");
    }
    let answers = [("/admin/x", 403), ("/x", 502)];
    house.gateway.try_run().await.unwrap();
    drop(house.code);
    for (path, status) in answers {
        let url = format!("{}/code{path}", house.gateway.jira());
        assert_eq!(house.alice.get(&url, &[]).await.status, status, "as was explained: {path}");
    }
}

#[test]
fn check_warns_of_rules_that_do_little_or_too_much() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let with = |rules: &str| {
        let app = "upstream = \"http://127.0.0.1:8080\"";
        let text = fs::read_to_string(configured(&vectors)).unwrap();
        fs::write(&config, text.replace(app, &format!("{app}\nkind = \"jira\"\nrule = [{rules}]")))
            .unwrap();
    };
    let check = |more: &[&str]| gatehouse(&[&["--config", &config, "check"], more].concat());

    with(r#"{ path = "/rest/*", decision = "pass" }, { path = "/rest/x", decision = "pass" }"#);
    let lax = check(&[]);
    let said = text(&lax.stderr);
    assert_eq!(lax.status.code(), Some(0), "{said}");
    assert!(text(&lax.stdout).ends_with("is good\n"));
    for expected in [
        "warning: app[0].rule[0].path: /rest/* needs no login, and reaches into administration",
        "warning: app[0].rule[1].path: never decides",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    let strict = check(&["--strict", "--json"]);
    assert_eq!(strict.status.code(), Some(2));
    let found: serde_json::Value = serde_json::from_slice(&strict.stdout).unwrap();
    assert_eq!((&found["good"], found["warnings"].as_array().unwrap().len()), (&false.into(), 2));
    with(r#"{ path = "/a", decision = "pass" }"#);
    assert_eq!(check(&["--strict"]).status.code(), Some(0));

    with(
        r#"{ path = "/a", decision = "login", sign_in_with = ["corp", "kerberos"] },
           { path = "/a", decision = "pass", headers = [{ name = "User-Agent" }] },
           { path = "/a", decision = "optional", sign_in_with = ["corp"], groups = ["x"] },
           { path = [], decision = "pass", ask_for_credentials = true }"#,
    );
    let said = text(&check(&[]).stderr);
    for expected in [
        "app[0].rule[0].sign_in_with: nobody can sign in with \"kerberos\"; there is: corp",
        "app[0].rule[1].headers: are for decision = \"login\" or \"deny\": a client can send any header",
        "app[0].rule[2].sign_in_with: is for decision = \"login\"",
        "app[0].rule[2].groups: is for",
        "app[0].rule[3].path: name at least one path",
        "app[0].rule[3].ask_for_credentials: is for rules with with_credentials",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    with(
        r#"{ path = "a*b*c", methods = ["get"], decision = "pass" }, { path = "/**", decision = "deny" }"#,
    );
    let said = text(&check(&[]).stderr);
    for expected in ["app[0].rule[0].path: ", "app[0].rule[0].methods: ", "app[0].rule[1].path: "] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
}

#[test]
fn rules_show_prints_what_can_be_pasted_back() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let show = |more: &[&str]| gatehouse(&[&["--config", &config, "rules", "show"], more].concat());
    let generic = text(&show(&["--app", "jira"]).stdout);
    assert!(generic.contains("# none: everything needs a login"), "{generic}");

    let plain = fs::read_to_string(&config).unwrap();
    let app = "upstream = \"http://127.0.0.1:8080\"";
    let own = "rule = [{ path = \"/own\", decision = \"deny\" }]";
    fs::write(&config, plain.replace(app, &format!("{app}\nkind = \"bitbucket\"\n{own}"))).unwrap();
    let printed = show(&["--app", "jira"]);
    assert_eq!(printed.status.code(), Some(0));
    let printed = text(&printed.stdout);
    assert!(printed.contains("path = \"/own\"") && printed.contains("\"/scm/*\""), "{printed}");

    let pasted = format!("{app}\nkind = \"bitbucket\"\npreset = false\n{printed}");
    fs::write(&config, plain.replace(app, &pasted)).unwrap();
    assert_eq!(gatehouse(&["--config", &config, "check", "--strict"]).status.code(), Some(0));
    assert_eq!(text(&show(&["--app", "jira"]).stdout), printed);

    let preset =
        gatehouse(&["--config", "/nonexistent", "rules", "show", "--kind", "jira", "--json"]);
    let preset: serde_json::Value = serde_json::from_slice(&preset.stdout).unwrap();
    assert_eq!(preset[0]["rule"][0]["decision"], "login");
    for bad in [&["--app", "nothing"][..], &["--kind", "gira"]] {
        assert_eq!(show(bad).status.code(), Some(2), "{bad:?}");
    }
}
