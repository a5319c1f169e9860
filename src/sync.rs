//! Bringing a directory in line with a list of people, however long: read, sorted, compared, planned, sealed
//! and applied, in bounded memory.

mod applying;
mod comparing;
mod connector;
mod export;
mod formats;
mod import;
mod intake;
mod last_list;
mod listed_row;
mod lookup;
mod plan_writer;
mod progress;
mod roster;
mod sorter;
mod undoing;

pub use self::{
    applying::{Applied, apply_plan, go_on, left_plans},
    connector::{
        Connector, Nameless, Patience, Run, RunError, RunPhase, RunProgress, RunReport, RunRequest,
        UserCounts, connector_issuer, sync_user,
    },
    export::{ExportError, export},
    formats::{Format, RowError},
    import::{ImportError, ImportReport, ImportRequest, import},
    lookup::{Found, Lookup, LookupError},
    plan_writer::PlanError,
    progress::{Event, Events, Phase, Progress},
    roster::{
        Conflict, Extent, Roster, RosterError, RosterGroup, RosterReport, RosterRequest,
        RosterUser, RosterWriter, Why, align,
    },
    undoing::undo_plan,
};
