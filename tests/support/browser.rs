//! Chromium, driven by chromedriver.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use thirtyfour::prelude::*;

use super::{free_port, wait_for_port};

/// A browser with a fresh profile, which ends when this is dropped.
pub struct Browser {
    pub driver: WebDriver,
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Without tickets.
    pub async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// With tickets, which it shows to hosts below `.localhost`.
    pub async fn start_with_tickets(env: &[(String, String)]) -> Self {
        Self::start_with(env, &["--auth-server-allowlist=*.localhost"]).await
    }

    /// With tickets, and without scripts.
    pub async fn start_with_tickets_without_scripts(env: &[(String, String)]) -> Self {
        let arguments =
            ["--auth-server-allowlist=*.localhost", "--blink-settings=scriptEnabled=false"];
        Self::start_with(env, &arguments).await
    }

    /// One that runs no scripts.
    pub async fn start_without_scripts() -> Self {
        Self::start_with(&[], &["--blink-settings=scriptEnabled=false"]).await
    }

    async fn start_with(env: &[(String, String)], more: &[&str]) -> Self {
        assert!(
            Path::new("/usr/bin/chromedriver").exists(),
            "Chromium is missing: run `make setup`"
        );
        let profile = tempfile::tempdir().unwrap();
        // A fresh profile ignores its first question for a ticket, since it loads the library only then.
        let state = r#"{"net":{"received_http_auth_negotiate_headers":true},"auth":{"disable_negotiate_cname_lookup":true}}"#;
        std::fs::write(profile.path().join("Local State"), state).unwrap();

        let port = free_port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("KRB5_CONFIG", "/dev/null")
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_port(port, "chromedriver").await;
        let mut capabilities = DesiredCapabilities::chrome();
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--ignore-certificate-errors",
            profile_argument.as_str(),
        ];
        for argument in arguments.iter().chain(more) {
            capabilities.add_arg(argument).unwrap();
        }
        let driver =
            WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.unwrap();
        driver.set_page_load_timeout(Duration::from_secs(30)).await.unwrap();
        Self { driver, process, _profile: profile }
    }

    /// The address that is shown, as soon as it begins so.
    pub async fn wait_for(&self, url: &str) -> String {
        for _ in 0..400 {
            let here = self.driver.current_url().await.unwrap().to_string();
            if here.starts_with(url) {
                return here;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let here = self.driver.current_url().await.unwrap();
        panic!("{here} is shown instead of {url}: {}", self.driver.source().await.unwrap());
    }

    /// The field that has the focus, as soon as it is the one of this name: a page gives it after
    /// its address is shown already.
    pub async fn focused(&self, name: &str) -> WebElement {
        for _ in 0..400 {
            let active = self.driver.active_element().await;
            if let Ok(active) = active
                && active.attr("name").await.is_ok_and(|is| is.as_deref() == Some(name))
            {
                return active;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{name} has not got the focus: {}", self.driver.source().await.unwrap());
    }

    /// Signs in at `SimpleSAMLphp`'s form, which is shown.
    pub async fn sign_in(&self, user: &str) {
        self.wait_for("http://idp.localhost").await;
        let username = self.driver.query(By::Name("username")).first().await.unwrap();
        username.send_keys(user).await.unwrap();
        let password = self.driver.find(By::Name("password")).await.unwrap();
        password.send_keys(format!("{user}-pw") + Key::Enter).await.unwrap();
    }

    /// What a script of the page returns.
    pub async fn run(&self, script: &str) -> serde_json::Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// A picture of the page, for whoever wants to look at it: in the directory that
    /// `TEST_PICTURES` names.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where to")]
    pub async fn take_picture(&self, name: &str) {
        if let Ok(directory) = std::env::var("TEST_PICTURES") {
            let path = Path::new(&directory).join(format!("{name}.png"));
            self.driver.screenshot(&path).await.unwrap();
        }
    }

    /// All text of the page.
    pub async fn text(&self) -> String {
        // A page that is just being replaced is looked at once more.
        for _ in 0..40 {
            let body = self.driver.find(By::Tag("body")).await;
            if let Ok(text) = async { body?.text().await }.await {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.driver.find(By::Tag("body")).await.unwrap().text().await.unwrap()
    }

    /// Ends it, so that it can write nothing any more.
    pub async fn quit(mut self) {
        let _ = self.driver.clone().quit().await;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
