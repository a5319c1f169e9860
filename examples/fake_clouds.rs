//! Serves the clouds of the tests: for the demo, and for whoever wants to look at them.
//!
//! `fake_clouds [SETTINGS]` says in a line of JSON where they are; the settings are JSON too. It ends with its standard input.

use std::{env::args, error::Error};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, stdin, stdout};

use support::clouds::{Clouds, Settings};

/// A large organisation is many small texts.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "../tests/support"]
mod support {
    pub mod clouds;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = match args().nth(1) {
        Some(text) => serde_json::from_str(&text)?,
        None => Settings::default(),
    };
    let (_clouds, control) = Clouds::start(settings).await?;
    let line = format!("{}\n", serde_json::json!({ "control": control }));
    stdout().write_all(line.as_bytes()).await?;
    stdout().flush().await?;
    stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
