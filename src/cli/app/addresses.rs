//! `gatehouse app status`, `drain` and `restore`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::proxy::{AddressStatus, UpstreamStatus};

/// How an application's addresses are doing, as the running gateway sees it.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Status {
    /// The application, as the configuration calls it.
    name: String,
    #[command(flatten)]
    output: Output,
}

/// Sends newcomers to the application's other addresses; whoever is at this one stays there.
///
/// It is forgotten when the gateway stops, and each gateway has to be told.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Drain {
    /// The application, as the configuration calls it.
    name: String,
    /// Host and port, as `gatehouse app status` shows them.
    address: String,
    /// Everybody goes elsewhere with the next request, whoever is there too.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    output: Output,
}

/// Sends people to an address again.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Restore {
    /// The application, as the configuration calls it.
    name: String,
    /// Host and port, as `gatehouse app status` shows them.
    address: String,
    #[command(flatten)]
    output: Output,
}

impl Status {
    pub(in super::super) fn run(&self, config: &Path) -> ExitCode {
        let path = format!("/apps/{}/addresses", encoded(&self.name));
        run(config, &Method::GET, &path, self.output)
    }
}

impl Drain {
    pub(in super::super) fn run(&self, config: &Path) -> ExitCode {
        let now = if self.now { "?now=" } else { "" };
        let path = drained(&self.name, &self.address) + now;
        run(config, &Method::PUT, &path, self.output)
    }
}

impl Restore {
    pub(in super::super) fn run(&self, config: &Path) -> ExitCode {
        run(config, &Method::DELETE, &drained(&self.name, &self.address), self.output)
    }
}

fn drained(name: &str, address: &str) -> String {
    format!("/apps/{}/addresses/{}/drained", encoded(name), encoded(address))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn run(config: &Path, method: &Method, path: &str, output: Output) -> ExitCode {
    control::run(config, async |control: &Control| {
        let status = control.ask(method.clone(), path).await;
        let status: UpstreamStatus = status.map_err(ControlError::blames_arguments)?;
        if output.json {
            return print_json(&status);
        }
        status.addresses.iter().for_each(show);
        Ok(())
    })
}

fn show(address: &AddressStatus) {
    let AddressStatus { address: name, state, admission, requests, waiting, idle, .. } = address;
    let waiting = if *waiting > 0 { format!(", {waiting} waiting") } else { String::new() };
    say(&format!(
        "{name:<32}{state:<5}{admission:<10}{requests} requests{waiting}, {idle} idle connections"
    ));
    if let Some(seconds) = address.out_seconds {
        say(&format!("    out for {seconds} s"));
    }
    if let Some(error) = &address.last_error {
        say(&format!("    last error: {error}"));
    }
}
