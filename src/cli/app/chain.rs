//! `gatehouse app test`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::admin::{ChainQuestion, ChainView, LinkOutcome};

/// Looks at every link between the gateway and people's pages in an application, and says which is broken and what to
/// do next.
///
/// With --as, the running gateway also signs somebody in there for a moment, and looks whom the application sees. Exits
/// with 1 if a link is broken.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Test {
    /// The application, as the configuration calls it.
    name: String,
    /// Somebody to sign in for a moment.
    #[arg(long = "as", value_name = "USERNAME")]
    user: Option<String>,
    /// Their directory, if several have the name.
    #[arg(long, requires = "user")]
    directory: Option<String>,
    /// A file with the application's password, to try it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where the application reaches the gateway's internal listener, if not at its address in the
    /// configuration.
    #[arg(long, value_name = "URL")]
    crowd_url: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Test {
    pub(in super::super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| self.test(control).await)
    }

    async fn test(&self, control: &Control) -> Result<(), ControlError> {
        let question = ChainQuestion {
            user: self.user.clone(),
            directory: self.directory.clone(),
            password: self.password_file.as_deref().map(read_password).transpose()?,
            crowd_url: self.crowd_url.clone(),
        };
        let body = serde_json::to_value(question);
        let body = body.map_err(|error| ControlError::Http(error.to_string()))?;
        let path = format!("/apps/{}/chain", utf8_percent_encode(&self.name, NON_ALPHANUMERIC));
        let view = control.ask_with(Method::POST, &path, &body).await;
        let view: ChainView = view.map_err(ControlError::blames_arguments)?;
        if self.output.json {
            print_json(&view)?;
        } else {
            show(&view);
        }
        if view.good {
            return Ok(());
        }
        Err(ControlError::Refused(format!("{} is not attached as it should be", view.app)))
    }
}

/// Without the line break that editors put at its end.
fn read_password(path: &Path) -> Result<String, ControlError> {
    let text =
        fs::read_to_string(path).map_err(|error| ControlError::File(path.to_owned(), error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn show(view: &ChainView) {
    for link in &view.links {
        let outcome = match link.outcome {
            LinkOutcome::Ok => "ok",
            LinkOutcome::Broken => "broken",
            LinkOutcome::Skipped => "-",
        };
        say(&format!("{outcome:<8}{:<13}{}", link.link, link.found));
        if let Some(next) = &link.next {
            say(&format!("        {:<13}next: {next}", ""));
        }
    }
}
