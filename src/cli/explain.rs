//! `gatehouse explain`.

use std::{net::IpAddr, path::Path, process::ExitCode};

use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::json;

use super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::admin::RequestView;

/// Why something is as it is.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ExplainCommand {
    Request(Box<ExplainRequest>),
}

/// Says what becomes of a request, and which rule decides it: by the rules of the running gateway, or of
/// the configuration if none is running.
///
/// Nothing is sent. What a login would change, `gatehouse user explain` says.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainRequest {
    /// The method, such as GET.
    method: Method,
    /// The whole address; its path is taken as it is written.
    #[arg(value_parser = read_url)]
    url: String,
    /// Somebody who has signed in.
    #[arg(long)]
    user: Option<String>,
    /// Their directory, if several have the name.
    #[arg(long, requires = "user")]
    directory: Option<String>,
    /// How they have signed in: kerberos, or the name of an identity provider. Default: in a way that is
    /// good enough for the address.
    #[arg(long, requires = "user", value_name = "NAME")]
    signed_in_with: Option<String>,
    /// The client's address. The default is nobody's.
    #[arg(long, default_value = "192.0.2.1", value_name = "ADDRESS")]
    from: IpAddr,
    /// A header of the request; several may be given.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = read_header)]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    output: Output,
}

impl ExplainCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        let Self::Request(request) = self;
        control::run(config, async |control| request.explain(control).await)
    }
}

fn read_url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let http = matches!(uri.scheme_str(), Some("http" | "https"));
    if http && uri.authority().is_some() {
        return Ok(text.to_owned());
    }
    Err("write the whole address, such as https://jira.example.com/browse/A-1".to_owned())
}

fn read_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    let value = value.trim();
    name.parse::<HeaderName>().map_err(|error| error.to_string())?;
    value.parse::<HeaderValue>().map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

impl ExplainRequest {
    async fn explain(&self, control: &Control) -> Result<(), ControlError> {
        let question = json!({
            "method": self.method.as_str(),
            "url": self.url,
            "from": self.from,
            "headers": self.headers,
            "user": self.user,
            "directory": self.directory,
            "signed_in_with": self.signed_in_with,
        });
        let view = control.ask_with(Method::POST, "/requests/explain", &question).await;
        let view: RequestView = view.map_err(ControlError::blames_arguments)?;
        if self.output.json {
            return print_json(&view);
        }
        say(&format!("request      {} {} from {}", self.method, self.url, self.from));
        show(&view);
        Ok(())
    }
}

fn show(view: &RequestView) {
    let line = |name: &str, value: &str| say(&format!("{name:<13}{value}"));
    line("application", view.app.as_deref().unwrap_or("-"));
    for reading in &view.readings {
        line("read as", &reading.path);
        for rule in &reading.rules {
            let holds = match &rule.mismatch {
                Some(why) => format!("no: {why}"),
                None => rule.decision.clone(),
            };
            say(&format!("  {:<48}{holds}", rule.rule));
        }
    }
    if let (Some(decision), Some(rule)) = (&view.decision, &view.rule) {
        line("decision", &format!("{decision}, by {rule}"));
    }
    for groups in &view.groups {
        line("groups", &format!("one of {groups:?}"));
    }
    if let Some(account) = &view.account {
        let name = account.username.as_deref().unwrap_or("no active account here");
        let with = &account.signed_in_with;
        line("user", &format!("{name}, signed in with {with}, in {:?}", account.groups));
    }
    line("outcome", &format!("{}: {}", view.outcome, view.because));
    if !view.sign_in_with.is_empty() {
        line("sign in with", &view.sign_in_with.join(", "));
    }
    if let Some(answer) = &view.forward_auth {
        line("a proxy gets", answer);
    }
    for (name, value) in &view.headers {
        line("header", &format!("{name}: {value}"));
    }
}
