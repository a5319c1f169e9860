//! What each preset decides, request by request.

use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use proptest::prelude::*;

use super::*;
use crate::{
    config::Config,
    policy::{Asked, Decision, Readings, Rules, as_toml},
};

const OWN: [&str; 4] = ["Basic YTpi", "Bearer pat", "OAuth oauth_token=\"x\"", "bearer x"];

fn app(kind: AppKind, more: &str) -> AppConfig {
    let text = include_str!("../../../deploy/gatehouse.example.toml");
    let mut apps = Config::parse(text).unwrap().apps;
    let rules: toml::Table = more.parse().unwrap();
    let rules = rules.get("rule").cloned().unwrap_or(toml::Value::Array(Vec::new()));
    let rule = rules.try_into().unwrap();
    AppConfig { kind, rule, ..apps.remove(0) }
}

fn decide(rules: &Rules, method: &str, target: &str, own: Option<&str>) -> Decision {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let readings = Readings::of(target).unwrap();
    let mut headers = HeaderMap::new();
    if let Some(own) = own {
        headers.insert(AUTHORIZATION, HeaderValue::from_str(own).unwrap());
    }
    let client = "192.0.2.1".parse().unwrap();
    rules
        .decide(&Asked { method: &method, readings: &readings, client, headers: &headers })
        .decision
}

/// A login without credentials of their own and with them.
const CLOSED: &[(AppKind, &[&str])] = &[
    (
        AppKind::Jira,
        &[
            "/",
            "/browse/DEMO-1",
            "/secure/Dashboard.jspa",
            "/secure/admin",
            "/secure/admin/ViewApplicationProperties.jspa",
            "/secure/Admin/WebSudoAuthenticate.jspa",
            "/secure/admin/WebSudoAuthenticate.jspa;x",
            "/secure/SetupMode!default.jspa",
            "/secure/setupdatabase.jspa",
            "/secure/project/EditProject!default.jspa",
            "/setup/x",
            "/Setup.jspa",
            "/bootstrap.jspa",
            "/rest/api/admin/x",
            "/rest/api/2/admin/x",
            "/rest/Api/2/ADMIN/x",
            "/rest/auth/1/websudo",
            "/rest/plugins/1.0/",
            "/rest/troubleshooting/1.0/check",
            "/plugins/servlet/upm",
            "/plugins/servlet/upm/marketplace",
            "/plugins/servlet/embedded-crowd/directories/list",
            "/plugins/servlet/applinks/listApplicationLinks",
            "/plugins/servlet/oauth/consumers/list",
            "/login.jsp",
            "/login.jsp?os_authType=basic",
            "/logout",
            "/secure/Logout!default.jspa",
            "/servicedesk/customer/portals",
            "/plugins/servlet/mobile",
            "/s/x/_/secure/admin/ViewProjects.jspa",
            "/s/cfx/_/;/WEB-INF/web.xml",
            "/s/no-inside.css",
            "/images/SetupMode!default.jspa",
            "/s/x/_/images/ViewProjects.jspa;x",
            "/rest/ViewProjects.JSPA",
            "/Status",
            "/status/",
            "/status%3bx",
        ],
    ),
    (
        AppKind::Confluence,
        &[
            "/",
            "/display/DS/Home",
            "/admin/console.action",
            "/Admin/console.action",
            "/authenticate.action",
            "/doauthenticate.action",
            "/setup/setupadministrator.action",
            "/setup/setupadministrator-start.action",
            "/setupstart.action",
            "/bootstrap/selectsetupstep.action",
            "/bootstrapx.action",
            "/json/setup-restore.action",
            "/json/setup-restore-progress.action",
            "/server-info.action?bootstrapStatusProvider.applicationConfig.setupComplete=false",
            "/rest/api/admin/group",
            "/rest/api/admin/user/x",
            "/rest/plugins/1.0/x",
            "/plugins/servlet/upm",
            "/login.action",
            "/dologin.action",
            "/logout.action",
            "/plugins/servlet/mobile/login",
            "/synchrony/v1/ws",
            "/synchrony-proxy/v1/x",
            "/download/export/x.pdf",
            "/images/server-info.action",
            "/rest/setupadministrator.action",
            "/s/x/_/styles/server-info.action",
        ],
    ),
    (
        AppKind::Bitbucket,
        &[
            "/",
            "/dashboard",
            "/admin",
            "/admin/users",
            "/setup",
            "/maintenance",
            "/mvc/maintenance/x",
            "/rest/api/1.0/admin/users",
            "/rest/api/latest/admin/groups/more-members",
            "/rest/tsv/latest/elevate-permissions",
            "/rest/tsv/latest/elevate-permissions/status",
            "/projects/DEMO/settings",
            "/projects/DEMO/permissions",
            "/projects/DEMO/repos/web/settings/hooks",
            "/users/alice/repos/web/settings",
            "/plugins/servlet/upm",
            "/login",
            "/j_atl_security_check",
            "/j_atl_security_logout",
            "/s/x/_/admin/users",
        ],
    ),
    (
        AppKind::Bamboo,
        &[
            "/",
            "/browse/PLAN",
            "/admin/administer.action",
            "/admin/agent/configureAgents!default.action",
            "/agent/viewAgents.action",
            "/chain/admin/config/editChainConfiguration.action",
            "/deploy/config/configureEnvironment.action",
            "/setup/setupLicense.action",
            "/bootstrap/x",
            "/rest/api/latest/admin/users",
            "/rest/admin/latest/x/admin/y",
            "/userlogin.action",
            "/userlogin!doDefault.action",
            "/userLogout.action",
            "/agentServer/administer.action",
            "/styles/administer.action",
        ],
    ),
    (
        AppKind::Fisheye,
        &[
            "/",
            "/browse/repo",
            "/admin",
            "/admin/login",
            "/images/x.do",
            "/setup/x",
            "/rest-service-fecru/admin/users",
            "/rest-service-fecru/server-v1/admin/x",
            "/login",
            "/logout",
        ],
    ),
    (AppKind::Generic, &["/", "/status", "/rest/x", "/s/x/_/download/batch/x.css", "/login"]),
];

