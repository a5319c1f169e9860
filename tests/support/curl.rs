//! curl, as a browser with a cookie jar and, if it has one, a ticket.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::process::Command;

/// An answer, the last one of several.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The address that was asked last.
    pub url: String,
    /// The heads of all answers on the way.
    pub heads: String,
    pub body: String,
}

impl Answer {
    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<String> {
        let heads = self.heads.replace('\r', "");
        let last = heads.trim_end().rsplit("\n\n").next().unwrap_or_default().to_owned();
        last.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.heads, self.body))
    }
}

/// A browser with its own cookies.
pub struct Curl {
    directory: TempDir,
    ca: PathBuf,
    env: Vec<(String, String)>,
}

/// Follows redirects, with tickets for whoever asks for them.
pub const FOLLOW: [&str; 5] = ["-L", "--location-trusted", "--negotiate", "-u", ":"];

impl Curl {
    pub fn new(ca: &Path) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), ca: ca.to_owned(), env: Vec::new() }
    }

    /// With tickets; see [`super::kdc::Kdc::client_env`].
    pub fn with_env(mut self, env: Vec<(String, String)>) -> Self {
        self.env = env;
        self
    }

    fn jar(&self) -> PathBuf {
        self.directory.path().join("jar")
    }

    /// The value of a cookie for a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        let jar = std::fs::read_to_string(self.jar()).unwrap_or_default();
        jar.lines().find_map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let here = fields.first()?.trim_start_matches("#HttpOnly_") == host;
            (here && fields.get(5) == Some(&name)).then(|| fields[6].to_owned())
        })
    }

    /// Takes a cookie out of the jar.
    pub fn forget_cookie(&self, host: &str, name: &str) {
        let jar = std::fs::read_to_string(self.jar()).unwrap_or_default();
        let is_it = |line: &&str| {
            let fields: Vec<_> = line.split('\t').collect();
            fields[0].trim_start_matches("#HttpOnly_") == host && fields.get(5) == Some(&name)
        };
        let kept: Vec<_> = jar.lines().filter(|line| !is_it(line)).collect();
        std::fs::write(self.jar(), kept.join("\n") + "\n").unwrap();
    }

    /// Has every cookie that another browser has.
    pub fn copy_cookies(&self, from: &Self) {
        std::fs::copy(from.jar(), self.jar()).unwrap();
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&self, host: &str, name: &str, value: &str) {
        let mut jar = std::fs::read_to_string(self.jar()).unwrap_or_default();
        let _ = writeln!(jar, "\n#HttpOnly_{host}\tFALSE\t/\tTRUE\t0\t{name}\t{value}");
        std::fs::write(self.jar(), jar).unwrap();
    }

    /// Asks for a page, as somebody who navigates.
    pub async fn get(&self, url: &str, more: &[&str]) -> Answer {
        let mut arguments = vec!["-H", "Accept: text/html"];
        arguments.extend(more);
        self.ask(url, &arguments).await
    }

    /// Asks as a script does.
    pub async fn ask(&self, url: &str, more: &[&str]) -> Answer {
        let answer = self.ask_in_vain(url, more).await;
        assert!(answer.status != 0, "{url}: no answer");
        answer
    }

    /// Asks where there may be no answer, which is the status 0.
    pub async fn ask_in_vain(&self, url: &str, more: &[&str]) -> Answer {
        let (heads, body) =
            (self.directory.path().join("heads"), self.directory.path().join("body"));
        let output = Command::new("curl")
            .args(["-sS", "-m", "30", "--path-as-is", "--cacert"])
            .arg(&self.ca)
            // From a file it would read its cookies once more before it writes them, and so revive those that an
            // answer has removed.
            .args(["-b", "-"])
            .arg("-c")
            .arg(self.jar())
            .arg("-D")
            .arg(&heads)
            .arg("-o")
            .arg(&body)
            .args(["-w", "%{http_code} %{url_effective}"])
            .args(more)
            .arg(url)
            .env("KRB5_CONFIG", "/dev/null")
            .envs(self.env.iter().cloned())
            .stdin(std::fs::File::open(self.jar()).map_or_else(|_| Stdio::null(), Stdio::from))
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (status, url) = text.split_once(' ').unwrap_or(("0", ""));
        let read = |path: &Path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            let _ = std::fs::remove_file(path);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let status = status.parse().unwrap();
        if status == 0 {
            eprintln!("{url}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Answer { status, url: url.to_owned(), heads: read(&heads), body: read(&body) }
    }
}
