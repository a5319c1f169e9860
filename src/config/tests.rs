use super::*;

const EXAMPLE: &str = include_str!("../../deploy/gatehouse.example.toml");

fn problems(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_is_a_good_configuration() {
    let config = Config::parse(EXAMPLE).unwrap();
    assert_eq!(config.apps.len(), 2);
    assert_eq!(config.apps[0].rule[0].decision, DecisionConfig::Login);
    assert_eq!(config.saml[0].claims.username_part, UsernamePart::Local);
    assert!(config.kerberos.is_some());
}

#[test]
fn what_the_example_only_suggests_is_good_too() {
    let (before, rest) = EXAMPLE.split_once("# [[app.crowd]]").unwrap();
    let (suggested, after) = rest.split_once("\n\n").unwrap();
    let crowd =
        suggested.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect::<Vec<_>>();
    let config = format!("{before}[[app.crowd]]{}\n\n{after}", crowd.join("\n"));
    let config = Config::parse(&config).unwrap();
    let crowd = &config.apps[0].crowd[0];
    assert_eq!(crowd.account_wait_seconds, 60);
    assert!(crowd.single_sign_on);
    assert_eq!(crowd.new_accounts, Some(NewAccounts::Notify));
}

#[test]
fn reports_every_problem_at_once_with_its_key() {
    let text = EXAMPLE
        .replace(
            "login_url = \"https://login.example.com\"",
            "login_url = \"http://login.example.com\"",
        )
        .replace("idle_timeout_seconds = 28800", "idle_timeout_seconds = 5\nidle_timeout = 5")
        .replace("kind = \"jira\"", "kind = \"gira\"")
        .replace("name = \"entra\"", "name = \"En tra\"\nclock_skew_seconds = 900\ntitel = \"x\"")
        + "\n[sesion]\n";
    let problems = problems(&text);
    for expected in [
        "session.idle_timeout: there is no such key",
        "sesion: there is no such table",
        "saml[0].titel: there is no such key",
        "app[0]: unknown variant `gira`",
        "server.login_url: http://login.example.com/ must begin with https://",
        "session.idle_timeout_seconds: must be at least 120",
        "saml[0].clock_skew_seconds: 900 is more than the allowed 300",
        "saml[0].name: \"En tra\" must be of a-z",
    ] {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

#[test]
fn whoever_asks_about_requests_is_named_and_is_not_everybody() {
    let with = |peers: &str| format!("{EXAMPLE}\n[forward_auth]\npeers = {peers}\n");
    assert!(Config::parse(&with("[\"127.0.0.1/32\", \"10.0.0.0/24\"]")).is_ok());
    assert!(problems(&with("[]")).contains("forward_auth.peers: name at least one"));
    let everybody = problems(&with("[\"127.0.0.1/32\", \"::/0\"]"));
    assert!(everybody.contains("forward_auth.peers[1]: ::/0 is everybody"), "{everybody}");
    let elsewhere = with("[\"10.0.0.1/32\"]")
        .replace("internal_listen = \"127.0.0.1:9090\"", "internal_listen = \"10.0.0.2:9090\"");
    let in_clear = problems(&elsewhere);
    assert!(in_clear.contains("server.internal_tls: needed where peers ask"), "{in_clear}");
}

#[test]
fn refuses_origins_with_a_path_and_forms_without_bounds() {
    let origin = "url = \"https://wiki.example.com\"\nallowed_origins = [\"https://a.example/x\"]";
    let text = EXAMPLE
        .replace("url = \"https://wiki.example.com\"", origin)
        .replace("max_saved_post_bytes = 1048576", "max_saved_post_bytes = 1048576000");
    let problems = problems(&text);
    assert!(problems.contains("app[1].allowed_origins[0]: https://a.example/x must have no path"));
    assert!(problems.contains("session.max_saved_post_bytes: must be at most 16777216"));
}

#[test]
fn says_which_tables_are_missing() {
    let problems = problems("");
    for table in ["server", "store", "secrets"] {
        assert!(problems.contains(&format!("{table}: the table is missing")), "{problems}");
    }
}

#[test]
fn refuses_a_password_in_the_url_of_the_store() {
    let text =
        EXAMPLE.replace("sqlite:///var/lib/gatehouse/gatehouse.db", "postgres://g:hunter2@db/g");
    let problems = problems(&text);
    assert!(problems.contains("store.url: must not hold the password"), "{problems}");
    assert!(!problems.contains("hunter2"), "{problems}");
}

#[test]
fn refuses_to_listen_in_clear_beyond_this_machine() {
    let text = EXAMPLE.replace("[server.tls]", "[server.unused]");
    assert!(problems(&text).contains("server.tls: needed to listen beyond 127.0.0.1"));
}

#[test]
fn refuses_places_that_cannot_be_told_apart() {
    for (wiki, expected) in [
        ("https://jira.example.com/", "app[1].url: https://jira.example.com/ is there twice"),
        (
            "https://jira.example.com:8443/wiki",
            "app[1].url: is on a host that is there with another port",
        ),
        (
            "https://login.example.com:8443",
            "app[1].url: is on a host that is there with another port",
        ),
        ("https://wiki.example.com/_Gatehouse/x", "app[1].url: /_gatehouse is the gateway's own"),
        ("https://wiki.example.com/a%20b", "app[1].url: /a%20b must be of letters"),
        ("http://wiki.localhost", "app[1].url: must have the same scheme as server.login_url"),
    ] {
        let problems = problems(&EXAMPLE.replace("https://wiki.example.com", wiki));
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    let shared = EXAMPLE.replace("https://wiki.example.com", "https://jira.example.com/wiki");
    assert!(Config::parse(&shared).is_ok());
}

#[test]
fn passwords_do_not_cross_the_network_in_clear() {
    let crowd = format!("[[app.crowd]]\ncredentials = [\"sha256:{}\"]\n", "0".repeat(64));
    let text = EXAMPLE.replace("127.0.0.1:9090", "0.0.0.0:9090");
    assert!(Config::parse(&text).is_ok());
    // After the last app's table.
    let (before, after) = text.split_once("[[saml]]").unwrap();
    let asked = |more: &str| {
        format!("{before}{crowd}[[saml]]{after}")
            .replace("[server]\n", &format!("[server]\n{more}\n"))
    };
    assert!(problems(&asked("")).contains("server.internal_tls: needed"));
    assert!(Config::parse(&asked("internal_encrypted_elsewhere = true")).is_ok());
    let tls = "internal_tls = { certificate = \"a\", key = \"b\" }";
    assert!(Config::parse(&asked(tls)).is_ok());
}

#[test]
fn a_connector_reads_one_cloud_with_one_credential() {
    let connector = r#"
        [[connector]]
        name = "entra"
        quota_percent = 0
        [connector.entra]
        tenant = "common"
        client_id = "5c1e"
        graph = "http://graph.example.com"
        [connector.okta]
        org = "https://corp-admin.okta.com"
    "#;
    let problems = problems(&format!("{EXAMPLE}{connector}"));
    assert!(problems.contains("connector[0]: say one of entra, okta and google"), "{problems}");
    assert!(problems.contains("connector[0].quota_percent: must be between 1 and 100"));
    let one = connector.split("[connector.okta]").next().unwrap();
    let problems = self::problems(&format!("{EXAMPLE}{one}"));
    for expected in [
        "connector[0].entra.tenant: must be the tenant's id",
        "connector[0].entra: say one of secret, certificate and federated_token",
        "connector[0].entra.graph: http://graph.example.com/ must begin with https://",
    ] {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    let okta = "[[connector]]\nname = \"okta\"\nokta = { org = \"https://corp-admin.okta.com\" }\n";
    let problems = self::problems(&format!("{EXAMPLE}{okta}"));
    assert!(problems.contains("connector[0].okta.org: is the address of the admin pages"));
    assert!(problems.contains("connector[0].okta: say client_id and key, or else token"));
}

#[test]
fn a_lookup_asks_a_connector_that_is_there_by_a_subject() {
    let lookup = "[saml.lookup]\nconnector = \"cloud\"\ngroups = \"never\"\nwait_seconds = 60\n";
    let text = EXAMPLE.replace("[saml.claims]", &format!("{lookup}\n[saml.claims]"));
    let problems = problems(&text);
    for expected in [
        "saml[0].lookup: asks for nothing",
        "saml[0].lookup.connector: there is no [[connector]] called \"cloud\"",
        "saml[0].lookup.wait_seconds: must be between 1 and 30",
    ] {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

#[test]
fn filters_of_a_connector_say_one_thing_each_and_patterns_can_be_used() {
    let connector = r#"
        [[connector]]
        name = "preview"
        entra = { tenant = "t", client_id = "c", secret = { file = "x" }, application = "Jira" }
        [connector.users]
        members_of = ["re:jira-(", "ji*ra"]
        [[connector.users.where]]
        attribute = "department"
        is = ["IT"]
        matches = "I."
        [[connector.users.where]]
        attribute = "department"
        matches = "("
        [[connector.users.where]]
        attribute = "orgUnitPath"
        under = "Sales"
        [connector.groups]
        kinds = ["dynamic", "unified"]
        hide = ["re:a)|(b"]
    "#;
    let problems = problems(&format!("{EXAMPLE}{connector}"));
    for expected in [
        "connector[0].name: is a command of `gatehouse sync`",
        "connector[0].entra.application: must be the enterprise application's",
        "connector[0].users.members_of: regex parse error",
        "connector[0].users.members_of: \"ji*ra\" must be a name",
        "connector[0].users.where[0]: say one of is, is_not, matches and under",
        "connector[0].users.where[1].matches: regex parse error",
        "connector[0].users.where[2].under: must be a path that begins with /",
        "connector[0].groups.kinds: \"unified\" is no sort of groups",
        "connector[0].groups.hide: regex parse error",
    ] {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

fn with_alarm(text: &str) -> Result<Config, Problems> {
    Config::parse(&format!("{EXAMPLE}\n{text}"))
}

#[test]
fn what_the_example_suggests_of_alarms_is_good_too() {
    let (_, suggested) = EXAMPLE.split_once("# [[alarm]]").unwrap();
    let lines = suggested.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    let alarms = format!("[[alarm]]{}", lines.collect::<Vec<_>>().join("\n"));
    let config = with_alarm(&alarms).unwrap();
    assert_eq!(config.alarms.len(), 2);
    assert_eq!(config.alarms[0].on.len(), 6);
    assert_eq!(config.alarms[1].on, AlarmKind::all());
    assert_eq!(config.alarms[1].warn_days, [30, 14, 7, 1]);
    assert_eq!(config.alarms[1].mail.as_ref().unwrap().port(), 587);
}

#[test]
fn an_alarm_that_could_not_be_told_is_refused() {
    let mail = "mail = { to = [\"a@b\\r\\nBcc: c@d\"], from = \"x\", server = \"http://mail\", user = \"u\" }";
    let cases = [
        ("", "alarm[0]: say one of webhook and mail"),
        ("on = []", "alarm[0].on: would say nothing"),
        ("on = [\"everything\"]", "unknown variant `everything`"),
        ("connectors = [\"corp\"]", "alarm[0].connectors: there is no [[connector]]"),
        ("repeat_hours = 0", "alarm[0].repeat_hours: must be between 1 and 672"),
        ("warn_days = []", "alarm[0].warn_days: must be numbers of days"),
        (
            "webhook = { url = \"http://hooks.example.com/\" }",
            "alarm[0].webhook.url: must begin with https://",
        ),
        (
            "webhook = { url = \"https://u:p@hooks.example.com/\" }",
            "must not have a user or a password",
        ),
        (mail, "alarm[0].mail.to: \"a@b\\r\\nBcc: c@d\" is no address of mail"),
        (mail, "alarm[0].mail.from: \"x\" is no address of mail"),
        (mail, "alarm[0].mail.server: must be smtp://"),
        (mail, "alarm[0].mail.password: goes with user"),
    ];
    for (text, expected) in cases {
        let problems =
            with_alarm(&format!("[[alarm]]\nname = \"ops\"\n{text}")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
}

#[test]
fn an_application_is_at_one_address_or_at_several() {
    let is_at = |lines: &str| EXAMPLE.replace("upstream = \"http://10.0.0.11:8090\"", lines);
    let nodes = "upstreams = [\"http://10.0.0.11:8090\", \"http://10.0.0.12:8090\"]";
    let config = Config::parse(&is_at(nodes)).unwrap();
    assert_eq!(config.apps[1].addresses().count(), 2);
    let many: Vec<_> = (0..33).map(|port| format!("\"http://a:{port}\"")).collect();
    for (lines, expected) in [
        (String::new(), "app[1].upstream: name the address of the application"),
        (format!("upstream = \"http://a\"\n{nodes}"), "app[1].upstreams: name all addresses here"),
        ("upstreams = [\"http://a\", \"https://a:80\"]".to_owned(), "https://a:80/ is there twice"),
        ("upstreams = [\"http://a/x\"]".to_owned(), "app[1].upstreams[0]: http://a/x must be"),
        (format!("upstreams = [{}]", many.join(", ")), "app[1].upstreams: must be at most 32"),
    ] {
        let problems = problems(&is_at(&lines));
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

#[test]
fn the_addresses_of_a_cluster_are_looked_at_and_a_single_one_if_it_is_asked_for() {
    let nodes = "upstreams = [\"http://a\", \"http://b\"]";
    let one = "upstream = \"http://a\"";
    for (lines, path, contains) in [
        (nodes.to_owned(), Some("/status"), Some("\"RUNNING\"")),
        (format!("{nodes}\nhealth = {{ path = \"\" }}"), None, None),
        (format!("{nodes}\nhealth = {{ path = \"/x?y\" }}"), Some("/x?y"), None),
        (one.to_owned(), None, Some("\"RUNNING\"")),
        (format!("{one}\nhealth = {{ contains = \"\" }}"), Some("/status"), None),
    ] {
        let text = EXAMPLE.replace("upstream = \"http://10.0.0.11:8090\"", &lines);
        let app = Config::parse(&text).unwrap().apps.remove(1);
        assert_eq!(app.health_path().as_deref(), path, "{lines}");
        let health = app.health.clone().unwrap_or_default();
        assert_eq!(health.contains(app.kind), contains, "{lines}");
    }
    let strange = EXAMPLE.replace(
        "upstream = \"http://10.0.0.11:8090\"",
        "upstream = \"http://a\"\nhealth = { path = \"a b\", status = 99, failures = 0 }\nconnections = { max_requests = 0 }",
    );
    let problems = problems(&strange);
    for key in ["health.path", "health.status", "health.failures", "connections.max_requests"] {
        assert!(problems.contains(&format!("app[1].{key}: ")), "{key}: {problems}");
    }
}