/// Passes with credentials of their own, and needs a login without.
const BY_CREDENTIALS: &[(AppKind, &[&str])] = &[
    (
        AppKind::Jira,
        &[
            "/rest/api/2/issue/A-1",
            "/rest/api/2/serverInfo",
            "/rest/auth/1/session",
            "/rest/tsv/1.0/authenticate",
            "/rest/webResources/1.0/resources",
            "/rest/gatekeeper/1.0/x",
            "/rest/nativemobile/1.0/x",
            "/rest/gadget/1.0/x",
            "/rest/usermanagement/1/session",
            "/rest/oauth2/latest/authorize",
            "/rpc/soap/jirasoapservice-v2",
            "/plugins/servlet/oauth/authorize",
            "/plugins/servlet/streams",
            "/plugins/servlet/gadgets/ifr",
            "/plugins/servlet/applinks/whoami",
            "/secure/attachment/1/a.png",
            "/sr/jira.issueviews:searchrequest-xml/temp/SearchRequest.xml?os_authType=basic",
        ],
    ),
    (
        AppKind::Confluence,
        &[
            "/rest/api/content",
            "/rest/mobile/1.0/x",
            "/rpc/xmlrpc",
            "/rpc/json-rpc/confluenceservice-v2",
            "/plugins/servlet/confluence/default/Global/DS",
            "/createrssfeed.action?os_authType=basic",
            "/download/attachments/1/a.pdf",
        ],
    ),
    (
        AppKind::Bitbucket,
        &[
            "/scm/demo/web.git/info/refs?service=git-upload-pack",
            "/scm/demo/web.git/git-upload-pack",
            "/scm/demo/web.git/git-receive-pack",
            "/scm/admin/admin.git/info/refs",
            "/scm/demo/web.git/info/lfs/objects/batch",
            "/scm/~alice/web.git/info/refs",
            "/git/demo/web.git/info/refs",
            "/rest/git-lfs/storage/demo/web/x",
            "/rest/api/1.0/projects",
            "/rest/api/1.0/projects/ADMIN/repos",
            "/rest/ssh/1.0/keys",
            "/mirror/x",
            "/rest/mirroring/latest/x",
            "/users/alice/repos/web/raw/a.txt",
            "/projects/DEMO/repos/web/raw/a.txt",
        ],
    ),
    (
        AppKind::Bamboo,
        &[
            "/agentServer/",
            "/agentServer/agentInstaller.jar",
            "/rest/triggers/latest/x",
            "/rest/api/latest/plan",
            "/bamboo-plugins/x",
        ],
    ),
    (
        AppKind::Fisheye,
        &["/rest-service/repositories-v1", "/rest-service-fecru/server-v1", "/rest/x"],
    ),
];

