//! What the gateway remembers, in SQLite or PostgreSQL: the only door to `sqlx`.
//!
//! Both databases take the same SQL, with `$1` placeholders, `ON CONFLICT` and `RETURNING`; only the
//! migrations differ. Times are stored as microseconds since 1970, hashes as bytes.

mod accounts;
mod alarms;
mod aliases;
mod apply;
mod attributes;
mod changes;
mod connect;
mod connectors;
mod crowd;
mod crowd_events;
mod crowd_news;
mod crowd_syncs;
mod crowd_tokens;
mod crowd_webhooks;
mod directories;
mod directory_pages;
mod edits;
mod endings;
mod error;
mod external_groups;
mod first_visits;
mod groups;
mod handovers;
mod ids;
mod known;
mod last_lists;
mod last_logins;
mod listening;
mod login_states;
mod newcomers;
mod password_failures;
mod passwords;
mod plans;
mod provision;
mod purge;
mod replays;
mod retention;
mod rows;
mod saved_forms;
mod sessions;
mod sign_outs;
mod signing_keys;
mod sqlite_writer;
mod takings;
mod time;
mod tombstones;
mod transaction;
mod upkeep;
mod usernames;
mod with_list;

use sqlx::{PgPool, SqlitePool};

pub use self::{
    accounts::{Account, UserDetails},
    alarms::{
        AlarmId, AlarmStep, DeliveryId, DeliveryState, LastTold, NewDelivery, StoredAlarm,
        StoredDelivery,
    },
    aliases::{AliasEdit, AliasError, AliasListing, AliasOutcome},
    apply::Applied,
    changes::LoggedChange,
    connect::StoreOptions,
    connectors::{
        ConnectorId, ConnectorRun, ConnectorState, EndedRun, Folded, GroupHead, HeardHints,
        HintState, Lease, MirrorGroup, MirrorUser, NewRun, NewSubscription, RunFacts, RunId,
        RunKind, RunOutcome, RunState, SeenCredential, StagedPart, StoredHint, StoredSubscription,
        StoredTask, UserRun, UserWrites,
    },
    crowd::{
        Condition, Cut, Direction, Field, Seen, SeenGroup, SeenMember, SeenMembers, SeenUser,
        Sight, Test,
    },
    crowd_events::{CrowdEvent, CrowdEvents, EventGroup, EventUser, LogPlace},
    crowd_syncs::CrowdSync,
    crowd_tokens::{Equal, EqualSession, NewCrowdToken, StoredCrowdToken},
    crowd_webhooks::{DirectoryNews, NewWebhook, Webhook},
    directories::DirectoryListing,
    directory_pages::{AccountKey, ExportedUser, HeldPage, read_held_page},
    edits::{Edit, Removal, Step, UndoOutcome},
    endings::SessionEnding,
    error::{ProvisionError, StoreError},
    external_groups::ExternalGroup,
    groups::{GroupListing, Member, Nesting},
    handovers::{Handover, NewHandover},
    ids::Ids,
    last_lists::LastList,
    last_logins::LastLogin,
    listening::ChangeListener,
    login_states::LoginState,
    newcomers::KnownSubject,
    password_failures::PasswordFailures,
    passwords::StoredPassword,
    plans::{
        Applier, Chunk, GroupJoins, NewGroup, NewPlan, Outcome, PlanId, PlanState, Seal, StoredPlan,
    },
    provision::{Provision, Provisioned, SourceWord},
    replays::Replay,
    saved_forms::{FormLimits, NewForm, StoredForm},
    sessions::{NewSession, SessionId, SessionListing, StoredChild, StoredSession},
    signing_keys::StoredSigningKey,
    takings::Takings,
    transaction::Priority,
};
use self::{
    sqlite_writer::SqliteWriter,
    transaction::{Connection, Transaction},
};

/// A database, and the connections to it. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// Embedded: one gateway, no other server.
    Sqlite {
        /// Many readers.
        readers: SqlitePool,
        /// The one writer.
        writer: SqliteWriter,
    },
    /// Shared by several gateways.
    Postgres(PgPool),
}

/// Runs the same expression on a pool of whichever database the store is, for reading.
macro_rules! read {
    ($store:expr, |$pool:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { readers: $pool, .. } => $body,
            $crate::store::Store::Postgres($pool) => $body,
        }
    };
}

/// Runs the same expression on whichever connection it is.
macro_rules! within {
    ($connection:expr, |$inner:ident| $body:expr) => {
        match $connection {
            $crate::store::Connection::Sqlite(inner) => {
                let $inner = &mut **inner;
                $body
            }
            $crate::store::Connection::Postgres(inner) => {
                let $inner = &mut **inner;
                $body
            }
        }
    };
}
use {read, within};
