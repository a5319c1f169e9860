//! Command line entry point: reads arguments, and hands over to the library.

use std::process::ExitCode;

use clap::Parser;
use gatehouse::cli::Cli;

fn main() -> ExitCode {
    gatehouse::cli::run(&Cli::parse())
}