/// Passes for everybody, by these methods only.
const OPEN: &[(&str, &str)] = &[
    ("GET", "/status"),
    ("HEAD", "/status"),
    ("GET", "/status;x"),
    ("GET", "/s/abc/1/2/_/download/batch/x/y.css"),
    ("GET", "/s/abc/_/download/contextbatch/css/_super/batch.css"),
    ("GET", "/s/abc/_/images/icons/x.png"),
    ("GET", "/s/en/_/styles/x.css"),
    ("GET", "/download/resources/com.example:x/y.js"),
    ("GET", "/download/superbatch/js/batch.js"),
    ("GET", "/favicon.ico"),
    ("GET", "/rest/applinks/1.0/manifest"),
    ("GET", "/rest/capabilities"),
    ("GET", "/plugins/servlet/capabilities"),
    ("GET", "/plugins/servlet/oauth/consumer-info"),
    ("POST", "/plugins/servlet/oauth/request-token"),
    ("POST", "/plugins/servlet/oauth/access-token"),
    ("POST", "/rest/oauth2/latest/token"),
];

const ATLASSIAN: [AppKind; 5] =
    [AppKind::Jira, AppKind::Confluence, AppKind::Bitbucket, AppKind::Bamboo, AppKind::Fisheye];

#[test]
fn every_preset_compiles_and_warns_of_nothing() {
    for kind in AppKind::ALL {
        let own = AppConfig { rule: preset(kind), preset: PRESET_OFF, ..app(kind, "") };
        assert!(Rules::of(&own).is_ok(), "{kind:?}");
        assert_eq!(crate::policy::warnings(&own), [], "{kind:?}");
    }
}

const PRESET_OFF: crate::config::PresetConfig = crate::config::PresetConfig::Own(false);

#[test]
fn pages_administration_and_set_up_need_a_login_whatever_a_client_brings() {
    for (kind, targets) in CLOSED {
        let rules = Rules::of(&app(*kind, "")).unwrap();
        for target in *targets {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                assert_eq!(
                    decide(&rules, method, target, None),
                    Decision::Login,
                    "{kind:?} {target}"
                );
                for own in OWN {
                    let decision = decide(&rules, method, target, Some(own));
                    assert_eq!(decision, Decision::Login, "{kind:?} {method} {target} {own}");
                }
            }
        }
    }
}

#[test]
fn scripts_git_and_agents_pass_with_credentials_and_without_need_a_login() {
    for (kind, targets) in BY_CREDENTIALS {
        let rules = Rules::of(&app(*kind, "")).unwrap();
        for target in *targets {
            for method in ["GET", "POST", "PROPFIND"] {
                let without = [None, Some("Negotiate YII"), Some("Basic"), Some("JWT x")];
                for own in without {
                    let decision = decide(&rules, method, target, own);
                    assert_eq!(decision, Decision::Login, "{kind:?} {target} {own:?}");
                }
                for own in OWN {
                    let decision = decide(&rules, method, target, Some(own));
                    assert_eq!(decision, Decision::Pass, "{kind:?} {target} {own}");
                }
            }
        }
    }
}

