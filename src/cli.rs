//! The command line.

mod adopt;
mod alarm;
mod app;
mod changes;
mod check;
mod connector;
mod control;
mod directory;
mod edit;
mod explain;
mod group;
mod healthcheck;
mod import;
mod judge;
mod keys;
mod password;
mod plan;
mod reload;
mod rules;
mod serve;
mod session;
mod sync;
mod upkeep;
mod user;

use std::{path::PathBuf, process::ExitCode};

/// Single sign-on gateway in front of Jira, Confluence, Bitbucket, Bamboo and Fisheye/Crucible.
#[derive(Debug, clap::Parser)]
#[command(version, about)]
pub struct Cli {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        env = "GATEHOUSE_CONFIG",
        default_value = "/etc/gatehouse/gatehouse.toml"
    )]
    config: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Serves browsers, until SIGTERM or SIGINT; SIGHUP has it read its configuration again.
    Serve,
    /// Reads the configuration and the files it names, and reports every problem at once.
    ///
    /// Warns of rules that do little or too much.
    Check(check::Check),
    Reload(reload::Reload),
    /// Asks a running gateway whether it is ready, as a probe would: for containers, which have nothing else to ask with.
    ///
    /// Exits with 0 if it is.
    Healthcheck(healthcheck::Healthcheck),
    /// Says why something is as it is.
    #[command(subcommand)]
    Explain(explain::ExplainCommand),
    /// Shows the rules of applications.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Shows and ends sessions.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Shows, explains and changes users.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Shows and changes groups.
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Shows and switches directories.
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    Import(Box<import::Import>),
    Export(import::Export),
    Sync(sync::Sync),
    /// Shows large plans, such as imports, and lets go on what the guard holds back.
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Takes over the usernames of an application that is older than the gateway.
    #[command(subcommand)]
    Adopt(adopt::AdoptCommand),
    /// Prepares applications for the gateway.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Looks at the clouds that are read.
    #[command(subcommand)]
    Connector(connector::ConnectorCommand),
    /// Shows what needs somebody, and who is told of it.
    #[command(subcommand)]
    Alarm(alarm::AlarmCommand),
    /// Shows what happened to the directory, and takes it back.
    #[command(subcommand)]
    Changes(changes::ChangesCommand),
    /// Shows and changes the keys that sign what applications are told.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Ends accounts and memberships that have outlived their reason, as the configuration says.
    Upkeep(upkeep::Upkeep),
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Looks into SAML.
    #[command(subcommand)]
    Saml(SamlCommand),
}

#[derive(Debug, clap::Subcommand)]
enum SamlCommand {
    /// Says of responses in files whom they would log in, or which check refuses them.
    ///
    /// A file holds the XML, or the form value `SAMLResponse` as a browser posts it. Prints a line for
    /// each: the file, then `accepted` with the identity, or `refused` with the check and why.
    Judge(Box<judge::Judge>),
}

/// What the configuration or an argument is to blame for; everything else that fails exits with 1.
const BAD_CONFIGURATION: u8 = 2;

/// Runs the chosen command to its end, and says how it ended.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    match &cli.command {
        Command::Serve => serve::run(&cli.config),
        Command::Check(check) => check.run(&cli.config),
        Command::Reload(reload) => reload.run(&cli.config),
        Command::Healthcheck(healthcheck) => healthcheck.run(&cli.config),
        Command::Explain(explain) => explain.run(&cli.config),
        Command::Rules(rules) => rules.run(&cli.config),
        Command::Session(session) => session.run(&cli.config),
        Command::User(user) => user.run(&cli.config),
        Command::Group(group) => group.run(&cli.config),
        Command::Directory(directory) => directory.run(&cli.config),
        Command::Import(import) => import.run(&cli.config),
        Command::Export(export) => export.run(&cli.config),
        Command::Sync(sync) => sync.run(&cli.config),
        Command::Plan(plan) => plan.run(&cli.config),
        Command::Adopt(adopt) => adopt.run(&cli.config),
        Command::App(app) => app.run(&cli.config),
        Command::Connector(connector) => connector.run(&cli.config),
        Command::Alarm(alarm) => alarm.run(&cli.config),
        Command::Keys(keys) => keys.run(&cli.config),
        Command::Upkeep(upkeep) => upkeep.run(&cli.config),
        Command::Changes(changes) => changes.run(&cli.config),
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            clap_complete::generate(*shell, &mut command, "gatehouse", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::Saml(SamlCommand::Judge(judge)) => judge.run(&cli.config),
    }
}

/// The one place that prints, for commands whose output is their purpose.
#[expect(clippy::print_stdout, reason = "the output of a command")]
fn say(line: &str) {
    println!("{line}");
}

/// Prints what went wrong.
#[expect(clippy::print_stderr, reason = "the command line has no log")]
fn complain(problem: &dyn std::fmt::Display) {
    eprintln!("{problem}");
}
