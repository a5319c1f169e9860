//! Threads that check tickets.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use cross_krb5::{AcceptFlags, K5ServerCtx as _, ServerCtx, Step};
use libgssapi::credential::Cred;
use tokio::sync::oneshot;

use super::{
    KeytabEntry, KeytabError, NegotiateError, Principal, Token, gss,
    keytab::{read_keytab, verdict},
};

/// Chromium and Firefox ask for neither; cross-krb5 would insist on both.
const ACCEPT: AcceptFlags =
    AcceptFlags::DISABLE_MUTUAL_AUTH.union(AcceptFlags::DISABLE_CONFIDENTIALITY);

/// How many tickets may wait. At ten thousand a second, that is a tenth of a second.
const QUEUE: usize = 1024;

/// Accepts tickets for any service principal of a keytab.
///
/// The library locks a credential while it checks a ticket, and waits for files: so there are threads
/// for it, with a credential each. A keytab that is replaced by a rename is used from then on.
#[derive(Clone, Debug)]
pub struct Acceptor {
    queue: SyncSender<Job>,
    entries: Arc<Vec<KeytabEntry>>,
}

/// A ticket that holds. Whose it is it tells only to who has asked whether it was used before.
#[derive(Debug)]
pub struct Accepted {
    principal: Principal,
    reply_token: Option<String>,
    replay_key: [u8; 32],
}

#[derive(Debug)]
struct Job {
    token: Token,
    answer: oneshot::Sender<Result<Accepted, NegotiateError>>,
}

impl Accepted {
    /// What the authenticator is remembered by, for twice the clock skew that Kerberos allows (RFC
    /// 4120 section 3.2.3): ten minutes. All replicas have to look in one place.
    #[must_use]
    pub fn replay_key(&self) -> [u8; 32] {
        self.replay_key
    }

    /// For the `WWW-Authenticate` header of the answer; clients that ask for it check it.
    #[must_use]
    pub fn reply_token(&self) -> Option<&str> {
        self.reply_token.as_deref()
    }

    /// Whose ticket it is, unless its authenticator was used before.
    pub fn principal(self, is_first_use: bool) -> Result<Principal, NegotiateError> {
        if is_first_use { Ok(self.principal) } else { Err(NegotiateError::Replayed) }
    }
}

impl Acceptor {
    /// Starts the threads, after a look at the keytab that says better than GSS-API what is wrong.
    pub fn start(keytab: &Path, threads: usize) -> Result<Self, KeytabError> {
        let refused = |problem: String| KeytabError::Refused { path: keytab.to_owned(), problem };
        let entries = Arc::new(read_keytab(keytab)?);
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let worker = Worker {
                credential: gss::acquire(keytab).map_err(refused)?,
                keytab: keytab.to_owned(),
                jobs: jobs.clone(),
            };
            thread::Builder::new()
                .name(format!("kerberos-{number}"))
                .spawn(move || worker.run())
                .map_err(|error| refused(error.to_string()))?;
        }
        Ok(Self { queue, entries })
    }

    /// The keys that the keytab had at the start.
    #[must_use]
    pub fn keytab(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// Checks a ticket.
    pub async fn accept(&self, token: Token) -> Result<Accepted, NegotiateError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Job { token, answer }).map_err(|error| match error {
            TrySendError::Full(_) => NegotiateError::Busy,
            TrySendError::Disconnected(_) => NegotiateError::Stopped,
        })?;
        answered.await.map_err(|_| NegotiateError::Stopped)?
    }
}

struct Worker {
    credential: Cred,
    keytab: PathBuf,
    jobs: Arc<Mutex<Receiver<Job>>>,
}

impl Worker {
    /// Works until nobody can send any more.
    fn run(&self) {
        loop {
            let next = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { token, answer }) = next else {
                return;
            };
            // Whoever asked may have gone.
            let _ = answer.send(self.accept(&token));
        }
    }

    /// The library keeps the text of an error per thread: it is formatted here, not where it arrives.
    fn accept(&self, token: &Token) -> Result<Accepted, NegotiateError> {
        let refused = |error: anyhow::Error| {
            let keys = read_keytab(&self.keytab).unwrap_or_default();
            let why = verdict(token.ticket(), &keys);
            NegotiateError::Refused(why.unwrap_or_else(|| format!("{error:#}")))
        };
        let context = ServerCtx::new_with_cred(ACCEPT, self.credential.clone().into(), None)
            .map_err(refused)?;
        match context.step(token.bytes()).map_err(refused)? {
            Step::Continue(_) => Err(NegotiateError::ManySteps),
            Step::Finished((mut context, reply)) => Ok(Accepted {
                principal: context.client().map_err(refused)?.parse()?,
                reply_token: reply.map(|reply| BASE64.encode(&*reply)),
                replay_key: token.replay_key(),
            }),
        }
    }
}