#[test]
fn health_static_resources_and_greetings_pass_for_everybody() {
    for kind in ATLASSIAN {
        let rules = Rules::of(&app(kind, "")).unwrap();
        for (method, target) in OPEN {
            assert_eq!(decide(&rules, method, target, None), Decision::Pass, "{kind:?} {target}");
            assert_eq!(decide(&rules, "DELETE", target, None), Decision::Login, "{target}");
        }
    }
    let confluence = Rules::of(&app(AppKind::Confluence, "")).unwrap();
    assert_eq!(decide(&confluence, "GET", "/synchrony/heartbeat", None), Decision::Pass);
}

#[test]
fn only_git_is_asked_for_credentials() {
    let bitbucket = Rules::of(&app(AppKind::Bitbucket, "")).unwrap();
    let asks = |target: &str| {
        let (readings, headers) = (Readings::of(target).unwrap(), HeaderMap::new());
        let client = "192.0.2.1".parse().unwrap();
        let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
        bitbucket.decide(&asked).asks_for_credentials
    };
    assert!(asks("/scm/demo/web.git/info/refs") && asks("/rest/git-lfs/x"));
    assert!(!asks("/rest/api/1.0/projects") && !asks("/projects") && !asks("/admin/info/refs"));
}

#[test]
fn an_administrators_rules_come_first() {
    let more = r#"
        [[rule]]
        path = "/servicedesk/customer/*"
        decision = "optional"
        [[rule]]
        path = "/rest/api/2/admin/audit"
        with_credentials = true
        networks = ["192.0.2.0/24"]
        decision = "pass"
        [[rule]]
        path = "/status"
        decision = "deny"
    "#;
    let rules = Rules::of(&app(AppKind::Jira, more)).unwrap();
    assert_eq!(decide(&rules, "GET", "/servicedesk/customer/portals", None), Decision::Optional);
    let own = Some("Basic YTpi");
    assert_eq!(decide(&rules, "GET", "/rest/api/2/admin/audit", own), Decision::Pass);
    assert_eq!(decide(&rules, "GET", "/rest/api/2/admin/other", own), Decision::Login);
    assert_eq!(decide(&rules, "GET", "/status", None), Decision::Deny);
    assert_eq!(rules.name(Some(2)), "rule[2]");
    assert_eq!(rules.name(Some(3)), "preset jira[0] (administration and set-up)");
}

#[test]
fn a_preset_holds_below_the_path_of_its_application() {
    let url = "https://tools.example.com/jira/".parse().unwrap();
    let rules = Rules::of(&AppConfig { url, ..app(AppKind::Jira, "") }).unwrap();
    let own = Some("Basic YTpi");
    assert_eq!(decide(&rules, "GET", "/jira/status", None), Decision::Pass);
    assert_eq!(decide(&rules, "GET", "/jira/rest/api/2/x", own), Decision::Pass);
    assert_eq!(decide(&rules, "GET", "/jira/s/x/_/download/batch/x", None), Decision::Pass);
    assert_eq!(decide(&rules, "GET", "/jira/s/x/_/secure/admin", own), Decision::Login);
    assert_eq!(decide(&rules, "GET", "/status", None), Decision::Login);
}

