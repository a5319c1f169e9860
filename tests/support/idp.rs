//! SimpleSAMLphp as an identity provider for one test.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{
    curl::{Answer, Curl},
    free_port, wait_for_port,
};

/// An identity provider with the users alice, bob, erin and frank. It ends when this is dropped.
pub struct Idp {
    port: u16,
    process: Child,
    _directory: TempDir,
}

/// What an identity provider's page posts.
#[derive(Clone, Debug)]
pub struct Posted {
    pub saml_response: String,
    pub relay_state: String,
}

impl Idp {
    /// One that knows the gateway whose login host is at that URL.
    pub async fn start(login_url: &str) -> Self {
        assert!(
            Path::new("/usr/share/simplesamlphp/www").exists(),
            "SimpleSAMLphp is missing: run `make setup`"
        );
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let process = Command::new("demo/simplesamlphp/start.sh")
            .arg(directory.path())
            .arg(port.to_string())
            .arg(format!("http://idp.localhost:{port}"))
            .arg(login_url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // PHP's server has children, which end with their group.
            .process_group(0)
            .spawn()
            .unwrap();
        wait_for_port(port, "SimpleSAMLphp").await;
        Self { port, process, _directory: directory }
    }

    pub fn url(&self) -> String {
        format!("http://idp.localhost:{}", self.port)
    }

    pub fn entity_id(&self) -> String {
        format!("{}/idp", self.url())
    }

    /// By address: names below `.localhost` are for browsers.
    pub fn metadata_url(&self) -> String {
        format!("http://127.0.0.1:{}/simplesamlphp/saml2/idp/metadata.php", self.port)
    }

    /// Goes from a page of the identity provider, which shows its form, to what it posts.
    /// Who is logged in there already has no form to fill in.
    pub async fn fill_in(&self, browser: &Curl, form: &Answer, user: &str) -> Posted {
        if form.body.contains("name=\"SAMLResponse\"") {
            return posted(form);
        }
        let state = field(&form.body, "AuthState");
        let action = format!("{}/simplesamlphp/module.php/core/loginuserpass.php", self.url());
        let (state, password) = (format!("AuthState={state}"), format!("password={user}-pw"));
        let user = format!("username={user}");
        let more = ["-L", "--data-urlencode", &state, "--data", &user, "--data", &password];
        posted(&browser.get(&action, &more).await)
    }
}

impl Posted {
    /// Posts it, as a browser does, to the login host at that URL.
    pub async fn post(&self, login_url: &str, browser: &Curl, more: &[&str]) -> Answer {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.saml_response).unwrap();
        let response = format!("SAMLResponse@{}", file.path().display());
        let relay_state = format!("RelayState={}", self.relay_state);
        let mut arguments =
            vec!["--data-urlencode", response.as_str(), "--data-urlencode", &relay_state];
        arguments.extend(more);
        browser.get(&format!("{login_url}/_gatehouse/saml/acs"), &arguments).await
    }
}

fn posted(page: &Answer) -> Posted {
    Posted {
        saml_response: field(&page.body, "SAMLResponse"),
        relay_state: field(&page.body, "RelayState"),
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["--", &group]).status();
        let _ = self.process.wait();
    }
}

/// The value of a field of a form.
fn field(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}
