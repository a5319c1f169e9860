//! git and git-lfs.

use std::{fmt::Write as _, path::Path, time::Duration};

use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::{
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    scm::{Scm, git_command},
};

/// git has no patience of its own: it waits for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a large push does not hang, as it does now and then over HTTP/2 with some libcurl, whoever the
/// server is (docs/operation.md): a line of `[server]`, and git's settings.
const WAYS: [(&str, &[&str]); 3] = [
    ("", &["http.version=HTTP/1.1"]),
    ("http2 = false", &["http.version=HTTP/2"]),
    // git reads all of it before it begins.
    ("", &["http.version=HTTP/2", BUFFERED]),
];

const BUFFERED: &str = "http.postBuffer=16777216";

/// A gateway in front of a server of repositories, and somebody who works with it.
struct Workplace {
    scm: Scm,
    gateway: TestGateway,
    url: String,
    home: TempDir,
    settings: &'static [&'static str],
    _kdc: Kdc,
}

impl Workplace {
    async fn start(server: &str, settings: &'static [&'static str]) -> Self {
        let (scm, plan) = (Scm::start().await, Plan::new().with_server(server));
        // git-lfs, unlike git, asks the system for names, and only this one is everywhere.
        let url = format!("https://localhost:{}", plan.port());
        let app = format!(
            "[[app]]\nname = \"code\"\nkind = \"bitbucket\"\nurl = \"{url}\"\nupstream = \"http://127.0.0.1:{}\"\n\
             rule = [\n{{ path = \"/scm/*\", decision = \"pass\" }},\n{{ path = \"/storage/*\", decision = \"pass\" }} ]\n",
            scm.port
        );
        // Tickets are taken elsewhere, and must not be asked for here.
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let gateway = plan.with_tickets(&kdc.keytab()).with(&app).start().await;
        Self { scm, gateway, url, home: tempfile::tempdir().unwrap(), settings, _kdc: kdc }
    }

    fn remote(&self) -> String {
        let url = self.url.replace("://", "://alice:alice-pw@");
        format!("{url}/scm/repo.git")
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    /// Runs git in a directory below home.
    async fn git(&self, directory: &str, arguments: &[&str]) -> String {
        let working = git_command(&self.path(directory))
            .env("HOME", self.home.path())
            .env("GIT_SSL_CAINFO", self.gateway.plan.ca())
            .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.test"])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .args(arguments)
            .output();
        let output = timeout(PATIENCE, working)
            .await
            .unwrap_or_else(|_| panic!("git {arguments:?} hangs"))
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn commit(&self, directory: &str, name: &str, content: &[u8]) {
        std::fs::write(self.path(directory).join(name), content).unwrap();
        self.git(directory, &["add", "."]).await;
        self.git(directory, &["commit", "-q", "-m", name]).await;
    }
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_fetches_and_pushes_with_a_password() {
    for (server, settings) in WAYS {
        let place = Workplace::start(server, settings).await;
        clone_fetch_and_push(&place).await;
        let requests = place.scm.requests();
        let has = |name: &str, value: &str| {
            requests.iter().any(|headers| headers.get(name).is_some_and(|found| found == value))
        };
        assert!(has("git-protocol", "version=2"), "protocol 2");
        let buffered = settings.contains(&BUFFERED);
        assert_ne!(has("transfer-encoding", "chunked"), buffered, "the push is not buffered");
        assert!(has("content-encoding", "gzip"), "compressed requests");
        let asked = requests.iter().any(|headers| !headers.contains_key("authorization"));
        assert!(asked, "asked first");
    }
}

async fn clone_fetch_and_push(place: &Workplace) {
    place.git(".", &["clone", "-q", &place.remote(), "one"]).await;
    place.git(".", &["clone", "-q", &place.remote(), "two"]).await;
    place.commit("one", "large", &noise(3 << 20)).await;
    place.git("one", &["push", "-q", "origin", "HEAD:main"]).await;

    // A fetch of so many branches asks with more than 1 KiB, which git compresses.
    let mut script = String::new();
    for number in 0..200 {
        let _ = write!(
            script,
            "commit refs/heads/branch-{number}\ncommitter Alice <alice@example.test> {number} +0000\n\
             data 1\n{}\nfrom refs/heads/main\n\n",
            number % 10
        );
    }
    std::fs::write(place.path("script"), script).unwrap();
    place.git("one", &["branch", "-f", "-M", "main"]).await;
    let import = std::fs::File::open(place.path("script")).unwrap();
    let imported = git_command(&place.path("one"))
        .args(["fast-import", "--quiet"])
        .stdin(import)
        .status()
        .await
        .unwrap();
    assert!(imported.success());
    place.git("one", &["push", "-q", "--all", "origin"]).await;
    place.git("two", &["fetch", "-q", "origin"]).await;
    let branches = place.git("two", &["branch", "-r"]).await;
    assert_eq!(branches.lines().filter(|line| line.contains("branch-")).count(), 200);
    place.git("two", &["checkout", "-q", "-b", "here", "origin/main"]).await;
    assert_eq!(std::fs::read(place.path("two").join("large")).unwrap(), noise(3 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_challenge_of_an_application_passes_as_it_is() {
    let place = Workplace::start("", &[]).await;
    let url = format!("{}/scm/repo.git/info/refs?service=git-upload-pack", place.url);
    let browser = place.gateway.browser();
    for accept in ["*/*", "text/html"] {
        let answer =
            browser.ask(&url, &["-A", "git/2.47.3", "-H", &format!("Accept: {accept}")]).await;
        assert_eq!(answer.status, 401);
        let challenges: Vec<_> = answer
            .heads
            .lines()
            .filter(|line| line.to_ascii_lowercase().starts_with("www-authenticate"))
            .collect();
        assert_eq!(challenges.len(), 1, "no Negotiate beside it: {challenges:?}");
        assert_eq!(answer.header("www-authenticate").unwrap(), "Basic realm=\"Bitbucket\"");
        assert_eq!(answer.body, "who are you?");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_not_offered_where_it_is_switched_off() {
    for (server, offered) in [("", true), ("http2 = false", false)] {
        let place = Workplace::start(server, &[]).await;
        let url = format!("{}/scm/repo.git/HEAD", place.url);
        let ask = async |more: &[&str]| place.gateway.browser().ask(&url, more).await;
        assert_eq!(ask(&["--http2"]).await.heads.starts_with("HTTP/2 401"), offered);
        // Who does not ask for it in TLS cannot begin it.
        let unasked = ["--http2-prior-knowledge", "--no-alpn"];
        let answer = place.gateway.browser().ask_in_vain(&url, &unasked).await;
        assert!(!answer.heads.contains("HTTP/2"), "{}", answer.heads);
        assert!(ask(&["--http1.1"]).await.heads.starts_with("HTTP/1.1 401"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_lfs_pushes_and_pulls_large_files() {
    let place = Workplace::start("", &[]).await;
    assert!(Path::new("/usr/bin/git-lfs").exists(), "git-lfs is missing: run `make setup`");
    place.git(".", &["lfs", "install", "--skip-repo"]).await;
    place.git(".", &["clone", "-q", &place.remote(), "one"]).await;
    place.git("one", &["lfs", "track", "*.bin"]).await;
    let content = noise(9 << 20);
    place.commit("one", "large.bin", &content).await;
    place.git("one", &["push", "-q", "origin", "HEAD:main"]).await;
    assert_eq!(place.scm.objects().values().map(bytes::Bytes::len).collect::<Vec<_>>(), [9 << 20]);

    place.git(".", &["clone", "-q", &place.remote(), "two"]).await;
    assert_eq!(std::fs::read(place.path("two").join("large.bin")).unwrap(), content);
}