#[test]
fn a_preset_is_left_out_or_taken_from_another_kind() {
    use crate::config::PresetConfig;
    let rules = |preset| Rules::of(&AppConfig { preset, ..app(AppKind::Jira, "") }).unwrap();
    let git = "/scm/x/y.git/info/refs";
    for (preset, status, by_credentials) in [
        (PresetConfig::Own(true), Decision::Pass, Decision::Login),
        (PresetConfig::Own(false), Decision::Login, Decision::Login),
        (PresetConfig::Of(AppKind::Bitbucket), Decision::Pass, Decision::Pass),
    ] {
        let rules = rules(preset);
        assert_eq!(decide(&rules, "GET", "/status", None), status, "{preset:?}");
        assert_eq!(decide(&rules, "GET", git, Some("Basic YTpi")), by_credentials, "{preset:?}");
    }
}

/// An application whose own rules are what is printed of another's.
fn pasted(app: &AppConfig) -> AppConfig {
    let text = as_toml(&effective_rules(app)).unwrap().replace("[[app.rule", "[[rule");
    AppConfig { preset: PRESET_OFF, ..self::app(app.kind, &text) }
}

const OWN_RULES: &str = r#"
    [[rule]]
    path = ["/a/*", "/**/b/*"]
    about = "everything \"at once\""
    methods = ["GET"]
    networks = ["10.0.0.0/8", "2001:db8::/32"]
    headers = [{ name = "X-One", value = "*a*" }, { name = "X-Two" }]
    groups = ["jira, users", "Öffentlich"]
    sign_in_with = ["kerberos", "entra"]
    decision = "login"
    [[rule]]
    path = "/c"
    with_credentials = true
    ask_for_credentials = true
    decision = "pass"
    [[rule]]
    path = "/d"
    decision = "deny"
"#;

#[test]
fn what_is_printed_and_pasted_back_is_the_same() {
    for kind in AppKind::ALL {
        for more in ["", OWN_RULES] {
            let app = app(kind, more);
            let again = pasted(&app);
            assert_eq!(again.rule, effective_rules(&app), "{kind:?}");
            assert!(Rules::of(&again).unwrap().is_same_as(&Rules::of(&app).unwrap()), "{kind:?}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_and_pasted_back_decides_the_same(
        kind in prop::sample::select(AppKind::ALL.to_vec()),
        words in prop::collection::vec(prop::sample::select(vec![
            "rest", "api", "2", "admin", "secure", "s", "_", "download", "batch", "scm", "info", "refs",
            "status", "setup", "A", "x;y", "plugins", "servlet", "oauth", "a", "b",
        ]), 0..6),
        own: bool,
    ) {
        let app = app(kind, OWN_RULES);
        let (printed, rules) = (Rules::of(&pasted(&app)).unwrap(), Rules::of(&app).unwrap());
        let target = format!("/{}", words.join("/"));
        let own = own.then_some("Bearer x");
        for method in ["GET", "POST"] {
            prop_assert_eq!(
                decide(&printed, method, &target, own),
                decide(&rules, method, &target, own)
            );
        }
    }
}

#[test]
fn the_examples_of_the_documentation_are_rules() {
    let page = include_str!("../../../docs/rules.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let examples = rest.split("```").next().unwrap().replace("[[app.rule]]", "[[rule]]");
    let app = app(AppKind::Jira, &examples);
    assert!(app.rule.len() > 5 && Rules::of(&app).is_ok());
}

#[test]
fn deciding_about_a_plain_path_allocates_nothing() {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    headers.insert("connection", HeaderValue::from_static("keep-alive"));
    let client = "192.0.2.1".parse().unwrap();
    for kind in AppKind::ALL {
        let rules = Rules::of(&app(kind, OWN_RULES)).unwrap();
        for target in ["/browse/DEMO-1?x=y", "/rest/api/2/issue/A-1", "/Status", "/secure/admin/x"]
        {
            let counted = allocation_counter::measure(|| {
                let readings = Readings::of(target).unwrap();
                let method = &Method::GET;
                std::hint::black_box(rules.decide(&Asked {
                    method,
                    readings: &readings,
                    client,
                    headers: &headers,
                }));
            });
            assert_eq!(counted.count_total, 0, "{kind:?} {target}");
        }
    }
}
