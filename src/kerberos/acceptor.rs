//! Proves tickets against our keytab.

use std::{
    ffi::CStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use cross_krb5::{AcceptFlags, K5ServerCtx as _, ServerCtx, Step};
use libgssapi::credential::Cred;

use super::{
    Accepted, Authenticated, KeytabEntry, KeytabError, NegotiateError, Token, gss,
    pool::{Check, Pool},
    read_keytab, verdict,
};

/// Browsers ask for neither, and `AcceptFlags::empty()` would insist on both.
const ACCEPT: AcceptFlags =
    AcceptFlags::DISABLE_MUTUAL_AUTH.union(AcceptFlags::DISABLE_CONFIDENTIALITY);

/// How many tokens may wait for each thread: some 25 ms of work, and 20 MiB of the largest.
const QUEUE_LENGTH_PER_THREAD: usize = 256;

/// Accepts tickets for any `HTTP/…` service of a keytab, on threads of its own.
///
/// The calls read files and lock the credential for as long as they last, so each thread has its
/// own. The keytab may be replaced while they run: rename the new file over the old one, and keep
/// the old keys in it for as long as tickets live.
#[derive(Debug)]
pub struct Acceptor {
    keytab: PathBuf,
    pool: Pool,
}

impl Acceptor {
    /// Reads the keytab, to be able to say what is wrong with it, and starts the threads.
    pub fn start(keytab: &Path, threads: usize) -> Result<Self, KeytabError> {
        read_keytab(keytab)?;
        let library = |reason: String| KeytabError::Library { path: keytab.to_owned(), reason };
        let name = gss::keytab_name(keytab.as_os_str().as_bytes())
            .ok_or_else(|| library("its path has a NUL".to_owned()))?;

        let checks = (0..threads.max(1))
            .map(|_| check_with(&name, keytab).map_err(library))
            .collect::<Result<Vec<_>, _>>()?;
        let queue_length = checks.len() * QUEUE_LENGTH_PER_THREAD;
        let pool = Pool::start(checks, queue_length).map_err(KeytabError::Thread)?;
        Ok(Self { keytab: keytab.to_owned(), pool })
    }

    /// Proves a token. The user is known when the replay is judged: [`Accepted::unless_replayed`].
    pub async fn accept(&self, token: Token) -> Result<Accepted, NegotiateError> {
        self.pool.check(token).await
    }

    /// What the keytab has now, which may be more than it had at the start. Reads the file.
    pub fn keytab_entries(&self) -> Result<Vec<KeytabEntry>, KeytabError> {
        read_keytab(&self.keytab)
    }
}

fn check_with(name: &CStr, keytab: &Path) -> Result<Check, String> {
    let credential = gss::acquire(name).map_err(|error| error.to_string())?;
    let keytab = keytab.to_owned();
    Ok(Box::new(move |token| accept(&credential, token, &keytab)))
}

/// The library keeps the text of an error per thread: it is formatted here, not where it arrives.
fn accept(credential: &Cred, token: &Token, keytab: &Path) -> Result<Accepted, NegotiateError> {
    let refused = |error: anyhow::Error| {
        let reason = format!("{error:#}");
        NegotiateError::Refused {
            ticket: token.ticket().clone(),
            // The keytab explains only what went wrong with a key.
            verdict: is_about_keys(&reason)
                .then(|| read_keytab(keytab).ok())
                .flatten()
                .and_then(|entries| verdict(token.ticket(), &entries)),
            reason,
        }
    };
    let pending =
        ServerCtx::new_with_cred(ACCEPT, credential.clone().into(), None).map_err(refused)?;
    match pending.step(token.context_token()).map_err(refused)? {
        // Three steps are what DCE asks for, and no browser.
        Step::Continue(_) => Err(NegotiateError::ManySteps(Vec::new())),
        Step::Finished((mut context, answer)) => Ok(Accepted {
            authenticated: Authenticated {
                principal: context.client().map_err(refused)?.parse()?,
                reply_token: token.reply(answer.as_deref()),
            },
            replay_key: token.replay_key(),
        }),
    }
}

/// Whether no key was there, or the wrong one, rather than the time or the user being wrong. MIT has no
/// numbers for these that stay the same.
fn is_about_keys(reason: &str) -> bool {
    !["Clock skew", "expired", "not yet valid"].iter().any(|time| reason.contains(time))
}
