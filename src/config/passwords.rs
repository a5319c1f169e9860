//! The `[passwords]` table.

use serde::Deserialize;

use super::Problems;

/// No password may be shorter, whatever the configuration says.
const SHORTEST: u32 = 8;

/// Nobody would type a longer one.
const LONGEST: u32 = 128;

/// Passwords of accounts that are the gateway's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct PasswordsConfig {
    /// Whose passwords the gateway's page takes. Default: "`break_glass`".
    pub sign_in: PasswordSignIn,
    /// A new password has at least so many characters. Default: 12.
    pub min_length: u32,
    /// So many are checked at a time, with 19 MiB of memory each. Default: as many as there are cores.
    pub threads: Option<u32>,
}

/// Whose passwords the gateway's page takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordSignIn {
    /// Nobody's: there is no such page.
    Nobody,
    /// Those of accounts that are for the day on which the identity provider is down.
    #[default]
    BreakGlass,
    /// Those of all accounts that have one.
    Everybody,
}

impl Default for PasswordsConfig {
    fn default() -> Self {
        Self { sign_in: PasswordSignIn::default(), min_length: 12, threads: None }
    }
}

impl PasswordsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if !(SHORTEST..=LONGEST).contains(&self.min_length) {
            let problem = format!("must be {SHORTEST} to {LONGEST}");
            problems.add("passwords.min_length", problem);
        }
        if self.threads.is_some_and(|threads| !(1..=64).contains(&threads)) {
            problems.add("passwords.threads", "must be 1 to 64");
        }
    }
}
